"""A decrypted request: with its form version, its declaration, and a builder for its events."""

from __future__ import annotations

from dataclasses import dataclass

from optin.consent.channel import MAILBOX
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.event_content import EventBuilder
from optin.consent.form_version import FormDeclaration
from optin.consent.purpose import ConsentQuestion
from optin.consent.status_transitions import RequestId
from optin.errors import LinkSpent
from optin.flows.context import Context
from optin.proof.commitment import commit
from optin.store.contacts import load_contact
from optin.store.data_subjects import find_subject
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.held_bases import entries_about
from optin.store.person_records import newest_request
from optin.store.requests import DeclaredData, Request, SealedRequest, peek_request
from optin.store.stored_forms import StoredForm, form_by_digest


@dataclass(frozen=True)
class OpenedRequest:
    """A request with everything stored about it, decrypted."""

    stored: Request
    form: StoredForm
    sealed: SealedRequest
    declared: DeclaredData

    @property
    def declaration(self) -> FormDeclaration:
        """The declaration of its form."""
        return self.form.version.declaration

    @property
    def asked(self) -> tuple[ConsentQuestion, ...]:
        """The ticked boxes, in the words that were shown."""
        return self.declaration.asked(self.declared.purposes)

    @property
    def number(self) -> str:
        """The declared address that a ticked box needs, in a form that can carry no text; else empty."""
        needed = (question.channel.address for question in self.asked)
        return next(filter(None, (it.plain(it.own(self.declared.fields)) for it in needed)), "")

    @property
    def event_builder(self) -> EventBuilder:
        """Builds the events of this request."""
        return EventBuilder(
            request=self.stored.id,
            form=self.form.version.digest,
            declaration_digest=self.form.declaration_digest,
            declaration=self.declaration,
            commitment=commit(self.sealed.salt, self.sealed.declaration),
        )


def open_request(tx: Tx, vault: Vault, stored: Request | None) -> OpenedRequest:
    """Decrypt a stored request. Raises LinkSpent when it is gone, KeysUnusable when the keys do not fit."""
    form = None if stored is None else form_by_digest(tx, stored.form)
    if stored is None or form is None:
        raise LinkSpent
    sealed = SealedRequest.open(vault, stored.id, stored.sealed)
    return OpenedRequest(stored, form, sealed, DeclaredData.parse(sealed.declaration))


def kind_of_request(tx: Tx, context: Context, stored: RequestId) -> str:
    """Return the kind of the request's magnet. Raises LinkSpent when the request is gone."""
    return open_request(tx, context.vault, peek_request(tx, stored)).declaration.kind


def latest_request(tx: Tx, vault: Vault, email_index: bytes) -> OpenedRequest | None:
    """Return the request of an address that was confirmed last; without any, the newest one."""
    request = newest_request(tx, email_index)
    return None if request is None else open_request(tx, vault, peek_request(tx, request))


def known_address(
    tx: Tx, vault: Vault, email_index: bytes, latest: OpenedRequest | None
) -> EmailAddress | None:
    """Return the address as confirmed, else as typed last, else as staff recorded it; None: only digests.

    Staff records addresses in the register of bases.
    """
    subject = find_subject(tx, email_index)
    if subject is not None and (contact := load_contact(tx, vault, subject)).values:
        return contact.email
    if latest is not None:
        return EmailAddress(latest.declared.email)
    stated = (
        entry.statement.addresses.get(MAILBOX.field, "") for entry in entries_about(tx, vault, [email_index])
    )
    return next((EmailAddress(it) for it in stated if it), None)


def known_language(tx: Tx, vault: Vault, email_index: bytes, latest: OpenedRequest | None) -> str:
    """Return the language of the person's form, else the one that staff recorded; empty: none is known."""
    if latest is not None:
        return latest.declaration.lang
    entries = entries_about(tx, vault, [email_index])
    return next((entry.statement.lang for entry in entries if entry.statement.lang), "")
