"""Entries of a register beside the log: each is bound by an event that holds salted digests of it alone.

The facts stay as long as the entry; the texts may name people and can be removed before. Each part has a
salt of its own, which goes with it: nobody can try out afterwards whether a text was the one (P9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from optin.proof.canonical_json import Json, canonical
from optin.proof.commitment import commit


@dataclass(frozen=True)
class RegisterEntry:
    """One entry. `name` says what it is, such as "asked"; salts have 32 random bytes."""

    name: str
    facts: dict[str, Json]
    salt: bytes = field(repr=False)
    texts: dict[str, Json] = field(repr=False)
    texts_salt: bytes = field(repr=False)  # empty: the texts were removed

    @property
    def digest(self) -> str:
        """The salted digest of the facts, by which events name the entry."""
        return commit(self.salt, canonical({"entry": self.name, "facts": self.facts}))

    @property
    def has_texts(self) -> bool:
        """Whether the texts are still there."""
        return bool(self.texts_salt)

    @property
    def commitments(self) -> dict[str, Json]:
        """The salted digests of facts and texts, as an event says them; without texts only the first."""
        found: dict[str, Json] = {"facts": self.digest}
        if self.has_texts:
            found["texts"] = commit(self.texts_salt, canonical(self.texts))
        return found

    def is_bound_by(self, body: Mapping[str, Json]) -> bool:
        """Return whether an event commits to this entry, as far as it is still there."""
        return body.get("entry") == self.name and self.commitments.items() <= body.items()

    def without_texts(self) -> Self:
        """Return the entry with its texts and their salt removed."""
        return replace(self, texts={}, texts_salt=b"")

    def as_json(self) -> dict[str, Json]:
        """Return the entry as JSON values, for sealing."""
        return {
            "entry": self.name,
            "facts": self.facts,
            "salt": self.salt.hex(),
            "texts": self.texts,
            "texts_salt": self.texts_salt.hex(),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Json]) -> Self:
        """Read an entry. Raises KeyError, TypeError or ValueError for what is none."""
        name, facts, texts = plain["entry"], plain["facts"], plain["texts"]
        if not isinstance(name, str) or not isinstance(facts, dict) or not isinstance(texts, dict):
            msg = "not an entry of a register"
            raise TypeError(msg)
        salt, texts_salt = (bytes.fromhex(str(plain[it])) for it in ("salt", "texts_salt"))
        return cls(name, facts, salt, texts, texts_salt)
