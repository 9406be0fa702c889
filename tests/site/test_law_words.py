"""The words of the law in each language: each class finds what it should, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from optin.consent.channel import CHANNELS, Channel
from optin.site.law_lint import objections_to_wording
from optin.site.law_words import CLASSES, class_of, law_words, mentioned, missing_classes
from optin.theme.languages import LOCALE, languages
from tests.site.conftest import only, toml

# by language and class: sentences that say it
SAYING = {
    "nl": {
        "needed": ["Dit is verplicht.", "Mail mij tips, in ruil daarvoor krijg ik korting.", "Vereist"],
        "obliged": [
            "Ik moet toestemmen.",
            "U moet dit vakje aanvinken.",
            "Hiervoor moet u instemmen met onze mails.",
            "Gratis als u toestemt.",
            "Gratis, mits u ermee akkoord gaat.",
            "Het boek in ruil voor uw e-mailadres",
        ],
        "third-parties": ["Mail mij tips van uw partners", "ook van derden"],
        "offers-of-others": ["Aanbiedingen van onze partners", "Een partneraanbieding", "gesponsord"],
        "profile": ["Maak een profiel van mij.", "Voor gerichte advertenties"],
        "consent": ["Met uw toestemming"],
        "denial": ["niet", "zonder"],
        "channels.email": ["Mail mij tips.", "Stuur mij de nieuwsbrief."],
        "channels.phone": ["Bel mij terug.", "U mag mij telefonisch benaderen.", "Stuur een sms"],
    },
    "en": {
        "needed": ["This is compulsory.", "Send me tips in exchange for the paper.", "Mandatory"],
        "obliged": [
            "I must agree.",
            "You have to accept our mails.",
            "You need to tick this box.",
            "It is free if you consent.",
            "The book in return for your e-mail address",
        ],
        "third-parties": ["Tips of third parties", "and our partners"],
        "offers-of-others": ["An offer from one of our partners", "sponsored by Example", "partner deals"],
        "profile": ["Build a profile of me.", "for personalised ads"],
        "consent": ["with your consent"],
        "denial": ["not", "without"],
        "channels.email": ["Email me tips.", "Send the newsletter."],
        "channels.phone": ["Call me back.", "Give me a ring.", "by phone"],
    },
    "de": {
        "needed": ["Dies ist Pflicht.", "Senden Sie mir Tipps, im Gegenzug gibt es Rabatt.", "Erforderlich"],
        "obliged": [
            "Ich muss zustimmen.",
            "Sie müssen in unsere Nachrichten einwilligen.",
            "Dazu müssen Sie zustimmen.",
            "Man muss das Kästchen ankreuzen.",
            "Dieses Häkchen ist notwendig.",
            "Kostenlos, wenn Sie zustimmen.",
            "Das Buch im Tausch gegen Ihre E-Mail-Adresse",
        ],
        "third-parties": ["Tipps unserer Partner", "auch von Dritten"],
        "offers-of-others": ["Angebote unserer Partner", "Partnerangebote", "präsentiert von Muster"],
        "profile": ["Erstellen Sie ein Profil von mir.", "für personalisierte Werbung"],
        "consent": ["mit Ihrer Einwilligung"],
        "denial": ["nicht", "keine", "ohne"],
        "channels.email": ["Schicken Sie mir E-Mails.", "Ich möchte den Newsletter."],
        "channels.phone": ["Rufen Sie mich an.", "Ich bitte um Rückruf.", "telefonisch"],
    },
    "fr": {
        "needed": ["C’est obligatoire.", "Envoyez-moi des conseils, en échange d’une remise.", "Requis"],
        "obliged": [
            "Je dois accepter.",
            "Vous devez consentir à nos messages.",
            "Il faut cocher cette case.",
            "Cette case est indispensable.",
            "Vous ne l’obtenez que si vous acceptez.",
            "Gratuit si vous acceptez nos e-mails.",
            "Le livre en échange de votre adresse e-mail",
        ],
        "third-parties": ["Les conseils de nos partenaires", "et de tiers"],
        "offers-of-others": ["Les offres de nos partenaires", "offres sponsorisées", "offert par Exemple"],
        "profile": ["Créez un profil de moi.", "de la publicité ciblée"],
        "consent": ["avec votre consentement"],
        "denial": ["pas", "aucune", "sans"],
        "channels.email": ["Envoyez-moi un courriel.", "Je veux la newsletter."],
        "channels.phone": ["Appelez-moi.", "Vous pouvez me téléphoner.", "un coup de fil"],
    },
}  # fmt: skip
# what only sounds alike, or denies it
INNOCENT = {
    "nl": [
        "Stuur mij tips; dit is niet verplicht.",
        "Stuur mij wat ik nodig heb om klanten te krijgen.",
        "Stuur mij wanneer mensen moeten toestemmen.",
        "Stuur mij gratis tips als er nieuwe zijn.",
    ],
    "en": [
        "Send me tips; this is not required.",
        "Send me what I need to know before a sale.",
        "Send me free tips when there are new ones.",
    ],
    "de": [
        "Senden Sie mir Tipps; das ist nicht erforderlich.",
        "Senden Sie mir, wann Kunden zustimmen müssen.",
        "Senden Sie mir kostenlose Tipps, wenn es neue gibt.",
        "Ich muss Ihnen nicht zustimmen.",
    ],
    "fr": [
        "Envoyez-moi des conseils ; ce n’est pas obligatoire.",
        "Envoyez-moi ce qu’il faut savoir avant une vente.",
        "Envoyez-moi des conseils gratuits s’il y en a de nouveaux.",
        "Vous ne devez rien accepter.",
    ],
}
SENTENCES = [
    (lang, kind, it) for lang, kinds in SAYING.items() for kind, all_ in kinds.items() for it in all_
]


def test_every_language_has_words_of_every_class() -> None:
    """M5, M9: and a sentence here for each of them."""
    for lang in languages():
        assert missing_classes(lang) == ()
        assert SAYING[lang].keys() == {*CLASSES, *map(class_of, CHANNELS.values())}


@pytest.mark.parametrize(("lang", "kind", "sentence"), SENTENCES)
def test_a_language_finds_the_words_of_a_class(lang: str, kind: str, sentence: str) -> None:
    """M5, M9: by its own words, whatever the other languages know."""
    assert law_words(lang).mentions(kind, sentence)
    assert mentioned(kind, sentence)


@pytest.mark.parametrize(
    ("kind", "sentence"), [(kind, it) for _, kind, it in SENTENCES if kind in {"needed", "obliged"}]
)
def test_a_price_is_found_in_the_words_of_a_box(kind: str, sentence: str) -> None:
    """M5, F1: outright it is refused, else there is a warning."""
    found = [it for it in objections_to_wording(sentence.rstrip("."), Channel.EMAIL) if it.code == "price"]
    assert [it.warning for it in found if kind == "obliged"] == [False] * (kind == "obliged")
    assert len(found) == 1


@pytest.mark.parametrize(("lang", "sentence"), [(lang, it) for lang, all_ in INNOCENT.items() for it in all_])
def test_what_only_sounds_like_a_price_is_left_alone(lang: str, sentence: str) -> None:
    """M5: a check that cries wolf is switched off."""
    assert list(objections_to_wording(sentence, Channel.EMAIL)) == [], lang


@pytest.mark.parametrize(("lang", "text"), [("de", "Ich muss zustimmen"), ("fr", "Je dois accepter")])
def test_a_box_that_must_be_ticked_is_refused_in_every_language(site: Path, lang: str, text: str) -> None:
    """M5, M9: at its line in optin.toml."""
    toml(site, "text.nl =", f'text.{lang} = "{text}"\ntext.nl =')
    assert only(site).code == "price"


def test_a_language_without_a_class_of_words_is_refused_with_its_cure(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M4, M5, M9: boxes in it would pass unseen."""
    shutil.copytree(LOCALE, tmp_path / "locale")
    monkeypatch.setattr("optin.theme.languages.LOCALE", tmp_path / "locale")
    law_words.cache_clear()
    try:
        path = tmp_path / "locale" / "en" / "law.toml"
        path.write_text(path.read_text("utf-8").replace("obliged = [", "obliging = ["), "utf-8")
        finding = only(site)
        assert (finding.path, finding.line, finding.code) == ("optin.toml", 2, "lang")
        assert (finding.message, finding.cure) == (
            "The check knows no words of obliged in 'en'.",
            f"Add them to {path}.",
        )
    finally:
        law_words.cache_clear()
