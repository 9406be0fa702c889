"""Forms: the declaration of a page, and the page by its digest (P2)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from html.parser import HTMLParser
from typing import Any, NewType, Self

from optin.consent.channel import MAILBOX, channel_named
from optin.consent.purpose import ConsentQuestion, Controller, PurposeId
from optin.consent.retention_period import RetentionPeriod

FormDigest = NewType("FormDigest", str)  # SHA-256 of the page as served, in hexadecimal
FormKey = NewType("FormKey", str)  # what travels in the form's hidden field
PrivacyDigest = NewType("PrivacyDigest", str)  # SHA-256 of the statement's page, in hexadecimal
Slug = NewType("Slug", str)

EMAIL_FIELD = MAILBOX.field
NAME_FIELDS = ("first_name", "last_name")
SOURCE_FIELD = "lead-source"  # nobody types it; front matter takes no hyphen in a name, so no field has it
IN_FRAME, IN_HTML = "frame", "html"  # where a form is shown by another site: in a frame, or as its own HTML
FORM_NAME = "outcome"  # the detail of a declaration that names one of several forms of a magnet


@dataclass(frozen=True)
class FormField:
    """A field of a form besides the e-mail address, and why it is asked (GDPR 5(1)(c))."""

    name: str
    label: str
    why: str
    required: bool = False


@dataclass(frozen=True)
class FormDeclaration:
    """Everything in a form that has legal meaning. Its canonical JSON is stored with the page (P2)."""

    magnet: Slug
    kind: str
    title: str
    lang: str
    controller: Controller
    privacy: PrivacyDigest
    questions: tuple[ConsentQuestion, ...] = ()
    fields: tuple[FormField, ...] = ()
    file: str = ""  # the name of the file that is handed out; empty where there is none
    variant: str = ""  # which of several wordings this is; empty where there is one
    details: str = (
        ""  # JSON of what the kind declares besides (`Details.declared`); empty where it is nothing
    )
    shown_in: str = ""  # another site's page: IN_FRAME or IN_HTML; empty for a page of optin

    def as_json(self) -> dict[str, Any]:
        """Return the declaration as JSON values."""
        plain = asdict(replace(self, questions=()))
        for name in ("variant", "details", "shown_in"):  # absent from what was declared before there were any
            if not plain[name]:
                del plain[name]
        if self.details:
            plain["details"] = json.loads(self.details)
        plain["questions"] = [
            {
                "purpose": question.purpose,
                "channel": question.channel.value,
                "wording": question.wording,
                "retention": question.retention.text,
            }
            for question in self.questions
        ]
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        """Read what `as_json` returned. Raises KeyError, TypeError or ValueError."""
        controller = plain["controller"]
        return cls(
            magnet=Slug(plain["magnet"]),
            kind=plain["kind"],
            title=plain["title"],
            lang=plain["lang"],
            controller=Controller(**{**controller, "address": tuple(controller["address"])}),
            privacy=PrivacyDigest(plain["privacy"]),
            questions=tuple(
                ConsentQuestion(
                    purpose=PurposeId(question["purpose"]),
                    channel=channel_named(question["channel"]),
                    wording=question["wording"],
                    retention=RetentionPeriod.parse(question["retention"]),
                )
                for question in plain["questions"]
            ),
            fields=tuple(FormField(**field) for field in plain["fields"]),
            file=plain["file"],
            variant=plain.get("variant", ""),
            details=details_text(plain.get("details", {})),
            shown_in=plain.get("shown_in", ""),
        )

    @property
    def detail(self) -> dict[str, Any]:
        """A detail declared by the kind."""
        return dict(json.loads(self.details)) if self.details else {}

    @property
    def form_name(self) -> str:
        """The name of this form among several of its magnet; empty for a magnet with one form."""
        return str(self.detail.get(FORM_NAME, ""))

    def question(self, purpose: str) -> ConsentQuestion | None:
        """Return the box for `purpose`; None when the form has no such box."""
        return next((asked for asked in self.questions if asked.purpose == purpose), None)

    @property
    def source_field(self) -> FormField | None:
        """Why the source of a request is kept with it; None: it is not (W8)."""
        return next((field for field in self.fields if field.name == SOURCE_FIELD), None)

    def asked(self, purposes: Sequence[str]) -> tuple[ConsentQuestion, ...]:
        """Return the boxes for `purposes`, in the form's order."""
        return tuple(asked for asked in self.questions if asked.purpose in purposes)


def details_text(plain: dict[str, Any]) -> str:
    """Return a kind's declared details as one text; equal values give equal texts."""
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if plain else ""


def shows(page: bytes, form: FormDeclaration, question: ConsentQuestion) -> bool:
    """Return whether a page asks `question` in its exact words, in the label of its own box and no other.

    The declaration is a telling of the page; it may not say anything that the page does not.
    """
    reader = _BoxReader()
    reader.feed(page.decode("utf-8", "replace"))
    reader.close()
    wording = " ".join(question.wording.split())
    return (
        bool(wording)
        and not reader.repeated
        and set(reader.boxes) == {known.purpose for known in form.questions}
        and wording in {" ".join(text.split()) for text in reader.boxes[question.purpose]}
    )


class _BoxReader(HTMLParser):
    """Reads the consent boxes of a page, each with the texts of its label by element."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.boxes: dict[str, list[str]] = {}
        self.repeated = False
        self._apart: dict[str, list[str]] = {}  # texts of labels that name their box by its id
        self._label: list[str] | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._end_text()
        values = {name: value or "" for name, value in attrs}
        if tag == "label":
            self._label = self._apart.setdefault(values["for"], []) if values.get("for") else []
        elif tag == "input" and (values.get("type"), values.get("name")) == ("checkbox", "consent"):
            box = values.get("value", "")
            self.repeated = self.repeated or box in self.boxes
            apart = self._apart.setdefault(values.get("id", ""), [])
            self.boxes[box] = apart if self._label is None else self._label

    def handle_endtag(self, tag: str) -> None:
        self._end_text()
        if tag == "label":
            self._label = None

    def handle_data(self, data: str) -> None:
        self._text += data

    def _end_text(self) -> None:
        if self._label is not None and self._text.strip():
            self._label.append(self._text)
        self._text = ""


@dataclass(frozen=True)
class FormVersion:
    """A page as served, with its declaration.

    `digest` is of the page's bytes. `key` is the digest of the same page with an empty hidden field, and of
    what it declares: a page cannot hold its own digest, and each key belongs to exactly one page that
    declares exactly this.
    """

    digest: FormDigest
    key: FormKey
    page: bytes
    declaration: FormDeclaration


@dataclass(frozen=True)
class PrivacyVersion:
    """A privacy statement as served (GDPR 13), by the digest of its page."""

    digest: PrivacyDigest
    lang: str
    page: bytes
    day: str = ""  # the date that it bears, as 2026-11-23; empty where it bears none
    text_digest: str = ""  # however the text is rendered
