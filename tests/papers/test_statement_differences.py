"""A statement written by hand and the configuration: check finds what one has and the other lacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.papers.check_papers import paper_findings
from optin.papers.paper_words import numbers_of, units_of
from optin.papers.statement_differences import lengths_in, letters_in, statement_differences
from optin.site.findings import Finding
from optin.site.load_site import load_site
from optin.site.scaffold import make_site
from optin.theme.languages import languages
from tests.house.requirements_table import ROOT
from tests.installed import KINDS
from tests.papers.conftest import DAY, change, edition_of

# A whole statement without any block. Each difference below changes one thing in it, or in optin.toml.
BY_HAND = """
Verantwoordelijk is Voorbeeld B.V., samen met Zuster B.V. Vertegenwoordiger: Vertegenwoordiger S.A.
Vragen gaan naar fg@example.com.

Grondslag van elk vakje: uw toestemming (AVG artikel 6 lid 1 onder a).

| Wat | Hoe lang |
| --- | --- |
| Zonder bevestiging | 7 dagen |
| Aanvraag zonder toestemming | 2 jaar |
| Tips | 24 maanden |
| Bellen | zes maanden |
| Bewijs | vijf jaar |

Klantenkaart B.V. houdt ons bestand bij, Caller Inc. belt vanuit de Verenigde
Staten, Helper Ltd helpt vanuit Japan. U krijgt binnen een maand antwoord.
"""


def by_hand(root: Path, body: str = BY_HAND) -> None:
    text = f"---\ntitle: Privacyverklaring\ndate: 2026-11-23\n---\n{body}"
    (root / "privacy" / "nl.md").write_text(text, "utf-8")


def differences(root: Path) -> list[Finding]:
    found = load_site(root, KINDS.files).site
    assert found is not None
    return [it for it in statement_differences(found) if it.path == "privacy/nl.md"]


def test_a_statement_that_says_all_passes(root: Path) -> None:
    """L9: by hand, in words and in digits, over a line's end, and filled in by optin."""
    assert statement_differences(edition_of(root).site) == ()  # of the starter
    by_hand(root)
    assert differences(root) == []


@pytest.mark.parametrize(
    ("old", "new", "said", "line"),
    [
        ("zes maanden", "kort", "the term of the purpose 'follow-up-phone': 6 maanden", 0),
        ("7 dagen", "een week of wat", "", 0),
        ("2 jaar", "kort", "", 0),
        ("vijf jaar", "lang", "the term of the proof: 5 jaar", 0),
        ("24 maanden", "36 maanden", "The statement says '36 maanden', a term that no setting holds.", 15),
        ("onder a)", "onder b)", "the lawful basis of 'tips-email': Article 6(1)(a)", 0),
        ("onder a)", "onder a) en 6 lid 1 onder e)", "Article 6(1)(e), on which nothing here rests", 9),
        ("Klantenkaart B.V.", "Iemand", "does not name Klantenkaart B.V., who receives data", 0),
        ("Verenigde\nStaten", "verte", "data go to Caller Inc. in Verenigde Staten", 0),
        ("Voorbeeld B.V.", "Ons bedrijf", "does not name Voorbeeld B.V., who is responsible", 0),
        ("Zuster B.V.", "iemand", "does not name 'Zuster B.V.' ([controller] joint)", 0),
        ("fg@example.com", "ons", "does not name 'FG, fg@example.com' ([controller] officer)", 0),
    ],
)
def test_what_the_statement_lacks_or_has_too_much_is_an_error(
    root: Path, old: str, new: str, said: str, line: int
) -> None:
    """L9: each with file and line; a term that another thing has as well is no difference."""
    assert old in BY_HAND
    by_hand(root, BY_HAND.replace(old, new))
    found = differences(root)
    if not said:  # 7 dagen is a week; 2 jaar is said of the tips as 24 maanden
        assert found == []
        return
    assert any(said in it.message for it in found), found
    assert {(it.code, it.severity, bool(it.cure)) for it in found} == {("statement", "error", True)}
    if line:
        (it,) = (it for it in found if said in it.message)
        assert it.line == line


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('retention = "6 months"', 'retention = "3 months"', "6 months|zes maanden|3 maanden"),
        ("[papers]", '[processors.new]\nname = "Nieuw B.V."\nagreement = "x"\n[papers]', "Nieuw B.V."),
        ('country = "JP"', 'country = "BR"', "Brazilië"),
    ],
)  # fmt: skip
def test_a_change_of_the_configuration_is_found_in_the_old_statement(
    root: Path, old: str, new: str, said: str
) -> None:
    """L9: a shorter term, a new processor, another country."""
    by_hand(root)
    change(root, old, new)
    assert any(word in it.message for it in differences(root) for word in said.split("|"))


def test_a_term_about_something_else_is_named_in_the_settings(root: Path) -> None:
    """L9: the books of the company, an age; without the setting they are taken for a term that is gone."""
    by_hand(root, f"{BY_HAND}\nFacturen bewaren wij 7 jaar.\n")
    (finding,) = differences(root)
    assert "'7 jaar'" in finding.message
    change(root, "[papers]", '[papers]\nterms = ["7 years"]')
    assert differences(root) == []


