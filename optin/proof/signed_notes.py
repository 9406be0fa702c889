"""Signed notes (C2SP signed-note) and the checkpoint of a log in one (C2SP tlog-checkpoint), by Ed25519.

A key is known by its name and a short id; what verifies is the whole public key (`VerifierKey`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from optin.proof.merkle_tree import HASH_BYTES

ED25519 = 0x01
COSIGNATURE = 0x04  # Ed25519 with the moment of signing (C2SP tlog-cosignature)
ID_BYTES = 4
SIGNATURE_BYTES = 64
MOMENT_BYTES = 8  # before the signature, in seconds since 1970
LAST_MOMENT = 253_402_300_799  # the end of the year 9999, which is the last that a date can name
MAX_NOTE_CHARACTERS = 100_000
MAX_SIZE_DIGITS = 18
_BULLET = "— "


class NoteBroken(ValueError):
    """A malformed note, or one that no known key signed."""


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name, in C2SP's format: `name+id+base64`."""

    name: str
    public: bytes
    kind: int = ED25519

    @property
    def id(self) -> bytes:
        """The short id in its signatures."""
        material = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(material).digest()[:ID_BYTES]

    @property
    def text(self) -> str:
        """The key on one line."""
        return f"{self.name}+{self.id.hex()}+{encoded(bytes([self.kind]) + self.public)}"

    @property
    def pem(self) -> str:
        """The key in the format of other tools (RFC 8410)."""
        key = Ed25519PublicKey.from_public_bytes(self.public)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read a key from its line. Raises NoteBroken."""
        name, _, rest = text.strip().partition("+")
        short, _, material = rest.partition("+")
        data = decoded(material)
        if not name or len(data) != HASH_BYTES + 1 or data[0] not in {ED25519, COSIGNATURE}:
            raise NoteBroken
        key = cls(name, data[1:], data[0])
        if key.id.hex() != short:
            raise NoteBroken
        return key

    def verifies(self, signature: bytes, text: bytes) -> bool:
        """Return whether this key made `signature` (without its id) over the text of a note."""
        if self.kind == COSIGNATURE:
            moment = cosigned_at(signature)
            if moment is None:
                return False
            signature, text = signature[8:], f"cosignature/v1\ntime {moment}\n".encode() + text
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Signature:
    """One line below a note."""

    name: str
    id: bytes
    value: bytes

    @property
    def line(self) -> str:
        """The line in the note."""
        return f"{_BULLET}{self.name} {encoded(self.id + self.value)}\n"


@dataclass(frozen=True)
class SignedNote:
    """A text and its signatures."""

    text: str
    signatures: tuple[Signature, ...]

    @property
    def signed(self) -> str:
        """The whole note."""
        return self.text + "\n" + "".join(signature.line for signature in self.signatures)

    @classmethod
    def parse(cls, note: str) -> SignedNote:
        """Read a note; nothing is verified yet. Raises NoteBroken."""
        text, found, below = note.rpartition("\n\n")
        if not found or len(note) > MAX_NOTE_CHARACTERS or not below.endswith("\n"):
            raise NoteBroken
        if any(sign < " " and sign != "\n" for sign in note):
            raise NoteBroken
        return cls(text + "\n", tuple(_signature(line) for line in below[:-1].split("\n")))

    def verify(self, keys: Sequence[VerifierKey]) -> tuple[VerifierKey, ...]:
        """Return the known keys that signed. Raises NoteBroken: none did, or a known one does not verify."""
        found: list[VerifierKey] = []
        for signature in self.signatures:
            for key in keys:
                if (key.name, key.id) == (signature.name, signature.id):
                    if not key.verifies(signature.value, self.text.encode()):
                        raise NoteBroken
                    found.append(key)
        if not found:
            raise NoteBroken
        return tuple(found)


@dataclass(frozen=True)
class SigningKey:
    """A private key with its name. Made from 32 secret bytes."""

    name: str
    seed: bytes

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        private = Ed25519PrivateKey.from_private_bytes(self.seed)
        return VerifierKey(self.name, private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, text: str) -> Signature:
        """Sign the text of a note."""
        value = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return Signature(self.name, self.verifier.id, value)


@dataclass(frozen=True)
class Checkpoint:
    """A log's own statement at one size: origin, size, root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text of the note."""
        return f"{self.origin}\n{self.size}\n{encoded(self.root)}\n"

    def sign(self, keys: Sequence[SigningKey]) -> SignedNote:
        """Return the note, signed by each of `keys`."""
        return SignedNote(self.text, tuple(key.sign(self.text) for key in keys))

    @classmethod
    def read(cls, note: SignedNote) -> Checkpoint:
        """Read the text of a note; extension lines are skipped. Raises NoteBroken."""
        lines = note.text.split("\n")
        if len(lines) < 4 or not all(lines[:-1]):  # noqa: PLR2004 - three lines and the end of the last
            raise NoteBroken
        origin, size, root = lines[:3]
        plain = size.isascii() and size.isdigit() and len(size) <= MAX_SIZE_DIGITS
        if not plain or str(int(size)) != size or len(decoded(root)) != HASH_BYTES:
            raise NoteBroken
        return cls(origin, int(size), decoded(root))


