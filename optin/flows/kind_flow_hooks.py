"""The flow hooks of a kind, most of them called inside the flow's transaction.

What runs in a transaction that writes may read, write the kind's own tables, queue the kind's own mails and
note an event. It gets the moment as `now`, opens no connection and starts no thread: it may run twice, when
the transaction was run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from optin.consent.form_version import FormDeclaration
from optin.consent.kind_specific_details import Details
from optin.consent.status_transitions import RequestId, SubjectId
from optin.flows.context import Context
from optin.flows.records.decrypted_request import OpenedRequest
from optin.flows.request_policy import RequestPolicy
from optin.flows.sweep_rule import SweepRule
from optin.proof.canonical_json import Json
from optin.store.database_interface import Runner, Tx
from optin.store.encryption import Vault
from optin.store.requests import DeclaredData


@dataclass(frozen=True)
class PersonStatus:
    """A person's status with a magnet: for example a seat or a ticket.

    `own`: the kind's own value, for its own templates and mails. `kept`: what the person's data say of it.
    """

    own: Any
    kept: Mapping[str, str] = field(default_factory=dict)


def no_carried_fields(
    _vault: Vault, _details: Details | None, _form: FormDeclaration, _query: Mapping[str, str], _now: datetime
) -> tuple[tuple[str, str], ...]:
    """Return no additional fields of a form."""
    return ()


def ignore_confirmation(
    _tx: Tx, _context: Context, _opened: OpenedRequest, _subject: SubjectId, _leaf: bytes, _now: datetime
) -> None:
    """Do nothing when a request is confirmed."""


def no_person_status(
    _tx: Tx, _context: Context, _opened: OpenedRequest, _now: datetime
) -> PersonStatus | None:
    """Return no status of a person."""


@dataclass(frozen=True)
class ConfirmedRequest:
    """A request for an audit, from its events and its decrypted declaration."""

    request: RequestId
    form: FormDeclaration
    declared: DeclaredData
    at: datetime  # when it was confirmed
    leaf: bytes  # hash of the event in the log, as `on_confirmed` got it


@dataclass(frozen=True)
class QueuedMail:
    """A queued mail of a kind's own."""

    number: int
    name: str


@dataclass(frozen=True)
class SendLater:
    """A mail that must not be sent yet."""

    until: datetime


def no_mail(
    _tx: Tx, _context: Context, _opened: OpenedRequest, _mail: QueuedMail, _now: datetime
) -> Any | SendLater | None:
    """Return no content: the mail has no use any more."""


def no_kept_details(_details: Details) -> Mapping[str, Any] | None:
    """Return no details to store for a magnet that may be removed."""


def no_read_details(_plain: dict[str, Any]) -> Details | None:
    """Return no details of a removed magnet."""


def ignore_publication(_tx: Tx, _policy: RequestPolicy) -> None:
    """Do nothing when a site is loaded."""


def no_faults(_read: Runner, _events: Sequence[Mapping[str, Json]]) -> Iterable[str]:
    """Return no faults."""
    return ()


def no_warnings(_tx: Tx, _context: Context, _now: datetime) -> Sequence[str]:
    """Return no warnings."""
    return ()


@dataclass(frozen=True)
class FlowPart:
    """The flow hooks of a kind; by default each does nothing.

    `carried`: fields of a sign-up that nobody typed, from its form and the query of its address; before the
    transaction. What is wrong with them is raised as an OptinError.
    `on_confirmed`: inside the transaction that confirms, after the request and the person are locked; `leaf`
    is the hash of the event `confirmed` in the log. It is not called where a consent was only given anew.
    What it raises undoes the confirmation; the link still works.
    `person_status`: the person's status, for pages, mails and the person's data; reads only.
    `mails`: the names of the mails that the kind queues, which are stored. `fill_mail`: what one of them says
    now: facts for its template, Later, or None when it has no use any more. A mail for which it raises waits,
    and is given up after a week; it keeps no other waiting.
    `kept`, `read_kept`: what must be known of a magnet when it is removed, as JSON values, and back.
    `on_published`: a site was just loaded; changed magnets may have something to tell people.
    `sweep_rules`: rules of the sweep, after that for unconfirmed requests. `warnings`: what waits for the
    operator, in sentences; names nobody.
    `events`: the names of the events that the kind logs about its magnets; none is a name of optin's.
    `audit`: what is wrong with the kind's own rows and events; `events` are all that are about nobody.
    `audit_confirmed`: what is wrong with the rows that were made when requests of the kind were confirmed,
    some requests at a time; None where there are none. Both yield sentences.
    """

    carried: Callable[
        [Vault, Details | None, FormDeclaration, Mapping[str, str], datetime], tuple[tuple[str, str], ...]
    ] = no_carried_fields
    on_confirmed: Callable[[Tx, Context, OpenedRequest, SubjectId, bytes, datetime], None] = (
        ignore_confirmation
    )
    person_status: Callable[[Tx, Context, OpenedRequest, datetime], PersonStatus | None] = no_person_status
    mails: frozenset[str] = frozenset()
    fill_mail: Callable[[Tx, Context, OpenedRequest, QueuedMail, datetime], Any | SendLater | None] = no_mail
    kept: Callable[[Details], Mapping[str, Any] | None] = no_kept_details
    read_kept: Callable[[dict[str, Any]], Details | None] = no_read_details
    on_published: Callable[[Tx, RequestPolicy], None] = ignore_publication
    sweep_rules: tuple[SweepRule, ...] = ()
    warnings: Callable[[Tx, Context, datetime], Sequence[str]] = no_warnings
    events: frozenset[str] = frozenset()
    audit: Callable[[Runner, Sequence[Mapping[str, Json]]], Iterable[str]] = no_faults
    audit_confirmed: Callable[[Runner, Vault, Sequence[ConfirmedRequest]], Iterable[str]] | None = None
