"""Texts that a comment cuts short, and spaces that are none: each is a finding at its very place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from optin.settings.prose_values import holds_prose
from optin.settings.site import SiteSettings
from optin.site.findings import as_text
from optin.site.front_matter import PrivacyFile, magnet_file
from tests.installed import TABLES
from tests.site.conftest import all_findings, findings, magnet, only, paper, toml

CURE = "Put the whole text in quotes, or the comment on a line of its own."
QUOTES = "Put the whole text in quotes of the other kind; a comment has spaces around its #."
# the title stands in line 4 of the file, what follows it in line 5
CUT = {
    "title": ({"title": "Tip #3 van 5"}, (4, 12)),
    "description": ({"description": "Brief nr. #3"}, (5, 24)),
    "first sign": ({"title": "#3 van 5"}, (4, 8)),
    "second line": ({"title": "Tip\n  over bellen #3"}, (5, 15)),
    "first of two lines": ({"title": "#3 van 5\n  over bellen"}, (4, 8)),
    "line that only seems to go on": ({"title": "Tip\n  #3 over bellen"}, (5, 3)),
    "line separator": ({"title": "Tip\u2028#3 over bellen"}, (4, 12)),
    "consent": ({"purposes": "\n  - id: tips-email\n    text: Mail mij tip #1 over bellen."}, (8, 24)),
    "consent in braces": ({"purposes": "\n  - {id: tips-email, text: Mail mij #1.\n    }"}, (7, 37)),
    "text": ({"texts": "\n  form.jump: Naar #1"}, (8, 19)),
    "variant": ({"variants": "\n  b:\n    title: Tip #1"}, (9, 16)),
    "box of a variant": ({"variants": "\n  b:\n    purposes:\n      tips-email: Mail #1"}, (10, 24)),
    "erasure": ({"erasure": "\n  consequences: Weg is #1"}, (8, 24)),
    "behind a blank line": ({"title": "\n  Tip\n\n  #3 over bellen"}, (7, 3)),
    "behind blank lines and a comment": ({"title": "Tip\n \n# one\n\n  #3 over bellen"}, (8, 3)),
    "consent behind a blank line": (
        {"purposes": "\n  - id: tips-email\n    text:\n      Mail mij tip\n\n      #1 over x"},
        (11, 7),
    ),
    "quotes around the first word": ({"title": '"Tip" #3 van 5'}, (4, 14)),
    "quotes around the first words of a consent": (
        {"purposes": "\n  - id: tips-email\n    text: 'Mail mij' #1 over x"},
        (8, 22),
    ),
    "quotes of a text with another quote in it": ({"title": "'Om u te noemen' # en te bellen'"}, (4, 25)),
    "quotes with the rest below": ({"title": '"Onze "\n  # tips"'}, (5, 3)),
    "quotes with the rest far below": ({"title": '"Onze"\n\n  #3 tips'}, (6, 3)),
    "header of a folded text": ({"title": ">- #1\n  Tip"}, (4, 11)),
    "header of a text as it is": ({"title": "| #3 van 5\n  Tip"}, (4, 10)),
    "header with a size": ({"title": "|2- #3\n  Tip"}, (4, 12)),
    "quotes in double quotes": ({"title": '"Onze "#1 tips" hier"'}, (4, 15)),
    "quotes in single quotes": ({"title": "'Onze '#1 tips' hier'"}, (4, 15)),
}


@pytest.mark.parametrize("case", CUT)
def test_a_comment_that_cuts_a_text_short_is_an_error_at_its_place(site: Path, case: str) -> None:
    """M4, M5: a consent of which half is shown is not what anybody agreed to."""
    changes, place = CUT[case]
    magnet(site, **changes)
    (finding,) = [it for it in findings(site) if it.code == "comment"]
    assert (finding.line, finding.column) == place, as_text(findings(site))
    assert finding.severity == "error"
    assert finding.cure == (QUOTES if case.startswith("quotes") else CURE)
    assert only(site) == finding, "nothing follows from half a text"


def test_a_comment_breaks_a_text_so_that_nothing_can_be_read(site: Path) -> None:
    """M4: the comment is named, not the line where the reader gave up."""
    magnet(site, title="Tip #3 over\n  bellen")
    finding = only(site)
    assert (finding.code, finding.line, finding.column) == ("comment", 4, 12)
    magnet(site, title="Tip\n  #3 over\n  bellen")
    assert (only(site).code, only(site).line, only(site).column) == ("comment", 5, 3)
    magnet(site, title="Tip", lang="nl # not en\ndescriptions: a: b")
    assert only(site).code == "site", "another mistake below a comment is another mistake"


@pytest.mark.parametrize(
    "changes",
    [
        {"title": '"Tip #3 van 5"  # a comment'},
        {"title": "'Tip #3 van 5' # a comment"},
        {"title": "'Tip #3' # a \"comment\", like 'this'"},
        {"title": '"Tip #3"\n\n  # a comment'},
        {"title": "Tip\n\n# subtitle: none yet\n"},
        {"description": ">- # it's as it is\n  Tip #3 van 5"},
        {"title": "Tip\n# subtitle: none yet"},
        {"title": "# the title comes here\n  Tip"} | {"title": "\n  # of the letter\n  Tip"},
        {"description": "|  # as it is\n  Tip #3 van 5"},
        {"description": ">\n  Tip #3\n  van 5"},
        {"title": "C# voor beginners"},
        {"kind": "newsletter # the kind", "lang": "nl # not en"},
        {"purposes": "[tips-email] # of optin.toml"},
        {"purposes": "\n  - tips-email # of optin.toml"},
        {"group": "brief # also in English", "was": "[oud] # its first name"},
    ],
)
def test_a_comment_that_takes_nothing_away_is_a_comment(site: Path, changes: dict[str, str]) -> None:
    """M4: on a line of its own, behind quotes, behind what is no prose."""
    magnet(site, **changes)
    assert [it for it in findings(site) if it.severity == "error"] == []


def test_numbers_and_dates_of_a_kind_may_have_comments(site: Path) -> None:
    """M4: and its texts may not."""
    table = (
        "webinar:\n  start: 2099-03-10 14:00 # a Tuesday\n  duration: 60 minutes # with questions\n"
        "  zone: Europe/Amsterdam # ours\n  host: Wie dan ook\n  place: https://example.com/#kamer\n"
        "  capacity: 20 # the room\n  cancelled: false # not yet"
    )
    magnet(site, kind="webinar\n" + table)
    assert [it for it in findings(site) if it.severity == "error"] == []
    magnet(site, kind="webinar\n" + table.replace("#kamer", " #kamer"))
    assert [(it.code, it.line, it.column) for it in findings(site)] == [("comment", 8, 31)]


def test_a_quiz_is_looked_at_down_to_its_answers(site: Path) -> None:
    """M4: questions, answers, outcomes, reports, the reason why answers are kept."""
    quiz = (
        "\nquiz:\n  questions:\n    - ask: Belt u #1\n      answers:\n        - text: Ja #1\n"
        "          points: 1 # one\n        - {text: Nee}\n"
        "  outcomes:\n    - id: a # the only one\n      title: U bent #1\n      text: Mooi #1\n"
        "      report: Lees #1\n  keep:\n    answers: Om u #1"
    )
    magnet(site, kind="quiz" + quiz)
    assert [it.line for it in findings(site) if it.code == "comment"] == [5, 7, 12, 13, 14, 16]


def test_fields_pictures_and_statements_are_looked_at(site: Path) -> None:
    """M4: why a field is asked, its label, what a picture shows, the heading of a statement."""
    front = "fields:\n  - name: shoe # size\n    why: Maat #1\n    label: Schoen #1\n"
    paper(site, front + "picture:\n  file: a.png # cover\n  alt: Een #1\n")
    toml(site, "[look]", "[look]")
    statement = site / "privacy" / "nl.md"
    statement.write_text(statement.read_text("utf-8").replace("title: Priv", "title: Onze #1 priv"), "utf-8")
    assert [(it.path, it.line) for it in findings(site) if it.code == "comment"] == [
        ("magnets/paper/index.md", 9),
        ("magnets/paper/index.md", 10),
        ("magnets/paper/index.md", 13),
        ("privacy/nl.md", 2),
    ]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ('"form.jump" = "Onze "#1 tips" hier"', 22),
        ("\"form.jump\" = 'Onze '#1 tips' hier'", 22),
        ('"form.jump" = """Onze """#1 tips" hier', 26),
        ('"form.jump" = "Onze " #1 tips" hier"', 23),
        ('"form.jump" = "Stuur mij tip" #1 over verkopen."', 31),
        ('"form.jump" = """Stuur mij tip""" #1 over x"""', 35),
        ("\"form.jump\" = '''Stuur mij tip''' # over x'''", 35),
        ("\"form.jump\" = 'Stuur mij foto' # en tips'", 32),
    ],
)
def test_a_quote_that_ends_a_text_of_optin_toml_too_early_is_an_error(
    site: Path, line: str, column: int
) -> None:
    """M4: the only way in which TOML loses words without a word."""
    toml(site, "[look]", f"[texts.nl]\n{line}\n[look]")
    finding = only(site)
    assert (finding.code, finding.path, finding.line, finding.column) == ("comment", "optin.toml", 16, column)


