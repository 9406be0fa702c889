"""HubSpot: a contact, its subscription to a type of e-mail, and the legal basis of that (W11).

The list of a purpose is the id of a subscription type. Follows HubSpot/HubSpot-public-api-spec-collection,
version 2026-09: Contacts (rollout 424), Properties (145899), Subscriptions (176901). What is not in it
(`policyName`, the id in the words of a conflict, `hs_email_optout_ID`) is known from programs that use it.
Two calls are never made: an upsert in part by e-mail, which HubSpot does not support, and an erasure by
e-mail, which blocks an address that HubSpot does not know: it could never opt in again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from optin.export.connectors.lead_fields import (
    BAD_REQUEST,
    CONFLICT,
    FORBIDDEN,
    LOCKED,
    NOT_FOUND,
    NUMBER,
    TIMES,
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

CONTACTS = "/crm/objects/2026-09/contacts"
PROPERTIES = "/crm/properties/2026-09/contacts"
PREFERENCES = "/communication-preferences/2026-09"
FIELDS = {**person_fields("firstname", "lastname", "company", NUMBER), **consent_fields(str)}
MOST_BYTES = 65_536  # characters of a property
LOCKED_SECONDS, TEN_SECONDS, DAILY_SECONDS = 2.0, 10.0, 3600.0  # the day's limit: look again each hour
ENDED = "optin: this consent has ended"  # tells our own end from one that the person asked for in HubSpot
ALL_MAIL, MOST_GROUPS, ROWS, PAGES = "hs_email_optout", 5, 200, 50  # a search gives at most 10,000 contacts
_KNOWN_ID = re.compile(r"Existing ID: ([0-9]+)")
_CODE = re.compile(r"[A-Z_]{1,40}")


class HubSpot:
    """HubSpot's interface, pinned to its version 2026-09."""

    name = "hubspot"
    calls_per_second = 5.0  # of 10 for an app in a free account

    def address(self, account: ToolAccount) -> str:
        """Return the one base of all accounts."""
        del account
        return "https://api.hubapi.com"

    def headers(self, account: ToolAccount) -> Mapping[str, str]:
        """Return the token of a service key or an app."""
        return {"Authorization": f"Bearer {account.token}"}

    def set_up(self, account: ToolAccount) -> Steps[tuple[str, ...]]:
        """Check token, subscription types and properties; make properties that are missing."""
        fields = fields_of(account, FIELDS)
        refuse_shared(account, fields)
        for purpose in account.lists:
            yield from _check_type(account, purpose)
        answer = yield from _ask(ToolCall("GET", PROPERTIES), "list properties")
        known = {it.get("name"): it.get("type") for it in rows_of(answer.content, "results")}
        done = []
        for column, name in fields.items():
            kind = "datetime" if column in TIMES else "string"
            if name not in known:
                yield from _make_property(name, column, kind)
                done.append(f"made the contact property {name}")
            elif known[name] not in {kind, "string"} and not (
                column == NUMBER and known[name] == "phone_number"
            ):
                says = f"HubSpot's property {name} is no {kind}: name another for {column} in fields"
                raise ToolTrouble(TroubleKind.SETUP, says)
        return tuple(done)

    def confirmed(self, account: ToolAccount, lead: ToolLead) -> Steps[None]:
        """Update the contact, or create it; then subscribe it with its legal basis."""
        kind = number_of(account, lead.purpose)
        stopped = yield from _refuse_stopped(lead, kind)
        if stopped:  # before the contact changes: a search must not find it changed and still stopped
            yield from _set_status(account, lead.email, lead.purpose, "SUBSCRIBED", _words(lead))
        content: dict[str, Any] = {"properties": values_of(lead, fields_of(account, FIELDS), MOST_BYTES)}
        call = ToolCall("PATCH", _person(lead.email), content)
        answer = yield from _ask(call, "update a contact", NOT_FOUND)
        if answer.status == NOT_FOUND:
            new = {"properties": {"email": lead.email, **content["properties"]}, "associations": []}
            answer = yield from _ask(ToolCall("POST", CONTACTS, new), "create a contact", CONFLICT)
            if answer.status == CONFLICT:  # made meanwhile, or the second address of a contact
                known = _KNOWN_ID.search(str(inside(answer.content, "message")))
                if not known:
                    raise ToolTrouble(
                        TroubleKind.LATER, "HubSpot: conflict with a contact that it does not name"
                    )
                yield from _ask(ToolCall("PATCH", f"{CONTACTS}/{known[1]}", content), "update a contact")
        if not stopped:
            yield from _set_status(account, lead.email, lead.purpose, "SUBSCRIBED", _words(lead))

    def ended(self, account: ToolAccount, email: str, purpose: str) -> Steps[None]:
        """Unsubscribe the address from the purpose's type."""
        yield from _end(account, email, {number_of(account, purpose): purpose})

    def erased(self, account: ToolAccount, email: str) -> Steps[None]:
        """End its subscriptions, which HubSpot keeps by address; then delete the contact, by its id alone."""
        yield from _end(account, email, {number_of(account, it): it for it in account.lists})
        answer = yield from _ask(ToolCall("GET", _person(email)), "read a contact", NOT_FOUND)
        if answer.status == NOT_FOUND:
            return
        number = inside(answer.content, "id")
        if not isinstance(number, str):
            raise ToolTrouble(TroubleKind.LATER, "HubSpot: a contact without an id")
        gone = ToolCall("POST", f"{CONTACTS}/gdpr-delete", {"objectId": number})
        yield from _ask(gone, "delete a contact", NOT_FOUND)

    def stops(self, account: ToolAccount, mark: str) -> Steps[Stops]:
        """Search for contacts that opted out of a type, or of all mail, since the mark."""
        flags: dict[str, list[str]] = {ALL_MAIL: []}
        for purpose in account.lists:
            flags.setdefault(f"{ALL_MAIL}_{number_of(account, purpose)}", []).append(purpose)
        names, marks = list(flags), []
        found: dict[str, Stop] = {}
        for first in range(0, len(names), MOST_GROUPS):
            some = names[first : first + MOST_GROUPS]
            reached, rows = yield from _search(PullMark.read(mark), some)
            marks.append(reached.write())
            for row in rows:
                stopped = [it for it in some if row.get(it) == "true"]
                stop = _stop(row, stopped, flags)
                earlier = found.get(stop.email)
                if stop.email and stopped and not (earlier and not earlier.purposes):
                    found[stop.email] = _both(earlier, stop)
        return Stops(tuple(found.values()), min(marks))  # the earliest, in the order of texts too


