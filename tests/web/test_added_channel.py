"""A channel more: text messages, by one value and its words in two languages. Nothing else is changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from optin.consent.channel import CHANNELS, TELEPHONE, Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.purpose import ConsentKey, PurposeId
from optin.consent.status_transitions import Status
from optin.flows.evidence.audit import Audit
from optin.proof.bundle_zip_file import unpack
from optin.proof.verify_bundle import verify_bundle
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.site_edition import load_edition
from optin.site.law_lint import objections_to_wording
from optin.site.law_words import law_words
from optin.theme import languages
from optin.theme.catalogue import catalogue
from optin.theme.wording import Wording
from tests.installed import INSTALLED, KINDS
from tests.web.conftest import PAPER, Visit, site_at, visited
from tests.web.test_personal_page import personal_link, press
from tests.world import installed_export

TEXT = PurposeId("text-me")
NUMBER = "+31612345678"
# 1. The channel.
SMS = Channel("sms", TELEPHONE, "text message")
# 2. to 5. What two languages say of it, and by which words they know it.
SENTENCES = {
    "nl": {"consent.by.sms": "per sms", "consent.lasts.sms": "Per sms. Deze toestemming duurt {period}."},
    "en": {"consent.by.sms": "by text", "consent.lasts.sms": "By text. This consent lasts {period}."},
}
LAW_WORDS = {"nl": r"sms\w*", "en": r"sms\w*"}
PURPOSE = """
[purposes.text-me]
channel = "sms"
retention = "6 months"
text.nl = "Stuur mij sms-berichten hierover."
text.en = "Send me an sms about this."
"""


def write_words(folder: Path, lang: str) -> None:
    """Add the sentences of a channel to a language, and the words that speak of it."""
    catalogue_file, law = folder / "LC_MESSAGES" / "optin.po", folder / "law.toml"
    with catalogue_file.open("a", encoding="utf-8") as file:
        for key, words in SENTENCES[lang].items():
            file.write(f'\nmsgid "{key}"\nmsgstr "{words}"\n')
    with law.open("a", encoding="utf-8") as file:
        file.write(f"sms = ['{LAW_WORDS[lang]}']\n")


@pytest.fixture
def sms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    """Add the channel for one test."""
    locale = tmp_path / "locale"
    shutil.copytree(languages.LOCALE, locale, ignore=shutil.ignore_patterns("*.mo"))
    for lang in SENTENCES:
        write_words(locale / lang, lang)
    monkeypatch.setattr(languages, "LOCALE", locale)
    monkeypatch.setitem(CHANNELS, SMS.value, SMS)
    for read in (catalogue, law_words):
        read.cache_clear()
    yield SMS
    for read in (catalogue, law_words):
        read.cache_clear()


@pytest.fixture
def visit(sms: Channel, store_url: str, tmp_path: Path) -> Iterator[Visit]:
    """Open a site that asks who wants text messages, over each of the two databases."""
    root = tmp_path / "site"
    site_at(root)
    with (root / "optin.toml").open("a", encoding="utf-8") as file:
        file.write(PURPOSE)
    page = root / "magnets" / "paper" / "index.md"
    page.write_text(PAPER.replace("[tips-email, follow-up-phone]", f"[tips-email, {TEXT}]"), "utf-8")
    edition, findings = load_edition(root, KINDS)
    assert findings == ()
    assert edition is not None
    assert edition.site.settings.purposes[TEXT].channel is sms
    with visited(edition, Visit, store_url, root, INSTALLED) as opened:
        yield opened


def exported(visit: Visit) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """Export who may be sent text messages; return them, and how many were refused why."""
    installation = visit.installation
    leads = installed_export(installation, ConsentKey(TEXT, SMS), visit.moment)
    return [(lead.email, lead.fields["phone"]) for lead in leads.proven()], dict(leads.refused)


def check_evidence(visit: Visit) -> None:
    """See that everything stored follows from the events, and that a stranger can verify it."""
    audit = Audit(visit.installation.store.read, visit.installation.vault, KINDS.flows)
    assert list(audit.run()) is not None
    assert audit.findings == []
    bundle = make_bundle(visit.app_context.edition, visit.installation, parse_email("alice@example.com"))
    report = verify_bundle(unpack(bundle), visit.moment)
    assert report.holds, report.lines
    told = "\n".join(sentence for _, sentence in report.lines)
    assert f"number declared: {NUMBER}" in told
    assert any("nobody verified the telephone number" in limit for limit in report.limits)


def test_a_channel_is_added_by_one_value_and_its_words(visit: Visit) -> None:
    """O11, F1, D1, E1, R2, P6: asked with a number, confirmed by mail, shown, exported, withdrawn, proven."""
    assert "Per sms. Deze toestemming duurt 6 maanden." in visit.client.get("/paper").text
    form = {"form": visit.form_key(), "email": "alice@example.com", "consent": TEXT}
    asked = visit.client.post("/paper", data=form)
    assert asked.status_code == 422
    assert '<a href="#field-phone">' in asked.text

    visit.join(consent=TEXT, phone="06 12345678")
    page = visit.client.get(personal_link(visit)).text
    assert "per sms" in page
    assert NUMBER in page
    assert visit.app_context.edition.theme.text("nl", "consent.phone.declared") in page
    assert exported(visit) == ([("alice@example.com", NUMBER)], {})
    check_evidence(visit)

    assert "per sms" in press(visit, personal_link(visit), "withdraw", consent=f"{TEXT} sms")
    assert exported(visit) == ([], {"withdrawn": 1})
    check_evidence(visit)


def test_who_shares_a_number_may_object_to_a_channel_for_all(visit: Visit) -> None:
    """R7: as to calls; another's objection ends no mail."""
    visit.join("alice@example.com", consent=[TEXT, "tips-email"], phone=NUMBER)
    carol = visit.join("carol@example.com", consent=TEXT, phone=NUMBER)
    visit.press(f"/unsubscribe/{carol.unsubscribe_token}")
    assert exported(visit) == ([], {"suppressed": 1, "withdrawn": 1})
    check_evidence(visit)


