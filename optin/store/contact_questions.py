"""Questions whether a person may be contacted: who asked and was told what (G1, G4).

A row belongs to a person and goes with them. The sums by week name nobody: they count every question, also
those about people who are not on file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from optin.consent.purpose import ConsentKey
from optin.store.consent_key_columns import columns_of
from optin.store.database_interface import Row, Tx, from_ms, to_ms
from optin.store.row_queries import add_to_sums, count_rows, list_parameters

YES = "yes"  # in place of a reason


@dataclass(frozen=True)
class ContactQuestion:
    """One question about a person, with its answer. `reason`: of a no; empty for a yes.

    `owner`: the id of the person, or of an entry of the register of bases.
    """

    owner: bytes
    at: datetime
    asker: str
    key: ConsentKey
    may: bool
    reason: str


class QuestionSum(NamedTuple):
    """What is counted together. `answer`: YES, or the reason of a no."""

    monday: date  # of the week in UTC
    asker: str
    purpose: str
    channel: str
    answer: str


def store_questions(tx: Tx, questions: Sequence[ContactQuestion], sums: Mapping[QuestionSum, int]) -> None:
    """Store questions about people who are still there, and add to the sums, in a fixed order."""
    tx.many(
        "INSERT INTO contact_question(subject_id, at, asker, purpose, channel, may, reason)"
        " SELECT :owner, :at, :asker, :purpose, :channel, :may, :reason"
        " WHERE EXISTS (SELECT 1 FROM subject WHERE id = :owner"
        " UNION SELECT 1 FROM held_basis WHERE id = :owner)",
        [
            {
                "owner": it.owner,
                "at": to_ms(it.at),
                "asker": it.asker,
                **columns_of(it.key),
                "may": int(it.may),
                "reason": it.reason,
            }
            for it in questions
        ],
    )
    add_to_sums(tx, "question_sum", QuestionSum._fields, sums)


def questions_about(tx: Tx, owners: Sequence[bytes]) -> list[ContactQuestion]:
    """Return the questions about a person and its entries, newest first, each once."""
    if not owners:
        return []
    values, among = list_parameters(owners)
    rows = tx.all(
        "SELECT subject_id, at, asker, purpose, channel, may, reason FROM contact_question"
        f" WHERE subject_id IN ({among}) ORDER BY at DESC, id DESC",
        **values,
    )
    found: dict[tuple[Row, int], ContactQuestion] = {}
    alike: Counter[Row] = Counter()
    for row in rows:
        owner = bytes(row[0])
        alike[owner, *row[1:]] += 1  # asked twice in one moment it is noted twice for each of several owners
        place = (row[1:], alike[owner, *row[1:]])
        key = ConsentKey.parse(row[3], row[4])
        found[place] = ContactQuestion(owner, from_ms(row[1]), row[2], key, bool(row[5]), row[6])
    return list(found.values())


def permitted_since(tx: Tx, owners: Sequence[bytes], channel: str, since: datetime) -> list[datetime]:
    """Return when a contact with a person by a channel was permitted since a moment, oldest first."""
    if not owners:
        return []
    values, among = list_parameters(owners)
    rows = tx.all(
        f"SELECT DISTINCT at FROM contact_question WHERE subject_id IN ({among}) AND at > :since"
        " AND channel = :channel AND may = 1 ORDER BY at",
        since=to_ms(since),
        channel=channel,
        **values,
    )
    return [from_ms(row[0]) for row in rows]


def question_sums(tx: Tx) -> dict[QuestionSum, int]:
    """Return every sum."""
    rows = tx.all("SELECT monday, asker, purpose, channel, answer, count FROM question_sum")
    return {QuestionSum(date.fromisoformat(row[0]), *row[1:5]): row[5] for row in rows}


def count_old_questions(tx: Tx, before: datetime) -> int:
    """Count the questions asked before a moment."""
    return count_rows(tx, "contact_question WHERE at < :before", before=to_ms(before))


def forget_questions(tx: Tx, before: datetime, most: int) -> int:
    """Delete questions asked before a moment, in a short step; return how many."""
    return tx.run(
        "DELETE FROM contact_question WHERE id IN"
        " (SELECT id FROM contact_question WHERE at < :before ORDER BY at LIMIT :most)",
        before=to_ms(before),
        most=most,
    )
