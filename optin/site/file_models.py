"""Front matter of a magnet and of a privacy statement: every key, its type and its meaning.

These models are also the JSON Schema for an editor (M6). What a value means is decided in `magnets`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from optin.settings.prose import PROSE
from optin.settings.table import Line, Own, Remark, Stripped, Table, Text, Value


class FieldEntry(Table):
    """A further field of a form, and why it is asked (GDPR 5(1)(c))."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,40}$", description="first_name, company, phone, …")
    why: Text = Field(
        description="One sentence that visitors read beside the field.",
        examples=["So that we can call you by your name."],
    )
    label: Remark = Field("", description="Needed for a name that optin does not know.")
    required: bool = Field(default=False, description="Whether the form is refused without it.")


class PurposeEntry(Table):
    """A purpose in this magnet's own wording. Its channel and retention stay as they are (M3)."""

    id: str = Field(description="Id of a purpose of optin.toml.")
    text: Text = Field(description="The question on this page, one sentence.")


class PictureEntry(Table):
    """A picture in the magnet's folder."""

    file: Value = Field(description="Its name: svg, png, webp or jpg.", examples=["cover.png"])
    alt: Text = Field(
        description="What the picture shows, in words.", examples=["The cover: two people at a table."]
    )


class WebinarTable(Table):
    """When and where a webinar is held, and for how many."""

    start: Value = Field(description="Day and time as the clock in its zone shows it: 2027-03-10 14:00.")
    which: str = Field("", description="first or second, of a time that comes twice as the clock goes back.")
    duration: Value = Field(description="How long it lasts, such as 60 minutes.")
    zone: Value = Field(description="Its time zone, such as Europe/Amsterdam.")
    host: Line = Field(description="Who speaks.")
    place: Line = Field(description="Where it is held; only who confirmed is told.")
    capacity: int = Field(0, ge=0, le=1_000_000, description="How many seats; 0: as many as come.")
    replay: Stripped = Field("", description="Where the recording is, afterwards.")
    cancelled: bool = Field(default=False, description="It does not take place: everybody is told.")


class MagnetErasure(Table):
    """What somebody loses of this magnet by being erased."""

    consequences: Text = Field(description="One or two sentences, in the magnet's language.")


class VariantTable(Table):
    """Another wording of a magnet, shown to its share of the visitors. It asks for the very same."""

    title: Line | None = Field(None, description="Another title.")
    description: Text | None = Field(None, description="Another sentence below it.")
    texts: dict[str, Own] = Field({}, description="Your own words by key, for this wording.")
    purposes: dict[str, Text] = Field({}, description="Other words for a box, by the id of its purpose.")


Report = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000), PROSE]


class AnswerEntry(Table):
    """One answer that can be chosen."""

    text: Text = Field(description="The answer in words.")
    points: Any = Field(0, description="A whole number, or a table of them by dimension.")


class QuestionEntry(Table):
    """One question of a quiz."""

    ask: Text = Field(description="The question itself.")
    several: bool = Field(default=False, description="Whether several answers may be chosen.")
    optional: bool = Field(default=False, description="Whether it may be left out.")
    answers: list[AnswerEntry] = Field(min_length=1, description="What can be chosen, each with its points.")


class DimensionEntry(Table):
    """Something that a quiz measures."""

    weight: float = Field(1, gt=0, le=1_000, allow_inf_nan=False, description="How often its points count.")


class OutcomeEntry(Table):
    """One result of a quiz: its page, and the report that comes by mail."""

    id: str = Field(description="Its name in the address of its page: a-z, 0-9 and hyphens.")
    title: Line = Field(description="What the visitor is told in one line.")
    text: Report = Field(description="The result in Markdown; shown without any sign-up.")
    least: float | None = Field(
        None, alias="from", allow_inf_nan=False, description="The lowest total score that leads here."
    )
    most: float | None = Field(
        None, alias="to", allow_inf_nan=False, description="The highest total score that leads here."
    )
    dimension: str = Field("", description="Instead of from and to: the dimension that must be strongest.")
    report: Report = Field("", description="The long report in Markdown; comes by mail.")
    file: str = Field("", description="A file in the magnet's folder; comes as a download link by mail.")