def test_a_channel_that_is_gone_is_shown_withdrawn_and_erased_but_not_exported(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R2, R4, E1: what is stored of it outlives it, and nobody is approached."""
    visit.join("alice@example.com", consent=TEXT, phone=NUMBER)
    visit.join("carol@example.com", consent=TEXT, phone="+31612345679")
    monkeypatch.delitem(CHANNELS, SMS.value)
    assert exported(visit) == ([], {"unproven": 2})

    link = personal_link(visit)
    shown = visit.client.get(link).text
    assert "Stuur mij sms-berichten hierover." in shown
    assert "per sms" in shown
    assert Wording("nl").channel("fax") == "op een andere manier (fax)"
    page = press(visit, link, "withdraw", consent=f"{TEXT} sms")
    assert visit.app_context.edition.theme.text("nl", f"status.{Status.WITHDRAWN}") in page
    press(visit, personal_link(visit, "carol@example.com"), "erase")
    assert visit.rows()["subject"] == 1
    assert visit.rows()["erasure"] == 1


@pytest.mark.usefixtures("sms")
@pytest.mark.parametrize(
    ("wording", "channel", "others"),
    [
        ("Mail of sms mij.", SMS, ["email"]),
        ("Bel of sms mij.", SMS, ["phone"]),
        ("Mail, bel of sms mij.", Channel.EMAIL, ["phone", "sms"]),
        ("Sms mij hierover.", SMS, []),
    ],
)
def test_the_words_of_a_box_speak_of_no_other_channel(
    wording: str, channel: Channel, others: list[str]
) -> None:
    """F1: of none of them, however many there are (recital 32)."""
    said = [it.message for it in objections_to_wording(wording, channel) if it.code == "two-channels"]
    assert [it.split(" speak of ")[1].split(" ")[0] for it in said] == others
