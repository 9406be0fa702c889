"""Blocks of a privacy statement that are filled in from optin.toml."""

from __future__ import annotations

import html
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.site.load_site import load_site
from optin.site.markdown_to_html import escape_markdown, read_prose
from optin.site.model import PrivacyStatement, Site
from optin.site.scaffold import make_site
from optin.theme.languages import languages
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.site.conftest import findings, only, toml
from tests.site.conftest import site as site  # noqa: PLC0414 - a fixture

PROCESSORS = """
[processors.mailer]
name = "Mailer *& Zoon* B.V."
agreement = "2026-01-01"
country = "NL"
task.nl = "verstuurt onze mails"
[processors.caller]
name = "Caller Inc."
agreement = "2026-01-01"
country = "US"
safeguard = "standard-clauses"
[processors.helper]
name = "Helper Inc."
agreement = "2026-01-01"
country = "US"
safeguard = "privacy-framework"
[processors.adviser]
name = "Adviser Ltd"
agreement = "2026-01-01"
country = "IN"
"""


def statement(root: Path, lang: str = "nl") -> PrivacyStatement:
    loaded = load_site(root, KINDS.files)
    assert loaded.site is not None, loaded.findings
    return loaded.site.privacy[lang]


def loaded(root: Path) -> Site:
    found = load_site(root, KINDS.files).site
    assert found is not None
    return found


def write(root: Path, body: str) -> None:
    text = f"---\ntitle: Privacyverklaring\ndate: 2026-11-23\n---\n{body}\n"
    (root / "privacy" / "nl.md").write_text(text, "utf-8")


def test_each_block_says_what_the_configuration_holds(site: Path) -> None:
    """L9, F2: terms, processors, purposes and controller of optin.toml, in the language of the statement."""
    add_settings(site, PROCESSORS)
    toml(site, "[controller]", '[controller]\nofficer = "FG, fg@example.com"\njoint = ["Zuster B.V."]')
    said = statement(site).body_html
    assert "Voorbeeld B.V., Proefstraat 12" in said
    assert "Onze functionaris voor gegevensbescherming: FG, fg@example.com" in said
    assert "Samen met ons verantwoordelijk: Zuster B.V." in said
    assert "Grondslag: uw toestemming, artikel 6 lid 1 onder a AVG." in said
    assert "24 maanden na het bevestigen, of tot u haar intrekt" in said
    assert "daarna ten hoogste 5 jaar" in said
    assert "<strong>Mailer *&amp; Zoon* B.V.</strong>, Nederland: verstuurt onze mails" in said
    assert "<strong>Caller Inc.</strong>, Verenigde Staten (buiten de Europese Economische Ruimte;" in said
    assert "standaardcontractbepalingen" in said
    assert "<strong>Helper Inc.</strong>, Verenigde Staten (volgens de Europese Commissie" in said
    assert "<strong>Adviser Ltd</strong>, India (buiten de Europese Economische Ruimte)" in said
    assert ":::" not in said


def test_a_change_of_the_configuration_is_another_text(site: Path) -> None:
    """F2, P2: so that a date that was served with it is noticed; the starter's own text never is."""
    write(site, "::: terms\n:::")
    before = statement(site).text_digest
    toml(site, 'retention = "24 months"', 'retention = "12 months"')
    assert statement(site).text_digest != before
    make_site(site.parent / "new")
    first = statement(site.parent / "new").text_digest
    toml(site.parent / "new", 'retention = "24 months"', 'retention = "12 months"')
    assert statement(site.parent / "new").text_digest == first
    assert statement(site.parent / "new").is_starter


@pytest.mark.parametrize("lang", languages())
def test_every_language_fills_its_starter(lang: str, tmp_path: Path) -> None:
    """L9, M9: a new site's statement in each language is whole."""
    make_site(tmp_path / "site", (lang,))
    site = loaded(tmp_path / "site")
    said = site.privacy[lang].body_html
    assert ":::" not in said
    assert site.settings.controller.name in said
    assert said.count("<table>") == 2


@pytest.mark.parametrize(
    ("body", "said", "line"),
    [
        ("Tekst.\n\n::: termen\n:::", "The block 'termen' is unknown", 7),
        ("::: terms\n\nTekst.", "The block 'terms' does not end.", 5),
        ("Tekst.\n:::", "This ::: ends no block.", 6),
    ],
)
def test_a_mistaken_block_is_an_error_with_its_line(site: Path, body: str, said: str, line: int) -> None:
    """M4: nothing is left out in silence."""
    write(site, body)
    found = [it for it in findings(site) if it.code == "block"]
    assert [it.line for it in found][:1] == [line]
    assert said in found[0].message


def test_a_block_with_text_of_its_author_is_shown_as_it_is(site: Path) -> None:
    """L9: its items are known by their lines, to be compared."""
    write(
        site,
        "::: terms\n\n| Wat | Hoe lang |\n| --- | --- |\n| Toestemming | 24 maanden |\n\n- x\n  y\n- z\n:::",
    )
    found = statement(site)
    assert "<td>24 maanden</td>" in found.body_html
    (block,) = found.lists
    assert (block.name, block.line) == ("terms", 1)
    assert block.items == ((5, " Toestemming | 24 maanden "), (7, "x y"), (9, "z"))


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("ends", '"soon"', "date"),
        ("ends", "2026-02-30", "site"),
        ("safeguard", '"hope"', "value"),
        ("document", "7", "type"),
    ],
)
def test_a_wrong_setting_of_an_agreement_has_its_cure(site: Path, key: str, value: str, code: str) -> None:
    """L9, M4: a date that is none, a safeguard that the law does not know."""
    add_settings(site, f'\n[processors.crm]\nname = "CRM"\nagreement = "2026"\n{key} = {value}\n')
    assert only(site).code == code


def test_the_end_of_an_agreement_is_a_date_with_or_without_quotes(site: Path) -> None:
    """L9: as TOML writes dates, or as text."""
    with (site / "optin.toml").open("a") as file:
        file.write('\n[processors.a]\nname = "A"\nagreement = "x"\nends = 2028-02-29\n')
        file.write('\n[processors.b]\nname = "B"\nagreement = "x"\nends = "2028-02-29"\n')
    processors = loaded(site).settings.processors
    assert processors["a"].ends == processors["b"].ends
    assert str(processors["a"].ends) == "2028-02-29"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=40))
def test_any_name_is_shown_as_it_is(name: str) -> None:
    """L9: whatever a name begins with or holds, nothing in it is markup."""
    shown = " ".join(name.split())
    page = read_prose(f"- {escape_markdown(name)}x").html
    assert html.unescape(page) == f"<ul>\n<li>{shown}x</li>\n</ul>\n"
    table = read_prose(f"| a | b |\n| --- | --- |\n| x{escape_markdown(name)}x | b |").html
    assert f"<td>x{shown}x</td>" in html.unescape(table)
