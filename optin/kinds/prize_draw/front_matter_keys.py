"""The keys of the table `draw` in front matter."""

from __future__ import annotations

from pydantic import Field

from optin.kinds.api.front_matter import Line, Own, Remark, Table, Text, Value


class SeedTable(Table):
    """The public number that decides a draw, named before anybody knows it."""

    source: Text = Field(description="Which number, published by whom, in one sentence.")
    at: str = Field(description='When it is known, such as "2027-04-02 20:00", after closes.')


class ContestTable(Table):
    """A question; only entrants with a right answer take part."""

    question: Line = Field(description="The question; it becomes a field of the form.")
    answer: Own = Field("", description="The right answer; case, accents and spaces do not matter.")
    answers: list[Own] = Field([], description="Instead of answer: several right answers.")


class DrawTable(Table):
    """A prize draw: the prize, the terms, when it closes, how its winners are drawn."""

    prize: Line = Field(description="What can be won, in words.")
    value: int = Field(ge=0, le=10_000_000, description="The value of all prizes together, in whole euros.")
    winners: int = Field(1, le=1_000, description="How many tickets win the prize.")
    closes: str = Field(description='The last moment, such as "2027-03-31 23:59".')
    zone: str = Field("Europe/Amsterdam", description="Time zone of closes and of the seed.")
    age: int = Field(18, ge=12, le=99, description="The lowest age of entrants.")
    cost: int = Field(0, ge=0, description="Must stay 0: a promotional draw is free.")
    terms: Value = Field(description="A Markdown file in the magnet's folder.")
    seed: SeedTable
    keep: str = Field("3 months", description="How long entries are kept after the draw.")
    claim: Remark = Field("", description="How a winner gets the prize; part of the winners' mail.")
    contest: ContestTable | None = None
