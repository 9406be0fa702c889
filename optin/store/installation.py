"""Which keys this database belongs to. Other keys are refused before anything is written."""

from __future__ import annotations

from optin.errors import KeysUnusable
from optin.store.transaction import Tx
from optin.store.vault import Place, Vault

_PLACE = Place("installation", b"sealed")
_KNOWN = b"optin"


def is_claimed(tx: Tx) -> bool:
    """Tell whether some keys have been used with this database."""
    return tx.one("SELECT name FROM installation WHERE name = 'fingerprint'") is not None


def check_keys(tx: Tx, vault: Vault) -> None:
    """See that `vault` has the keys of this database; a new database takes them. Raises KeysUnusable."""
    found = {row[0]: row[1] for row in tx.all("SELECT name, value FROM installation")}
    if not found:
        tx.many(
            "INSERT INTO installation(name, value) VALUES (:name, :value)",
            [
                {"name": "fingerprint", "value": vault.fingerprint()},
                {"name": "sealed", "value": vault.seal(_PLACE, _KNOWN)},
            ],
        )
    elif found["fingerprint"] != vault.fingerprint() or vault.open(_PLACE, found["sealed"]) != _KNOWN:
        msg = "These keys are not those of this database; put its own key file back. Nothing was changed."
        raise KeysUnusable(msg)
