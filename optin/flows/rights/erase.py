"""Erase a person: at once, everywhere, without asking why (GDPR 17, R5-R7).

What remains names nobody: the leaves of the log, a keyed digest on the suppression list, and for each export
that held the person a digest that fits that export alone. A legal hold keeps exactly what it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.channel import MAILBOX
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.erasure_grounds import BY_OFFICER, BY_PERSON, BY_RESTORE, ErasureGround
from optin.consent.held_basis import BasisEntry
from optin.consent.status_transitions import RequestId, SubjectId
from optin.errors import LogDisagrees
from optin.flows.bases.record_basis import erase_bases_about, is_required, numbers_in
from optin.flows.context import Context
from optin.flows.deletion_clock import trusted_moment
from optin.flows.delivery.mail_order import MailKind
from optin.flows.exports.queue_webhook_messages import queue_erased, queue_objected
from optin.flows.rights.requests_of_person import answer_own_erasure, clear_requests
from optin.flows.rights.staff_acts_of_person import clear_acts
from optin.store.blank_evidence import kinds_to_blank
from optin.store.contacts import load_contact, numbers_of
from optin.store.data_subjects import consents_of, find_subject, lock_subject, remove_subject
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.export_records import forget_membership, memberships_of
from optin.store.held_bases import entries_about
from optin.store.journal_lines import add_replay_line
from optin.store.legal_holds import LegalHold, holds_of
from optin.store.mail_outbox import NoticeMail, enqueue_notice, withdraw_notices
from optin.store.objections import blank_reasons
from optin.store.officer_actions import reword_actions
from optin.store.person_records import request_ids
from optin.store.requests import (
    DeclaredData,
    SealedRequest,
    declared_index,
    detach_requests,
    erase_requests,
    peek_request,
)
from optin.store.suppressions import suppress, suppress_numbers
from optin.store.unreachable_addresses import forget_returned

__all__ = ["BY_OFFICER", "BY_PERSON", "BY_RESTORE", "ErasureResult", "erase_and_notify", "erase_person"]


@dataclass(frozen=True)
class ErasureResult:
    """Result of an erasure: number of erased requests, data under legal hold, entries that a law requires."""

    requests: int
    holds: tuple[LegalHold, ...]
    kept: tuple[BasisEntry, ...] = ()
    address: EmailAddress | None = field(default=None, repr=False)


def erase_person(
    tx: Tx,
    context: Context,
    email_index: bytes,
    reason: ErasureGround,
    now: datetime,
    *,
    suppress_all: bool = True,
) -> ErasureResult | None:
    """Erase all data about an address; None when there is none (any more).

    1. Find the person and its requests, confirmed or not: those that were declared with this address.
    2. See that the reason allows to blank their events. Raises LogDisagrees, with nothing changed.
    3. Keep the address from being approached, by digest; keep who must still be told, by digest. Who has a
       webhook and the person's data is told by that: its address is sealed until then.
    4. Remove it all; the log keeps the leaves. Of the register of bases stays what a law requires to keep.
    Retention is no wish to be left alone: it suppresses nothing (`suppress_all`) that was not before.
    """
    vault = context.vault

    # 1. Find the person and its requests.
    subject = find_subject(tx, email_index)
    if subject is not None and not lock_subject(tx, subject):
        subject = None  # erased by another while this one waited
    requests = _own_requests(tx, vault, email_index, subject, reason)
    bases = entries_about(tx, vault, [email_index])
    clock = trusted_moment(tx, context, now)
    if subject is None and not requests and all(is_required(entry, clock) for entry in bases):
        clear_requests(tx, vault, email_index, now)  # of somebody who only ever wrote a letter
        clear_acts(tx, vault, email_index, now)
        forget_returned(tx, email_index)
        reword_actions(tx, email_index)
        return None
    address = _address(tx, vault, subject, requests, bases)
    if subject is not None and address is not None and vault.index(address) != email_index:
        subject = None  # a row that was put in this one's place is another's

    # 2. See that the reason allows it.
    kinds_to_blank(tx, vault, requests, reason, now)

    # 3. Keep the address from being approached.
    if suppress_all:
        _suppress_all(tx, email_index, subject, numbers_in(vault, bases), now)
    if subject is not None and address is not None:
        for run in memberships_of(tx, subject):
            forget_membership(tx, run, vault.export_digest(run, address), now)
        queue_erased(tx, vault, subject, email_index, address, now)

    # 4. Remove it all.
    if reason == BY_PERSON:
        answer_own_erasure(tx, context, email_index, now)
    clear_requests(tx, vault, email_index, now)
    clear_acts(tx, vault, email_index, now)
    erase_requests(tx, vault, requests, reason, now)
    kept = erase_bases_about(tx, context, [email_index], reason, now)
    withdraw_notices(tx, email_index)
    forget_returned(tx, email_index)
    reword_actions(tx, email_index)
    blank_reasons(tx, email_index)
    if subject is not None:
        detach_requests(tx, subject)
        remove_subject(tx, subject)
    add_replay_line(tx, {"kind": "erased", "person": email_index.hex(), "suppressed": suppress_all}, now)

    holds = tuple(hold for hold in holds_of(tx, vault, email_index) if hold.until > now)
    return ErasureResult(len(requests), holds, kept, address)


def erase_and_notify(
    tx: Tx, context: Context, email_index: bytes, reason: ErasureGround, lang: str, now: datetime
) -> ErasureResult | None:
    """Erase a person, and queue a last mail that confirms it; the mail is deleted once sent."""
    gone = erase_person(tx, context, email_index, reason, now)
    if gone is not None and gone.address is not None:
        notice = NoticeMail(MailKind.ERASED, email_index, {"email": gone.address, "lang": lang})
        enqueue_notice(tx, context.vault, notice, context.policy.mail_domain, now)
    return gone


def _own_requests(
    tx: Tx, vault: Vault, email_index: bytes, subject: SubjectId | None, reason: ErasureGround
) -> list[RequestId]:
    """Return the requests declared with an address, whatever their rows claim.

    A request of somebody else that was filed under this address would lose its evidence by this erasure: it
    stays, and an erasure that nobody asked for does not take place. Raises LogDisagrees.
    """
    filed = request_ids(tx, email_index, subject)
    own = [request for request in filed if declared_index(tx, vault, request) == email_index]
    if reason.since is not None and own != filed:
        msg = "a request is filed under another address than was declared"
        raise LogDisagrees(msg)
    return own


def _address(
    tx: Tx,
    vault: Vault,
    subject: SubjectId | None,
    requests: list[RequestId],
    bases: Sequence[BasisEntry],
) -> EmailAddress | None:
    if subject is not None and (contact := load_contact(tx, vault, subject)).values:
        return contact.email
    stored = peek_request(tx, requests[-1]) if requests else None
    if stored is None:
        stated = (entry.statement.addresses.get(MAILBOX.field, "") for entry in bases)
        return next((EmailAddress(it) for it in stated if it), None)
    return EmailAddress(
        DeclaredData.parse(SealedRequest.open(vault, stored.id, stored.sealed).declaration).email
    )


def _suppress_all(
    tx: Tx, email_index: bytes, subject: SubjectId | None, recorded: Iterable[bytes], now: datetime
) -> None:
    suppress(tx, email_index, None, now)
    numbers = sorted({*recorded, *(() if subject is None else numbers_of(tx, subject))})
    suppress_numbers(tx, numbers, email_index, None, now)
    queue_objected(tx, numbers, None, now)
    for consent in () if subject is None else consents_of(tx, subject):
        suppress(tx, email_index, consent.key, now)
