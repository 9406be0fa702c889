"""Flow hooks of a prize draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from optin.kinds.api import FlowPart
from optin.kinds.api.flows import Context, OpenedRequest, QueuedMail
from optin.kinds.api.forms import Details
from optin.kinds.api.store import Tx
from optin.kinds.prize_draw import event_names
from optin.kinds.prize_draw.audit import audit_draws, audit_entries
from optin.kinds.prize_draw.details import PrizeDraw
from optin.kinds.prize_draw.draw_winners import DRAWN
from optin.kinds.prize_draw.participation import Participation, enter, participation, person_status
from optin.kinds.prize_draw.sweep_rules import RULES, missed_draws


def fill_mail(
    tx: Tx, _context: Context, opened: OpenedRequest, _mail: QueuedMail, _now: datetime
) -> Participation | None:
    """Return the person's participation, for the mail with the result."""
    return participation(tx, opened.stored.id, opened.declaration)


def kept(details: Details) -> Mapping[str, Any] | None:
    """Return the details of a draw to store in case its page is removed."""
    return details.declared() if isinstance(details, PrizeDraw) else None


def warn_of_missed(tx: Tx, context: Context, now: datetime) -> Sequence[str]:
    """Return a warning for each draw that can no longer be drawn as announced."""
    return [
        f"the entries of /{magnet} were not fixed before its seed was known: name a later seed"
        for magnet in missed_draws(tx, context.policy, now)
    ]


FLOWS = FlowPart(
    on_confirmed=enter,
    person_status=person_status,
    mails=frozenset({DRAWN}),
    fill_mail=fill_mail,
    kept=kept,
    read_kept=PrizeDraw.read,
    sweep_rules=RULES,
    warnings=warn_of_missed,
    events=frozenset({event_names.FIXED, event_names.DRAWN}),
    audit=audit_draws,
    audit_confirmed=audit_entries,
)
