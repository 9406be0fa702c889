"""The lines of the journal: numbered, each sealed with a key over itself and the line before (O9).

Whoever has no key can neither change nor insert nor leave out a line. Lines cut off at the end show by their
numbers, which the database knows as well. A journal of an earlier version has plain sums instead of seals.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from optin.proof.canonical_json import Json, canonical, parse
from optin.proof.merkle_tree import EMPTY_ROOT, HASH_BYTES

VERSION = 2
_HEADING = "optin"
_UNKEYED = "withdrawals and erasures"
_SUM_LENGTH = 32
CHECKPOINT = "checkpoint"
SHORTENED = "shortened"
# where the memory of the log begins anew: what stood before is not asked of the tree any more
RESTORED, BEGUN, TAKEN_OVER = "restored", "begun", "taken-over"
BASES = frozenset({RESTORED, BEGUN, TAKEN_OVER})

Seal: TypeAlias = Callable[[bytes], str]


class JournalBroken(ValueError):
    """A line that was changed, or does not follow the one before; the message says which."""


@dataclass(frozen=True)
class JournalLine:
    """One line. `content` holds digests, sizes and names of purposes, nothing personal."""

    number: int
    at: datetime
    content: dict[str, Json]

    @property
    def kind(self) -> str:
        """The kind of the line."""
        return str(self.content.get("kind"))


@dataclass(frozen=True)
class TreeHead:
    """The tree at the last checkpoint that a journal remembers."""

    size: int
    root: bytes


@dataclass
class JournalEnd:
    """The end of a journal, as far as it was read or written."""

    seal: Seal
    check: Callable[[dict[str, Json]], None]  # raises ValueError for a line that means nothing
    name: str = ""  # of the file, however often it is written anew
    since: datetime | None = None
    keyed: bool = True
    place: int = 0  # lines so far, the heading included
    number: int = 0  # of the last line; a line that was forgotten leaves a gap
    last: str = ""  # seal of the last line
    tip: TreeHead | None = None
    newest: datetime | None = None  # the latest moment of any line

    def begin(self, name: str, since: datetime | None, number: int = 0) -> bytes:
        """Return the first line of a new file that continues after line `number`."""
        self.name, self.since, self.number, self.place = name, since, number, 1
        return self._sealed({"journal": _HEADING, "version": VERSION, "name": name, "since": _text(since)})

    def add(self, at: datetime, content: dict[str, Json], number: int | None = None) -> bytes:
        """Return the next line; `number`: the line's own one, when a file is rewritten."""
        self.number = self.number + 1 if number is None else number
        self.place += 1
        line = JournalLine(self.number, at, content)
        self._note(line)
        return self._sealed({**content, "at": _text(at), "n": self.number})

    def read(self, text: bytes) -> JournalLine | None:
        """Read the next line of a file; None for its heading. Raises JournalBroken."""
        try:
            plain = parse(text)
            if self.place == 0:
                self._read_heading(plain, text)
                line = None
            else:
                self._check(plain, text)
                line = self._line(plain)
                self._note(line)
        except (ValueError, KeyError, TypeError):
            raise self._broken() from None
        self.place += 1
        return line

    def _read_heading(self, plain: dict[str, Json], text: bytes) -> None:
        self.keyed = plain["journal"] != _UNKEYED
        self._check(plain, text)
        if self.keyed and (plain["journal"], plain["version"]) != (_HEADING, VERSION):
            raise ValueError(plain["journal"])
        self.name = str(plain["name"]) if self.keyed else ""
        self.since = None if plain["since"] is None else _moment(plain["since"])

    def _line(self, plain: dict[str, Json]) -> JournalLine:
        at, number = _moment(plain.pop("at")), plain.pop("n") if self.keyed else self.place
        if not isinstance(number, int) or number <= self.number:
            raise ValueError(number)
        line = JournalLine(number, at, plain)
        if line.kind == CHECKPOINT or line.kind in BASES:
            read_tree_head(plain)
        elif line.kind != SHORTENED:
            self.check(plain)
        return line

    def _note(self, line: JournalLine) -> None:
        self.number = line.number
        self.newest = line.at if self.newest is None else max(self.newest, line.at)
        if line.kind == CHECKPOINT or line.kind in BASES:
            self.tip = read_tree_head(line.content)

    def _sealed(self, plain: dict[str, Json]) -> bytes:
        self.last = self._link(canonical(plain))
        return canonical({**plain, "seal": self.last}) + b"\n"

    def _check(self, plain: dict[str, Json], text: bytes) -> None:
        """Check that a line's bytes are those that were sealed. Raises ValueError."""
        name = "seal" if self.keyed else "sum"
        stated = str(plain.pop(name)).encode()
        sealed = text.removesuffix(b"\n").replace(b',"%b":"%b"' % (name.encode(), stated), b"", 1)
        if not hmac.compare_digest(stated, self._link(sealed).encode()):
            raise ValueError(name)
        self.last = stated.decode()

    def _link(self, line: bytes) -> str:
        data = self.last.encode() + line
        return self.seal(data) if self.keyed else hashlib.sha256(data).hexdigest()[:_SUM_LENGTH]

    def _broken(self) -> JournalBroken:
        if self.place == 0:
            return JournalBroken(
                "is damaged, or of another installation: line 1 was not written with these keys"
            )
        place = self.place + 1
        return JournalBroken(
            f"is damaged: line {place} is not as it was written, or one before it is missing"
        )


