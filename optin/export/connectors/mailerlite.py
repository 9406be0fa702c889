"""MailerLite: a subscriber with fields, in a group for a purpose (W11).

The list of a purpose is the id of a group. Follows mailerlite/mailerlite-nodejs (types of its modules) and
developers.mailerlite.com (subscribers, groups, fields), at the version of the interface named below. These
say both that an unsubscribed person can come back (`resubscribe`) and that not: the answer's status counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from optin.export.connectors.lead_fields import (
    FORBIDDEN,
    NOT_FOUND,
    NUMBER,
    UNAUTHORIZED,
    UNPROCESSABLE,
    PullMark,
    ask,
    check_account,
    consent_fields,
    encoded,
    fields_of,
    inside,
    list_of,
    moment,
    person_fields,
    refuse_later_stop,
    refuse_shared,
    rows_of,
    values_of,
)
from optin.export.connectors.tool import (
    Steps,
    Stop,
    Stops,
    ToolAccount,
    ToolAnswer,
    ToolCall,
    ToolLead,
    ToolTrouble,
    TroubleKind,
    trouble_of,
)

VERSION = "2026-11-29"
FIELDS = {**person_fields("name", "last_name", "company", NUMBER), **consent_fields(str)}
MOST_BYTES = 65_535  # MailerLite's limit is not published
ROWS, LIST_PAGES, PAGES = 100, 20, 40


class MailerLite:
    """MailerLite's interface at connect.mailerlite.com."""

    name = "mailerlite"
    calls_per_second = 1.5  # of 120 a minute

    def address(self, account: ToolAccount) -> str:
        """Return the one base of all accounts."""
        del account
        return "https://connect.mailerlite.com/api"

    def headers(self, account: ToolAccount) -> Mapping[str, str]:
        """Return the token, and the version of the interface."""
        return {
            "Authorization": f"Bearer {account.token}",
            "Accept": "application/json",
            "Content-Type": "application/json",
            "X-Version": VERSION,
        }

    def set_up(self, account: ToolAccount) -> Steps[tuple[str, ...]]:
        """Check token and groups; make fields that are missing."""
        fields = fields_of(account, FIELDS)
        refuse_shared(account, fields)
        for purpose in account.lists:
            yield from _check_group(account, purpose)
        known = yield from _all("/fields", "key", "type")
        done = []
        for column, name in fields.items():
            if name not in known:
                yield from _make_field(name, column)
                done.append(f"made the field {name}")
            elif known[name] != "text":
                says = f"MailerLite's field {name} is no text: name another for {column} in fields"
                raise ToolTrouble(TroubleKind.SETUP, says)
        return tuple(done)

    def confirmed(self, account: ToolAccount, lead: ToolLead) -> Steps[None]:
        """Upsert the subscriber in its group; who stopped before this consent comes back for it alone."""
        group = list_of(account, lead.purpose)
        answer = yield from _ask(ToolCall("GET", _person(lead.email)), NOT_FOUND)
        content: dict[str, Any] = {
            "email": lead.email,
            "fields": values_of(lead, fields_of(account, FIELDS), MOST_BYTES),
            "groups": [group],
            "status": "active",
        }
        consented = moment(lead.columns.get("confirmed_at"))
        if consented:
            content["opted_in_at"] = consented.strftime("%Y-%m-%d %H:%M:%S")
        if answer.is_ok and inside(answer.content, "data", "status") != "active":
            if inside(answer.content, "data", "status") == "unsubscribed":
                refuse_later_stop("MailerLite", lead, _stopped_at(inside(answer.content, "data")))
            # what the other groups stood for was stopped as well, and not asked for again
            for other in _groups(answer.content):
                if other != group:
                    yield from _leave(_number(answer), other)
            content["resubscribe"] = True
        answer = yield from _ask(ToolCall("POST", "/subscribers", content), UNPROCESSABLE)
        if not answer.is_ok:
            yield from _check_group(account, lead.purpose)
        status = inside(answer.content, "data", "status")
        if answer.is_ok and status is None:
            raise ToolTrouble(TroubleKind.LATER, "MailerLite: an answer without a status")
        if not answer.is_ok or status != "active":
            raise ToolTrouble(TroubleKind.REFUSED, _refusal(answer, status))

    def ended(self, account: ToolAccount, email: str, purpose: str) -> Steps[None]:
        """Take the subscriber out of the purpose's group."""
        group = list_of(account, purpose)
        answer = yield from _ask(ToolCall("GET", _person(email)), NOT_FOUND)
        if answer.is_ok:
            yield from _leave(_number(answer), group)
        else:
            yield from _check_group(account, purpose)

    def erased(self, account: ToolAccount, email: str) -> Steps[None]:
        """Have the subscriber forgotten: MailerLite erases all of it within 30 days."""
        answer = yield from _ask(ToolCall("GET", _person(email)), NOT_FOUND)
        if answer.is_ok:
            yield from _ask(ToolCall("POST", f"/subscribers/{_number(answer)}/forget"), NOT_FOUND)
        else:
            yield from check_account(_check_group(account, it) for it in account.lists)

    def stops(self, account: ToolAccount, mark: str) -> Steps[Stops]:
        """Return who unsubscribed since the mark: MailerLite lists all who ever did, in no order of time."""
        del account
        reached = PullMark.read(mark)
        path = f"/subscribers?filter%5Bstatus%5D=unsubscribed&limit={ROWS}"
        found: list[Stop] = []
        cursor: Any = reached.place
        for _ in range(PAGES):
            answer = yield from _ask(ToolCall("GET", path + (f"&cursor={encoded(cursor)}" if cursor else "")))
            reached = reached.seen(answer)
            for row in rows_of(answer.content, "data"):
                at = _stopped_at(row)
                if row.get("email") and (at is None or reached.since is None or at >= reached.since):
                    found.append(Stop(str(row["email"]), (), at))
            cursor = inside(answer.content, "meta", "next_cursor")
            if not isinstance(cursor, str) or not cursor:
                newest = max((it.at for it in found if it.at), default=None)
                return Stops(tuple(found), reached.whole(newest).write())
        return Stops(tuple(found), reached.cut(cursor).write())


