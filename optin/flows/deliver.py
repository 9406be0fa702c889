"""Delivery of mail: claim what is due, say what it is to tell, record what became of it (D1, P2).

A claimed mail is composed from the store at this moment, so a link's age starts when its mail leaves.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

from optin.consent.address import EmailAddress
from optin.consent.code import spaced
from optin.consent.links import LinkKind
from optin.consent.record import Status
from optin.flows.opened import OpenedRequest, open_request
from optin.flows.orders import MailKind, MailOrder, Receipt, Verdict
from optin.flows.policy import RequestPolicy
from optin.flows.receipt import NotIntegrated, proof_of_receipt
from optin.proof.commitment import commit
from optin.store.events import add_events
from optin.store.outbox import (
    Letter,
    claim,
    give_up_killers,
    keep_mail,
    postpone,
    put_back,
    settle,
    standing,
    withdraw_letter,
)
from optin.store.requests import load_request, open_link
from optin.store.subjects import consents_of
from optin.store.transaction import Tx
from optin.store.vault import Vault

LEASE = timedelta(minutes=5)  # more than twice what a mail in hand may take, waiting and sending
FIRST_WAIT_SECONDS = 30
LONGEST_WAIT_SECONDS = 6 * 3600
MOMENT = timedelta(milliseconds=250)  # until the log has taken in what was just confirmed
GIVE_UP_AFTER = timedelta(days=7)


def claim_orders(
    tx: Tx, vault: Vault, policy: RequestPolicy, most: int, now: datetime, *, suspect: bool
) -> list[MailOrder]:
    """Claim up to `most` due mails. `suspect`: those with which a courier died, to be tried alone.

    A mail that has nothing to say any more (its request is gone, or already confirmed) is dropped.
    """
    give_up_killers(tx, now)
    orders: list[MailOrder] = []
    for letter in claim(tx, most, LEASE, now, suspect=suspect):
        try:
            order = _order(tx, vault, policy, letter, now)
        except NotIntegrated:
            put_back(tx, letter.number, now + MOMENT)
            continue
        if order is None:
            withdraw_letter(tx, letter.number)
        else:
            orders.append(order)
    return orders


def settle_order(
    tx: Tx,
    vault: Vault,
    order: MailOrder,
    verdict: Verdict,
    reply: str,
    message: bytes,
    now: datetime,
) -> bool:
    """Record what became of a mail; False when another courier has it by now, or it is gone.

    Sent: an event commits to the very bytes, and they are kept sealed (P2). Refused: never again.
    Later: again after 30 s · 2ⁿ up to 6 h with jitter, for a week.
    """
    stand = standing(tx, order.number, order.claim)
    if stand is None:
        return False
    if verdict is Verdict.LATER and now < stand.queued_at + GIVE_UP_AFTER:
        postpone(tx, order.number, reply, now + _wait(stand.attempts))
        return True
    settle(tx, order.number, "sent" if verdict is Verdict.SENT else "dead", reply, now)
    if verdict is Verdict.SENT and order.circumstances is not None:
        proof = commit(order.salt, message)
        keep_mail(tx, vault, stand.message_id, stand.request, message, now)
        mailed = order.circumstances.mailed(now, stand.kind, stand.message_id, proof)
        add_events(tx, stand.request, [mailed])
    return True


def _wait(attempts: int) -> timedelta:
    longest = min(FIRST_WAIT_SECONDS * 2**attempts, LONGEST_WAIT_SECONDS)
    return timedelta(seconds=longest / 2 + random.uniform(0, longest / 2))  # noqa: S311 - spreads load


def _order(tx: Tx, vault: Vault, policy: RequestPolicy, letter: Letter, now: datetime) -> MailOrder | None:
    stored = load_request(tx, letter.request)
    if stored is None:
        return None
    opened = open_request(tx, vault, stored)
    order = MailOrder(
        number=letter.number,
        claim=letter.claim,
        message_id=letter.message_id,
        kind=MailKind(letter.kind),
        recipient=EmailAddress(opened.declared.email),
        form=opened.declaration,
        form_version=opened.form.version.digest,
        requested_at=stored.created_at,
        questions=opened.asked,
        circumstances=opened.circumstances,
        salt=opened.sealed.salt,
    )
    fill = _confirmation if order.kind is MailKind.CONFIRMATION else _delivery
    return fill(tx, vault, policy, opened, order, now)


def _confirmation(
    tx: Tx,
    vault: Vault,
    policy: RequestPolicy,
    opened: OpenedRequest,
    order: MailOrder,
    now: datetime,
) -> MailOrder | None:
    stored = opened.stored
    if stored.confirmed_at is not None:
        return None
    until = policy.link.after(now)
    open_link(tx, stored.id, link_until=until, erase_at=max(policy.keep.after(now), until))
    return replace(
        order,
        confirm_token=vault.links.sign(LinkKind.CONFIRM, stored.id, now),
        code=spaced(opened.sealed.code),
        expires_at=until,
    )


def _delivery(
    tx: Tx,
    vault: Vault,
    policy: RequestPolicy,
    opened: OpenedRequest,
    order: MailOrder,
    now: datetime,
) -> MailOrder | None:
    stored = opened.stored
    if stored.subject is None or stored.confirmed_at is None:
        return None
    live = {
        consent.purpose: consent.expires_at
        for consent in consents_of(tx, stored.subject)
        if consent.record.status is Status.GIVEN
    }
    download = vault.links.sign(LinkKind.DOWNLOAD, stored.id, now) if order.form.file else ""
    unsubscribe = vault.links.sign(LinkKind.UNSUBSCRIBE, stored.id, now)
    withdraw_at = f"{policy.base_url}/unsubscribe/{unsubscribe}"
    return replace(
        order,
        expires_at=policy.download.after(now) if download else None,
        confirmed_at=stored.confirmed_at,
        receipts=tuple(
            Receipt(question, live[question.purpose])
            for question in order.questions
            if question.purpose in live
        ),
        download_token=download,
        unsubscribe_token=unsubscribe,
        attachments=proof_of_receipt(tx, vault, opened, withdraw_at, policy.base_url, now),
        first_name=opened.declared.fields.get("first_name", ""),
    )
