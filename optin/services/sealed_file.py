"""A file on disk that only the holder of the keys can read: written and read in sealed pieces."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any

from optin.errors import KeysUnusable
from optin.store.encryption import EncryptedCell, Vault

PIECE_BYTES = 64 * 1024
_LENGTH_BYTES = 4
_TABLE = "sealed_file"


class SealedWriter(io.RawIOBase):
    """Seals what is written to it, each piece for its own place: none can be moved, dropped or repeated."""

    def __init__(self, file: IO[bytes], vault: Vault, name: bytes) -> None:
        """Write to `file`, which is open; `name` is bound into every piece."""
        super().__init__()
        self._file, self._vault, self._name, self._pieces = file, vault, name, 0

    def writable(self) -> bool:
        """Return whether it can be written to: always."""
        return True

    def write(self, data: Any) -> int:
        """Seal and write bytes."""
        plain = bytes(data)
        for begin in range(0, len(plain), PIECE_BYTES):
            self._piece(plain[begin : begin + PIECE_BYTES], last=False)
        return len(plain)

    def finish(self) -> None:
        """Write the last piece, without which the file counts as cut off."""
        self._piece(b"", last=True)
        self._file.flush()

    def _piece(self, plain: bytes, *, last: bool) -> None:
        sealed = self._vault.seal(_place(self._name, self._pieces), bytes([last]) + plain)
        self._file.write(len(sealed).to_bytes(_LENGTH_BYTES, "big") + sealed)
        self._pieces += 1


def unsealed(file: IO[bytes], vault: Vault, name: bytes) -> Iterator[bytes]:
    """Yield what was sealed under `name`. Raises KeysUnusable: other keys, an altered or a cut-off file."""
    pieces = 0
    while length := file.read(_LENGTH_BYTES):
        plain = vault.open(_place(name, pieces), file.read(int.from_bytes(length, "big")))
        if plain[0]:
            return
        yield plain[1:]
        pieces += 1
    msg = "A sealed file is cut off."
    raise KeysUnusable(msg)


def _place(name: bytes, piece: int) -> EncryptedCell:
    return EncryptedCell(_TABLE, name + piece.to_bytes(8, "big"))
