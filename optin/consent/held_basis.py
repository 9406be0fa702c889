"""Entries of the register of bases: records about a person by a lawful basis (L1, GDPR 6(1)). Pure.

An entry is a statement of staff with its evidence. It is never a consent: no entry changes the status of a
consent, and none is counted as one (P8). Its statements are encrypted; its events hold their salted digests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Any, NewType, Self

from optin.consent.channel import MAILBOX, Address, address_at
from optin.consent.event_content import VERSION, rfc3339
from optin.consent.retention_period import RetentionPeriod
from optin.consent.status_transitions import EventKind

BasisEntryId = NewType("BasisEntryId", bytes)  # as many random bytes as a request's id has


@dataclass(frozen=True)
class EvidenceNote:
    """A file that is evidence: its name, SHA-256 in hexadecimal digits, size in bytes and media type."""

    name: str
    sha256: str
    size: int
    media_type: str


@dataclass(frozen=True)
class BasisTerm:
    """How long an entry stands: a period from a calendar day on (UTC). `kept` "": without an end."""

    since: date
    kept: str = ""

    @property
    def until(self) -> datetime | None:
        """When the entry ends; None: never. Raises ValueError for a period that is none."""
        if not self.kept:
            return None
        return RetentionPeriod.parse(self.kept).after(datetime.combine(self.since, time(), UTC))


@dataclass(frozen=True)
class BasisStatement:
    """What staff put on record about a person.

    `addresses`: by the form fields of their kinds, such as "email", in normal form. `met`: conditions of the
    rules of contact, by id, each with what shows that it is met. `facts`: what only this basis has. `person`:
    what is known of the person besides, such as "name" or "subscriber". `at`: RFC 3339, UTC.
    """

    basis: str
    at: str
    who: str
    addresses: Mapping[str, str]
    term: BasisTerm
    purposes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    about: str = ""
    source: str = ""
    lang: str = ""
    person: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    met: Mapping[str, str] = field(default_factory=dict)
    files: tuple[EvidenceNote, ...] = ()

    @property
    def kinds_of_addresses(self) -> list[tuple[Address, str]]:
        """The addresses with their kinds, the mailbox first."""
        found = [(address_at(name), value) for name, value in self.addresses.items() if value]
        known = [(kind, value) for kind, value in found if kind is not None]
        return sorted(known, key=lambda it: it[0] is not MAILBOX)

    def as_json(self) -> dict[str, Any]:
        """Return this as plain values; their canonical bytes are encrypted, their digest is in the event."""
        return {**asdict(self), "term": _plain(self.term)}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        plain = {**said, "term": read_term(said["term"])}
        plain["files"] = tuple(EvidenceNote(**it) for it in plain["files"])
        plain["purposes"], plain["channels"] = tuple(plain["purposes"]), tuple(plain["channels"])
        return cls(**plain)


@dataclass(frozen=True)
class BasisAct:
    """What happened to an entry after it was recorded: `kind`, when, by whom, why, and its new term if any.

    `at`: RFC 3339, UTC.
    """

    kind: EventKind
    at: str
    who: str
    why: str
    term: BasisTerm | None = None

    def as_json(self) -> dict[str, Any]:
        """Return this as plain values; their canonical bytes are encrypted, their digest is in the event."""
        said = {"kind": self.kind.value, "at": self.at, "who": self.who, "why": self.why}
        return said if self.term is None else {**said, "term": _plain(self.term)}

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote. Raises ValueError, KeyError or TypeError for anything else."""
        term = read_term(said["term"]) if "term" in said else None
        return cls(EventKind(said["kind"]), said["at"], said["who"], said["why"], term)


@dataclass(frozen=True)
class BasisEntry:
    """An entry of the register of bases, with what happened to it since."""

    id: BasisEntryId
    statement: BasisStatement
    acts: tuple[BasisAct, ...] = ()

    @property
    def term(self) -> BasisTerm:
        """The term that counts now: the last one that was given."""
        given = [act.term for act in self.acts if act.term is not None]
        return given[-1] if given else self.statement.term

    @property
    def evidence(self) -> str:
        """Its name in answers and exports: its basis and the beginning of its id."""
        return f"{self.statement.basis} {self.id.hex()[:12]}"

    @cached_property
    def until(self) -> datetime | None:
        """When the entry ends; None: never."""
        return self.term.until

    def lasts(self, now: datetime) -> bool:
        """Return whether the entry stands at a moment."""
        return self.until is None or now < self.until


def read_term(plain: Mapping[str, str]) -> BasisTerm:
    """Return a term from its stored fields. Raises KeyError or ValueError."""
    return BasisTerm(date.fromisoformat(plain["since"]), plain["kept"])


def _plain(term: BasisTerm) -> dict[str, str]:
    return {"since": term.since.isoformat(), "kept": term.kept}


def basis_event(kind: EventKind, at: datetime, entry: BasisEntry, commitment: str = "") -> dict[str, Any]:
    """Return an event about an entry, which names nobody. `commitment`: the salted digest of a statement."""
    return {
        "version": VERSION,
        "kind": kind.value,
        "at": rfc3339(at),
        "request": entry.id.hex(),
        "basis": entry.statement.basis,
        "statement": commitment,
        "purpose": None,
        "channel": None,
    }


def newest_end(entries: Sequence[BasisEntry]) -> datetime | None:
    """Return the latest end of these entries; None when one has no end, or there are none."""
    ends = [entry.until for entry in entries]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None
