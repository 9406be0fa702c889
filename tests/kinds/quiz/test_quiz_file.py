"""What `check` finds in a quiz, at which line, with which cure."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from optin.kinds.quiz.front_matter_keys import OutcomeEntry, QuestionEntry, QuizTable
from optin.kinds.quiz.questions_and_outcomes import Quiz
from optin.site.findings import Finding
from optin.site.load_site import load_site
from optin.site.markdown_to_html import prose_as_text
from optin.theme.theme import OURS
from tests.installed import KINDS
from tests.site.conftest import all_findings, findings

SOUND = """---
kind: quiz
lang: nl
title: Proef
description: Een proef.
quiz:
  questions:
    - ask: Eerste?
      answers:
        - {text: Ja, points: 2}
        - {text: Nee, points: 0}
    - ask: Tweede?
      several: true
      answers:
        - {text: A, points: 1}
        - {text: B, points: 1}
  outcomes:
    - id: laag
      title: Laag
      to: 2
      text: Tekst.
      report: Verslag.
    - id: hoog
      title: Hoog
      from: 3
      text: Tekst.
      report: Verslag.
---
Tekst.
"""
MEASURED = """---
kind: quiz
lang: nl
title: Proef
description: Een proef.
quiz:
  dimensions:
    kop: {weight: 1.5}
    hart: {}
  questions:
    - ask: Eerste?
      answers:
        - {text: Ja, points: {kop: 2}}
        - {text: Nee, points: {hart: 2}}
  outcomes:
    - {id: denker, title: Denker, dimension: kop, text: T., report: V.}
    - {id: voeler, title: Voeler, dimension: hart, text: T., report: V.}
---
Tekst.
"""


def quiz(site: Path, *changes: tuple[str, str], text: str = SOUND) -> Path:
    """Write a quiz at /proef, with changes."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = site / "magnets" / "proef.md"
    path.write_text(text, "utf-8")
    return path


def line_of(path: Path, words: str) -> int:
    return path.read_text("utf-8")[: path.read_text("utf-8").index(words)].count("\n") + 1


WRONG = {
    "overlap": ((("from: 3", "from: 2"),), "from: 2", "lead to 'hoog' and to 'laag' as well", "Let it begin"),
    "gap": ((("to: 2", "to: 1"),), "outcomes:", "Who scores 2 gets no result", "Widen"),
    "gaps": (
        (("to: 2", "to: 0"), ("from: 3", "from: 9")),
        "outcomes:",
        "Who scores 1, 2, 3 or 1 other score gets no result",
        "Widen",
    ),
    "unreachable": (
        (("from: 3", "from: 30"), ("to: 2", "to: 29")),
        "- id: hoog",
        "Nobody reaches 'hoog': scores are from 1 to 4.",
        "Change its",
    ),
    "between": (
        (("to: 2", "to: 2.5"), ("id: hoog", "id: spleet\n      title: S\n      from: 2.6\n      to: 2.9\n"
          "      text: T.\n      report: V.\n    - id: hoog")),
        "- id: spleet",
        "from 1 to 4, and none of them lies in its range.",
        "or the points",
    ),
    "backwards": ((("from: 3", "from: 3\n      to: 2"),), "from: 3", "No score is from 3 to 2", "lower"),
    "one-answer": (
        (("        - {text: Nee, points: 0}\n", ""),),
        "answers:",
        "with one answer asks nothing",
        "Add an answer",
    ),
    "answer-twice": ((("text: Nee", "text: ja"),), "text: ja", "such an answer already", "Change it"),
    "question-twice": ((("Tweede?", "eerste?"),), "ask: eerste", "such a question already", "Change it"),
    "id-twice": ((("id: hoog", "id: laag"),), "id: laag\n      title: Hoog", "such an outcome", "Change"),
    "id-address": ((("id: hoog", "id: Hoog!"),), "id: Hoog!", "cannot stand in an address", "a-z"),
    "no-report": ((("      report: Verslag.\n", ""),), "- id: laag", "nothing to sign up for", "Add report"),
    "no-dimension": ((("points: 2", "points: {kop: 2}"),), "{kop: 2}", "has no dimensions", "one number"),
    "points": ((("points: 2", "points: veel"),), "points: veel", "a whole number", "such as 2"),
    "points-half": ((("points: 2", "points: 1.5"),), "points: 1.5", "a whole number", "weights may be"),
    "points-yes": ((("points: 2", "points: true"),), "points: true", "a whole number", "such as 2"),
    "outcome-dimension": ((("to: 2", "dimension: kop"),), "dimension: kop", "no dimension 'kop'", "Add dim"),
    "key": ((("several", "severl"),), "severl", "'severl' is unknown", "'several'"),
    "from": ((("from: 3", "form: 3"),), "form: 3", "'form' is unknown", "'from'"),
    "infinite": ((("from: 3", "from: .inf"),), "from: .inf", "finite number", "Correct"),
    "file": ((("report: Verslag.", "file: x.pdf"),), "file: x.pdf", "a folder of its own", "Move it"),
    "link": ((("report: Verslag.", "report: '[x](y.html)'"),), "report: '[x]", "nowhere on the web", "https"),
    "link-in-mail": ((("report: Verslag.", "report: '[x](/tips)'"),), "report: '[x]", "in a mail", "https"),
    "heading": ((("text: Tekst.", "text: '# Kop'"),), "text: '# Kop'", "first-level", "##"),
    "picture": ((("text: Tekst.", "text: '![x](y.png)'"),), "text: '![x]", "A picture cannot", "below"),
    "pages": ((("quiz:\n", "quiz:\n  pages: two\n"),), "pages: two", "must be 'one' or 'each'", "Correct"),
    "no-answers": (
        (("        - {text: Ja, points: 2}\n        - {text: Nee, points: 0}\n", "        []\n"),),
        "answers:",
        "'answers' is empty",
        "The answers to choose from",
    ),
}  # fmt: skip
MEASURED_WRONG = {
    "unknown": ((("points: {kop", "points: {kp"),), "kp: 2", "no dimension 'kp'", "Did you mean 'kop'"),
    "nameless": ((("points: {hart: 2}", "points: 2"),), "points: 2", "belong to no dimension", "{kop: 2}"),
    "unreachable": ((("{hart: 2}", "{kop: 1}"),), "- {id: voeler", "Nobody reaches 'voeler'", "Give"),
    "resultless": ((("dimension: hart", "dimension: kop"),), "hart: {}", "strongest in 'hart'", "Add an"),
    "both": ((("dimension: hart", "dimension: hart, to: 2"),), "to: 2", "not by both", "Remove"),
    "neither": ((("dimension: hart, ", ""),), "- {id: voeler", "this one names none", "Add dimension"),
    "weight": ((("weight: 1.5", "weight: 0"),), "weight: 0", "greater than 0", "Correct"),
}  # fmt: skip


