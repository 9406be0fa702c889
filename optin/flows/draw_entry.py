"""Taking part in a prize draw: one entry for each mailbox, confirmed before the draw closes (M2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optin.consent.address import EmailAddress, mailbox_of
from optin.consent.consent_record import RequestId
from optin.consent.draw import SHORT_CHARACTERS, ShownTicket, shown_ticket
from optin.consent.form import FormDeclaration
from optin.consent.prize import ANSWER_FIELD, KIND, PrizeDraw
from optin.flows.consents.opened_request import OpenedRequest
from optin.proof.canonical import canonical
from optin.proof.commitment import leaf_digest
from optin.store.draws import DrawEntry, add_entry, entry_of, fixed_at, tickets_like, winners_of
from optin.store.transaction import Tx
from optin.store.vault import Vault


@dataclass(frozen=True)
class Participation:
    """How somebody takes part. `state`: in, twice (the same mailbox), late; `answer_counts`: after the draw.

    Until the draw a wrong answer looks like a right one: else it would be tried until it is right.
    """

    state: str
    ticket: ShownTicket
    promise: PrizeDraw
    won: bool = False
    drawn: bool = False
    answer_counts: bool = True


def promise_of(form: FormDeclaration) -> PrizeDraw | None:
    """Return what a form promises as a prize draw; None when it is none."""
    return PrizeDraw.read(form.detail) if form.kind == KIND and form.details else None


def enter(tx: Tx, vault: Vault, opened: OpenedRequest, confirmed: dict[str, Any], now: datetime) -> None:
    """Let who confirms now take part; the ticket is the leaf of the event `confirmed`.

    Whoever is late, or there already with the same mailbox, is kept as that, and takes no further part.
    """
    promise = promise_of(opened.declaration)
    if promise is None or opened.declared.through:
        return
    magnet, declared = opened.declaration.magnet, opened.declared
    entry = DrawEntry(opened.stored.id, magnet, leaf_digest(canonical(confirmed)).hex(), "late")
    if now >= promise.closes or fixed_at(tx, magnet) is not None:
        add_entry(tx, entry, None)
        return
    right = promise.takes_part(declared.fields.get(ANSWER_FIELD, ""))
    mailbox = vault.index(mailbox_of(EmailAddress(declared.email)))
    state = "in" if right else "wrong"
    if not add_entry(tx, DrawEntry(entry.request, magnet, entry.ticket, state), mailbox):
        add_entry(tx, DrawEntry(entry.request, magnet, entry.ticket, "twice"), None)


def ticket_of(tx: Tx, entry: DrawEntry) -> ShownTicket:
    """Return the ticket of an entry, told from all others of its draw."""
    return shown_ticket(entry.ticket, tickets_like(tx, entry.magnet, entry.ticket[:SHORT_CHARACTERS]))


def participation(tx: Tx, request: RequestId, form: FormDeclaration) -> Participation | None:
    """Return how the person behind a request takes part; None: in nothing, or it is over and forgotten."""
    promise = promise_of(form)
    entry = None if promise is None else entry_of(tx, request)
    if promise is None or entry is None:
        return None
    winners = winners_of(tx, entry.magnet)
    return Participation(
        state="in" if entry.state == "wrong" else entry.state,
        ticket=ticket_of(tx, entry),
        promise=promise,
        won=entry.ticket in (winners or ()),
        drawn=winners is not None,
        answer_counts=entry.state != "wrong",
    )
