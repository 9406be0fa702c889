"""Find out whether a person must not be asked any more to confirm an attested consent (L6, L7)."""

from __future__ import annotations

from collections.abc import Mapping

from optin.consent.channel import CHANNELS, MAILBOX
from optin.consent.purpose import ConsentKey
from optin.flows.bases.record_basis import indexes_of
from optin.flows.objections.find_objections import find_objection
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.suppressions import last_objection, suppressed_among


def must_not_be_asked(tx: Tx, vault: Vault, addresses: Mapping[str, str], key: ConsentKey) -> bool:
    """Return whether a person withdrew a consent, objected, was erased, or is on the do-not-contact list.

    `addresses`: in normal form, by the form fields of their kinds; the mailbox is among them.
    """
    index = vault.address_index(MAILBOX, addresses[MAILBOX.field])
    if last_objection(tx, index) is not None or suppressed_among(tx, key, indexes_of(vault, addresses)):
        return True
    channels = {key.channel, *(it for it in CHANNELS.values() if it.by_mail)}
    return any(find_objection(tx, vault, addresses, channel) is not None for channel in channels)