def told(found: list[Finding], words: str) -> Finding:
    (finding,) = [it for it in found if words in it.message]
    return finding


@pytest.mark.parametrize("text", [SOUND, MEASURED], ids=["total", "dimensions"])
def test_a_sound_quiz_passes(site: Path, text: str) -> None:
    """M2, M4: and is what was written, with exact weights."""
    quiz(site, text=text)
    assert all_findings(site) == ()
    loaded = load_site(site, KINDS.files).site
    assert loaded is not None
    details = next(it.details for it in loaded.magnets.values() if it.kind == "quiz")
    assert isinstance(details, Quiz)
    assert len(details.outcomes) == 2


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_in_a_quiz_is_found_at_its_line(site: Path, name: str) -> None:
    """M2, M4: an outcome nobody reaches, ranges that overlap or leave a gap, a question without answers."""
    changes, where, message, cure = WRONG[name]
    path = quiz(site, *changes)
    finding = told(findings(site), message)
    assert (finding.severity, finding.slug) == ("error", "proef")
    assert finding.line == line_of(path, where)
    assert cure in finding.cure
    assert finding.cure


@pytest.mark.parametrize("name", MEASURED_WRONG)
def test_a_mistake_in_dimensions_is_found_at_its_line(site: Path, name: str) -> None:
    """M2, M4: points without a dimension, a dimension without a result, a result nobody reaches."""
    changes, where, message, cure = MEASURED_WRONG[name]
    path = quiz(site, *changes, text=MEASURED)
    finding = told(findings(site), message)
    assert finding.line == line_of(path, where)
    assert cure in finding.cure


def test_several_mistakes_are_found_in_one_run(site: Path) -> None:
    """M4: and nothing is said that only follows from them."""
    quiz(site, ("points: 2", "points: veel"), ("id: hoog", "id: laag"), ("Tweede?", "Eerste?"))
    assert [it.code for it in findings(site)] == ["kind"] * 3
    quiz(site, ("ask: Eerste?", "asks: Eerste?"), ("to: 2", "to: -5"))
    messages = [it.message for it in findings(site)]
    assert len(messages) == 2, messages
    assert all("asks" in it or "ask" in it for it in messages)


