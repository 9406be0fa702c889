"""Why somebody of the staff looks at people, and the record of each look (K1).

The reason is asked once and stands for half an hour, sealed with the session. Each person that is opened
meanwhile is recorded once: in the trail, and for the person as `optin subject show` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.staff_role import REASON_LASTS
from optin.flows.context import Context
from optin.flows.context_with_kinds import SiteContext
from optin.flows.rights.officer_requests import OfficerRequest, record_officer_request
from optin.flows.rights.personal_data import record_access
from optin.flows.staff.sign_in import StaffSession
from optin.flows.staff.trail import ActKind, Doing, record
from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.person_numbers import known_number
from optin.store.staff_sessions import LOOKED_AT, WHY_REQUEST, find_session, keep_notes_of

_WHY, _UNTIL = "why", "why-until"
MOST_LETTERS = 200


@dataclass(frozen=True)
class VisitReason:
    """Why somebody looks. `request`: the number of the person's request that it is about, if any."""

    why: str = field(repr=False)
    until: datetime
    request: int | None = None
    seen: frozenset[str] = frozenset()  # digests of the people whose look is recorded already


def reason_of(session: StaffSession, now: datetime) -> VisitReason | None:
    """Return the reason that holds now; None: it is to be asked."""
    notes = session.notes
    if not notes.get(_WHY):
        return None
    until = from_ms(int(notes[_UNTIL]))
    if now >= until:
        return None
    request = notes.get(WHY_REQUEST, "")
    return VisitReason(
        notes[_WHY], until, int(request) if request else None, frozenset(notes.get(LOOKED_AT, "").split())
    )


def give_reason(
    tx: Tx, context: Context, session: StaffSession, why: str, request: int | None, now: datetime
) -> None:
    """Keep a reason with the session; each person is recorded anew under it."""
    notes = {
        **session.notes,
        _WHY: " ".join(why.split())[:MOST_LETTERS],
        _UNTIL: str(to_ms(now + REASON_LASTS)),
        WHY_REQUEST: "" if request is None else str(request),
        LOOKED_AT: "",
    }
    keep_notes_of(tx, context.vault, session.digest, notes)


def keep_note(tx: Tx, context: Context, session: StaffSession, name: str, text: str) -> None:
    """Keep something else sealed with a session, such as what was verified last."""
    stored = find_session(tx, context.vault, session.digest, tx.for_update)
    if stored is not None:
        keep_notes_of(tx, context.vault, session.digest, {**stored.notes, name: text})


def record_look(
    tx: Tx, context: SiteContext, session: StaffSession, index: bytes, reason: VisitReason, now: datetime
) -> None:
    """Record that a person's data were shown, once for each reason and person."""
    name = index.hex()
    if name in reason.seen:
        return
    if not known_number(tx, context.vault, index):  # erased meanwhile: no reason is kept about them
        return
    keep_note(tx, context, session, LOOKED_AT, " ".join((*sorted(reason.seen), name)))
    record_access(tx, context, index, "shown", now)
    handling = OfficerRequest(index, session.account.name, reason.why)
    record_officer_request(tx, context, handling, "show", now)
    facts = {} if reason.request is None else {"request": reason.request}
    doing = Doing(session.account.id, ActKind.LOOKED_AT_PERSON, index, reason.why, facts)
    record(tx, context.vault, doing, now)
