"""Take part in a prize draw: one entry per mailbox, confirmed before the draw closes (M2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from optin.kinds.api.flows import (
    Context,
    EmailAddress,
    OpenedRequest,
    PersonStatus,
    RequestId,
    RequestPolicy,
    SubjectId,
    mailbox_of,
)
from optin.kinds.api.forms import FormDeclaration
from optin.kinds.api.store import Tx
from optin.kinds.prize_draw.details import ANSWER_FIELD, KIND, PrizeDraw
from optin.kinds.prize_draw.draw_lots import SHORT_CHARACTERS, ShownTicket, shown_ticket
from optin.kinds.prize_draw.stored_entries import (
    DrawEntry,
    add_entry,
    entry_of,
    fixed_at,
    tickets_like,
    winners_of,
)


@dataclass(frozen=True)
class Participation:
    """A person's participation. `state`: in, twice (same mailbox), late; `answer_counts`: after the draw.

    Until the draw a wrong answer looks like a right one: else it would be tried until it is right.
    """

    state: str
    ticket: ShownTicket
    promise: PrizeDraw
    won: bool = False
    drawn: bool = False
    answer_counts: bool = True

    @property
    def right_answer(self) -> str:
        """The right answer, for people who gave another; only after the draw."""
        contest = self.promise.contest
        return "" if contest is None or self.answer_counts else next(iter(contest.answers), "")


def promise_of(form: FormDeclaration) -> PrizeDraw | None:
    """Return the prize draw that a form declares; None when it declares none."""
    return PrizeDraw.read(form.detail) if form.kind == KIND and form.details else None


def draws_of(policy: RequestPolicy) -> dict[str, PrizeDraw]:
    """Return every prize draw by its address; a renamed one is another draw."""
    return {
        name: it.details
        for name, it in policy.magnets.items()
        if isinstance(it.details, PrizeDraw) and (it.removed or name == it.slug)
    }


def enter(
    tx: Tx, context: Context, opened: OpenedRequest, _subject: SubjectId, leaf: bytes, now: datetime
) -> None:
    """Enter the confirming person; the ticket is the leaf of the event `confirmed`.

    Whoever is late, or there already with the same mailbox, is kept as that, and takes no further part.
    """
    promise = promise_of(opened.declaration)
    if promise is None:
        return
    magnet, declared = opened.declaration.magnet, opened.declared
    entry = DrawEntry(opened.stored.id, magnet, leaf.hex(), "late")
    if now >= promise.closes or fixed_at(tx, magnet) is not None:
        add_entry(tx, entry, None)
        return
    right = promise.takes_part(declared.fields.get(ANSWER_FIELD, ""))
    mailbox = context.vault.index(mailbox_of(EmailAddress(declared.email)))
    state = "in" if right else "wrong"
    if not add_entry(tx, DrawEntry(entry.request, magnet, entry.ticket, state), mailbox):
        add_entry(tx, DrawEntry(entry.request, magnet, entry.ticket, "twice"), None)


def ticket_of(tx: Tx, entry: DrawEntry) -> ShownTicket:
    """Return the short form of an entry's ticket."""
    return shown_ticket(entry.ticket, tickets_like(tx, entry.magnet, entry.ticket[:SHORT_CHARACTERS]))


def participation(tx: Tx, request: RequestId, form: FormDeclaration) -> Participation | None:
    """Return the participation of a request's person; None when there is none (any more)."""
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


def person_status(tx: Tx, _context: Context, opened: OpenedRequest, _now: datetime) -> PersonStatus | None:
    """Return a person's status in a draw; the ticket remains when its form is gone."""
    part = participation(tx, opened.stored.id, opened.declaration)
    if part is None:
        return None
    return PersonStatus(part, {"ticket": part.ticket.full, "ticket_short": part.ticket.short})