def read_unchecked(text: bytes) -> JournalLine:
    """Read one line of a file without checking its seal. Raises ValueError or KeyError."""
    plain = parse(text)
    del plain["seal"]
    at, number = _moment(plain.pop("at")), int(str(plain.pop("n")))
    return JournalLine(number, at, plain)


def lines_since_restart(lines: Iterable[JournalLine]) -> list[JournalLine]:
    """Return the lines from the last restart of the log's memory on."""
    found: list[JournalLine] = []
    for line in lines:
        if line.kind in BASES:
            found = []
        found.append(line)
    return found


def tree_heads(lines: Iterable[JournalLine]) -> list[TreeHead]:
    """Return every checkpoint in the lines."""
    return [read_tree_head(line.content) for line in lines if line.kind == CHECKPOINT or line.kind in BASES]


def possible_bases(lines: Iterable[JournalLine], size: int) -> list[TreeHead]:
    """Return the checkpoints of which a backup of `size` events must contain one.

    One for each past that the log has had: the last that is not larger than the backup. Where nothing
    smaller is remembered, any backup fits.
    """
    pasts: list[list[TreeHead]] = [[]]
    for line in lines:
        if line.kind == RESTORED:
            pasts.append([])
        pasts[-1] += [tip for tip in tree_heads([line]) if tip.size <= size]
    found = [max(past, key=lambda tip: tip.size) for past in pasts if past]
    return found or [TreeHead(0, EMPTY_ROOT)]


def read_tree_head(content: dict[str, Json]) -> TreeHead:
    """Read a checkpoint. Raises ValueError or KeyError when it is malformed."""
    size, root = content["size"], bytes.fromhex(str(content["root"]))
    if not isinstance(size, int) or size < 0 or len(root) != HASH_BYTES:
        raise ValueError(size)
    return TreeHead(size, root)


def tree_head_fields(kind: str, tip: TreeHead) -> dict[str, Json]:
    """Return the fields by which a line records a checkpoint."""
    return {"kind": kind, "size": tip.size, "root": tip.root.hex()}


def lines_to_keep(lines: Iterable[JournalLine], before: datetime) -> list[JournalLine]:
    """Return the lines to keep: none older than `before`, and each hour's last checkpoint.

    A later checkpoint is over all that an earlier one was over, so nothing that those that go would find is
    missed by those that stay. The last one stays, whatever its age, and so does what began the memory anew.
    """
    kept: list[JournalLine] = []
    later: datetime | None = None  # when the next checkpoint that stays was signed
    for line in reversed([*lines]):
        if line.kind in BASES:
            later, stays = None, True
        elif line.kind == CHECKPOINT:
            stays = later is None or (line.at >= before and _hour(line.at) != _hour(later))
            later = line.at if stays else later
        else:
            stays = line.kind != SHORTENED and line.at >= before
        if stays:
            kept.append(line)
    return kept[::-1]


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _text(moment: datetime | None) -> str | None:
    """Write a moment in UTC with milliseconds (RFC 3339)."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(text: Json) -> datetime:
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment
