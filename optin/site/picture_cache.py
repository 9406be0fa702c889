"""Pictures that were drawn from others, kept in `var/pictures` under the digest of what they were drawn from.

An installation that keeps the folder also keeps the addresses of its pictures, and with them the versions of
its forms, when a drawing library is updated. Who removes it loses nothing but time. Each file begins with the
digest of the picture in it: one that was damaged, or that another program put there, is drawn again.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from pathlib import Path

from optin.site.referenced_files import read_most

FOLDER = Path("var", "pictures")
MOST_BYTES = 20_000_000  # nothing that we draw is so large
_DIGEST_BYTES = 32


class PictureCache:
    """A folder with pictures by name. A folder that cannot be written keeps nothing."""

    def __init__(self, root: Path) -> None:
        """Keep pictures of the site at `root`."""
        self._folder = root / FOLDER

    def get(self, name: str) -> bytes | None:
        """Return the picture with this name, if it is there and whole."""
        path = self._folder / name
        try:
            kept = read_most(path, MOST_BYTES) if path.is_file() else b""
        except OSError:
            return None
        begin, data = kept[:_DIGEST_BYTES], kept[_DIGEST_BYTES:]
        return data if begin == hashlib.sha256(data).digest() else None

    def put(self, name: str, data: bytes) -> None:
        """Keep a picture; no reader ever sees half of it."""
        draft = self._folder / f".{name}.{secrets.token_hex(4)}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_bytes(hashlib.sha256(data).digest() + data)
            draft.replace(self._folder / name)
        except OSError:  # a site on a read-only disk draws again
            with suppress(OSError):
                draft.unlink(missing_ok=True)
