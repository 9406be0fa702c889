"""Record the ticked boxes of a reply card, each as an attested consent, with the scan (L6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from optin.bases.attested import BOX, FORM, AttestedConsent, Grade
from optin.consent.form_version import FormDigest
from optin.consent.purpose import ConsentQuestion
from optin.errors import RequestRefused
from optin.flows.bases.record_attested import RecordedAttestation, record_attested
from optin.flows.bases.record_basis import EvidenceFile
from optin.flows.context import Context
from optin.store.database_interface import Tx
from optin.store.stored_forms import StoredForm, form_by_digest

_ZONES = timedelta(days=1)  # the day on paper is that of wherever it was written


@dataclass(frozen=True)
class FilledCard:
    """A card as staff hands it in. `ticked`: each question with who says that its box is ticked.

    `day`: as written on the card. `addresses`: the person's, in normal form, by the fields of their kinds.
    """

    form: FormDigest
    ticked: Sequence[tuple[ConsentQuestion, str]]
    day: date
    who: str
    addresses: Mapping[str, str] = field(repr=False)


def card_form(tx: Tx, _context: Context, digest: FormDigest) -> StoredForm | None:
    """Return the form version that a card names; None when it is not on record."""
    return form_by_digest(tx, digest)


def record_card(
    tx: Tx, context: Context, card: FilledCard, scan: EvidenceFile, now: datetime
) -> tuple[RecordedAttestation, ...]:
    """Record each ticked box in the words of the card's form version; the same scan again changes nothing.

    Raises RequestRefused, with nothing stored: no box is ticked, the card is older than its form version, or
    see `record_attested`.
    """
    form = form_by_digest(tx, card.form)
    if form is None or not card.ticked:
        msg = "No box of this card is ticked, so there is nothing to keep."
        raise RequestRefused(msg)
    if card.day < (form.first_served - _ZONES).date():
        msg = f"On {card.day} there was no such card; its form is of {form.first_served:%Y-%m-%d}."
        raise RequestRefused(msg)
    declared = form.version.declaration
    return tuple(
        record_attested(
            tx,
            context,
            AttestedConsent(
                who=card.who,
                key=question.key,
                grade=Grade.SIGNED,
                day=card.day,
                kept=question.retention,
                addresses=card.addresses,
                source=declared.title,
                words=question.wording,
                lang=declared.lang,
                card={FORM: card.form, BOX: by},
            ),
            scan,
            now,
        )
        for question, by in card.ticked
    )