def _words(lead: ToolLead) -> str:
    columns = lead.columns
    when = f"{columns.get('confirmed_at', '')}, form {columns.get('form_version', '')}"
    return f"{when}, proof {columns.get('evidence', '')}: {columns.get('consent_text', '')}"


def _stop(row: Mapping[str, Any], stopped: list[str], flags: Mapping[str, list[str]]) -> Stop:
    purposes = () if ALL_MAIL in stopped else tuple(it for flag in stopped for it in flags[flag])
    return Stop(str(row.get("email") or ""), purposes, moment(row.get("lastmodifieddate")))


def _both(earlier: Stop | None, later: Stop) -> Stop:
    """Return two stops of a person as one; one for all purposes is for all."""
    if earlier is None or not later.purposes:
        return later
    return Stop(later.email, (*earlier.purposes, *later.purposes), later.at)


def _search(mark: PullMark, flags: list[str]) -> Steps[tuple[PullMark, list[Mapping[str, Any]]]]:
    """Return the mark for the next pull, and who has one of the flags and was changed since `mark`."""
    changed = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": _milliseconds(mark.since)}
    groups = [
        {
            "filters": [
                {"propertyName": it, "operator": "EQ", "value": "true"},
                *([changed] if mark.since else []),
            ]
        }
        for it in flags
    ]
    content = {
        "filterGroups": groups,
        "sorts": ["lastmodifieddate"],
        "properties": ["email", "lastmodifieddate", *flags],
        "limit": ROWS,
    }
    rows: list[Mapping[str, Any]] = []
    after = "0"
    for _ in range(PAGES):
        call = ToolCall("POST", f"{CONTACTS}/search", {**content, "after": after})
        answer = yield from _ask(call, "search contacts")
        mark = mark.seen(answer)
        rows += [it.get("properties") or {} for it in rows_of(answer.content, "results")]
        after = inside(answer.content, "paging", "next", "after")
        if not after:
            return mark.whole(_newest(rows)), rows
    newest = _newest(
        rows
    )  # the next pull begins with the last one seen, or just after it if all are of one moment
    stuck = newest is not None and newest == mark.since
    return PullMark(newest + timedelta(milliseconds=1) if newest and stuck else newest), rows


def _newest(rows: list[Mapping[str, Any]]) -> datetime | None:
    times = [it for it in (moment(row.get("lastmodifieddate")) for row in rows) if it]
    return max(times, default=None)


def _milliseconds(since: datetime | None) -> str:
    return str(int(since.timestamp() * 1000)) if since else ""


def _person(email: str) -> str:
    return f"{CONTACTS}/{encoded(email)}?idProperty=email"


def _refuse_stopped(lead: ToolLead, kind: int) -> Steps[bool]:
    """Return whether the contact is unsubscribed. Raises ToolTrouble when it opted out after this consent."""
    path = f"{PREFERENCES}/statuses/{encoded(lead.email)}"
    answer = yield from _ask(ToolCall("GET", f"{path}?channel=EMAIL"), "read subscriptions", NOT_FOUND)
    mine = [it for it in rows_of(answer.content, "results") if it.get("subscriptionId") == kind]
    wide = ToolCall("GET", f"{path}/unsubscribe-all?channel=EMAIL&verbose=true")
    answer = yield from _ask(wide, "read subscriptions", NOT_FOUND)
    ends = [*mine, *rows_of(answer.content, "results")]
    ends = [it for it in ends if it.get("status") == "UNSUBSCRIBED"]
    for it in ends:
        if not str(it.get("legalBasisExplanation") or "").startswith(ENDED):
            refuse_later_stop("HubSpot", lead, moment(it.get("timestamp")))
    return bool(ends)


