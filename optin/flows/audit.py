"""Audit: everything is computed again from the events, and held against what is stored (P4).

1. The log: each leaf is the hash of its event, no place is missing, the subtrees follow, times run on.
2. The checkpoints: each is signed, and the tree had that root at that size; those from outside too.
3. Forms and statements: each page has its digest, and shows the words that its declaration says.
4. People: what was declared opens, fits the form and the mailbox; mails are those that were sent; each
   status follows from the events.
5. Nothing refers to what is not there.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from itertools import accumulate
from typing import Any

from optin.consent.address import EmailAddress
from optin.consent.form import FormDeclaration, shows
from optin.consent.record import EventKind, Happening, RequestId, Status, TransitionRefused, fold
from optin.errors import KeysUnusable
from optin.proof.bundle import unpack
from optin.proof.canonical import parse
from optin.proof.commitment import LEAF_PREFIX, commit, digest
from optin.proof.inclusion import ENDING
from optin.proof.inclusion import HEADER as PROOF_HEADER
from optin.proof.note import Checkpoint, NoteBroken, VerifierKey, open_checkpoint
from optin.proof.tree import NODE_PREFIX, Frontier
from optin.store.installation import log_origin
from optin.store.log import checkpoints_after, log_frontier, verifier_keys
from optin.store.requests import Declared, Sealed
from optin.store.review import (
    PAGE_LEAVES,
    PeoplePage,
    events_outside,
    form_rows,
    leaf_page,
    node_page,
    orphans,
    people_page,
    privacy_rows,
)
from optin.store.transaction import Operation, Row, from_ms
from optin.store.vault import ID_BYTES, Place, Vault

Read = Callable[[Operation[Any]], Any]
Body = dict[str, Any]
CLOCKS_DIFFER = timedelta(minutes=5)  # between processes, and between an event and its commit
PAGE_CHECKPOINTS = 1_000
Share = tuple[bytes, bytes]  # ids above the first, up to and with the second
EVERYBODY: Share = (b"", b"\xff" * ID_BYTES)
_SHA256 = hashlib.sha256
_ERASED = f'"kind":"{EventKind.ERASED}"'
_KINDS = frozenset(kind.value for kind in EventKind)
_ASKED = frozenset({EventKind.REQUESTED.value, EventKind.CONFIRMED.value})
_NAMED = frozenset({"request", "form", "declaration", "purpose", "channel"})
_ANY_TIME = datetime.fromtimestamp(0, UTC)
_AT = slice(7, 31)  # where an event's moment stands in its canonical bytes


@dataclass
class Audit:
    """One audit. Findings are sentences; there should be none."""

    read: Read
    vault: Vault
    outside: Sequence[str] = ()  # checkpoints from somebody's mailbox, a bundle, a newspaper
    findings: list[str] = field(default_factory=list)
    events: int = 0
    erased: int = 0
    announced: int = 0  # how many events the recorded erasures blanked
    checkpoints: int = 0

    def run(self) -> Iterator[int]:
        """Do it all; yield how many events were looked at since the last time."""
        yield from self.log()
        yield from self.people(EVERYBODY)

    def log(self) -> Iterator[int]:
        """Do 1, 2, 3 and 5; yield how many events were looked at since the last time."""
        keys = self._keys()
        expected = self._expected(keys)
        yield from self._log(expected)
        yield from self._forms()
        self.findings += self.read(orphans)
        for number in self.read(events_outside):
            self.findings.append(f"event {number} is not in the log")

    def _keys(self) -> tuple[VerifierKey, ...]:
        origin = self.read(log_origin)
        ours = tuple(key.verifier for key in self.vault.log_keys(origin))
        # the database names keys as well, but who writes to it could name his own
        self.findings += [
            f"the key {key.text} signed this log, but is not in the key file"
            for key in self.read(verifier_keys)
            if key not in ours
        ]
        return ours

    def _expected(self, keys: Sequence[VerifierKey]) -> dict[int, list[tuple[str, Checkpoint]]]:
        """Return every checkpoint by size, with where it comes from."""
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
        after, at = -1, None
        while page := self.read(partial(checkpoints_after, size=after, most=PAGE_CHECKPOINTS)):
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
                if at is not None and stored.at < at - CLOCKS_DIFFER:
                    self.findings.append(f"{name} was signed before a smaller one")
                at = stored.at if at is None else max(at, stored.at)
                self.checkpoints += 1
            after = page[-1].size
        return found

    # 1. and 2. The log and its checkpoints.
    def _log(self, expected: dict[int, list[tuple[str, Checkpoint]]]) -> Iterator[int]:
        frontier, latest, place = Frontier(), "", 0
        goal = self.read(log_frontier)  # what comes in meanwhile is for the next audit
        waiting = sorted(expected, reverse=True)
        self._meet(expected, waiting, frontier, [])
        while place < goal.size and (page := self.read(partial(leaf_page, first=place))):
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
        if self.erased != self.announced:
            self.findings.append(
                f"{self.erased} events are blank, but erasures were recorded for {self.announced}"
            )
        for size in waiting:
            for name, _ in expected[size]:
                self.findings.append(
                    f"{name} is over {size} events; the log has {frontier.size}: an older copy, or cut"
                )

    def _leaves(self, page: Sequence[Row], latest: str) -> tuple[list[bytes], str]:
        """Return the leaves of a page and its latest moment; look closer where the page is not all well."""
        leaves = [bytes(row[1]) for row in page]
        bodies = [row[4] for row in page]
        if None not in bodies and not any(_ERASED in body for body in bodies):
            hashed = [_SHA256(LEAF_PREFIX + body.encode()).digest() for body in bodies]
            moments = [body[_AT] for body in bodies]
            if hashed == leaves == [row[3] for row in page]:
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
                self.erased += 1
                if event_leaf is None or bytes(event_leaf) != leaf:
                    self.findings.append(f"event {number} (place {place}) is gone from the events")
                continue
            if _SHA256(LEAF_PREFIX + body.encode()).digest() != leaf or bytes(event_leaf) != leaf:
                self.findings.append(f"event {number} (place {place}) is not what was logged: it was changed")
                continue
            if _ERASED in body:
                self.announced += _count_of(body)
            at = body[_AT]
            if at < latest:
                self._back_dated(number, at, latest)
            else:
                latest = at
        return leaves, latest

    def _back_dated(self, number: int, at: str, latest: str) -> None:
        try:
            gap = datetime.fromisoformat(latest) - datetime.fromisoformat(at)
        except ValueError:
            self.findings.append(f"event {number} has no moment")
            return
        if gap > CLOCKS_DIFFER:
            self.findings.append(f"event {number} says {at}, but follows on {latest}: back-dated")

    def _meet(
        self,
        expected: dict[int, list[tuple[str, Checkpoint]]],
        waiting: list[int],
        frontier: Frontier,
        leaves: Sequence[bytes],
    ) -> None:
        """Compare the root with every checkpoint that falls into these leaves."""
        while waiting and waiting[-1] <= frontier.size + len(leaves):
            size = waiting.pop()
            taken = size - frontier.size
            root = frontier.grow(leaves[:taken])[0].root
            for name, checkpoint in expected[size]:
                if checkpoint.root != root:
                    self.findings.append(f"{name} over {size} events has another root: history was rewritten")

    def _nodes(self, frontier: Frontier, leaves: Sequence[bytes]) -> Frontier:
        """Grow by a page; compare every subtree in it with the stored one."""
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
        stored = self.read(partial(node_page, level=level, first=first, after=first + len(values)))
        if stored != values:
            self.findings.append(
                f"the stored hashes of level {level} from {first} on are not those of the log"
            )

    # 3. Forms and statements.
    def _forms(self) -> Iterator[int]:
        for found, page in self.read(privacy_rows):
            if digest(bytes(page)) != found:
                self.findings.append(
                    f"privacy statement {found[:16]} is not the page of its digest: it was edited"
                )
        for found, key, magnet, ordinal, page, declaration in self.read(form_rows):
            name = f"form {magnet} v{ordinal}"
            if digest(bytes(page)) != found:
                self.findings.append(f"{name} is not the page of its digest: it was edited")
            text = bytes(page).decode("utf-8", "replace")
            try:
                form = FormDeclaration.from_json(parse(declaration))
            except (KeyError, TypeError, ValueError):
                self.findings.append(f"{name} has no declaration that can be read")
                continue
            for question in form.questions:
                if not shows(bytes(page), form, question):
                    self.findings.append(f"{name} says other words than its page for {question.purpose}")
            if key not in text and 'name="form"' in text:
                self.findings.append(f"{name} has another key than its page")
        yield 0

    # 4. People.
    def people(self, share: Share) -> Iterator[int]:
        """Do 4 for one share of the people; yield as it goes on."""
        for kind in ("confirmed", "open"):
            yield from self._people(kind, share)

    def _people(self, kind: str, share: Share) -> Iterator[int]:
        after, until = share
        while page := self.read(partial(people_page, kind=kind, after=after, until=until)):
            known = len(self.findings)
            self._check_page(page)
            if len(self.findings) > known:  # look again: something may just have happened between two reads
                del self.findings[known:]
                again: PeoplePage | None = self.read(
                    partial(people_page, kind=kind, after=after, until=until)
                )
                self._check_page(again or page)
            after = page.last
            yield 0

    def _check_page(self, page: PeoplePage) -> None:
        mails: dict[bytes, dict[str, bytes]] = defaultdict(dict)
        for request, message_id, sealed in page.mails:
            mails[bytes(request)][message_id] = bytes(sealed)
        owners = {bytes(row[0]): row for row in page.requests}
        events: dict[bytes, list[tuple[int, Body]]] = defaultdict(list)
        chains: dict[tuple[bytes, str, str], list[tuple[Body, bytes]]] = defaultdict(list)
        for key, number, text in page.events:  # in the order of the log
            request = bytes(key)
            try:
                body = _readable(parse(text or ""))
            except (KeyError, TypeError, ValueError):
                self.findings.append(f"event {number} cannot be read")
                continue
            events[request].append((number, body))
            subject = owners[request][1]
            if subject is not None and body["purpose"] and body["channel"]:
                chains[bytes(subject), body["purpose"], body["channel"]].append((body, request))
        for request, row in owners.items():
            self._check_request(row, events[request], mails[request])
        self._check_statuses(page.consents, chains, owners)

    def _check_request(self, row: Row, events: Sequence[tuple[int, Body]], mails: dict[str, bytes]) -> None:
        request = RequestId(bytes(row[0]))
        name = f"request {request.hex()}"
        try:
            sealed = Sealed.open(self.vault, request, bytes(row[4]))
            declared = Declared.parse(sealed.declaration)
            index = self.vault.index(EmailAddress(declared.email))
        except (KeysUnusable, KeyError, TypeError, ValueError):
            self.findings.append(f"{name}: what was declared does not open")
            return
        if bytes(row[2]) != index or (row[7] is not None and bytes(row[7]) != index):
            self.findings.append(f"{name} is filed under another address than was declared")
        self._check_events(row, events, sealed, declared, mails)
        for message_id in mails:
            self.findings.append(f"mail {message_id} has no event of its sending")
        kinds = {body["kind"] for _, body in events}
        if EventKind.REQUESTED not in kinds:
            self.findings.append(f"{name} has no event of its asking")
        if (EventKind.CONFIRMED in kinds) != (row[6] is not None) and declared.purposes:
            self.findings.append(f"{name} is {'' if row[6] else 'not '}confirmed, its events say otherwise")

    def _check_events(
        self,
        row: Row,
        events: Sequence[tuple[int, Body]],
        sealed: Sealed,
        declared: Declared,
        mails: dict[str, bytes],
    ) -> None:
        commitment, named, form = commit(sealed.salt, sealed.declaration), bytes(row[0]).hex(), row[3]
        for number, body in events:
            kind = body["kind"]
            if body["declaration"] != commitment or body["request"] != named:
                self.findings.append(f"event {number} commits to another declaration than is kept")
            if body["form"] != form:
                self.findings.append(f"event {number} names another form than its request")
            if kind in _ASKED and body["purpose"] and body["purpose"] not in declared.purposes:
                self.findings.append(f"event {number} is about a box that was not ticked")
            if kind == EventKind.MAILED:
                self._check_mail(number, body, sealed.salt, mails)

    def _check_mail(self, number: int, body: Body, salt: bytes, mails: dict[str, bytes]) -> None:
        message_id = str(body.get("message_id"))
        sealed = mails.pop(message_id, None)
        if sealed is None:
            self.findings.append(f"event {number}: the mail {message_id} is not kept")
            return
        try:
            data = self.vault.open(Place("mail", message_id.encode()), sealed)
        except KeysUnusable:
            self.findings.append(f"event {number}: the mail {message_id} does not open")
            return
        if commit(salt, data) != body.get("bytes"):
            self.findings.append(f"event {number}: the mail {message_id} is not the one that was sent")

    def _check_statuses(
        self,
        consents: Sequence[Row],
        chains: dict[tuple[bytes, str, str], list[tuple[Body, bytes]]],
        owners: dict[bytes, Row],
    ) -> None:
        cached = {(bytes(row[0]), row[1], row[2]): row[3] for row in consents}
        for (subject, purpose, channel), chain in chains.items():
            status = cached.pop((subject, purpose, channel), None)
            who = f"consent of subject {subject.hex()} for {purpose} by {channel}"
            kinds = tuple(body["kind"] for body, _ in chain)
            try:
                if EventKind.WITHDRAWN in kinds:  # only then do moments matter
                    derived = fold(
                        Happening(
                            EventKind(body["kind"]),
                            datetime.fromisoformat(body["at"]),
                            RequestId(request),
                            from_ms(owners[request][5]),
                        )
                        for body, request in chain
                    ).status
                else:
                    derived = _status_after(kinds)
            except TransitionRefused as problem:
                self.findings.append(f"{who}: its events do not fit together ({problem})")
                continue
            if derived != status and not (status is None and derived is Status.PENDING):
                self.findings.append(f"{who} is stored as {status}, its events say {derived}")
        for subject, purpose, channel in cached:
            self.findings.append(
                f"consent of subject {subject.hex()} for {purpose} by {channel} has no events"
            )


def _readable(body: Body) -> Body:
    """Return the event when it is one of ours. Raises KeyError, TypeError, ValueError."""
    if body["kind"] not in _KINDS:
        raise ValueError(body["kind"])
    datetime.fromisoformat(body["at"])
    if not body.keys() >= _NAMED:
        raise KeyError
    return body


@lru_cache(maxsize=4_096)
def _status_after(kinds: tuple[str, ...]) -> Status | None:
    """Derive a status where nothing was withdrawn, so that no moment counts. Raises TransitionRefused."""
    return fold(Happening(EventKind(kind), _ANY_TIME) for kind in kinds).status


def _count_of(body: str) -> int:
    count = parse(body).get("events")
    return count if isinstance(count, int) else 0


def checkpoints_in(data: bytes) -> list[str]:
    """Return the checkpoints in a file from outside: a note, a proof, a receipt mail, a bundle."""
    if data.startswith(b"PK"):
        return [unpack(data).get("checkpoint.txt", b"").decode("utf-8", "replace")]
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    if text.startswith(PROOF_HEADER):
        return [text.partition("\n\n")[2]]
    mail = email.message_from_bytes(data, policy=email.policy.default)
    proofs = [part for part in mail.walk() if (part.get_filename() or "").endswith(ENDING)]
    notes = {str(part.get_content()).replace("\r\n", "\n").partition("\n\n")[2] for part in proofs}
    return sorted(notes) or [text]
