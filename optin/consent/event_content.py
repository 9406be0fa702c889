"""The content of events: their fields and formats. No event holds personal data (P1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from optin.consent.erasure_grounds import ErasureGround
from optin.consent.form_version import FormDeclaration, FormDigest
from optin.consent.purpose import ConsentKey, ConsentQuestion, PurposeId
from optin.consent.status_transitions import EventKind, RequestId

VERSION = 2  # since 2 erasures say kinds, confirmations details, and what is forgotten is said
CONFIRMED_THROUGH = "mailbox"  # all that a confirmation shows: whoever confirmed reads that mailbox (P7)


def rfc3339(moment: datetime) -> str:
    """Return a moment in UTC with milliseconds (RFC 3339)."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class ContactAnswer:
    """An answer to "may we contact this person?", as its event says it.

    `asker`: a processor's id, or STAFF; `signed`: the digest of the answer, in hexadecimal.
    """

    asker: str
    key: ConsentKey
    may: bool
    rule: str
    signed: str

    @property
    def said(self) -> dict[str, Any]:
        """The fields of the event. No key may sort before "at": an audit finds the moment by its position."""
        return {
            "by": self.asker,
            "for": self.key.purpose,
            "through": self.key.channel.value,
            "may": self.may,
            "rule": self.rule,
            "signed": self.signed,
        }


STAFF = "staff"  # asked by somebody of the company itself


@dataclass(frozen=True)
class EventBuilder:
    """Builds the events of one request, with the fields they have in common."""

    request: RequestId
    form: FormDigest
    declaration_digest: str  # of what the form declares: who asks what, in which words, for how long
    declaration: FormDeclaration
    commitment: str  # salted digest of what the person declared

    def body(self, kind: EventKind, at: datetime, question: ConsentQuestion | None) -> dict[str, Any]:
        """Return an event of this kind about one consent, or about the request itself."""
        return {
            "version": VERSION,
            "kind": kind.value,
            "at": rfc3339(at),
            "request": self.request.hex(),
            "magnet": self.declaration.magnet,
            "form": self.form,
            "words": self.declaration_digest,
            "privacy": self.declaration.privacy,
            "declaration": self.commitment,
            "purpose": None if question is None else question.purpose,
            "channel": None if question is None else question.channel.value,
        }

    def bodies(
        self, kind: EventKind, at: datetime, questions: tuple[ConsentQuestion, ...]
    ) -> list[dict[str, Any]]:
        """Return one event for each consent, or one for the request when no box was ticked."""
        return [self.body(kind, at, question) for question in questions or (None,)]

    def confirmed(
        self, at: datetime, questions: tuple[ConsentQuestion, ...], how: str, details: str
    ) -> list[dict[str, Any]]:
        """Return the confirmations; `how`: by link or by code.

        `details`: the salted digest of what is known of the person from now on.
        """
        return [
            {**body, "through": CONFIRMED_THROUGH, "how": how, "details": details}
            for body in self.bodies(EventKind.CONFIRMED, at, questions)
        ]

    def withdrawn(
        self, at: datetime, questions: tuple[ConsentQuestion, ...], told_by: str
    ) -> list[dict[str, Any]]:
        """Return the withdrawals; `told_by`: the processor that told of them, if the person did so there."""
        said = {"told_by": told_by} if told_by else {}
        return [{**body, **said} for body in self.bodies(EventKind.WITHDRAWN, at, questions)]

    def requested(
        self, at: datetime, questions: tuple[ConsentQuestion, ...], through: str
    ) -> list[dict[str, Any]]:
        """Return the events of the request; `through`: the way it was made, other than by the form."""
        said = {"through": through} if through else {}
        return [{**body, **said} for body in self.bodies(EventKind.REQUESTED, at, questions)]

    def corrected(self, at: datetime, commitment: str, details: str) -> dict[str, Any]:
        """Return the event for a corrected name or number, with the salted digest of the new values.

        `details`: of all that is known of the person from now on.
        """
        return {**self.body(EventKind.CORRECTED, at, None), "contact": commitment, "details": details}

    def kept(self, at: datetime, details: str) -> dict[str, Any]:
        """Return the event for details of the person that stay when another request is erased."""
        return {**self.body(EventKind.KEPT, at, None), "details": details}

    def held(self, at: datetime, until: datetime, names: Sequence[str]) -> dict[str, Any]:
        """Return the event for fields that a law requires to keep until a moment (GDPR 17(3)(b))."""
        return {**self.body(EventKind.HELD, at, None), "until": rfc3339(until), "data": sorted(names)}

    def accessed(self, at: datetime, how: str) -> dict[str, Any]:
        """Return the event for data of the person that were shown or handed over; `how`: in which way."""
        return {**self.body(EventKind.ACCESSED, at, None), "how": how}

    def asked_about(self, at: datetime, answer: ContactAnswer) -> dict[str, Any]:
        """Return the event for an answer of the gate about the person."""
        return {**self.body(EventKind.ASKED, at, None), **answer.said}

    def handed(self, at: datetime, processor: str, purpose: str) -> dict[str, Any]:
        """Return the event for a consent disclosed by webhook; it is recorded before sending."""
        return {**self.body(EventKind.HANDED, at, None), "to": processor, "for": purpose}

    def noted(self, at: datetime, by: str, what: str) -> dict[str, Any]:
        """Return an event of a kind of magnets, `by`, about a request; it changes no status."""
        return {**self.body(EventKind.NOTED, at, None), "by": by, "what": what}

    def mailed(self, at: datetime, mail: str, message_id: str, commitment: str) -> dict[str, Any]:
        """Return the event for a sent mail, with the salted digest of its bytes."""
        return {
            **self.body(EventKind.MAILED, at, None),
            "mail": mail,
            "message_id": message_id,
            "bytes": commitment,
        }