def keys_text(keys: Sequence[VerifierKey]) -> str:
    """Return a list of keys for `parse_keys`: each in C2SP's format, and as PEM."""
    return "".join(f"{key.text}\n{key.pem}" for key in keys)


def parse_keys(text: str) -> tuple[VerifierKey, ...]:
    """Read a list of keys, one per line; PEM blocks, which repeat them, are skipped.

    Raises NoteBroken when a line is no key, or there is none.
    """
    keys: list[VerifierKey] = []
    inside = False
    for line in text.splitlines():
        inside = inside or line.startswith("-----BEGIN")
        if line.strip() and not inside:
            keys.append(VerifierKey.parse(line))
        inside = inside and not line.startswith("-----END")
    if not keys:
        raise NoteBroken
    return tuple(keys)


def open_checkpoint(text: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """Return a checkpoint that one of `keys` signed for its own origin. Raises NoteBroken."""
    note = SignedNote.parse(text)
    checkpoint = Checkpoint.read(note)
    note.verify([key for key in keys if key.name == checkpoint.origin])
    return checkpoint


def cosignatures(note: str, said: str) -> tuple[Signature, ...]:
    """Return the signatures in a witness's answer, except those with the note's own name.

    Other lines are passed over, and so is what no cosignature of Ed25519 can be, by its length.
    """
    text, found = SignedNote.parse(note).text, []
    origin = text.partition("\n")[0]
    for line in said.splitlines():
        try:
            signature = SignedNote.parse(f"{text}\n{line}\n").signatures[0]
        except NoteBroken:
            continue
        if signature.name != origin and len(signature.value) in {
            SIGNATURE_BYTES,
            SIGNATURE_BYTES + MOMENT_BYTES,
        }:
            found.append(signature)
    return tuple(found)


def cosigned_at(signature: bytes) -> int | None:
    """Return the time in a cosignature (seconds since 1970, UTC); None when it is no cosignature."""
    moment = int.from_bytes(signature[:MOMENT_BYTES], "big")
    if len(signature) != MOMENT_BYTES + SIGNATURE_BYTES or moment > LAST_MOMENT:
        return None
    return moment


def _signature(line: str) -> Signature:
    if not line.startswith(_BULLET):
        raise NoteBroken
    name, _, value = line.removeprefix(_BULLET).partition(" ")
    data = decoded(value)
    if not name or "+" in name or len(data) <= ID_BYTES:
        raise NoteBroken
    return Signature(name, data[:ID_BYTES], data[ID_BYTES:])


def encoded(data: bytes) -> str:
    """Return standard base64 (RFC 4648, section 4)."""
    return base64.b64encode(data).decode()


def decoded(text: str) -> bytes:
    """Read standard base64, in its one canonical form. Raises NoteBroken."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteBroken from None
    if encoded(data) != text:
        raise NoteBroken
    return data
