"""What a form asked, by which version: the declaration a page makes, and the page by digest (P2)."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NewType, Self

from optin.consent.purpose import Channel, ConsentQuestion, Controller, PurposeId, RetentionPeriod

FormDigest = NewType("FormDigest", str)  # SHA-256 of the page as served, in hexadecimal
FormKey = NewType("FormKey", str)  # what travels in the form's hidden field
PrivacyDigest = NewType("PrivacyDigest", str)  # SHA-256 of the statement's page, in hexadecimal
Slug = NewType("Slug", str)

EMAIL_FIELD = "email"
PHONE_FIELD = "phone"


@dataclass(frozen=True)
class FormField:
    """One thing that a form asks for besides the e-mail address, and why (GDPR 5(1)(c))."""

    name: str
    label: str
    why: str
    required: bool = False


@dataclass(frozen=True)
class FormDeclaration:
    """Everything a form said that has legal meaning. Its canonical JSON is kept with the page (P2)."""

    magnet: Slug
    kind: str
    title: str
    lang: str
    controller: Controller
    privacy: PrivacyDigest
    questions: tuple[ConsentQuestion, ...] = ()
    fields: tuple[FormField, ...] = ()
    file: str = ""  # the name of the file that is handed out; empty where there is none

    def as_json(self) -> dict[str, Any]:
        """Return the declaration as plain JSON values."""
        plain = asdict(self)
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
        """Read what `as_json` returned. Raises KeyError, TypeError or ValueError when it is none."""
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
                    channel=Channel(question["channel"]),
                    wording=question["wording"],
                    retention=RetentionPeriod.parse(question["retention"]),
                )
                for question in plain["questions"]
            ),
            fields=tuple(FormField(**field) for field in plain["fields"]),
            file=plain["file"],
        )

    def question(self, purpose: str) -> ConsentQuestion | None:
        """Return the box for `purpose`, or None when the form asked no such thing."""
        return next((asked for asked in self.questions if asked.purpose == purpose), None)

    def asked(self, purposes: Sequence[str]) -> tuple[ConsentQuestion, ...]:
        """Return the boxes for `purposes`, in the form's order."""
        return tuple(asked for asked in self.questions if asked.purpose in purposes)


def shows(page: bytes, form: FormDeclaration, question: ConsentQuestion) -> bool:
    """Tell whether a page asks `question` in its words, whole, beside its own box.

    The declaration is a telling of the page; it may not say anything that the page does not.
    """
    text = html.unescape(page.decode("utf-8", "replace"))
    boxes = sorted(text.find(f'value="{asked.purpose}"') for asked in form.questions)
    place = text.find(f'value="{question.purpose}"')
    if place < 0:
        return False
    before = max((box for box in boxes if box < place), default=0)
    after = min((box for box in boxes if box > place), default=len(text))
    whole = re.compile(r">\s*" + re.escape(question.wording) + r"\s*[<(]")
    return whole.search(text, before, after) is not None


@dataclass(frozen=True)
class FormVersion:
    """One page as it is served, with what it declares.

    `digest` is of the page's bytes. `key` is the digest of the same page with an empty hidden field: a page
    cannot hold its own digest, and each key belongs to exactly one page.
    """

    digest: FormDigest
    key: FormKey
    page: bytes
    declaration: FormDeclaration


@dataclass(frozen=True)
class PrivacyVersion:
    """One privacy statement as it is served (GDPR 13), by the digest of its page."""

    digest: PrivacyDigest
    lang: str
    page: bytes