def _person(email: str) -> str:
    return f"/subscribers/{encoded(email)}"


def _number(answer: ToolAnswer) -> str:
    found = inside(answer.content, "data", "id")
    if not isinstance(found, str) or not found.isdigit():
        raise ToolTrouble(TroubleKind.LATER, "MailerLite: a subscriber without an id")
    return found


def _groups(content: Any) -> Iterator[str]:
    yield from (str(it["id"]) for it in rows_of(content, "data", "groups") if it.get("id"))


def _stopped_at(subscriber: Any) -> datetime | None:
    return moment(inside(subscriber, "unsubscribed_at"))


def _leave(number: str, group: str) -> Steps[None]:
    yield from _ask(ToolCall("DELETE", f"/subscribers/{number}/groups/{encoded(group)}"), NOT_FOUND)


def _refusal(answer: ToolAnswer, status: Any) -> str:
    """Return why MailerLite keeps a person out: a status, or the names of fields; never their values."""
    if status == "unconfirmed":
        return "MailerLite would ask the person to confirm again: turn off double opt-in for its API"
    if not answer.is_ok and not any(it == "email" for it in inside(answer.content, "errors") or ()):
        return "MailerLite refuses the contact: its fields do not take the values"
    return (
        "MailerLite keeps the contact unsubscribed, bounced or junk: the person can come back by its own form"
    )


def _all(path: str, key: str, value: str) -> Steps[dict[str, Any]]:
    """Return what MailerLite lists, page by page."""
    found: dict[str, Any] = {}
    for page in range(1, LIST_PAGES + 1):
        answer = yield from _ask(ToolCall("GET", f"{path}?limit={ROWS}&page={page}"))
        rows = list(rows_of(answer.content, "data"))
        found |= {str(it.get(key)): it.get(value) for it in rows}
        if len(rows) < ROWS:
            break
    return found


def _check_group(account: ToolAccount, purpose: str) -> Steps[None]:
    group = list_of(account, purpose)
    known = yield from _all("/groups", "id", "name")
    if group not in known:
        says = f"MailerLite has no group {group!r} (purpose {purpose}): its page has the id in its address"
        raise ToolTrouble(TroubleKind.SETUP, says)


def _make_field(name: str, column: str) -> Steps[None]:
    """Make a text field. MailerLite derives its key from the name, and only the key is written to."""
    answer = yield from _ask(ToolCall("POST", "/fields", {"name": name, "type": "text"}), UNPROCESSABLE)
    if not answer.is_ok:
        says = (
            f"MailerLite cannot make the field {name}: make it there, or name another for {column} in fields"
        )
        raise ToolTrouble(TroubleKind.SETUP, says)
    key = inside(answer.content, "data", "key")
    if key != name:
        says = f"MailerLite made the field {name} with the key {key!r}: name that key for {column} in fields"
        raise ToolTrouble(TroubleKind.SETUP, says)


def _ask(call: ToolCall, *fine: int) -> Steps[ToolAnswer]:
    return ask(call, _trouble, fine)


def _trouble(answer: ToolAnswer) -> ToolTrouble:
    if answer.status in {UNAUTHORIZED, FORBIDDEN}:
        says = "MailerLite does not take the token: make a new one; a token ends with the user who made it"
        return trouble_of(answer, says)
    return trouble_of(answer, f"MailerLite: status {answer.status}")


MAILERLITE = MailerLite()
