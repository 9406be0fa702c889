"""Encryption at rest: personal data is encrypted and found by keyed digests, in both databases.

A sealed value is `key number (1 byte) ‖ nonce (12) ‖ AES-256-GCM`, bound to its table and row. A stolen
file, journal, replica or dump names nobody.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from optin.consent.channel import Address
from optin.consent.email_and_telephone import EmailAddress, address_key
from optin.consent.return_address import ReturnTokens
from optin.consent.signed_links import Links
from optin.consent.status_transitions import ID_BYTES
from optin.errors import KeysUnusable
from optin.keys import KeyRing
from optin.proof.signed_answer import AnswerKey
from optin.proof.signed_notes import SigningKey

NONCE_BYTES = 12


@dataclass(frozen=True)
class EncryptedCell:
    """The row and column of an encrypted value. Copied elsewhere, it cannot be decrypted."""

    table: str
    row: bytes

    @property
    def label(self) -> bytes:
        """The bytes that the encryption is bound to."""
        return self.table.encode() + b":" + self.row


class Vault:
    """Encrypts and decrypts with the keys of this installation, and signs its links."""

    links: Links
    return_tokens: ReturnTokens

    def __init__(self, keys: KeyRing) -> None:
        """Derive the ciphers once."""
        self._ciphers = [AESGCM(key) for key in keys.seal]
        self._index_key = keys.index
        self._log_seeds = keys.log
        self._webhook_keys = keys.webhook
        self._journal_key = keys.journal_key
        self._event_key = hmac.digest(keys.index, b"optin.event", "sha256")
        self._answer_keys = tuple(AnswerKey(hmac.digest(seed, b"optin.gate", "sha256")) for seed in keys.log)
        self._site_key = hmac.digest(keys.index, b"optin.site", "sha256")
        every_key = b"".join((keys.index, *keys.seal, *keys.link, *keys.log, *keys.webhook))
        self.name_of_keys = self.site_proof(b"keys", every_key)[:32]  # reveals none; another after a rotation
        self._limit_key = hmac.digest(keys.index, b"optin.limits", "sha256")
        self.links = Links(keys.link)
        self.return_tokens = ReturnTokens(keys.link)

    def seal(self, place: EncryptedCell, data: bytes) -> bytes:
        """Return `data` encrypted with the newest key, for `place` alone."""
        newest = len(self._ciphers) - 1
        nonce = secrets.token_bytes(NONCE_BYTES)
        return bytes([newest]) + nonce + self._ciphers[newest].encrypt(nonce, data, place.label)

    def open(self, place: EncryptedCell, sealed: bytes) -> bytes:
        """Decrypt the value of `place`. Raises KeysUnusable: other keys, or an altered value."""
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return self._ciphers[sealed[0]].decrypt(nonce, body, place.label)
        except (InvalidTag, IndexError, ValueError):
            msg = "Stored data cannot be decrypted with these keys; put back the key file that belongs to it."
            raise KeysUnusable(msg) from None

    def index(self, address: EmailAddress) -> bytes:
        """Return the digest under which a mailbox is found (HMAC-SHA256)."""
        return hmac.digest(self._index_key, address_key(address), "sha256")

    def address_index(self, address: Address, value: str) -> bytes:
        """Return the digest under which an address of any kind is found, by its normal form."""
        return hmac.digest(self._index_key, address.label + address.identity(value).encode(), "sha256")

    def reference(self, what: str, value: str) -> bytes:
        """Return the keyed digest of a reference, such as an invoice's number or a file's digest."""
        return hmac.digest(self._index_key, f"reference:{what}:{value}".encode(), "sha256")

    def export_digest(self, run: bytes, address: EmailAddress) -> bytes:
        """Return a digest of an address for one export only: exports cannot be joined by it."""
        key = hmac.digest(self._index_key, b"export:" + run, "sha256")
        return hmac.digest(key, address_key(address), "sha256")

    def export_digest_of(self, run: bytes, kind: Address, value: str) -> bytes:
        """Return the same of an address of any kind; of a mailbox it is that of `export_digest`."""
        key = hmac.digest(self._index_key, b"export:" + run, "sha256")
        return hmac.digest(key, kind.label + kind.identity(value).encode(), "sha256")

    def event_mac(self, event: bytes) -> bytes:
        """Return the MAC of an event: only the holder of the keys can have written it."""
        return hmac.digest(self._event_key, event, "sha256")

    def limit_digest(self, window: str, who: bytes = b"") -> bytes:
        """Return the digest that counts `who` in one window: it matches no other window and no address."""
        return hmac.digest(self._limit_key, window.encode() + b"\0" + who, "sha256")

    def site_proof(self, what: bytes, data: bytes) -> str:
        """Return the MAC, in hexadecimal, by which this installation is recognised at its address."""
        return hmac.digest(self._site_key, what + b"\0" + data, "sha256").hex()

    def journal_seal(self, what: bytes, data: bytes) -> str:
        """Return the MAC of a journal line (or of another text, by `what`), in hexadecimal."""
        return hmac.digest(self._journal_key, what + b"\0" + data, "sha256").hex()

    def webhook_secrets(self, processor: str) -> tuple[bytes, ...]:
        """Return a processor's webhook secrets, newest first (E7)."""
        about = b"optin.webhook:" + processor.encode()
        return tuple(hmac.digest(key, about, "sha256") for key in reversed(self._webhook_keys))

    def gate_secrets(self, processor: str) -> tuple[bytes, ...]:
        """Return the secrets with which a processor may ask the gate, newest first (G5)."""
        about = b"optin.gate:" + processor.encode()
        return tuple(hmac.digest(key, about, "sha256") for key in reversed(self._webhook_keys))

    @property
    def answer_keys(self) -> tuple[AnswerKey, ...]:
        """The keys of the gate's answers, oldest first; the newest one signs. They go with the log's keys."""
        return self._answer_keys

    def log_keys(self, origin: str) -> tuple[SigningKey, ...]:
        """Return the keys that sign the log `origin`, oldest first."""
        return tuple(SigningKey(origin, seed) for seed in self._log_seeds)

    def fingerprint(self) -> bytes:
        """Return an identifier of the index key that does not reveal it."""
        return hmac.digest(self._index_key, b"optin.fingerprint", "sha256")


def new_id() -> bytes:
    """Return a fresh identifier of a request or a data subject."""
    return secrets.token_bytes(ID_BYTES)
