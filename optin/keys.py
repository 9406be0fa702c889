"""The keys of one installation: created once, read at start, rotated by adding new ones (S2).

Six kinds: `seal` keys encrypt what is stored (the newest writes, all read), the `index` key finds an
address without storing it, `link` keys sign what is mailed (the newest signs, all read), `log` keys sign
the checkpoints of the log (all of them sign, so that whoever holds an older public key can follow),
`webhook` keys sign what processors are told (the newest two sign, until each receiver has its new secret),
and the `journal` key seals the lines of the journal.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from optin.errors import KeysUnusable

KEY_BYTES = 32
MAX_SEAL_KEYS = 250  # a sealed value names its key in one byte
UNUSED = "unused"  # no server has taken these keys yet


@dataclass(frozen=True)
class KeyRing:
    """Keys, oldest first. `use`: which server has used them, if any; keys of `dev` never serve the public."""

    seal: tuple[bytes, ...]
    index: bytes
    link: tuple[bytes, ...]
    log: tuple[bytes, ...]
    webhook: tuple[bytes, ...]
    journal: bytes | None = None  # None: a key file of before there was one, and the key follows from `index`
    use: str = "serve"

    @classmethod
    def fresh(cls, use: str) -> Self:
        """Return new keys."""
        return cls(
            seal=(secrets.token_bytes(KEY_BYTES),),
            index=secrets.token_bytes(KEY_BYTES),
            link=(secrets.token_bytes(KEY_BYTES),),
            log=(secrets.token_bytes(KEY_BYTES),),
            webhook=(secrets.token_bytes(KEY_BYTES),),
            journal=secrets.token_bytes(KEY_BYTES),
            use=use,
        )

    def rotated(self) -> Self:
        """Return these keys with a new one of each renewable kind; old ones still decrypt and verify."""
        fresh = self.fresh(self.use)
        return replace(
            self,
            seal=(*self.seal, *fresh.seal),
            link=(*self.link, *fresh.link),
            log=(*self.log, *fresh.log),
            webhook=(*self.webhook[-1:], *fresh.webhook),
        )

    @property
    def journal_key(self) -> bytes:
        """The key that seals the journal's lines. A rotation leaves it unchanged, like `index`."""
        return self.journal or _first_key(self.index, "journal")

    def with_journal_named(self) -> Self:
        """Return these keys with the journal's key added: from then on no unkeyed journal is taken over."""
        return replace(self, journal=self.journal_key)

    def as_json(self) -> str:
        """Return the keys as stored in the file."""
        plain: dict[str, object] = {
            "use": self.use,
            "seal": [_text(key) for key in self.seal],
            "index": _text(self.index),
            "link": [_text(key) for key in self.link],
            "log": [_text(key) for key in self.log],
            "webhook": [_text(key) for key in self.webhook],
        }
        if self.journal is not None:
            plain["journal"] = _text(self.journal)
        return json.dumps(plain, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `as_json` returned. Raises KeysUnusable."""
        try:
            plain = json.loads(text)
            index = _bytes(plain["index"])
            ring = cls(
                seal=tuple(_bytes(key) for key in plain["seal"]),
                index=index,
                link=tuple(_bytes(key) for key in plain["link"]),
                log=tuple(_bytes(key) for key in plain.get("log", ())) or (_first_key(index, "log"),),
                webhook=tuple(_bytes(key) for key in plain.get("webhook", ()))
                or (_first_key(index, "webhook"),),
                journal=_bytes(plain["journal"]) if "journal" in plain else None,
                use=str(plain.get("use", "serve")),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            msg = "The keys cannot be read; put the original key file back, nothing was changed."
            raise KeysUnusable(msg) from None
        if not ring.seal or not ring.link or len(ring.seal) > MAX_SEAL_KEYS:
            msg = "The keys are incomplete; put the original key file back, nothing was changed."
            raise KeysUnusable(msg)
        return ring


def load_keys(where: str, root: Path) -> KeyRing | None:
    """Read the keys from `where`: the JSON itself (from the environment), or a path below `root`.

    Returns None when the file does not exist. Raises KeysUnusable when it is readable by others.
    """
    if where.lstrip().startswith("{"):
        return KeyRing.from_json(where)
    path = root / where
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as problem:
        msg = f"The key file {where} cannot be read ({problem.strerror}); make it readable to this user."
        raise KeysUnusable(msg) from None
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            msg = f"The key file {where} can be read by others; run: chmod 600 {where}"
            raise KeysUnusable(msg)
        return KeyRing.from_json(file.read())


def make_keys(where: str, root: Path, use: str) -> KeyRing:
    """Write new keys to `where`, readable to the owner only, never over an existing file."""
    path = root / where
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    ring = KeyRing.fresh(use)
    draft = _draft(path, ring)
    try:
        os.link(draft, path)  # unlike a rename, it refuses to replace keys that another start just made
    except FileExistsError:
        return load_keys(where, root) or ring
    finally:
        draft.unlink()
    return ring


def _draft(path: Path, ring: KeyRing) -> Path:
    """Write keys to a new file beside `path`, readable to the owner alone (mode 0600)."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(ring.as_json())
        file.flush()
        os.fsync(file.fileno())
    return draft


def write_rotated(where: str, root: Path, ring: KeyRing) -> None:
    """Replace the file `where` by rotated keys, atomically, with mode 0600 (S2)."""
    path = root / where
    draft = _draft(path, ring)
    draft.replace(path)


def _first_key(index: bytes, kind: str) -> bytes:
    """Return the first key of a kind for a key file from before that kind existed."""
    return hmac.new(index, f"optin.{kind}".encode(), hashlib.sha256).digest()


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _bytes(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        msg = f"a key has {KEY_BYTES} bytes"
        raise ValueError(msg)
    return key
