"""Find the requests of one person about their data, and remove their texts at an erasure."""

from __future__ import annotations

from datetime import datetime

from optin.consent.rights_request import Answer, Outcome, Right, RightsRequest
from optin.flows.context import Context
from optin.flows.unreadable_rows import BROKEN
from optin.store.contacts import numbers_of
from optin.store.data_subjects import find_subject, subjects_by_number
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.rights_requests import (
    add_answer,
    blank_row,
    locked_rows_about,
    open_row,
    remove_texts,
    requests_about,
)


def people_of(tx: Tx, email_index: bytes) -> list[bytes]:
    """Return the digests of a person's address, and of numbers that nobody else gave.

    A number that several people gave does not say which of them asked.
    """
    subject = find_subject(tx, email_index)
    numbers = [] if subject is None else numbers_of(tx, subject)
    owners = subjects_by_number(tx, numbers) if numbers else {}
    return [email_index, *(number for number in numbers if owners.get(number) == [subject])]


def requests_of_person(tx: Tx, context: Context, email_index: bytes) -> list[RightsRequest]:
    """Return the requests of a person, oldest first. Raises KeysUnusable."""
    return [it.request for it in requests_about(tx, context.vault, people_of(tx, email_index))]


def answer_own_erasure(tx: Tx, context: Context, email_index: bytes, now: datetime) -> None:
    """Answer a person's open requests for erasure when the person erases the data on the personal page."""
    people, day = people_of(tx, email_index), now.astimezone(context.policy.zone).date()
    answer = Answer(day, day, Outcome.DONE, "", "erased by the person on the own page", "")
    for row in locked_rows_about(tx, people):
        try:
            stored = open_row(context.vault, row)
            asked = stored.request
        except BROKEN:
            continue  # `clear_requests` empties it
        if asked.answer is None and asked.right is Right.ERASURE and asked.person in people:
            add_answer(tx, context.vault, stored, answer, now)


def clear_requests(tx: Tx, vault: Vault, email_index: bytes, now: datetime) -> None:
    """At an erasure, remove the texts of a person's answered requests; an open one loses them when answered.

    What remains proves the answer: digest, days, which right, done or refused. An unreadable row is emptied:
    it keeps nobody from being erased, and an audit finds it.
    """
    people = people_of(tx, email_index)
    for row in locked_rows_about(tx, people):
        try:
            stored = open_row(vault, row)
            own = stored.request.person in people
        except BROKEN:
            blank_row(tx, row[0])
        else:
            if own:  # else somebody filed it here past optin: it is another's
                remove_texts(tx, vault, stored, now)
