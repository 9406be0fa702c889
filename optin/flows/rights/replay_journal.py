"""Replay the journal on a restored backup: what ended, and who objected, since the backup (S7).

Nothing is given by it, only taken (P8): each line ends consents, and what is unknown here is suppressed. What
staff removed from the company's list since the backup is on it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from optin.consent.event_content import restored
from optin.consent.held_basis import BasisEntryId
from optin.consent.objection import Objection
from optin.consent.purpose import ConsentKey
from optin.consent.status_transitions import EventKind
from optin.flows.bases.record_basis import end_restored_entry
from optin.flows.context import Context
from optin.flows.rights.erase import BY_RESTORE, erase_person
from optin.flows.rights.withdraw import withdraw_from
from optin.store.data_subjects import find_subject
from optin.store.database_interface import Tx
from optin.store.events import add_events
from optin.store.installation_facts import forget_backup
from optin.store.journal_lines import ENTRY_ENDED, ReplayLine, add_replay_line, mark_waiting
from optin.store.move_address_indexes import index_today
from optin.store.objections import add_objection
from optin.store.suppressions import suppress


def replay(tx: Tx, context: Context, lines: Sequence[ReplayLine], size: int, now: datetime) -> Counter[str]:
    """Replay each line that is not known here; return the number by kind.

    Then log that a backup of `size` events was put back: whoever holds a later receipt can be told why.
    """
    done: Counter[str] = Counter()
    for line in lines:
        if add_replay_line(tx, line.content, line.at):  # first: what it does would write the very same line
            done[_replayed(tx, context, line)] += 1
    add_events(tx, context.vault, None, [restored(now, size)])
    mark_waiting(tx)  # whatever file is the journal from now on, it gets every one about a person
    forget_backup(tx)
    return done


def _replayed(tx: Tx, context: Context, line: ReplayLine) -> str:
    """Replay one line, at its original time; return its kind."""
    kind, person = str(line.content["kind"]), index_today(tx, bytes.fromhex(str(line.content["person"])))
    if kind == EventKind.ERASED:
        wanted = bool(line.content["suppressed"])
        gone = erase_person(tx, context, person, BY_RESTORE, line.at, suppress_all=wanted)
        if gone is None and wanted:
            suppress(tx, person, None, line.at)
    elif kind == ENTRY_ENDED:
        end_restored_entry(tx, context, BasisEntryId(bytes.fromhex(str(line.content["entry"]))), line.at)
    elif kind == EventKind.OBJECTED:
        add_objection(tx, context.vault, Objection.of_line(line.content, line.at), None)
    else:
        key = ConsentKey.parse(str(line.content["purpose"]), str(line.content["channel"]))
        subject = find_subject(tx, person)
        if subject is not None:
            withdraw_from(tx, context.vault, subject, {key}, line.at)
        suppress(tx, person, key, line.at)
    return kind