def test_a_list_in_a_block_may_name_nothing_that_is_gone(root: Path) -> None:
    """L9: the one place where a processor too many, or a box that is asked no more, can be seen."""
    listed = "\n::: processors\n- **Klantenkaart B.V.**\n- Caller Inc., Helper Ltd\n- Weggegaan B.V.\n:::\n"
    by_hand(root, BY_HAND + listed)
    (finding,) = differences(root)
    assert "'Weggegaan B.V.' names no processor" in finding.message
    assert finding.line == BY_HAND.count("\n") + 4 + 5
    wording = edition_of(root).site.settings.purposes
    first, second = (it.text["nl"] for it in wording.values())
    by_hand(root, f"{BY_HAND}\n::: purposes\n- {first}\n- Wij mogen alles.\n:::\n")
    said = [it.message for it in differences(root)]
    assert len(said) == 2
    assert "has the words of no purpose" in said[0]
    assert "has not the words of 'follow-up-phone'" in said[1]
    by_hand(root, f"{BY_HAND}\n::: purposes\n- {first}\n- {second}\n:::\n")
    assert differences(root) == []


@pytest.mark.parametrize(
    ("lang", "text", "lengths"),
    [
        ("nl", "24 maanden, twee jaar, 72 uur, één week", [(24, 0), (24, 0), (0, 72), (0, 168)]),
        ("en", "a month, 24-month, 7\u00a0days, 0 days", [(1, 0), (24, 0), (0, 168), (0, 0)]),
        ("en", "9999 years", [(0, 0)]),
        ("de", "nach 24 Monaten, eines Monats, 5 Jahre, 7 Tagen", [(24, 0), (1, 0), (60, 0), (0, 168)]),
        ("fr", "24 mois, un an, 5 ans, 7 jours, 72 heures", [(24, 0), (12, 0), (60, 0), (0, 168), (0, 72)]),
    ],
)  # fmt: skip
def test_periods_are_read_in_each_language(lang: str, text: str, lengths: list[tuple[int, int]]) -> None:
    """L9, M9: in digits and in words, in the forms that a sentence needs."""
    assert [it for it, _ in lengths_in(text.casefold(), lang)] == lengths


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Article 6(1)(a) GDPR", "a"),
        ("Article 6(1)(b), in part 6 (1) f", "bf"),
        ("Articles 6(1)(a) and (f)", "af"),
        ("Article 6.1.a; Article 6(1), point c", "ac"),
        ("artikel 6 lid 1 onder a AVG", "a"),
        ("artikel 6, eerste lid, aanhef en onder f, van de AVG", "f"),
        ("artikel 6 lid 1 sub a en b", "ab"),
        ("Art. 6 Abs. 1 lit. a DSGVO", "a"),
        ("Art. 6 Abs. 1 S. 1 lit. b, f DSGVO", "bf"),
        ("Artikel 6 Absatz 1 Unterabsatz 1 Buchstabe c DSGVO", "c"),
        ("Art. 6 I lit. f DSGVO", "f"),
        ("article 6, paragraphe 1, point a), du RGPD", "a"),
        ("article 6, paragraphe 1, points b) et f)", "bf"),
        ("article 6-1-a du RGPD, article 6, § 1, c)", "ac"),
        ("onder a en e-mail, point a) et d’autres", ""),
        ("artikel 6 lid 1 onder a en e-mail", "a"),
        ("article 6, paragraphe 1, point a) et d’autres", "a"),
        ("6 augustus, 16(1)(a), 6(1)(abc), 6 lid 12 a, in 2016.", ""),
        ("Article 7(1), Article 46(1)(a), 6(4)(a)", ""),
    ],
)
def test_lawful_bases_are_read_in_the_ways_that_lawyers_write_them(text: str, letters: str) -> None:
    """L9, M9: in four languages, one letter or several."""
    assert "".join(letters_in(text.casefold())) == letters


def test_a_code_of_a_country_is_one_in_capitals_only(root: Path) -> None:
    """L9: "in" is no India."""
    change(root, 'country = "JP"', 'country = "IN"')
    by_hand(root, f"{BY_HAND}\nEen kopie in de kluis.\n")
    assert any("in India" in it.message for it in differences(root))
    by_hand(root, f"{BY_HAND}\nEen kopie in het buitenland (IN).\n")
    assert differences(root) == []


@pytest.mark.parametrize("lang", languages())
def test_the_statement_of_a_new_site_passes(lang: str, tmp_path: Path) -> None:
    """L9, M7: in each language."""
    make_site(tmp_path / "site", (lang,))
    assert statement_differences(edition_of(tmp_path / "site").site) == ()
    assert {*units_of(lang)} == {"hour", "day", "week", "month", "year"}
    assert numbers_of(lang)


def test_the_statements_of_the_repository_pass() -> None:
    """L9: they are written by hand, and name each term, processor and basis."""
    assert paper_findings(edition_of(ROOT).site, DAY) == ()


def test_check_fails_and_serving_goes_on(root: Path) -> None:
    """L9: the status is 1, as for any mistake; the site itself loads without an error."""
    by_hand(root, BY_HAND.replace("Klantenkaart B.V.", "Iemand"))
    asked = CliRunner().invoke(main, ["check", "--format", "json", "--site", str(root)])
    assert asked.exit_code == 1
    found = [it for it in json.loads(asked.stdout) if it["severity"] == "error"]
    assert [(it["path"], it["code"]) for it in found] == [("privacy/nl.md", "statement")]
    assert not any(it.severity == "error" for it in load_site(root, KINDS.files).findings)
