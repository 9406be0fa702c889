"""Letters in optin.toml and in letters/: what `check` refuses, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from optin.consent.retention_period import RetentionPeriod
from optin.services.site_edition import Edition, load_edition
from optin.site.findings import Finding
from optin.site.letter_mails import MOST_BYTES
from tests.installed import KINDS
from tests.web.conftest import site_at
from tests.world import TIPS_BY_EMAIL

GOOD = """---
subject: "Drie telefoontjes die werden opgenomen"
---
# Bel voor twaalven

Dat is alles. Lees [meer](/paper) of [elders](https://www.example.com/bellen).
"""
LETTERS = '\n[[purposes.tips-email.letters]]\nname = "tips-1"\nafter = "3 days"\n'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Make a sound site whose tips have a letter in its one language with a magnet."""
    site_at(tmp_path / "site")
    add(tmp_path / "site", LETTERS)
    write(tmp_path / "site", GOOD)
    return tmp_path / "site"


def add(site: Path, lines: str) -> None:
    with (site / "optin.toml").open("a", encoding="utf-8") as file:
        file.write(lines)


def write(site: Path, text: str, name: str = "nl/tips-1") -> None:
    path = site / "letters" / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def load(site: Path) -> tuple[Edition | None, list[Finding]]:
    edition, findings = load_edition(site, KINDS)
    return edition, list(findings)


def only(site: Path) -> Finding:
    (finding,) = load(site)[1]
    assert finding.cure
    return finding


def test_a_letter_becomes_a_mail(site: Path) -> None:
    """W13: subject, preheader, HTML with whole links, and the same as plain text."""
    edition, findings = load(site)
    assert findings == []
    assert edition is not None
    ((letter,),) = edition.policy.letters.values()
    assert [*edition.policy.letters] == [TIPS_BY_EMAIL]
    assert (letter.name, letter.after) == ("tips-1", RetentionPeriod.parse("3 days"))
    text = letter.texts["nl"]
    assert text.subject == "Drie telefoontjes die werden opgenomen"
    assert text.preheader.startswith("Bel voor twaalven Dat is alles.")
    for part in (text.html, text.text):
        assert "https://optin.example.com/paper" in part
        assert "https://www.example.com/bellen" in part
    assert "<h1" in text.html
    assert "#" not in text.text


def test_a_preheader_of_ones_own(site: Path) -> None:
    """W13: what an inbox shows beside the subject."""
    write(site, GOOD.replace("---\n#", 'preheader: "Eén tip"\n---\n#'))
    edition, _ = load(site)
    assert edition is not None
    assert edition.policy.letters[TIPS_BY_EMAIL][0].texts["nl"].preheader == "Eén tip"


MISTAKES = {
    "no front matter": ("Tekst.", "The front matter is missing", (1, 1)),
    "no subject": ("---\n---\nTekst.", "'subject' is missing", (1, 1)),
    "an unknown key": ('---\nsubject: "x"\nsubjct: y\n---\nTekst.', "subjct", (3, 1)),
    "no text": ('---\nsubject: "x"\n---\n\n', "says nothing", (4, 1)),
    "a picture": ('---\nsubject: "x"\n---\nTekst.\n\n![Anna](anna.png)', "a picture", (6, 1)),
    "a script": ('---\nsubject: "x"\n---\n[a](data:text/html,x)\n\n[b](ftp://x)', "leads nowhere", (6, 1)),
    "a field": ('---\nsubject: "x"\n---\nTekst.\nBeste {{ first_name }},', "is not filled in", (5, 1)),
    "partners": ('---\nsubject: "x"\n---\n\nAanbiedingen van onze partners.', "what others sell", (5, 1)),
    "in the subject": ('---\nsubject: "Sponsored by X"\n---\nTekst.', "what others sell", (2, 1)),
    "a third party": ('---\nsubject: "x"\n---\nOok voor derden.', "speaks of other companies", (4, 1)),
    "a profile": ('---\nsubject: "x"\n---\nWij maken een profiel van u.', "speaks of a profile", (4, 1)),
    "another purpose": (
        '---\nsubject: "x"\n---\nTekst.\n\nBel mij een keer hierover.',
        "asks for the consent 'follow-up-phone'",
        (6, 1),
    ),
    "too long": ('---\nsubject: "x"\n---\n' + "Woord. " * 20_000, "Gmail hides", (1, 1)),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_letter_is_told_with_its_place(site: Path, name: str) -> None:
    """W13, M4, M5: path, line, column and cure; the site is whole without the letter."""
    text, says, place = MISTAKES[name]
    write(site, text)
    edition, findings = load(site)
    found = [it for it in findings if says in it.message]
    assert [(it.path, it.line, it.column) for it in found] == [("letters/nl/tips-1.md", *place)]
    assert found[0].cure
    assert edition is not None
    warned = found[0].severity == "warning"
    assert warned == (name == "a third party")
    sent = edition.policy.letters.get(TIPS_BY_EMAIL, ())
    assert any("nl" in it.texts for it in sent) == warned


def test_a_letter_longer_than_gmail_shows_by_its_frame(site: Path) -> None:
    """W13, W4: the whole mail counts, with both parts."""
    write(site, '---\nsubject: "x"\n---\n' + "w" * (MOST_BYTES // 2 - 1_000))
    assert "Gmail hides" in only(site).message


TOML = {
    "a telephone purpose": (
        '\n[[purposes.follow-up-phone.letters]]\nname = "tips-1"\nafter = "3 days"\n',
        "Letters are mails",
    ),
    "a name with capitals": (LETTERS.replace("tips-1", "Tips"), "is no name of a letter"),
    "a path": (LETTERS.replace("tips-1", "../../secret"), "is no name of a letter"),
    "the same twice": (LETTERS, "is there twice"),
    "never": (LETTERS.replace("tips-1", "tips-2").replace("3 days", "30 years"), "is never sent"),
    "no period": (LETTERS.replace("tips-1", "tips-2").replace("3 days", "soon"), "is not a period"),
    "a key too many": (LETTERS.replace("tips-1", "tips-2") + 'subject = "x"\n', "subject"),
}


@pytest.mark.parametrize("name", TOML)
def test_a_mistake_in_optin_toml_is_told_with_its_place(site: Path, name: str) -> None:
    """W13, M4: also of the second letter of a purpose."""
    lines, says = TOML[name]
    write(site, GOOD, "nl/tips-2")
    number = len((site / "optin.toml").read_text("utf-8").splitlines()) + 2
    add(site, lines)
    found = [it for it in load(site)[1] if says in it.message]
    assert found
    assert found[0].path == "optin.toml"
    assert number <= found[0].line <= number + 3
    assert found[0].cure


def test_a_letter_is_needed_in_each_language_of_a_magnet(site: Path) -> None:
    """W13, M9: of a magnet that asks for its purpose, and in no other."""
    assert load(site)[1] == []
    (site / "magnets" / "brief.md").write_text(
        "---\nkind: newsletter\nlang: en\ntitle: A\ndescription: B.\npurposes: [tips-email]\n---\nA.",
        "utf-8",
    )
    finding = only(site)
    assert "letters/en/tips-1.md is missing" in finding.message
    assert finding.path == "optin.toml"
    write(site, GOOD, "en/tips-1")
    assert load(site)[1] == []


def test_a_letter_outside_the_site_is_refused(site: Path, tmp_path: Path) -> None:
    """W13, S8: a link that leads elsewhere."""
    (tmp_path / "secret.md").write_text(GOOD, "utf-8")
    (site / "letters" / "nl" / "tips-1.md").unlink()
    (site / "letters" / "nl" / "tips-1.md").symlink_to(tmp_path / "secret.md")
    assert "leads outside the site" in load(site)[1][0].message


def test_a_letter_that_no_purpose_names_is_a_warning(site: Path) -> None:
    """W13: a name mistyped in optin.toml, or a language that the site does not have."""
    write(site, GOOD, "nl/tips-9")
    finding = only(site)
    assert (finding.path, finding.severity) == ("letters/nl/tips-9.md", "warning")


@pytest.mark.parametrize("ending", ["html", "txt"])
def test_a_template_without_the_link_that_stops_is_refused(site: Path, ending: str) -> None:
    """W13, M10: whatever template made the mail."""
    (site / "templates" / "mails").mkdir(parents=True)
    own = "{{ view.letter.text }} {{ view.controller.name }}"
    (site / "templates" / "mails" / f"letter.{ending}").write_text(own, "utf-8")
    found = [it for it in load(site)[1] if it.path == "letters/nl/tips-1.md"]
    assert any("no link by which it can be stopped" in it.message for it in found)
