"""Brevo: a contact with attributes, on a list for a purpose (W11).

The list of a purpose is the number of a list. Follows the package brevo-python 5.1.0 (`brevo.contacts`, made
from Brevo's own description). A stop in Brevo blocks the contact for all e-mail. Its double opt-in call is
never used: it would ask the person again; nor `forceMerge`, which deletes one of two contacts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from optin.export.connectors.lead_fields import (
    BAD_REQUEST,
    FORBIDDEN,
    NOT_FOUND,
    TOO_MANY,
    UNAUTHORIZED,
    PullMark,
    ask,
    check_account,
    consent_fields,
    encoded,
    fields_of,
    inside,
    moment,
    number_of,
    person_fields,
    refuse_later_stop,
    refuse_shared,
    rows_of,
    values_of,
)
from optin.export.connectors.tool import (
    LONGEST_WAIT_SECONDS,
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
    wait_asked,
)

CONTACTS, LISTS, ATTRIBUTES = "/contacts", "/contacts/lists", "/contacts/attributes"
# the number is one to be called: SMS would be one for messages
FIELDS = {
    **person_fields("FIRSTNAME", "LASTNAME", "COMPANY", "LANDLINE_NUMBER"),
    **consent_fields(str.upper),
}
IDENTIFIERS = ("SMS", "WHATSAPP", "LANDLINE_NUMBER")  # numbers of which Brevo wants one contact each
MOST_BYTES = 65_535  # Brevo's limit is not published
ROWS, STEP, PAGES = 200, 180, 50  # pages overlap: a contact that is deleted meanwhile moves the others up


class Brevo:
    """Brevo's interface, version 3."""

    name = "brevo"
    calls_per_second = 5.0  # of 10 for contacts

    def address(self, account: ToolAccount) -> str:
        """Return the one base of all accounts."""
        del account
        return "https://api.brevo.com/v3"

    def headers(self, account: ToolAccount) -> Mapping[str, str]:
        """Return the key."""
        return {"api-key": account.token, "Accept": "application/json"}

    def set_up(self, account: ToolAccount) -> Steps[tuple[str, ...]]:
        """Check key and lists; make attributes that are missing. A value of a wrong type would vanish."""
        fields = _fields(account)
        refuse_shared(account, fields)
        for purpose in account.lists:
            yield from _check_list(account, purpose)
        answer = yield from _ask(ToolCall("GET", ATTRIBUTES))
        known = {it.get("name"): it.get("type") for it in rows_of(answer.content, "attributes")}
        done = []
        for column, name in fields.items():
            if name not in known:
                yield from _make_attribute(name, column)
                done.append(f"made the attribute {name}")
            elif known[name] != "text" and name not in IDENTIFIERS:
                says = f"Brevo's attribute {name} is no text and would drop {column}: name another in fields"
                raise ToolTrouble(TroubleKind.SETUP, says)
        return tuple(done)

    def confirmed(self, account: ToolAccount, lead: ToolLead) -> Steps[None]:
        """Upsert the contact on its list; who was blocked before this consent is unblocked for it alone."""
        number = number_of(account, lead.purpose)
        answer = yield from _ask(ToolCall("GET", _person(lead.email)), NOT_FOUND)
        method, path = "POST", CONTACTS
        content: dict[str, Any] = {"email": lead.email, "listIds": [number], "updateEnabled": True}
        if _is_stopped(answer.content, number):
            refuse_later_stop("Brevo", lead, _stopped_at(answer.content))
            # in one call: what its other lists stood for was stopped as well, and not asked for again
            others = [it for it in _numbers(answer.content, "listIds") if it != number]
            method, path = "PUT", _person(lead.email)
            content = {"listIds": [number], "unlinkListIds": others, "emailBlacklisted": False}
        values = values_of(lead, _fields(account), MOST_BYTES)
        answer = yield from _ask(ToolCall(method, path, {**content, "attributes": values}), BAD_REQUEST)
        if answer.status == BAD_REQUEST and any(it in values for it in IDENTIFIERS):
            # the number belongs to another contact, or is none: the lead is kept without it
            values = {name: it for name, it in values.items() if name not in IDENTIFIERS}
            answer = yield from _ask(ToolCall(method, path, {**content, "attributes": values}), BAD_REQUEST)
        if not answer.is_ok:
            yield from _check_list(account, lead.purpose)
            raise _trouble(answer)

    def ended(self, account: ToolAccount, email: str, purpose: str) -> Steps[None]:
        """Take the contact off the purpose's list."""
        content = {"unlinkListIds": [number_of(account, purpose)]}
        answer = yield from _ask(ToolCall("PUT", _person(email), content), NOT_FOUND)
        if answer.status == NOT_FOUND:
            yield from _check_list(account, purpose)

    def erased(self, account: ToolAccount, email: str) -> Steps[None]:
        """Delete the contact; Brevo has no other erasure."""
        answer = yield from _ask(ToolCall("DELETE", _person(email)), NOT_FOUND)
        if answer.status == NOT_FOUND:
            yield from check_account(_check_list(account, it) for it in account.lists)

    def stops(self, account: ToolAccount, mark: str) -> Steps[Stops]:
        """Return who is blocked, or unsubscribed from a list, of the contacts modified since the mark."""
        purposes = {number_of(account, it): it for it in account.lists}
        reached = PullMark.read(mark)
        path = f"{CONTACTS}?limit={ROWS}&sort=asc"
        if reached.since:
            since = reached.since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            path += f"&modifiedSince={encoded(since)}"
        first = int(reached.place) if reached.place.isdigit() else 0
        found: dict[str, Stop] = {}
        newest: datetime | None = None
        for _ in range(PAGES):
            answer = yield from _ask(ToolCall("GET", f"{path}&offset={first}"))
            reached = reached.seen(answer)
            rows = list(rows_of(answer.content, "contacts"))
            for row in rows:
                at = moment(row.get("modifiedAt"))
                newest = max((it for it in (at, newest) if it), default=None)
                ended = tuple(purposes[it] for it in _numbers(row, "listUnsubscribed") if it in purposes)
                if row.get("email") and (row.get("emailBlacklisted") or ended):
                    email = str(row["email"])
                    found[email] = Stop(email, () if row.get("emailBlacklisted") else ended, at)
            if len(rows) < ROWS:
                return Stops(tuple(found.values()), reached.whole(newest).write())
            first += STEP
        return Stops(tuple(found.values()), reached.cut(str(first)).write())