def test_a_quiz_too_large_to_judge_says_so(site: Path) -> None:
    """M2, M4: by dimension a warning, since each has a result; by score an error, since there may be gaps."""
    answers = "".join(
        f"        - {{text: a{n}, points: {{kop: {n * n}, hart: {n * n * n % 997}}}}}\n" for n in range(20)
    )
    more = "".join(f"    - ask: V{n}?\n      several: true\n      answers:\n{answers}" for n in range(4))
    quiz(
        site, ("  outcomes:\n", f"{more}  outcomes:\n"), ("quiz:\n", "quiz:\n  pages: each\n"), text=MEASURED
    )
    (finding,) = findings(site)
    assert (finding.severity, "too many scores" in finding.message) == ("warning", True)


def test_more_than_a_page_can_post_needs_pages_of_their_own(site: Path) -> None:
    """M2, S5: a form holds sixty fields; the largest quiz still fits when each question stands alone."""
    answers = "".join(f"        - {{text: a{n}, points: 1}}\n" for n in range(20))
    more = "".join(f"    - ask: V{n}?\n      several: true\n      answers:\n{answers}" for n in range(3))
    path = quiz(site, ("  outcomes:\n", f"{more}  outcomes:\n"), ("quiz:\n", "quiz:\n  pages: one\n"))
    finding = told(findings(site), "more to tick than one page takes")
    assert finding.line == line_of(path, "pages: one")
    quiz(
        site,
        ("  outcomes:\n", f"{more}  outcomes:\n"),
        ("quiz:\n", "quiz:\n  pages: each\n"),
        ("to: 2", "to: 5"),
        ("from: 3", "from: 6"),
    )
    assert findings(site) == []


def test_tables_of_other_kinds_are_not_wanted(site: Path) -> None:
    """M2, M4: a newsletter has no quiz; a quiz needs one."""
    quiz(site, ("kind: quiz", "kind: newsletter"))
    assert "A newsletter has no quiz." in [it.message for it in findings(site)]
    path = site / "magnets" / "proef.md"
    path.write_text(SOUND[: SOUND.index("quiz:\n")] + "---\nTekst.\n", "utf-8")
    (finding,) = findings(site)
    assert finding.message == "A quiz needs the key 'quiz'."


@pytest.mark.parametrize("name", ["outcome", "answers"])
def test_what_a_quiz_declares_is_no_field_of_anybody(site: Path, name: str) -> None:
    """M4, E2: it would stand under another's heading in an export."""
    quiz(site, ("quiz:\n", f"fields:\n  - {{name: {name}, why: Daarom., label: L}}\nquiz:\n"))
    assert told(findings(site), f"The name {name!r} is optin's own").code == "field-taken"


GUIDE = (Path(__file__).parents[3] / "docs" / "guide" / "quiz.md").read_text("utf-8")


@pytest.mark.parametrize(
    "example", re.findall(r"```markdown\n(.*?)```", GUIDE, re.DOTALL), ids=["one", "two"]
)
def test_the_examples_of_the_guide_pass(site: Path, example: str) -> None:
    """M2, M4: as they stand there; every key of the table is told."""
    quiz(site, text=example)
    assert all_findings(site) == ()
    for model in (QuizTable, QuestionEntry, OutcomeEntry):
        for name, field in model.model_fields.items():
            assert f"`{field.alias or name}`" in GUIDE


def test_what_the_guide_says_of_mistakes_is_what_check_says(site: Path) -> None:
    """M4: the sentences in its table are the program's own."""
    quiz(site, ("to: 2", "to: 1"))
    assert f"`{told(findings(site), 'gets no').message}`" in GUIDE
    quiz(site, ("        - {text: Nee, points: 0}\n", ""))
    assert f"`{told(findings(site), 'asks nothing').message}`" in GUIDE
    quiz(site, ("      report: Verslag.\n", ""))
    assert f"`{told(findings(site), 'to sign up for').message}`" in GUIDE


def test_a_report_reads_well_in_a_plain_mail() -> None:
    """D5, M2: paragraphs and items on a line each, headings without marks, links in full."""
    text = (
        "### Kop\n\nEen zin\nover *twee* regels, met [een link](https://example.com/x).\n\n"
        "- een\n- twee\n  op twee regels\n\n  en een alinea\n\n3. drie\n4. vier\n   - diep\n\n<https://example.com/>\n"
    )
    assert prose_as_text(text) == (
        "Kop\n\nEen zin over twee regels, met een link (https://example.com/x).\n\n"
        "- een\n- twee op twee regels\n\n  en een alinea\n\n3. drie\n4. vier\n  - diep\n\nhttps://example.com/"
    )