def test_a_consent_of_optin_toml_and_a_line_of_an_address_are_looked_at(site: Path) -> None:
    """M4, M5: also where the key stands lines above."""
    toml(site, 'text.en = "Send', 'text.en = "My "#1" tips: send')
    assert only(site).code == "comment"
    toml(site, 'text.en = "My "#1" tips: send', 'text.en = "Send')
    toml(site, 'address = ["Proefstraat 12"', 'address = [\n  "Bij "#1" aan"\n  , "Proefstraat 12"')
    assert [(it.code, it.message[:9]) for it in findings(site)] == [("comment", "'address'")]


def test_comments_of_optin_toml_stay_comments(site: Path) -> None:
    """M4: behind a text, behind a number, in a text, behind what is no prose."""
    lines = (
        '"form.jump" = "Naar #1" # a comment "with quotes"',
        "[limits] # a table",
        "per_address_per_day = 5# many",
        "[look] # how it looks",
    )
    toml(site, "[look]", "[texts.nl]\n" + "\n".join(lines))
    toml(site, '"#0b5d4b"', '"#0b5d4b"#green')
    assert findings(site) == []


def strings(model: type[BaseModel], where: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield a path to every text that a file may hold."""
    for name, value in model.model_fields.items():
        yield from _below(value.annotation, (*where, value.alias or name))


def _below(annotation: Any, where: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if annotation is str:
        yield where
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from strings(annotation, where)
    else:
        inner = getattr(annotation, "__args__", ())
        step: tuple[str | int, ...] = ()
        if getattr(annotation, "__origin__", None) is dict:
            inner, step = inner[1:], ("x",)
        elif getattr(annotation, "__origin__", None) in (list, tuple):
            step = (0,)
        for it in inner:
            yield from _below(it, (*where, *step))


NO_PROSE = {
    magnet_file(TABLES): (
        "kind lang file purposes.0 purposes.0.id fields.0.name picture.file picture.focus from until owner"
        " next.link next.picture.file thanks webinar.start webinar.which"
        " webinar.duration webinar.zone webinar.replay group was.0 quiz.outcomes.0.id"
        " quiz.outcomes.0.dimension quiz.outcomes.0.file quiz.file draw.closes draw.zone draw.terms"
        " draw.seed.at draw.keep"
    ),
    PrivacyFile: "date",
}


@pytest.mark.parametrize("model", NO_PROSE)
def test_every_text_of_a_magnet_is_prose_unless_its_form_is_checked(model: type[BaseModel]) -> None:
    """M4: a new key is one or the other; nobody forgets to say which."""
    plain = {".".join(map(str, it)) for it in strings(model) if not holds_prose(model, it)}
    assert plain == set(NO_PROSE[model].split())


def test_what_people_read_in_optin_toml_is_prose() -> None:
    """M4: names, postal addresses, questions, consequences, agreements, texts of the site's own."""
    prose = {".".join(map(str, it)) for it in strings(SiteSettings) if holds_prose(SiteSettings, it)}
    assert prose >= {
        "controller.name",
        "controller.address.0",
        "sender.name",
        "purposes.x.text.x",
        "processors.x.name",
        "erasure.consequences.x",
        "texts.x.x",
    }
    assert not prose & {"base_url", "mail", "look.colour", "purposes.x.retention", "dkim.key"}


# --- spaces that are none

ODD = {"no-break space": "\u00a0", "narrow no-break space": "\u202f", "ideographic space": "\u3000"}
ODD |= {"tab": "\t", "zero width space": "\u200b"}
ODD_LINES = {
    "indentation": ("fields:\n  - name: company\n{odd}{odd}{odd}{odd}why: Zo maar.\n", 8, 1),
    "after spaces": ("fields:\n  - name: company\n   {odd}why: Zo maar.\n", 8, 4),
    "first key": ("{odd}group: x\n", 6, 1),
    "after the hyphen": ("fields:\n  -{odd}name: company\n    why: Zo maar.\n", 7, 4),
    "after the colon": ("group:{odd}x\nwas: [y]\n", 6, 7),
    "before the colon": ("group{odd}: x\n", 6, 6),
}


@pytest.mark.parametrize("case", ODD_LINES)
@pytest.mark.parametrize("name", ODD)
def test_a_space_that_yaml_does_not_take_has_its_own_message(site: Path, name: str, case: str) -> None:
    """M4: nobody sees it, so it is named with its place."""
    lines, line, column = ODD_LINES[case]
    folder = paper(site)
    text = (folder / "index.md").read_text("utf-8")
    lines = lines.replace("{odd}", ODD[name])
    (folder / "index.md").write_text(text.replace("file: x.pdf\n", f"{lines}file: x.pdf\n", 1), "utf-8")
    finding = only(site)
    assert (finding.code, finding.line, finding.column) == ("space", line, column), finding
    assert name in finding.message
    assert "space bar" in finding.cure


def test_a_tab_before_a_comment_has_that_message_too(site: Path) -> None:
    """M4: behind a quoted text, where YAML takes none either."""
    magnet(site, title='"Tip"\t# one')
    assert (only(site).code, only(site).line, only(site).column) == ("space", 4, 13)


def test_odd_spaces_inside_a_text_are_part_of_it(site: Path) -> None:
    """M4: typesetters put them there."""
    texts = '\n  form.jump: "Naar\u00a0beneden"'
    magnet(
        site, title="10\u00a0tips, à\u202f€\u00a03", description="|\n  Zo\n  \u00a0\u00a0en zo", texts=texts
    )
    assert findings(site) == []
    magnet(site, description="|\n  Zo\n  \u00a0\u00a0en zo", title="a: b: c")
    assert only(site).code == "site", "what is wrong elsewhere is not said of it"


@pytest.mark.parametrize(
    ("line", "column"), [("\u00a0languages = [", 1), ("languages\u00a0= [", 10), ("languages =\u202f[", 12)]
)
def test_optin_toml_takes_no_odd_spaces_either(site: Path, line: str, column: int) -> None:
    """M4: the same message."""
    toml(site, "languages = [", line)
    finding = only(site)
    assert (finding.code, finding.line, finding.column) == ("space", 2, column)


@pytest.mark.parametrize("value", ["!Nieuw tips over bellen", "!!str tips"])
def test_a_tag_that_takes_a_word_away_is_an_error(site: Path, value: str) -> None:
    """M4: what begins with ! is no text to YAML."""
    magnet(site, title=value)
    assert (only(site).line, only(site).column, only(site).cure) == (4, 8, "Put the text in quotes.")


def test_a_rule_in_a_report_does_not_end_the_front_matter(site: Path) -> None:
    """M4: only a line --- that is not indented does."""
    magnet(site, description="|\n  Een brief.\n  ---\n  Nog een.")
    edition = all_findings(site)
    assert [it.code for it in edition if it.severity == "error"] == []
    text = (site / "magnets" / "brief.md").read_text("utf-8")
    (site / "magnets" / "brief.md").write_text(text.replace("\n---\nTekst", "\n ---\nTekst"), "utf-8")
    assert only(site).message == "The front matter does not end."
    assert only(site).cure == "Close it with a line --- that begins without a space."
