"""The test mail of `optin doctor`, known by the token of its return address when it comes back (O3, O6).

Its token names a mailbox that no person can have, so that what comes back changes nothing about anybody.
"""

from __future__ import annotations

from datetime import UTC, datetime

from optin.consent.return_address import DIGEST_BYTES, MailOfToken
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.unreachable_addresses import ReturnedTest, note_returned_test, returned_test


def mailbox_of_doctor(vault: Vault) -> bytes:
    """Return what the token of a test mail says of its mailbox."""
    return vault.limit_digest("test mail of the doctor")[:DIGEST_BYTES]


def is_doctors(vault: Vault, mail: MailOfToken) -> bool:
    """Return whether a mail that came back was a test mail."""
    return mail.mailbox == mailbox_of_doctor(vault)


def note_came_back(tx: Tx, mail: MailOfToken, source: str, meaning: str) -> None:
    """Note that a test mail came back: by which way, and what was said of it; the last one counts."""
    note_returned_test(tx, ReturnedTest(mail.sent_at, source, meaning))


def came_back(tx: Tx, sent_at: datetime) -> ReturnedTest | None:
    """Return how the test mail of a moment came back; None when it did not yet."""
    found = returned_test(tx)
    same = found is not None and found.sent_at == sent_at.astimezone(UTC).replace(microsecond=0)
    return found if same else None