def erased(
    at: datetime, ground: ErasureGround, numbers: Sequence[int], kinds: Mapping[str, int]
) -> dict[str, Any]:
    """Return the event of an erasure: which kinds of events were blanked, and on which ground.

    It names nobody and no request (P9).
    """
    return {
        **ground.said(),
        "version": VERSION,
        "kind": EventKind.ERASED.value,
        "at": rfc3339(at),
        "events": list(numbers),
        "kinds": dict(kinds),
    }


MEMBERS = "members"  # of an export: the digests of those who were erased since
LINES = "lines"  # that a restored backup is told of; `of` is the moment before which they are forgotten
KIND_AWAY = "not-installed"  # noted of a kind when its request was confirmed: it wrote nothing
REQUESTS = "rights-requests"  # answered long ago; `of` is the digest of the request
REQUEST_TEXTS = "texts-of-rights-requests"  # of a person who was erased; `of` likewise
STAFF_ACTS = "staff-acts"  # whose time in the trail is over; `of` is the digest of the act
STAFF_TEXTS = "texts-of-staff-acts"  # about a person who was erased; `of` likewise
KIND_ROWS = "kind-rows"  # in the tables of a kind of magnets that was removed; `of` is its name

OWN_ROWS = frozenset({MEMBERS, LINES, KIND_ROWS, REQUESTS, REQUEST_TEXTS, STAFF_ACTS, STAFF_TEXTS})


def forgotten(at: datetime, what: str, of: str, count: int | None = None) -> dict[str, Any]:
    """Return the event for rows outside the log, `what` they were, deleted after their period.

    `count`: how many; None: all that there are, from now on.
    """
    return {
        "version": VERSION,
        "kind": EventKind.FORGOTTEN.value,
        "at": rfc3339(at),
        "what": what,
        "of": of,
        "count": count,
    }