def _fields(account: ToolAccount) -> dict[str, str]:
    """Return the attribute by column; Brevo writes them in capitals."""
    return {column: name.upper() for column, name in fields_of(account, FIELDS).items()}


def _person(email: str) -> str:
    return f"{CONTACTS}/{encoded(email)}?identifierType=email_id"


def _numbers(content: Any, name: str) -> list[int]:
    found = inside(content, name)
    return [it for it in found if isinstance(it, int)] if isinstance(found, list) else []


def _is_stopped(contact: Any, number: int) -> bool:
    return bool(inside(contact, "emailBlacklisted")) or number in _numbers(contact, "listUnsubscribed")


def _stopped_at(contact: Any) -> datetime | None:
    """Return when a contact was last unsubscribed; else when it was last modified, which is no earlier."""
    statistics = inside(contact, "statistics")
    rows = [*rows_of(statistics, "complaints"), *rows_of(statistics, "unsubscriptions", "userUnsubscription")]
    rows += rows_of(statistics, "unsubscriptions", "adminUnsubscription")
    times = [moment(it.get("eventTime")) for it in rows]
    return max((it for it in times if it), default=None) or moment(inside(contact, "modifiedAt"))


def _check_list(account: ToolAccount, purpose: str) -> Steps[None]:
    number = number_of(account, purpose)
    answer = yield from _ask(ToolCall("GET", f"{LISTS}/{number}"), NOT_FOUND)
    if answer.status == NOT_FOUND:
        says = f"Brevo has no list {number} (purpose {purpose}): look for its number under Contacts, Lists"
        raise ToolTrouble(TroubleKind.SETUP, says)
    if inside(answer.content, "dynamicList") is True:
        says = f"Brevo fills the list {number} (purpose {purpose}) itself: name a list that it does not fill"
        raise ToolTrouble(TroubleKind.SETUP, says)


def _make_attribute(name: str, column: str) -> Steps[None]:
    path = f"{ATTRIBUTES}/normal/{encoded(name)}"
    answer = yield from _ask(ToolCall("POST", path, {"type": "text"}), BAD_REQUEST)
    if not answer.is_ok and inside(answer.content, "code") != "duplicate_parameter":
        says = (
            f"Brevo cannot make the attribute {name}: make it there, or name another for {column} in fields"
        )
        raise ToolTrouble(TroubleKind.SETUP, says)


def _ask(call: ToolCall, *fine: int) -> Steps[ToolAnswer]:
    return ask(call, _trouble, fine)


_CODES = frozenset({"invalid_parameter", "missing_parameter", "document_not_found", "account_in_process"})
_MORE_CODES = frozenset({"duplicate_parameter", "method_not_allowed", "out_of_range"})


def _trouble(answer: ToolAnswer) -> ToolTrouble:
    """Return the trouble behind an answer; of its words only known codes: the others may hold an address."""
    code = inside(answer.content, "code")
    known = code if isinstance(code, str) and code in _CODES | _MORE_CODES else ""
    says = f"Brevo: status {answer.status} {known}".rstrip()
    if answer.status in {UNAUTHORIZED, FORBIDDEN}:
        says = "Brevo does not take the key from here: make a new one, or allow this server's IP address"
        return trouble_of(answer, says)
    if answer.status == TOO_MANY:
        reset = answer.headers.get("x-sib-ratelimit-reset", "")
        wait = float(reset) if reset.isascii() and reset.isdigit() else 0.0
        wait = wait_asked(answer.headers) or min(wait, LONGEST_WAIT_SECONDS)
        return ToolTrouble(TroubleKind.LATER, says, wait)
    if code == "account_in_process":
        return ToolTrouble(TroubleKind.LATER, "Brevo is still opening the account")
    return trouble_of(answer, says)


BREVO = Brevo()
