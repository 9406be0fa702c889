"""Read the table `quiz` of front matter, and find what would leave visitors without a result (M2, M4)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from optin.kinds.api.forms import FormField
from optin.kinds.api.front_matter import (
    FILE_ENDINGS,
    Complaint,
    FileProblem,
    TableReading,
    absence_in_words,
    as_on_disk,
    catalogue,
    find_inside,
    languages,
    nearest,
    prose_as_text,
    read_prose,
)
from optin.kinds.quiz.front_matter_keys import AnswerEntry, OutcomeEntry, QuestionEntry, QuizTable
from optin.kinds.quiz.questions_and_outcomes import (
    ANSWERS_FIELD,
    OUTCOME_FIELD,
    Dimension,
    Option,
    Outcome,
    Pages,
    Question,
    Quiz,
    ReachableOutcomes,
    overlaps,
    reach,
)

MOST_QUESTIONS = 40
MOST_ANSWERS = 20
MOST_OUTCOMES = 20
MOST_TICKS_ON_A_PAGE = 50  # a posted form holds no more
MOST_POINTS = 1_000
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
Where = tuple[str | int, ...]


def read_quiz(table: Any, folder: Path, lang: str) -> TableReading:
    """Return the quiz that a table describes, with everything that is wrong with it."""
    if not isinstance(table, QuizTable):
        raise TypeError(table)
    reader = _Reader(table, folder)
    quiz = reader.read()
    if reader.complaints:  # what follows from mistakes is not said
        return TableReading(None, tuple(reader.complaints))
    return TableReading(quiz, tuple(_complaints_of_whole(quiz)), _fields(quiz, lang))


def _fields(quiz: Quiz, lang: str) -> tuple[FormField, ...]:
    """Return the stored fields that nobody types, so that the form gives a reason for them."""
    words = catalogue(lang if lang in languages() else "en")

    def label(name: str) -> str:
        return words[f"field.{name}"]

    fields = [FormField(OUTCOME_FIELD, label(OUTCOME_FIELD), label(f"{OUTCOME_FIELD}.why"))]
    if quiz.why_answers:
        fields.append(FormField(ANSWERS_FIELD, label(ANSWERS_FIELD), quiz.why_answers))
    return tuple(fields)


class _Reader:
    """Reads one table and collects complaints about its parts."""

    def __init__(self, table: QuizTable, folder: Path) -> None:
        self._table = table
        self._folder = folder
        self._dimensions = tuple(table.dimensions)
        self.complaints: list[Complaint] = []

    def read(self) -> Quiz:
        table = self._table
        self._sizes()
        if table.file:
            self._file(("file",), table.file)
        questions = tuple(self._question(place, it) for place, it in enumerate(table.questions))
        self._twice(("questions",), "ask", [it.ask for it in table.questions], "a question")
        self._twice(("outcomes",), "id", [it.id for it in table.outcomes], "an outcome")
        outcomes = tuple(self._outcome(place, it) for place, it in enumerate(table.outcomes))
        self._ways(table.outcomes)
        weighed = tuple(Dimension(name, Fraction(str(it.weight))) for name, it in table.dimensions.items())
        return Quiz(
            pages=Pages(table.pages),
            questions=questions,
            outcomes=outcomes,
            dimensions=weighed or (Dimension(""),),
            why_answers="" if table.keep is None else table.keep.answers,
        )

    def _sizes(self) -> None:
        table = self._table
        sizes: list[tuple[Where, int, int, str]] = [
            (("questions",), len(table.questions), MOST_QUESTIONS, "questions"),
            (("outcomes",), len(table.outcomes), MOST_OUTCOMES, "outcomes"),
            *(
                (("questions", place, "answers"), len(it.answers), MOST_ANSWERS, "answers")
                for place, it in enumerate(table.questions)
            ),
        ]
        for where, count, most, name in sizes:
            if count > most:
                message = f"There are {count} {name}; a quiz takes {most}."
                self._say(where, message, "Leave some out.")
        ticks = sum(len(it.answers) if it.several else 1 for it in table.questions)
        if table.pages == "one" and ticks > MOST_TICKS_ON_A_PAGE:
            message = "There is more to tick than one page takes."
            self._say(("pages",), message, "Write pages: each, or leave some answers out.")

    def _question(self, place: int, entry: QuestionEntry) -> Question:
        where: Where = ("questions", place, "answers")
        if len(entry.answers) == 1 and not entry.several:
            message = "A question with one answer asks nothing."
            self._say(where, message, "Add an answer, or remove the question.")
        self._twice(where, "text", [it.text for it in entry.answers], "an answer")
        options = tuple(
            Option(it.text, self._points((*where, number, "points"), it))
            for number, it in enumerate(entry.answers)
        )
        return Question(entry.ask, options, entry.several, entry.optional)

    def _points(self, where: Where, entry: AnswerEntry) -> tuple[int, ...]:
        """Return the points of an answer, in the order of the dimensions."""
        names, points = self._dimensions, entry.points
        if isinstance(points, Mapping):
            if not names:
                self._say(where, "The quiz has no dimensions.", "Write one number, or add dimensions.")
            for name in points:
                if name not in names and names:
                    message = f"There is no dimension {str(name)[:60]!r}."
                    self._say((*where, name), message, nearest(str(name), [*names]))
            return tuple(self._number((*where, name), points.get(name, 0)) for name in names) or (0,)
        number = self._number(where, points)
        if names and number:
            message = "These points belong to no dimension."
            self._say(where, message, f"Name it: points: {{{names[0]}: {number}}}.")
        return (0,) * len(names) or (number,)

    def _number(self, where: Where, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MOST_POINTS:
            message = f"Points are a whole number from -{MOST_POINTS} to {MOST_POINTS}."
            self._say(where, message, "Write one, such as 2; weights may be fractions.")
            return 0
        return int(value)

    def _outcome(self, place: int, entry: OutcomeEntry) -> Outcome:
        where: Where = ("outcomes", place)
        if NAME.fullmatch(entry.id) is None:
            message = f"The id {entry.id[:60]!r} cannot stand in an address."
            self._say((*where, "id"), message, "Write it with a-z, 0-9 and hyphens.")
        file = entry.file or ("" if entry.report else self._table.file)
        if entry.file:
            self._file((*where, "file"), entry.file)
        if not file and not entry.report:
            message = "This outcome has no report, so there is nothing to sign up for."
            self._say(
                where, message, "Add report (a text that is mailed) or file (a file that is handed out)."
            )
        least, most = _exact(entry.least), _exact(entry.most)
        if least is not None and most is not None and most < least:
            message = f"No score is from {entry.least:g} to {entry.most:g}."
            self._say((*where, "from"), message, "Write the lower number at from.")
        return Outcome(
            id=entry.id,
            title=entry.title,
            text_html=self._prose((*where, "text"), entry.text),
            least=least,
            most=most,
            dimension=entry.dimension,
            report=prose_as_text(entry.report),
            report_html=self._prose((*where, "report"), entry.report, mailed=True),
            file=as_on_disk(self._folder, file),
        )

    def _ways(self, outcomes: Sequence[OutcomeEntry]) -> None:
        """Check that all outcomes are reached in one way: by score, or by strongest dimension."""
        by_dimension = [it for it in outcomes if it.dimension]
        for place, entry in enumerate(outcomes):
            where: Where = ("outcomes", place)
            if entry.dimension and entry.dimension not in self._dimensions:
                message = f"There is no dimension {entry.dimension[:60]!r}."
                cure = (
                    nearest(entry.dimension, [*self._dimensions]) if self._dimensions else "Add dimensions."
                )
                self._say((*where, "dimension"), message, cure)
            elif entry.dimension and (entry.least is not None or entry.most is not None):
                key = "to" if entry.least is None else "from"
                message = "An outcome goes by the score or by a dimension, not by both."
                self._say((*where, key), message, "Remove dimension, or from and to.")
            elif by_dimension and not entry.dimension:
                message = "The other outcomes go by a dimension; this one names none."
                self._say(where, message, "Add dimension, or write from and to for all of them.")
        named = [it.dimension for it in outcomes]
        self._twice(("outcomes",), "dimension", named, "an outcome of a dimension")
        if by_dimension and len(by_dimension) == len(outcomes):
            for name in self._dimensions:
                if name not in named:
                    message = f"Who is strongest in {name[:60]!r} gets no result."
                    self._say(("dimensions", name), message, f"Add an outcome with dimension: {name}.")

    def _twice(self, where: Where, key: str, values: Sequence[str], what: str) -> None:
        seen: set[str] = set()
        for place, value in enumerate(values):
            same = " ".join(value.casefold().split())
            if same and same in seen:
                message = f"There is such {what} already: {value[:60]!r}."
                self._say((*where, place, key), message, "Change it, or remove one of them.")
            seen.add(same)

    def _prose(self, where: Where, text: str, *, mailed: bool = False) -> str:
        prose = read_prose(text)
        if mailed and 'href="/' in prose.html:
            message = "A link in a mail leads nowhere unless it is written in full."
            self._say(where, message, "Begin it with https://.")
        if prose.pictures:
            message = "A picture cannot stand in this text."
            self._say(where, message, "Put it into the text below the front matter, or into a file.")
        for target, _ in prose.foreign:
            message = f"The link {target[:60]!r} leads nowhere on the web."
            self._say(where, message, "Write https://… in full, or /… for a page of this site.")
        if prose.headings:
            self._say(
                where, "The text has a first-level heading, but the page has one already.", "Begin with ##."
            )
        return prose.html

    def _file(self, where: Where, name: str) -> None:
        if not (self._folder / "index.md").is_file():
            cure = "Move it to magnets/NAME/index.md, and the file beside it."
            self._say(where, "A magnet with a file needs a folder of its own.", cure)
            return
        path = find_inside(self._folder, name)
        if isinstance(path, FileProblem):
            self._say(where, *absence_in_words(self._folder, name, path, FILE_ENDINGS))
        elif path.suffix[1:].lower() not in FILE_ENDINGS:
            cure = f"Supported file types: {', '.join(FILE_ENDINGS)}."
            self._say(where, f"{name[:100]!r} has a file type that is not supported.", cure)

    def _say(self, where: Where, message: str, cure: str) -> None:
        self.complaints.append(Complaint(("quiz", *where), message, cure))


def _complaints_of_whole(quiz: Quiz) -> list[Complaint]:
    """Yield unreachable outcomes, and scores that lead to no outcome or to two."""
    places = {outcome.id: place for place, outcome in enumerate(quiz.outcomes)}
    said: list[Complaint] = []

    def say(where: Where, message: str, cure: str, *, warning: bool = False) -> None:
        said.append(Complaint(("quiz", *where), message, cure, warning, of_the_whole=True))

    overlapping = [] if quiz.by_dimension else overlaps(quiz)
    for first, second in overlapping:
        key = "from" if second.least is not None else "to" if second.most is not None else "id"
        message = f"Some scores lead to {second.id!r} and to {first.id!r} as well."
        say(("outcomes", places[second.id], key), message, f"Let it begin where {first.id!r} has ended.")
    if overlapping:
        return said
    found = reach(quiz)
    if found is None:
        message = "There are too many scores to see whether each leads to an outcome."
        cure = "Use smaller points, fewer answers or plainer weights; or try the quiz yourself."
        say(("questions",), message, cure, warning=quiz.by_dimension)  # which has no gaps
        return said
    if found.lost and not quiz.by_dimension:
        message = f"Who scores {_scores(found.lost)} gets no result."
        say(("outcomes",), message, "Widen from or to of an outcome, or add one.")
    for outcome in quiz.outcomes:
        if outcome.id not in found.outcomes:
            say(("outcomes", places[outcome.id]), *_unreachable(quiz, outcome, found))
    return said


def _unreachable(quiz: Quiz, outcome: Outcome, found: ReachableOutcomes) -> tuple[str, str]:
    if quiz.by_dimension:
        message = f"Nobody reaches {outcome.id!r}: no answers make {outcome.dimension!r} the strongest."
        return (
            message,
            "Give more points in it, or a higher weight; of equals, the outcome written first wins.",
        )
    message = (
        f"Nobody reaches {outcome.id!r}: scores are from {_told(found.lowest)} to {_told(found.highest)}"
    )
    inside = (outcome.least is None or outcome.least <= found.highest) and (
        outcome.most is None or outcome.most >= found.lowest
    )
    message += ", and none of them lies in its range." if inside else "."
    return message, "Change its from and to, or the points."


def _scores(scores: Sequence[Fraction]) -> str:
    shown = [_told(score) for score in scores[:3]]
    more = len(scores) - len(shown)
    return ", ".join(shown) + (f" or {more} other score{'s' * (more > 1)}" if more else "")


def _told(score: Fraction) -> str:
    return f"{float(score):g}"


def _exact(value: float | None) -> Fraction | None:
    return None if value is None else Fraction(str(value))
