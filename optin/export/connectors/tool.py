"""What a connector is: it turns consents and their ends into calls of a tool's API, without a network (W11).

Each procedure (`Steps`) is a generator: it yields the call that it wants made, and is sent the answer. So
a connector is pure, and what makes the calls (`services.tool_connection`) is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
MOST_CALLS = 500  # for one message or one pull: steps that never end are a fault
MOST_WORDS = 500  # characters of a trouble in the log
LONGEST_WAIT_SECONDS = 24 * 3600.0
OK, REDIRECT = 200, 300
_SETUP = frozenset({401, 403, 407})
_LATER = frozenset({408, 423, 425, 429, 477})
CLIENT_ERRORS, SERVER_ERRORS = 400, 500


class TroubleKind(StrEnum):
    """Why a tool did not accept a message: it decides whether and when optin tries again."""

    LATER = "later"  # the tool or the network, for now: the same call is made again
    SETUP = "setup"  # a token, a list, a field: nothing to this tool works until somebody mends it
    REFUSED = "refused"  # the tool will never take this about this person


class ToolTrouble(Exception):
    """A tool did not accept a message. `says`: why, for the log; it never holds personal data or a secret.

    `wait_seconds`: how long the tool asks to be left alone; 0 when it does not say.
    """

    def __init__(self, kind: TroubleKind, says: str, wait_seconds: float = 0.0) -> None:
        """Take what is wrong, in plain words."""
        self.says = says if len(says) <= MOST_WORDS else f"{says[:MOST_WORDS]}…"  # of a tool, perhaps
        super().__init__(self.says)
        self.kind = kind
        self.wait_seconds = wait_seconds


@dataclass(frozen=True)
class ToolCall:
    """One call to make. `path` begins with a slash and may have a query; `content` becomes JSON."""

    method: str
    path: str = field(repr=False)  # it may hold an address
    content: Any = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class ToolAnswer:
    """A tool's answer. Header names are in lower case; `content`: its JSON, None when it has none."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: Any = field(repr=False)

    @property
    def is_ok(self) -> bool:
        """Whether the status is 2xx."""
        return OK <= self.status < REDIRECT


Steps = Generator[ToolCall, ToolAnswer, T]


@dataclass(frozen=True)
class ToolAccount:
    """The company's account at a tool. `token` is a secret: never log it.

    `server`: the address of a tool that the company runs itself, without a final slash. `lists`: by purpose,
    the tool's list, group, tag or subscription. `fields`: by column of an export, the tool's own field.
    """

    token: str = field(repr=False)
    server: str = ""
    lists: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ToolLead:
    """A proven consent. `columns`: those of an export by name (docs/consent.md), with the person's fields."""

    email: str = field(repr=False)
    purpose: str
    columns: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Stop:
    """An unsubscription in the tool. `purposes`: which; empty for all.

    `at`: when the tool last saw it change, UTC; None when it does not say. An end from before a consent does
    not end that consent: the tool may not have been told of it yet, or its search may lag.
    """

    email: str = field(repr=False)
    purposes: Sequence[str] = ()
    at: datetime | None = None


@dataclass(frozen=True)
class Stops:
    """Unsubscriptions since an earlier pull, and the mark where the next pull begins."""

    found: tuple[Stop, ...]
    mark: str


class Tool(Protocol):
    """A tool's interface. Every step raises ToolTrouble for an answer that it cannot live with."""

    name: str
    calls_per_second: float  # what the tool allows to one account, with room for others

    def address(self, account: ToolAccount) -> str:
        """Return the base of its addresses, without a final slash. Raises ValueError with a sentence."""

    def headers(self, account: ToolAccount) -> Mapping[str, str]:
        """Return the headers of each call, the token among them."""

    def set_up(self, account: ToolAccount) -> Steps[tuple[str, ...]]:
        """Check token and lists, make missing fields; return a sentence for each thing that was done."""

    def confirmed(self, account: ToolAccount, lead: ToolLead) -> Steps[None]:
        """Upsert the contact with its consent, and put it on the list of the purpose."""

    def ended(self, account: ToolAccount, email: str, purpose: str) -> Steps[None]:
        """Take the contact off the list of the purpose; a contact that is gone is no trouble."""

    def erased(self, account: ToolAccount, email: str) -> Steps[None]:
        """Delete the contact for ever; a contact that is gone is no trouble."""

    def stops(self, account: ToolAccount, mark: str) -> Steps[Stops]:
        """Return who unsubscribed in the tool since `mark`; empty for the first pull."""


async def carry_out(steps: Steps[T], call: Callable[[ToolCall], Awaitable[ToolAnswer]]) -> T:
    """Make the calls of `steps` one after the other; return its result. Raises ToolTrouble."""
    try:
        wanted = next(steps)
        for _ in range(MOST_CALLS):
            wanted = steps.send(await call(wanted))
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # StopIteration is not generic
    raise ToolTrouble(TroubleKind.LATER, f"more than {MOST_CALLS} calls")


def trouble_of(answer: ToolAnswer, says: str = "") -> ToolTrouble:
    """Return the trouble behind an answer by its status (RFC 9110, 6585).

    A tool may know better from the words of its answer; then it says so itself.
    """
    words = says or f"status {answer.status}"
    if answer.status in _SETUP:
        return ToolTrouble(TroubleKind.SETUP, words)
    if answer.status in _LATER or answer.status >= SERVER_ERRORS or OK <= answer.status < REDIRECT:
        return ToolTrouble(TroubleKind.LATER, words, wait_asked(answer.headers))
    if answer.status < CLIENT_ERRORS:  # the tool lives at another address
        return ToolTrouble(TroubleKind.SETUP, words)
    return ToolTrouble(TroubleKind.REFUSED, words)


def wait_asked(headers: Mapping[str, str]) -> float:
    """Return the seconds that Retry-After asks for (RFC 9110 10.2.3); at most a day, 0 when it does not say.

    A date counts from the Date of the same answer: the two clocks need not agree.
    """
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit():
        return min(float(asked), LONGEST_WAIT_SECONDS)
    try:
        until, now = (parsedate_to_datetime(it) for it in (asked, headers.get("date", "")))
        seconds = (until - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)
