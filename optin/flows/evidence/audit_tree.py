"""Audit steps 1 and 2: the tree of the log, and every checkpoint of it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate

from optin.consent.status_transitions import EventKind
from optin.consent.wrong_clock import CLOCKS_DIFFER, ClockSetBack, explained
from optin.proof.canonical_json import parse
from optin.proof.commitment import LEAF_PREFIX
from optin.proof.journal_chain import JournalLine, lines_since_restart, tree_heads
from optin.proof.merkle_tree import NODE_PREFIX, Frontier
from optin.proof.signed_notes import Checkpoint, NoteBroken, VerifierKey, open_checkpoint
from optin.store.audit_reads import PAGE_LEAVES, leaf_page, node_page
from optin.store.database_interface import Row, Runner
from optin.store.encryption import Vault
from optin.store.event_log import StoredCheckpoint, checkpoints_after, log_frontier, verifier_keys
from optin.store.installation_facts import log_origin
from optin.store.latest_known_time import clock_events, set_backs

PAGE_CHECKPOINTS = 1_000
_SHA256 = hashlib.sha256
_ERASED = f'"kind":"{EventKind.ERASED}"'
_MANY = 1_000_003  # spreads the numbers of events over a sum
_AT = slice(7, 31)  # where an event's moment stands in its canonical bytes


@dataclass
class NumberTally:
    """A set of numbers in constant memory: equal for the same numbers in any order."""

    count: int = 0
    total: int = 0

    def add(self, number: int) -> None:
        """Add one number."""
        self.count += 1
        self.total += pow(number + 2, 3, 2**127 - 1) * _MANY


@dataclass
class TreeAudit:
    """An audit of the log and its checkpoints. Findings are sentences."""

    read: Runner
    vault: Vault
    outside: Sequence[str] = ()  # checkpoints from somebody's mailbox, a bundle, a newspaper
    remembered: Sequence[JournalLine] = ()  # what the journal holds
    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what is no finding, but must be known
    events: int = 0
    blank: NumberTally = field(default_factory=NumberTally)
    announced: NumberTally = field(default_factory=NumberTally)  # which events the recorded erasures blanked
    checkpoints: int = 0
    set_backs: dict[int, ClockSetBack] = field(default_factory=dict)  # of the clock, by number of the event

    def run(self) -> Iterator[int]:
        """Yield the number of events checked since the last yield."""
        self._clock()
        yield from self._log(self._expected(self._keys()))

    def _clock(self) -> None:
        """Read the events about the clock, as notes for the reader of the audit."""
        self.set_backs = {it.place: it for it in self.read(set_backs, vault=self.vault)}
        for number, body in self.read(clock_events, vault=self.vault):
            at = body["at"]
            if body["kind"] == EventKind.CLOCK_DOUBTED:
                self.notes.append(
                    f"event {number}: the clock said {at}, last known to be right at {body['known']};"
                    " moments after this may be wrong"
                )
            elif body["kind"] == EventKind.CLOCK_ACCEPTED:
                self.notes.append(f"event {number}: an officer accepted that the clock says {at}")
            else:
                self.notes.append(
                    f"event {number}: the clock went back from {body['was']} to {at};"
                    " earlier events that say a moment in between were written by the clock that was ahead"
                )

    def _keys(self) -> tuple[VerifierKey, ...]:
        origin = self.read(log_origin)
        ours = tuple(key.verifier for key in self.vault.log_keys(origin))
        # the database names keys as well, but who writes to it could name his own
        try:
            named = self.read(verifier_keys)
        except NoteBroken:
            self.findings.append("the list of keys that signed this log cannot be read")
            return ours
        self.findings += [
            f"the key {key.text} signed this log, but is not in the key file"
            for key in named
            if key not in ours
        ]
        return ours

    def _expected(self, keys: Sequence[VerifierKey]) -> dict[int, list[tuple[str, Checkpoint]]]:
        """Return every checkpoint by size, with its source."""
        found: dict[int, list[tuple[str, Checkpoint]]] = defaultdict(list)
        for note in self.outside:
            try:
                signed = open_checkpoint(note, keys)
            except NoteBroken:
                self.findings.append(
                    "the checkpoint from outside is not signed by a key of this log: other log, other keys"
                )
                continue
            found[signed.size].append(("the checkpoint from outside", signed))
        for tip in tree_heads(lines_since_restart(self.remembered)):
            name = "the checkpoint in the journal"
            found[tip.size].append((name, Checkpoint(self.read(log_origin), tip.size, tip.root)))
        after, at = -1, None
        while page := self._checkpoint_page(after):
            for stored in page:
                name = f"checkpoint {stored.size}"
                try:
                    signed = open_checkpoint(stored.note, keys)
                except NoteBroken:
                    self.findings.append(f"{name} is not signed by a key of this log")
                else:
                    found[signed.size].append((name, signed))
                    if signed.size != stored.size:
                        self.findings.append(f"{name} is of another size")
                back = at is not None and stored.at < at - CLOCKS_DIFFER
                if at is not None and back and not self._went_back(stored.at, at):
                    self.findings.append(f"{name} was signed before a smaller one")
                at = stored.at if at is None or back else max(at, stored.at)
                self.checkpoints += 1
            after = page[-1].size
        return found

    def _went_back(self, at: datetime, latest: datetime) -> bool:
        return any(it.explains(at, latest) for it in self.set_backs.values())

    def _checkpoint_page(self, after: int) -> list[StoredCheckpoint]:
        try:
            page: list[StoredCheckpoint] = self.read(checkpoints_after, size=after, most=PAGE_CHECKPOINTS)
        except (ValueError, OverflowError, OSError):
            self.findings.append("a checkpoint is stored with a moment that is none")
            return []
        return page

    def _log(self, expected: dict[int, list[tuple[str, Checkpoint]]]) -> Iterator[int]:
        frontier, latest, place = Frontier(), "", 0
        goal = self._goal()  # what comes in meanwhile is for the next audit
        waiting = sorted(expected, reverse=True)
        self._meet(expected, waiting, frontier, [])
        while place < goal.size and (page := self.read(leaf_page, first=place)):
            if page[0][0] != place or len(page) != page[-1][0] - place + 1:
                self.findings.append(f"the log has a gap between {place} and {page[-1][0]}")
                return
            page = page[: goal.size - place]
            leaves, latest = self._leaves(page, latest)
            self._meet(expected, waiting, frontier, leaves)
            frontier = self._nodes(frontier, leaves)
            place += len(page)
            self.events += len(page)
            yield len(page)
        if goal != frontier:
            self.findings.append(f"the log says that it has {goal.size} events; it has {frontier.size}")
        if self.blank != self.announced:
            self.findings.append(
                f"{self.blank.count} events are blank, but erasures were recorded for"
                f" {self.announced.count}{'' if self.blank.count != self.announced.count else ' others'}"
            )
        for size in waiting:
            for name, _ in expected[size]:
                self.findings.append(
                    f"{name} is over {size} events; the log has {frontier.size}: an older copy, or cut"
                )

    def _goal(self) -> Frontier:
        try:
            return self.read(log_frontier)
        except ValueError:
            self.findings.append("the size of the log and its hashes do not fit together")
            return Frontier()

    def _leaves(self, page: Sequence[Row], latest: str) -> tuple[list[bytes], str]:
        """Return the leaves of a page and its latest time; check one by one where the page has a fault."""
        leaves = [bytes(row[1]) for row in page]
        bodies = [row[4] for row in page]
        if None not in bodies and not any(_ERASED in body for body in bodies):
            hashed = [_SHA256(LEAF_PREFIX + body.encode()).digest() for body in bodies]
            moments = [body[_AT] for body in bodies]
            whole = hashed == leaves == [row[3] for row in page]
            if whole and self.set_backs.keys().isdisjoint(row[2] for row in page):
                tops = list(accumulate(moments, max, initial=latest))[1:]
                if moments != tops:
                    for (_, _, number, _, _), at, top in zip(page, moments, tops, strict=True):
                        if at < top:
                            self._back_dated(number, at, top)
                return leaves, tops[-1]
        return self._leaves_one_by_one(page, latest)

    def _leaves_one_by_one(self, page: Sequence[Row], latest: str) -> tuple[list[bytes], str]:
        leaves: list[bytes] = []
        for place, leaf, number, event_leaf, body in page:
            leaf = bytes(leaf)  # noqa: PLW2901 - PostgreSQL gives views
            leaves.append(leaf)
            if body is None:
                self.blank.add(number)
                if event_leaf is None or bytes(event_leaf) != leaf:
                    self.findings.append(f"event {number} (place {place}) is gone from the events")
                continue
            if _SHA256(LEAF_PREFIX + body.encode()).digest() != leaf or bytes(event_leaf) != leaf:
                self.findings.append(f"event {number} (place {place}) is not what was logged: it was changed")
                continue
            if _ERASED in body:
                for blanked in _numbers_in(body):
                    self.announced.add(blanked)
            at = body[_AT]
            if number in self.set_backs:
                latest = at
            elif at < latest:
                self._back_dated(number, at, latest)
            else:
                latest = at
        return leaves, latest

    def _back_dated(self, number: int, at: str, latest: str) -> None:
        try:
            moment, newest = datetime.fromisoformat(at), datetime.fromisoformat(latest)
        except ValueError:
            self.findings.append(f"event {number} has no moment")
            return
        if newest - moment > CLOCKS_DIFFER and not explained(number, moment, newest, self.set_backs.values()):
            self.findings.append(f"event {number} says {at}, but follows on {latest}: back-dated")

    def _meet(
        self,
        expected: dict[int, list[tuple[str, Checkpoint]]],
        waiting: list[int],
        frontier: Frontier,
        leaves: Sequence[bytes],
    ) -> None:
        """Compare the root with every checkpoint within these leaves."""
        while waiting and waiting[-1] <= frontier.size + len(leaves):
            size = waiting.pop()
            taken = size - frontier.size
            root = frontier.grow(leaves[:taken])[0].root
            for name, checkpoint in expected[size]:
                if checkpoint.root != root:
                    self.findings.append(f"{name} over {size} events has another root: history was rewritten")

    def _nodes(self, frontier: Frontier, leaves: Sequence[bytes]) -> Frontier:
        """Add a page of leaves; compare every complete subtree with the stored one."""
        if len(leaves) < PAGE_LEAVES:
            grown, completed = frontier.grow(leaves)
            by_level: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
            for level, place, value in completed:
                by_level[level].append((place, value))
            for level, placed in by_level.items():
                self._compare(level, placed[0][0], [value for _, value in placed])
            return grown
        sha, begin = _SHA256, frontier.size
        values, level = list(leaves), 0
        while len(values) > 1:  # level by level is twice as fast as leaf by leaf
            pairs = iter(values)
            values = [
                sha(NODE_PREFIX + left + right).digest() for left, right in zip(pairs, pairs, strict=True)
            ]
            level += 1
            self._compare(level, begin >> level, values)
        pages, completed = Frontier(begin // PAGE_LEAVES, frontier.peaks).grow(values)
        for above, place, value in completed:
            self._compare(level + above, place, [value])
        return Frontier(begin + PAGE_LEAVES, pages.peaks)

    def _compare(self, level: int, first: int, values: list[bytes]) -> None:
        stored = self.read(node_page, level=level, first=first, after=first + len(values))
        if stored != values:
            self.findings.append(
                f"the stored hashes of level {level} from {first} on are not those of the log"
            )


def _numbers_in(body: str) -> list[int]:
    """Return the events blanked by an erasure; none when it is unreadable, which another step reports."""
    try:
        numbers = parse(body).get("events")
    except ValueError:
        return []
    return [number for number in numbers if isinstance(number, int)] if isinstance(numbers, list) else []
