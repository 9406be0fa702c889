"""The front matter of magnets and privacy statements: every key, its type and its meaning.

These models are also the JSON Schema for an editor (M6). What a value means is decided in `magnet_reader`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from optin.settings.table_model import Line, Own, Remark, Stripped, Table, Text, Value

FOCUS = r"(100|\d{1,2})% (100|\d{1,2})%"  # across and down


class LetterFile(Table):
    """The front matter of a letter (W13)."""

    subject: Line = Field(description="The subject of the mail.", examples=["Three calls that were answered"])
    preheader: Remark = Field("", description="What an inbox shows beside the subject; else its beginning.")


class FieldEntry(Table):
    """An additional field of a form, and why it is asked (GDPR 5(1)(c))."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,40}$", description="first_name, company, phone, …")
    why: Text = Field(
        description="One sentence that visitors read beside the field.",
        examples=["So that we can call you by your name."],
    )
    label: Remark = Field("", description="What visitors see; needed for a name that optin does not know.")
    required: bool = Field(default=False, description="Whether the field must be filled in.")


class PurposeEntry(Table):
    """A purpose in this magnet's own words. Its channel and retention are unchanged (M3)."""

    id: str = Field(description="Id of a purpose of optin.toml.")
    text: Text = Field(description="The question as this page asks it, one sentence.")


class PictureEntry(Table):
    """A picture in the magnet's folder."""

    file: Value = Field(description="Name of the file: svg, png, webp or jpg.", examples=["cover.png"])
    alt: Text = Field(
        description="What the picture shows, in words.", examples=["The cover: two people at a table."]
    )
    focus: str = Field(
        "",
        json_schema_extra={"pattern": f"^({FOCUS})?$"},
        description="For a photo, which is cropped: the point that stays in sight, across and down.",
        examples=["50% 30%"],
    )


class NextPicture(Table):
    """A picture beside the next step, such as the face of who is called."""

    file: Value = Field(description="Name of the file; mails show png and jpg.", examples=["anna.jpg"])
    alt: Text = Field(description="What the picture shows, in words.", examples=["Anna Smith."])


class NextEntry(Table):
    """What people are offered once they confirmed, on the page and in the mail."""

    title: Line | None = Field(None, description="A heading.", examples=["Shall we go through your list?"])
    text: Text = Field(
        description="One or two sentences.", examples=["Twenty minutes with Anna, free, and no strings."]
    )
    link: Stripped = Field(
        "",
        description="Where it leads: https://…, or /… for a page of this site.",
        examples=["https://calendar.example.com/anna", "/plain-consent"],
    )
    label: Line | None = Field(None, description="The words of the link.", examples=["Pick a time"])
    picture: NextPicture | None = None


class MagnetErasure(Table):
    """What a person loses of this magnet by an erasure."""

    consequences: Text = Field(description="One or two sentences, in the magnet's language.")


class VariantTable(Table):
    """Another wording of a magnet, shown to a share of its visitors. It asks for the same consents."""

    title: Line | None = Field(None, description="Another title.")
    headline: Line | None = Field(None, description="Another headline.")
    description: Text | None = Field(None, description="Another description.")
    texts: dict[str, Own] = Field({}, description="Texts of your own by key, for this variant.")
    purposes: dict[str, Text] = Field({}, description="Another wording of a box, by the id of its purpose.")


class MagnetFile(Table):
    """The front matter of a magnet."""

    kind: str = Field(description="The kind of magnet; optin new lists the installed kinds.")
    lang: str = Field(description="Language of the page and its mails.")
    title: Line = Field(
        description="The name of the magnet; the page and its mails begin with it.",
        examples=["Ten tips for a first call"],
    )
    headline: Line | None = Field(
        None,
        description="What people gain, in at most nine words: the first words of the page, before the title.",
        examples=["Know in 15 minutes who you may still call"],
    )
    description: Text = Field(
        description="One sentence, for the list and for search engines.",
        examples=["Ten short tips that you can use in your very next call."],
    )
    file: str = Field(
        "", description="The file that people get, in the magnet's own folder.", examples=["my-paper.pdf"]
    )
    purposes: list[str | PurposeEntry] = Field([], description="Ids of purposes of optin.toml.")
    fields: list[FieldEntry] = Field([], description="What is asked besides the e-mail address.")
    picture: PictureEntry | None = None
    next: NextEntry | None = None
    thanks: Stripped = Field(
        "",
        description="A page elsewhere that people are sent to once they confirmed; see links.hosts.",
        examples=["https://www.example.com/thanks"],
    )
    texts: dict[str, Own] = Field({}, description="Texts of your own by key, for this page.")
    erasure: MagnetErasure | None = None
    status: Literal["draft", "live", "archived"] = Field(
        "live",
        description="draft: only optin dev shows it; archived: it is over, and what was promised goes on.",
    )
    from_: Stripped = Field(
        "",
        alias="from",
        description="The day or moment from which the form is open, on the site's clock.",
        examples=["2027-03-01", "2027-03-01 09:00"],
    )
    until: Stripped = Field(
        "",
        description="The last day, or the moment at which the form ends, on the site's clock.",
        examples=["2027-03-31", "2027-03-31 17:00"],
    )
    group: Stripped = Field(
        "", description="Any word; pages with the same word link to each other as translations."
    )
    was: list[str] = Field([], description="Earlier addresses of the page; they redirect to it.")
    owner: Stripped = Field(
        "",
        description="Address of whoever of the staff has its leads as their own, in the desk.",
        examples=["anna@example.com"],
    )
    order: int | None = Field(
        None,
        description="Its place on the list: smaller numbers first, then those without one.",
        examples=[1],
    )
    listed: bool = Field(
        default=True,
        description="Whether it is on the list and in the sitemap; its address works either way.",
    )
    variants: dict[str, VariantTable] = Field(
        {}, description="Other wordings by name; each is shown to a share of the visitors."
    )


FRONT_MATTER_KEYS = frozenset(it.alias or name for name, it in MagnetFile.model_fields.items())


@lru_cache
def magnet_file(tables: tuple[tuple[str, type[BaseModel]], ...]) -> type[MagnetFile]:
    """Return the front matter model with these kinds' tables, by key."""
    keys: dict[str, Any] = {key: (model | None, None) for key, model in tables}
    return create_model("MagnetFile", __base__=MagnetFile, __doc__=MagnetFile.__doc__, **keys)


class PrivacyFile(Table):
    """The front matter of a privacy statement."""

    title: Line = Field(description="The heading of the statement.")
    date: str = Field(
        "", description="The day from which this text applies, such as 2026-11-23; pages show it."
    )
