"""The journal: the file outside the database that remembers the log and each withdrawal (S7, O9).

It holds each checkpoint before its signature is published, and every withdrawal, erasure, correction and hold
before its person is told that it is done: digests and names of purposes only. A backup that is put back is
told by it who left since; a database whose past was rewritten does not agree with it.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from optin.errors import JournalUnusable, LogDiverged, StoreBusy
from optin.flows.evidence.check_journal_lines import check_replay_line, concerns_person, lines_with_event
from optin.flows.evidence.check_log_growth import checked_frontier, events_missing_from_log
from optin.proof.journal_chain import (
    BEGUN,
    CHECKPOINT,
    RESTORED,
    SHORTENED,
    TAKEN_OVER,
    JournalBroken,
    JournalEnd,
    JournalLine,
    TreeHead,
    lines_since_restart,
    lines_to_keep,
    tree_head_fields,
)
from optin.proof.merkle_tree import Frontier
from optin.services.journal_file import ANEW, EMPTY, UNKEYED, JournalContent, JournalFile, read_lines
from optin.services.journal_people import JournalPeople
from optin.store.database_interface import Store, Tx
from optin.store.encryption import Vault
from optin.store.event_log import is_new_log, log_frontier
from optin.store.journal_lines import (
    JournalHead,
    has_journal_head,
    has_lines,
    journal_head,
    keep_journal_head,
    lines_waiting,
    mark_kept,
    mark_waiting,
)

log = logging.getLogger("optin.log")

NAME_BYTES = 8
SUPERSEDED_LINES = 1_000  # so many checkpoints that a later one of the same hour makes needless
_UNFOUNDED = (
    "%d lines queued for the journal are malformed, or name an event that the log lacks: somebody changed"
    " the database without optin. They are not written; see: optin audit"
)
_OTHER = "name another with --journal, or use --without-journal; nothing was changed"


class Journal:
    """The journal of one installation, in one file on each of its hosts."""

    def __init__(self, path: Path, vault: Vault, *, unkeyed: bool = False) -> None:
        """Use the file at `path`; best on another disk than the database, and apart from the keys.

        `unkeyed`: the keys name none for it yet, so a journal without seals may be of an earlier version.
        """
        self._fresh = partial(JournalEnd, partial(vault.journal_seal, b"line"), check_replay_line)
        self._file = JournalFile(path, self._fresh)
        self._people = JournalPeople(path)
        self._head_seal = partial(vault.journal_seal, b"mark")
        self._unkeyed = unkeyed

    def open(self, store: Store, now: datetime) -> bool:
        """Check that the file and the log of `store` have one past; create the file of a new installation.

        Returns whether a journal of an earlier version, without seals, was taken over.
        Raises JournalUnusable or LogDiverged.
        """
        new = store.read(_is_new)
        with self._file.locked(create=new) as descriptor:
            if os.fstat(descriptor).st_size == 0 and new:
                self._begin(descriptor, store)
            kept = self._read_all(descriptor)
            if self._chain.keyed:
                self._must_agree(store, kept)
                return False
            self._take_over(store, kept, now)
        with self._file.locked() as descriptor:
            self._must_agree(store, self._read_all(descriptor))
        return True

    def begin_anew(self, store: Store, now: datetime) -> Path | None:
        """Begin a new file by an officer's decision, because none agrees with the log.

        Returns what the old file is called now. Raises JournalUnusable when the old one agrees.
        """
        aside = None
        with self._file.locked(create=True) as descriptor:
            if os.fstat(descriptor).st_size > 0:
                self._must_not_agree(descriptor, store)
                aside = self._file.set_aside(now)
            base = _base(BEGUN, store.read(log_frontier), now)
            self._write_anew(store, JournalContent(None, ()), base)
            store.submit(mark_waiting).result()
        self.catch_up(store)
        return aside

    def put_back(self, tip: TreeHead, now: datetime) -> None:
        """Record that a backup with the log of `tip` is being restored, by an officer's decision.

        From this line on, the log is asked for nothing that came after the backup. A missing file is begun;
        a damaged one is set aside first. Raises JournalUnusable.
        """
        base = JournalLine(0, now, tree_head_fields(RESTORED, tip))
        with self._file.locked(create=True) as descriptor:
            try:
                kept = self._read_all(descriptor)
            except JournalBroken:
                kept = JournalContent(None, ())
                if os.fstat(descriptor).st_size > 0:
                    self._file.set_aside(now)
            if kept.lines and self._chain.keyed:
                self._file.append(descriptor, [(base.at, base.content)])
            else:
                self._write_anew(None, kept, base)
        with self._file.locked() as descriptor:
            self._file.read_on(descriptor)

    def catch_up(self, store: Store) -> None:
        """Append every line of `store` that the file lacks, and sync it to the disk.

        Raises JournalUnusable when it is damaged or cannot be written.
        """
        with self._file.locked() as descriptor:
            torn = self._file.read_on(descriptor)
            known = {line.name for line in self._read_all(descriptor).replay_lines} if torn else set()
            number = 0
            while waiting := store.read(lines_waiting, number=number):
                numbers = [number for number, _ in waiting]
                number = numbers[-1]
                founded = store.read(lines_with_event, lines=[line for _, line in waiting])
                if len(founded) < len(waiting):
                    log.error(_UNFOUNDED, len(waiting) - len(founded))
                lines = [(line.at, line.content) for line in founded if line.name not in known]
                self._file.append(descriptor, lines)
                with suppress(StoreBusy):  # it is in the file; next time it is written once more
                    store.submit(self._note_kept, numbers=numbers).result()

    def remember(self, store: Store, now: datetime) -> Frontier:
        """Write down the committed state of the log, after checking that it grew from the file's last.

        Returns it. Raises LogDiverged when it did not grow from it, JournalUnusable.
        """
        with self._file.locked() as descriptor:
            self._file.read_on(descriptor)
            frontier: Frontier = store.read(checked_frontier, remembered=self._chain.tip)
            line = _base(CHECKPOINT, frontier, now)
            if self._chain.tip != TreeHead(frontier.size, frontier.root):
                self._file.append(descriptor, [(line.at, line.content)])
            return frontier

    def check(self, store: Store) -> None:
        """Check that the log grew from the file's last checkpoint. Raises LogDiverged, JournalUnusable."""
        with self._file.locked() as descriptor:
            self._file.read_on(descriptor)
            store.read(checked_frontier, remembered=self._chain.tip)

    def note_head(self, tx: Tx) -> None:
        """Record in the database how many lines the file has, so that a truncated file is noticed."""
        if self._chain.name:
            keep_journal_head(tx, self._chain.name, self._mark)

    def forget(self, before: datetime) -> None:
        """Rewrite the file without lines older than `before`, when there are any.

        Of each hour's checkpoints the last one stays. Raises JournalUnusable.
        """
        with self._file.locked() as descriptor:
            kept = self._read_all(descriptor)
            lines = lines_to_keep(kept.lines, before)
            old = any(concerns_person(line.content) and line.at < before for line in kept.lines)
            if old or len(kept.lines) - len(lines) >= SUPERSEDED_LINES:
                since = before if old else kept.since
                self._file.replace(partial(_shortened, end=self._chain, since=since, lines=lines))

    def read(self) -> JournalContent:
        """Return the content of the file; a last line cut short by a crash is skipped.

        Raises JournalUnusable, with the number of the line, when it is damaged.
        """
        chain, lines = self._fresh(), list[JournalLine]()
        try:
            with self._file.path.open("rb") as file:
                read_lines(chain, file, lines)
            self._must_be_sealed(chain)
        except (OSError, JournalBroken) as problem:
            raise self._file.unusable(problem, _OTHER) from None
        return JournalContent(chain.since, tuple(lines))

    def read_whole(self, store: Store) -> tuple[JournalLine, ...]:
        """Return what the file remembers of the log of `store`, without checking that both agree.

        Raises JournalUnusable: also when the file is another's, or was cut off.
        """
        with self._file.locked() as descriptor:
            kept = self._read_all(descriptor)
            if self._chain.keyed:
                store.read(self._must_be_whole)
            else:
                store.read(_must_be_first)
            return kept.lines

    def lines_about(self, person: bytes) -> list[JournalLine]:
        """Return the lines about a person (digest of the address); seals are not checked again.

        It waits for nobody who writes to the file: who asks may hold what they wait for.
        Raises JournalUnusable.
        """
        try:
            if not self._people.may_name(person):
                return []
            return self._file.lines_with(f'"person":"{person.hex()}"'.encode())
        except (OSError, ValueError, LookupError) as problem:
            raise self._file.unusable(problem, ANEW) from None

    @property
    def _chain(self) -> JournalEnd:
        return self._file.chain

    @property
    def _mark(self) -> JournalHead:
        return self._head_of(self._chain.name, self._chain.number)

    def _head_of(self, name: str, lines: int) -> JournalHead:
        return JournalHead(lines, self._head_seal(f"{name}:{lines}".encode()))

    def _read_all(self, descriptor: int) -> JournalContent:
        lines: list[JournalLine] = []
        self._file.read_on(descriptor, lines)
        self._must_be_sealed(self._chain)
        return JournalContent(self._chain.since, tuple(lines))

    def _must_be_sealed(self, chain: JournalEnd) -> None:
        if chain.place == 0:
            raise JournalBroken(EMPTY)
        if not (chain.keyed or self._unkeyed):
            raise JournalBroken(UNKEYED)

    def _begin(self, descriptor: int, store: Store) -> None:
        """Begin a file. The database records it first: a file that it does not know is of another one."""
        name = secrets.token_hex(NAME_BYTES)
        store.submit(keep_journal_head, name=name, head=self._head_of(name, 0)).result()
        self._file.begin(descriptor, name)

    def _take_over(self, store: Store, kept: JournalContent, now: datetime) -> None:
        store.read(_must_be_first)
        self._write_anew(store, kept, _base(TAKEN_OVER, store.read(log_frontier), now))

    def _write_anew(self, store: Store | None, kept: JournalContent, base: JournalLine) -> None:
        """Write a file under another name, with the lines of `kept`, then `base`."""
        name = secrets.token_hex(NAME_BYTES)
        if store is not None:
            store.submit(keep_journal_head, name=name, head=self._head_of(name, 0)).result()

        def write(chain: JournalEnd) -> Iterator[bytes]:
            yield chain.begin(name, kept.since)
            for line in (*kept.lines, base):
                yield chain.add(line.at, line.content)

        self._file.replace(write)

    def _note_kept(self, tx: Tx, numbers: Sequence[int]) -> None:
        mark_kept(tx, numbers)
        self.note_head(tx)

    def _must_agree(self, store: Store, kept: JournalContent) -> None:
        store.read(self._must_be_whole)
        store.read(checked_frontier, remembered=self._chain.tip)
        for lost in store.read(_first_lost, lines=lines_since_restart(kept.lines)):
            raise LogDiverged(lost)

    def _must_be_whole(self, tx: Tx) -> None:
        """Check that the database knows this file, and no longer version of it. Raises JournalBroken."""
        head, chain = journal_head(tx, self._chain.name), self._chain
        if head is None:
            msg = (
                "is unknown to this database, which is another one or was lost (optin restore brings it back)"
            )
            raise JournalBroken(msg)
        if not hmac.compare_digest(head.seal, self._head_of(chain.name, head.lines).seal):
            msg = "cannot be compared: the database's record of it was not written with these keys"
            raise JournalBroken(msg)
        if head.lines > chain.number:
            msg = f"has lost lines: it ends with number {chain.number}, and the database knows {head.lines}"
            raise JournalBroken(msg)

    def _must_not_agree(self, descriptor: int, store: Store) -> None:
        try:
            kept = self._read_all(descriptor)
            if self._chain.keyed:
                self._must_agree(store, kept)
            else:
                store.read(_must_be_first)
        except (JournalBroken, LogDiverged):
            return
        msg = f"The journal {self._file.path} exists and agrees with the log; leave out --new-journal."
        raise JournalUnusable(msg)


def _is_new(tx: Tx) -> bool:
    """Return whether nothing was written yet that a journal could remember."""
    return is_new_log(tx) and not has_lines(tx)


def _must_be_first(tx: Tx) -> None:
    """Check that an unkeyed file may be taken over: no keyed one is known yet. Raises JournalBroken."""
    if has_journal_head(tx):
        raise JournalBroken(UNKEYED)


def _base(kind: str, frontier: Frontier, now: datetime) -> JournalLine:
    return JournalLine(0, now, tree_head_fields(kind, TreeHead(frontier.size, frontier.root)))


def _first_lost(tx: Tx, lines: Sequence[JournalLine]) -> list[str]:
    found = next(events_missing_from_log(tx, lines), None)
    return [] if found is None else [found]


def _shortened(
    chain: JournalEnd, end: JournalEnd, since: datetime | None, lines: Sequence[JournalLine]
) -> Iterator[bytes]:
    """Yield a file with some lines of another, under their numbers, and one more at its end."""
    yield chain.begin(end.name, since)
    for line in lines:
        yield chain.add(line.at, line.content, line.number)
    yield chain.add(end.newest or lines[-1].at, {"kind": SHORTENED}, end.number + 1)