def test_a_template_of_ones_own_that_hides_the_result_is_refused(site: Path) -> None:
    """M2, M10, F2: a landing page written before there were quizzes knows nothing of results."""
    quiz(site)
    folder = site / "templates" / "pages"
    folder.mkdir(parents=True)
    ours = (OURS / "pages" / "landing.html").read_text("utf-8")
    ours = ours.replace("{% block kept %}{% endblock %}", "").replace("{% block pitch %}", "")
    ours = re.sub(r"{% endblock %}(\s+{% endif %}\s+<section)", r"\1", ours)
    (folder / "landing.html").write_text(ours, "utf-8")
    found = [it for it in all_findings(site) if it.code == "result"]
    assert [it.slug for it in found] == ["proef", "proef"]
    assert "/proef/result/laag" in found[0].message


MOVED = {name: now for _, part in KINDS.pages.items() for name, now in part.moved_templates.items()}


@pytest.mark.parametrize(("name", "moved"), MOVED.items(), ids=MOVED)
def test_a_template_under_its_former_name_is_told_where_it_belongs(site: Path, name: str, moved: str) -> None:
    """M10: those of kinds have moved; there it is found again."""
    (site / "templates" / name).parent.mkdir(parents=True)
    (site / "templates" / name).write_bytes((OURS / moved).read_bytes())
    assert [(it.path, it.code) for it in all_findings(site)] == [(f"templates/{name}", "template")]
    (site / "templates" / moved).parent.mkdir(parents=True)
    (site / "templates" / name).rename(site / "templates" / moved)
    assert all_findings(site) == ()


@pytest.mark.parametrize("name", ["mails/delivery.html", "mails/delivery.txt"])
def test_a_template_without_the_place_for_the_report_is_refused(site: Path, name: str) -> None:
    """M10: Jinja drops a block that the extended template has not; the report would be lost in silence."""
    own = site / "templates" / name
    own.parent.mkdir(parents=True)
    ours = (OURS / name).read_text()
    quiz(site)
    own.write_text(ours.replace("{% block none %}", "{% block other %}"))
    assert all_findings(site) == ()  # a draw would speak there; this site has none
    own.write_text(ours.replace("{% block told %}", "{% block other %}"))
    (finding,) = all_findings(site)
    assert (finding.path, finding.code, finding.severity) == (f"templates/{name}", "template", "error")
    assert "'told'" in finding.message
    assert "{% block told %}" in (finding.cure or "")
    own.write_text(ours)
    assert all_findings(site) == ()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES: list[list[str | int]] = [
    ["pages"], ["questions"], ["questions", 0], ["questions", 0, "ask"], ["questions", 0, "several"],
    ["questions", 0, "answers"], ["questions", 0, "answers", 0], ["questions", 0, "answers", 0, "points"],
    ["dimensions"], ["dimensions", "kop"], ["dimensions", "kop", "weight"], ["outcomes"], ["outcomes", 0],
    ["outcomes", 0, "id"], ["outcomes", 0, "from"], ["outcomes", 0, "to"], ["outcomes", 0, "dimension"],
    ["outcomes", 0, "file"], ["outcomes", 0, "report"], ["keep"], ["keep", "answers"], ["file"],
]  # fmt: skip


def put(table: Any, where: list[Any], value: object) -> None:
    """Put a value into a table, if there is such a place."""
    *way, last = where
    for step in way:
        if isinstance(table, dict):
            table = table.setdefault(step, {})
        elif isinstance(table, list) and table:
            table = table[0]
    if isinstance(table, dict) or (isinstance(table, list) and table and last == 0):
        table[last] = value


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3),
    text=st.sampled_from([SOUND, MEASURED]),
)
def test_whatever_is_written_in_a_quiz_is_a_finding_or_a_quiz(
    site: Path, changes: list[tuple[list[str | int], object]], text: str
) -> None:
    """M4, S5: any value at any key; never a traceback, and what passes can be taken to an end."""
    front, body = text.split("---\n")[1:]
    plain = YAML(typ="safe").load(front)
    for where, value in changes:
        put(plain["quiz"], where, value)
    (site / "magnets" / "proef.md").write_text(f"---\n{json.dumps(plain)}\n---\n{body}", "utf-8")
    loaded = load_site(site, KINDS.files)
    assert loaded.site is not None
    for magnet in loaded.site.magnets.values():
        if isinstance(magnet.details, Quiz):
            it = magnet.details
            answers = tuple((len(question.options) - 1,) for question in it.questions)
            assert it.score(it.taken(answers)) is not None


def test_half_a_character_in_a_key_is_a_finding(site: Path) -> None:
    """M4, S5: YAML can write what nothing else can find again."""
    quiz(site, ("quiz:\n", 'quiz:\n  dimensions: {"\\ud83d": 5}\n'))
    assert [it.code for it in findings(site)][:1] == ["type"]
