"""What staff did about a person: at an erasure the acts stay, and the reasons go, also of open sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from optin.flows.rights.requests_of_person import people_of
from optin.flows.unreadable_rows import BROKEN
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.person_numbers import forget_number
from optin.store.person_searches import sessions_that_found
from optin.store.rights_requests import locked_rows_about
from optin.store.staff_sessions import LOOKED_AT, WHY_REQUEST, keep_notes_of, sealed_sessions
from optin.store.staff_trail import blank_act, locked_acts_about, open_act, remove_act_texts


def clear_acts(tx: Tx, vault: Vault, email_index: bytes, now: datetime) -> None:
    """Remove the reasons of acts about a person, and the numbers by which pages of the desk named them.

    An unreadable row is emptied: it keeps nobody from being erased, and an audit finds it.
    """
    people = people_of(tx, email_index)
    _clear_visits(tx, vault, people)
    for person in people:
        for row in locked_acts_about(tx, person):
            try:
                stored = open_act(vault, row)
            except BROKEN:
                blank_act(tx, int(row[0]))
                continue
            if stored.act.about == person:  # else somebody filed it here past optin: it is another's
                remove_act_texts(tx, vault, stored, now)
        forget_number(tx, person)


def _clear_visits(tx: Tx, vault: Vault, people: Sequence[bytes]) -> None:
    """Remove what sessions hold that found or looked at one of these people: the reason may name them."""
    names = {it.hex() for it in people}
    requests = {str(row[0]) for row in locked_rows_about(tx, people)}
    found = sessions_that_found(tx, vault, people)
    for session in sealed_sessions(tx, vault):
        looked_at, about = session.notes.get(LOOKED_AT, ""), session.notes.get(WHY_REQUEST)
        if session.digest in found or names & {*looked_at.split()} or about in requests:
            keep_notes_of(tx, vault, session.digest, {})