class KeepTable(Table):
    """What is kept of a quiz besides the outcome."""

    answers: Text = Field(description="Why you need the answers; visitors read it beside the form.")


class QuizTable(Table):
    """A quiz: its questions, and what follows from the answers."""

    pages: Literal["one", "each"] = Field(
        "one", description="one: all questions on a page; each: one a page."
    )
    questions: list[QuestionEntry] = Field(min_length=1, description="What is asked, in this order.")
    dimensions: dict[str, DimensionEntry] = Field({}, description="What is measured, by name.")
    outcomes: list[OutcomeEntry] = Field(min_length=1, description="The results; every score leads to one.")
    file: str = Field("", description="The report for outcomes without one of their own: a file.")
    keep: KeepTable | None = Field(None, description="What is kept besides the outcome, and why.")


class SeedTable(Table):
    """The public number that decides a draw, named before anybody knows it."""

    source: Text = Field(description="Which number, published by whom, in one sentence.")
    at: str = Field(description='When it is known, such as "2027-04-02 20:00", after closes.')


class ContestTable(Table):
    """A question; only who answers it right takes part."""

    question: Line = Field(description="The question; it becomes a field of the form.")
    answer: Own = Field("", description="The right answer; case, accents and spaces do not matter.")
    answers: list[Own] = Field([], description="Or several that are right.")


class DrawTable(Table):
    """A prize draw: the prize, the terms, when it closes, how its winners are drawn."""

    prize: Line = Field(description="What can be won, in words.")
    value: int = Field(ge=0, le=10_000_000, description="Of all prizes together, in whole euros.")
    winners: int = Field(1, le=1_000, description="How many tickets win, each the same prize.")
    closes: str = Field(description='The last moment, such as "2027-03-31 23:59".')
    zone: str = Field("Europe/Amsterdam", description="Time zone of closes and of the seed.")
    age: int = Field(18, ge=12, le=99, description="Who is younger may not enter.")
    cost: int = Field(0, ge=0, description="Nothing: a promotional draw is free.")
    terms: Value = Field(description="Markdown in the magnet's own folder.")
    seed: SeedTable
    keep: str = Field("3 months", description="How long entries are kept after the draw.")
    claim: Remark = Field("", description="How a winner gets the prize; goes into the mail.")
    contest: ContestTable | None = None


class MagnetFile(Table):
    """The front matter of a magnet."""

    kind: str = Field(description="The kind of magnet: white-paper, webinar, quiz, prize-draw and others.")
    lang: str = Field(description="Language of the page and its mails.")
    title: Line = Field(
        description="The name of the magnet; the page and its mails begin with it.",
        examples=["Ten tips for a first call"],
    )
    description: Text = Field(
        description="One sentence, for the list and for search engines.",
        examples=["Ten short tips that you can use in your very next call."],
    )
    file: str = Field(
        "", description="What is handed out: a file in the magnet's own folder.", examples=["my-paper.pdf"]
    )
    purposes: list[str | PurposeEntry] = Field([], description="Ids of purposes of optin.toml.")
    fields: list[FieldEntry] = Field([], description="What is asked besides the e-mail address.")
    picture: PictureEntry | None = None
    texts: dict[str, Own] = Field({}, description="Your own words by key, for this page.")
    erasure: MagnetErasure | None = None
    webinar: WebinarTable | None = None
    group: Stripped = Field("", description="The same word in a magnet's other languages: they are linked.")
    was: list[str] = Field([], description="Its earlier addresses: whoever comes there is sent here.")
    variants: dict[str, VariantTable] = Field({}, description="Other wordings by name; each gets its share.")
    quiz: QuizTable | None = Field(None, description="The questions and outcomes of a quiz.")
    draw: DrawTable | None = None


class PrivacyFile(Table):
    """The front matter of a privacy statement."""

    title: Line = Field(description="The heading of the statement.")
    date: str = Field(
        "", description="The day from which this text holds, such as 2026-11-23; people are told it."
    )
