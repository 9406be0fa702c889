"""The keys of the table `quiz` in front matter."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from optin.kinds.api.front_matter import PROSE, Line, Table, Text

Report = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000), PROSE]


class AnswerEntry(Table):
    """One possible answer."""

    text: Text = Field(description="The answer in words.")
    points: Any = Field(0, description="A whole number, or a table of them by dimension.")


class QuestionEntry(Table):
    """One question of a quiz."""

    ask: Text = Field(description="The question itself.")
    several: bool = Field(default=False, description="Whether several answers may be chosen.")
    optional: bool = Field(default=False, description="Whether the question may be skipped.")
    answers: list[AnswerEntry] = Field(
        min_length=1, description="The answers to choose from, each with its points."
    )


class DimensionEntry(Table):
    """A property that a quiz measures."""

    weight: float = Field(
        1, gt=0, le=1_000, allow_inf_nan=False, description="Factor by which its points are multiplied."
    )


class OutcomeEntry(Table):
    """One result of a quiz: its page, and the report sent by mail."""

    id: str = Field(description="Part of the address of its page: a-z, 0-9 and hyphens.")
    title: Line = Field(description="The result in one line.")
    text: Report = Field(description="The result in Markdown; shown without signing up.")
    least: float | None = Field(
        None, alias="from", allow_inf_nan=False, description="The lowest total score that leads here."
    )
    most: float | None = Field(
        None, alias="to", allow_inf_nan=False, description="The highest total score that leads here."
    )
    dimension: str = Field(
        "", description="Instead of from and to: the dimension that must be the strongest."
    )
    report: Report = Field("", description="The long report in Markdown; sent by mail.")
    file: str = Field("", description="A file in the magnet's folder; the mail has a download link to it.")


class KeepTable(Table):
    """What is stored of a quiz besides the outcome."""

    answers: Text = Field(description="Why you need the answers; visitors read it beside the form.")


class QuizTable(Table):
    """A quiz: its questions, and the results of its answers."""

    pages: Literal["one", "each"] = Field(
        "one", description="one: all questions on one page; each: one question a page."
    )
    questions: list[QuestionEntry] = Field(min_length=1, description="The questions, in this order.")
    dimensions: dict[str, DimensionEntry] = Field({}, description="What the quiz measures, by name.")
    outcomes: list[OutcomeEntry] = Field(
        min_length=1, description="The results; every score must lead to one."
    )
    file: str = Field("", description="The report for outcomes that have neither report nor file.")
    keep: KeepTable | None = Field(None, description="What is stored besides the outcome, and why.")