def own_forgotten(at: datetime, what: str, of: str) -> dict[str, Any]:
    """Return the event for rows of a kind of magnets, deleted after their period.

    Raises ValueError for what optin calls rows of its own.
    """
    if what in OWN_ROWS:
        msg = f"{what!r} are rows of optin's own"
        raise ValueError(msg)
    return forgotten(at, what, of)


def of_register(
    kind: EventKind, at: datetime, entry: Mapping[str, Any], numbers: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the event of an entry in a register beside the log: salted digests, and what names nobody.

    `entry`: its name, its digests, and the digest of the first entry that it follows on. Raises ValueError
    for a name before "at" in the alphabet: an audit finds the moment at the beginning of the bytes.
    """
    if min(numbers, default="z") < "at":
        msg = f"{min(numbers)!r} would stand before the moment"
        raise ValueError(msg)
    return {**numbers, **entry, "version": VERSION, "kind": kind.value, "at": rfc3339(at)}


def exported(at: datetime, run: str) -> dict[str, Any]:
    """Return the event of an export; `run`: the digest of its record (E5)."""
    return {"version": VERSION, "kind": EventKind.EXPORTED.value, "at": rfc3339(at), "run": run}


def restored(at: datetime, size: int) -> dict[str, Any]:
    """Return the event for a restored backup whose log had `size` events (S7). It names nobody."""
    return {"version": VERSION, "kind": EventKind.RESTORED.value, "at": rfc3339(at), "size": size}


def clock_doubted(at: datetime, known: datetime) -> dict[str, Any]:
    """Return the event for a doubted clock: it showed `at`, and was last known to be right at `known`."""
    return {**_of_the_clock(EventKind.CLOCK_DOUBTED, at), "known": rfc3339(known)}


def clock_accepted(at: datetime, known: datetime) -> dict[str, Any]:
    """Return the event for a clock that showed `at` and was accepted by an officer."""
    return {**_of_the_clock(EventKind.CLOCK_ACCEPTED, at), "known": rfc3339(known)}


def clock_set_back(at: datetime, was: datetime) -> dict[str, Any]:
    """Return the event for a clock that went back to `at` after an event dated `was`."""
    return {**_of_the_clock(EventKind.CLOCK_SET_BACK, at), "was": rfc3339(was)}


def _of_the_clock(kind: EventKind, at: datetime) -> dict[str, Any]:
    return {"version": VERSION, "kind": kind.value, "at": rfc3339(at)}


def of_magnet(name: str, at: datetime, magnet: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event `name` by which a kind of magnets logs something about a magnet, and about no person.

    Raises ValueError for a name that is not the kind's to give.
    """
    if name in set(EventKind):
        msg = f"{name!r} is an event of optin's own"
        raise ValueError(msg)
    return {**said, "version": VERSION, "kind": name, "at": rfc3339(at), "magnet": magnet}


class Event(NamedTuple):  # an audit reads millions
    """An event, read from its bytes."""

    kind: EventKind
    at: datetime
    request: RequestId
    form: str
    declaration_digest: str  # of what the form declares
    commitment: str  # salted digest of what the person declared
    key: ConsentKey | None  # which consent it is about; None: the request itself

    @property
    def purpose(self) -> PurposeId | None:
        """The purpose of its consent."""
        return None if self.key is None else self.key.purpose

    @classmethod
    def read(cls, body: dict[str, Any]) -> Self:
        """Read an event. One of an unknown kind may be about a request, never about a consent.

        Raises KeyError, TypeError or ValueError when it is none of ours.
        """
        kind, purpose, channel = EventKind.of(body["kind"]), body["purpose"], body["channel"]
        of_request = purpose is None and channel is None
        if kind is EventKind.NOTED and not of_request:  # of a newer version: it may end the consent
            msg = "an event of an unknown kind about a consent"
            raise ValueError(msg)
        return cls(
            kind,
            datetime.fromisoformat(body["at"]),
            RequestId(bytes.fromhex(body["request"])),
            body["form"],
            body["words"],
            body["declaration"],
            None if of_request else ConsentKey.parse(purpose, channel),
        )