def _end(account: ToolAccount, email: str, purposes: Mapping[int, str]) -> Steps[None]:
    """Unsubscribe an address from types; HubSpot is not told of an address that it does not know."""
    path = f"{PREFERENCES}/statuses/{encoded(email)}?channel=EMAIL"
    answer = yield from _ask(ToolCall("GET", path), "read subscriptions", NOT_FOUND)
    rows = list(rows_of(answer.content, "results"))
    if not any(row.get("subscriptionId") in purposes for row in rows):
        yield from check_account(_check_type(account, it) for it in purposes.values())
    for row in rows:
        purpose = purposes.get(row.get("subscriptionId") or 0)
        if purpose and row.get("status") in {"SUBSCRIBED", "UNSUBSCRIBED"}:
            yield from _set_status(account, email, purpose, "UNSUBSCRIBED", ENDED)


def _set_status(account: ToolAccount, email: str, purpose: str, status: str, why: str) -> Steps[None]:
    kind = number_of(account, purpose)
    content = {
        "channel": "EMAIL",
        "statusState": status,
        "subscriptionId": kind,
        "legalBasis": "CONSENT_WITH_NOTICE",
        "legalBasisExplanation": why,
    }
    call = ToolCall("POST", f"{PREFERENCES}/statuses/{encoded(email)}", content)
    answer = yield from _ask(call, "set a subscription", BAD_REQUEST, NOT_FOUND)
    rows = [it for it in rows_of(answer.content, "results") if it.get("subscriptionId") == kind]
    if answer.is_ok and any(it.get("status") == status for it in rows):
        return
    yield from _check_type(account, purpose)
    says = f"HubSpot did not set the subscription to {status}: it keeps the contact as it was"
    raise ToolTrouble(TroubleKind.REFUSED, says)


def _check_type(account: ToolAccount, purpose: str) -> Steps[None]:
    """Raise ToolTrouble when the subscription type of a purpose is gone."""
    kind = number_of(account, purpose)
    answer = yield from _ask(ToolCall("GET", f"{PREFERENCES}/definitions"), "list subscription types")
    known = {str(it.get("id")): it.get("isActive") for it in rows_of(answer.content, "results")}
    if not known.get(str(kind)):
        says = (
            f"HubSpot has no active subscription type {kind} (purpose {purpose}): look under Settings, "
            "Marketing, Email, Subscription types"
        )
        raise ToolTrouble(TroubleKind.SETUP, says)


def _make_property(name: str, column: str, kind: str) -> Steps[None]:
    content = {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "type": kind,
        "fieldType": {"datetime": "date"}.get(kind, "textarea" if column == "consent_text" else "text"),
        "groupName": "contactinformation",
    }
    answer = yield ToolCall("POST", PROPERTIES, content)
    if answer.status == CONFLICT or answer.is_ok:
        return
    trouble = _trouble(answer, "make a property")
    if trouble.kind is not TroubleKind.REFUSED:
        raise trouble
    says = (
        f"HubSpot cannot make the property {name}: make it yourself, or name another for {column} in fields"
    )
    raise ToolTrouble(TroubleKind.SETUP, says)


def _ask(call: ToolCall, doing: str, *fine: int) -> Steps[ToolAnswer]:
    return ask(call, lambda answer: _trouble(answer, doing), fine)


def _trouble(answer: ToolAnswer, doing: str) -> ToolTrouble:
    """Return the trouble behind an answer; of its words only codes: the others may hold an address."""
    if answer.status == UNAUTHORIZED:
        return trouble_of(
            answer, "HubSpot does not take the token: make a new service key, and put it in place"
        )
    if answer.status == FORBIDDEN:
        return trouble_of(answer, f"HubSpot's token may not {doing}: give it the scopes of the guide")
    codes = {it.get("code") for it in rows_of(answer.content, "errors")} | {
        inside(answer.content, "category")
    }
    words = sorted(it for it in codes if isinstance(it, str) and _CODE.fullmatch(it))
    says = f"HubSpot: {doing}: " + ", ".join((f"status {answer.status}", *words))
    if answer.status == LOCKED:
        return ToolTrouble(TroubleKind.LATER, says, LOCKED_SECONDS)
    if answer.status == TOO_MANY:
        daily = "DAILY" in str(inside(answer.content, "policyName"))
        wait = wait_asked(answer.headers) or (DAILY_SECONDS if daily else TEN_SECONDS)
        return ToolTrouble(TroubleKind.LATER, f"{says}, limit of {'a day' if daily else 'ten seconds'}", wait)
    if "PROPERTY_DOESNT_EXIST" in words:
        return ToolTrouble(
            TroubleKind.SETUP, "a property in HubSpot is gone: check the connection again to make it"
        )
    return trouble_of(answer, says)


HUBSPOT = HubSpot()
