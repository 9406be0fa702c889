"""The proof of one event as a self-contained file (C2SP tlog-proof).

Its `extra` line carries the event's own bytes, so the file, a public key and SHA-256 are all it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optin.proof.commitment import leaf_digest
from optin.proof.merkle_tree import MAX_PATH, ProofBroken, verify_inclusion
from optin.proof.signed_notes import (
    MAX_SIZE_DIGITS,
    Checkpoint,
    VerifierKey,
    decoded,
    encoded,
    open_checkpoint,
)

HEADER = "c2sp.org/tlog-proof@v1"
ENDING = ".tlog-proof"


@dataclass(frozen=True)
class InclusionProof:
    """Event `index` of a log, with the path to the root of a signed checkpoint."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str  # the signed note
    event: bytes = b""

    @property
    def text(self) -> str:
        """The file."""
        extra = [f"extra {encoded(self.event)}"] if self.event else []
        lines = [HEADER, *extra, f"index {self.index}", *(encoded(step) for step in self.path), ""]
        return "\n".join(lines) + "\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> InclusionProof:
        """Read a file; nothing is verified yet. Raises ProofBroken or NoteBroken."""
        head, found, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not found or lines.pop(0) != HEADER or not lines:
            raise ProofBroken
        event = decoded(lines.pop(0).removeprefix("extra ")) if lines[0].startswith("extra ") else b""
        if not lines or not lines[0].startswith("index "):
            raise ProofBroken
        index = lines.pop(0).removeprefix("index ")
        plain = index.isascii() and index.isdigit() and len(index) <= MAX_SIZE_DIGITS
        if not plain or str(int(index)) != index or len(lines) > MAX_PATH:
            raise ProofBroken
        return cls(int(index), tuple(decoded(line) for line in lines), checkpoint, event)

    def verify(self, event: bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
        """Verify that `event` is in the log that one of `keys` signed. Raises ProofBroken, NoteBroken."""
        checkpoint = open_checkpoint(self.checkpoint, keys)
        if self.event not in {b"", event}:
            raise ProofBroken
        verify_inclusion(leaf_digest(event), self.index, checkpoint.size, self.path, checkpoint.root)
        return checkpoint
