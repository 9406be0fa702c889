"""A lead's values as fields of a tool, and what connectors read from answers (W11)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from optin.consent.wrong_clock import CLOCKS_DIFFER
from optin.export.connectors.tool import (
    Steps,
    ToolAccount,
    ToolAnswer,
    ToolCall,
    ToolLead,
    ToolTrouble,
    TroubleKind,
)

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)  # no tool is older: an earlier time is none
OVERLAP = timedelta(minutes=15)  # searches lag, and the clocks within one tool differ
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 400, 401, 403, 404
CONFLICT, UNPROCESSABLE, LOCKED, TOO_MANY = 409, 422, 423, 429
BASIS = "Consent, confirmed by a link or a code sent to the address"
NUMBER = "phone"  # the column of a telephone number, as tools name it too
TIMES = frozenset({"requested_at", "confirmed_at", "expires_at"})
_WHOLE = frozenset({*TIMES, "form_version", "evidence", "unsubscribe_url"})  # a part of it would be wrong


def person_fields(first: str, last: str, company: str, number: str) -> dict[str, str]:
    """Return a tool's own fields for what forms ask of people, by column."""
    return {"first_name": first, "last_name": last, "company": company, NUMBER: number}


def consent_fields(write: Callable[[str], str]) -> dict[str, str]:
    """Return the fields for a consent by column; `write` makes a tool's name of ours."""
    columns = "basis purpose consent_text confirmed_at expires_at form_version evidence unsubscribe_url"
    return {column: write(f"optin_{column}") for column in columns.split()}


def fields_of(account: ToolAccount, usual: Mapping[str, str]) -> dict[str, str]:
    """Return the tool's field by column: the connector's, or the one that the account names; "" omits one."""
    return {column: name for column, name in {**usual, **account.fields}.items() if name}


def values_of(lead: ToolLead, fields: Mapping[str, str], most_bytes: int) -> dict[str, str]:
    """Return a lead's values by field. What is empty is left out: it would erase what the tool has.

    Texts are cut to `most_bytes` of UTF-8, in whole characters; links, times and digests are left out.
    """
    by_column = {"basis": BASIS, **lead.columns}
    values = {}
    for column, name in fields.items():
        data = by_column.get(column, "").encode()
        if data and (len(data) <= most_bytes or column not in _WHOLE):
            values[name] = data[:most_bytes].decode("utf-8", "ignore")
    return values


def list_of(account: ToolAccount, purpose: str) -> str:
    """Return the tool's list of a purpose. Raises ToolTrouble if none is named."""
    try:
        return account.lists[purpose]
    except KeyError:
        says = f"no list is named for the purpose {purpose!r}: name it, also to tell the ends of the past"
        raise ToolTrouble(TroubleKind.SETUP, says) from None


def number_of(account: ToolAccount, purpose: str) -> int:
    """Return a purpose's list in a tool that counts its lists. Raises ToolTrouble if it is no number."""
    name = list_of(account, purpose)
    if name.isascii() and name.isdigit():
        return int(name)
    says = f"the list {name!r} of the purpose {purpose!r} is no number: take the number that the tool shows"
    raise ToolTrouble(TroubleKind.SETUP, says)


def refuse_shared(account: ToolAccount, fields: Mapping[str, str]) -> None:
    """Raise ToolTrouble when two purposes share a list, or two columns a field: one would undo the other."""
    for kind, names in (("list", account.lists), ("field", fields)):
        for name, count in Counter(names.values()).items():
            if count > 1:
                both = ", ".join(sorted(it for it, used in names.items() if used == name))
                says = f"{both} share the {kind} {name!r}: give each its own"
                raise ToolTrouble(TroubleKind.SETUP, says)


def ask(
    call: ToolCall, trouble: Callable[[ToolAnswer], ToolTrouble], fine: tuple[int, ...] = ()
) -> Steps[ToolAnswer]:
    """Make one call; return an answer of 2xx, or with a status in `fine`. Raises `trouble` of any other."""
    answer = yield call
    if answer.is_ok or answer.status in fine:
        return answer
    raise trouble(answer)


def check_account(checks: Iterable[Steps[None]]) -> Steps[None]:
    """Make the checks of our lists until one passes; raise the last ToolTrouble when none does.

    A contact that is not there has nothing to end, unless the token is of another account: there nobody is.
    """
    trouble: ToolTrouble | None = None
    for check in checks:
        try:
            yield from check
        except ToolTrouble as problem:
            trouble = problem
        else:
            return
    if trouble:
        raise trouble


def encoded(text: str) -> str:
    """Return a text as one part of a path or query (RFC 3986): nothing in it has a meaning there."""
    return quote(text, safe="")


def inside(content: Any, *path: str) -> Any:
    """Return what stands in JSON at a path; None when it is not there."""
    for key in path:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def rows_of(content: Any, *path: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list in JSON; nothing when it is not there."""
    rows = inside(content, *path)
    yield from (it for it in (rows if isinstance(rows, list) else ()) if isinstance(it, dict))


def moment(text: Any) -> datetime | None:
    """Return a time of ISO 8601, in UTC; UTC is meant when it has no offset. None for anything else."""
    try:
        read = datetime.fromisoformat(text)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):  # the last: an hour before the year 1, or after 9999
        return None


def refuse_later_stop(tool: str, lead: ToolLead, stopped: datetime | None) -> None:
    """Raise ToolTrouble when a contact unsubscribed in the tool after it consented, or nobody knows when.

    A message may come twice: its second time must not undo what the person did in between.
    """
    consented = moment(lead.columns.get("confirmed_at"))
    if consented is None or stopped is None or stopped > consented:
        says = f"the contact unsubscribed in {tool} after this consent: it stays unsubscribed there"
        raise ToolTrouble(TroubleKind.REFUSED, says)


@dataclass(frozen=True)
class PullMark:
    """How far a pull came: all ends before `since`; when it was cut, `place` is where it goes on.

    `began`: the tool's own time at the beginning of a cut pull.
    """

    since: datetime | None = None
    place: str = ""
    began: datetime | None = None

    @classmethod
    def read(cls, text: str) -> PullMark:
        """Return a mark that was written; of anything else the one of a first pull."""
        since, _, rest = text.partition(" ")
        began, _, place = rest.partition(" ")
        return cls(moment(since), place, moment(began))

    def write(self) -> str:
        """Return it as text."""
        times = (it.isoformat() if it else "-" for it in (self.since, self.began))
        return "" if self == PullMark() else " ".join((*times, self.place)).rstrip()

    def cut(self, place: str) -> PullMark:
        """Return the mark to go on at `place`."""
        return PullMark(self.since, place, self.began)

    def whole(self, newest: datetime | None) -> PullMark:
        """Return the mark after a whole pull. `newest`: the last change in it, for a tool without Date."""
        reached = self.began or newest
        if reached is None or reached < _FIRST or (self.since and reached - OVERLAP < self.since):
            return PullMark(self.since)
        return PullMark(reached - OVERLAP)

    def seen(self, answer: ToolAnswer) -> PullMark:
        """Return the mark with the tool's time, from its first answer (Date, RFC 9110 6.6.1)."""
        try:
            return self if self.began else PullMark(self.since, self.place, _date(answer))
        except (ValueError, TypeError, OverflowError):
            return self


def is_ahead(mark: str, now: datetime) -> bool:
    """Return whether a mark passes over ends that are still to come, by this machine's clock."""
    since = PullMark.read(mark).since
    return since is not None and since > now + CLOCKS_DIFFER


def _date(answer: ToolAnswer) -> datetime:
    return parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
