"""What staff did about a person: at an erasure the acts stay, and the reasons go."""

from __future__ import annotations

from datetime import datetime

from optin.flows.rights.requests_of_person import people_of
from optin.flows.unreadable_rows import BROKEN
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.person_numbers import forget_number
from optin.store.staff_trail import blank_act, locked_acts_about, open_act, remove_act_texts


def clear_acts(tx: Tx, vault: Vault, email_index: bytes, now: datetime) -> None:
    """Remove the reasons of acts about a person, and the numbers by which pages of the desk named them.

    An unreadable row is emptied: it keeps nobody from being erased, and an audit finds it.
    """
    for person in people_of(tx, email_index):
        for row in locked_acts_about(tx, person):
            try:
                stored = open_act(vault, row)
            except BROKEN:
                blank_act(tx, int(row[0]))
                continue
            if stored.act.about == person:  # else somebody filed it here past optin: it is another's
                remove_act_texts(tx, vault, stored, now)
        forget_number(tx, person)
