"""listmonk, a mailing tool that companies run themselves (6.1 or newer).

By its source (knadh/listmonk): a wrong token gets 403, an unknown subscriber 400, an address that exists 409
without its id. The search is a regular expression. Only `PUT /subscribers/lists` lifts `unsubscribed`.
A list that the token may not manage is left out without a word, so that every result is read back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from optin.export.connectors.lead_fields import (
    CONFLICT,
    NOT_FOUND,
    PullMark,
    encoded,
    moment,
    number_of,
    refuse_later_stop,
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
from optin.flows.exports.lead_columns import COLUMNS

PER_PAGE = 200
PAGES = 200  # of all lists, in one pull
NO_METHOD, FAILED = 405, 500
CONFIRMED, UNSUBSCRIBED, BLOCKLISTED = "confirmed", "unsubscribed", "blocklisted"
# what stands with each purpose, below one attribute of its own: several consents never overwrite each other
PROOF = tuple(it for it in COLUMNS if it not in {"purpose", "channel"})
NAMES = ("first_name", "last_name")
_PLAIN = frozenset({"email", "purpose", "channel", *PROOF, *NAMES})


class Listmonk:
    """Subscribers with their consents in `attribs`, on one list for each purpose."""

    name = "listmonk"
    calls_per_second = 20.0  # its code has no limit; the server is the company's own

    def address(self, account: ToolAccount) -> str:
        """Return the base of its addresses."""
        if not account.server:
            msg = "there is no server"
            raise ValueError(msg)
        return f"{account.server}/api"

    def headers(self, account: ToolAccount) -> Mapping[str, str]:
        """Return the header with the token, which is USER:TOKEN of an API user."""
        if ":" not in account.token:
            msg = "the token of listmonk is written as USER:TOKEN"
            raise ValueError(msg)
        return {"authorization": f"token {account.token}"}

    def set_up(self, account: ToolAccount) -> Steps[tuple[str, ...]]:
        """Check token and lists. Attributes need no making."""
        lists = yield from _lists()
        for purpose, wanted in account.lists.items():
            if wanted not in lists:
                raise _no_list(purpose, wanted)
        return ()

    def confirmed(self, account: ToolAccount, lead: ToolLead) -> Steps[None]:
        """Create the subscriber, or update the one there is and subscribe it anew."""
        number = number_of(account, lead.purpose)
        about: dict[str, Any] = {"attribs": _attributes(account, lead)}
        if name := " ".join(filter(None, (lead.columns.get(it, "") for it in NAMES))):
            about["name"] = name
        new = {**about, "email": lead.email, "status": "enabled", "lists": [number]}
        made = yield ToolCall("POST", "/subscribers", {**new, "preconfirm_subscriptions": True})
        if made.is_ok:
            subscriber = dict(made.content["data"])
        elif made.status == CONFLICT:
            subscriber = yield from self._update(lead.email, about)
            if _status_on(subscriber, number) == UNSUBSCRIBED:
                refuse_later_stop("listmonk", lead, _moment_on(subscriber, number))
        else:
            raise trouble_of(made)
        if _status_on(subscriber, number) != CONFIRMED:
            yield from self._subscribe(subscriber, lead.purpose, number)

    def _update(self, email: str, about: Mapping[str, Any]) -> Steps[dict[str, Any]]:
        found = yield from _find(email)
        if found is None:
            says = "the address is there, and the token may not see it: it needs subscribers:get_all"
            raise ToolTrouble(TroubleKind.SETUP, says)
        if found["status"] == BLOCKLISTED:
            raise ToolTrouble(TroubleKind.REFUSED, "blocklisted in listmonk")
        changed = yield ToolCall("PATCH", f"/subscribers/{int(found['id'])}", about)
        if changed.status in {NOT_FOUND, NO_METHOD}:
            raise ToolTrouble(TroubleKind.SETUP, "listmonk 6.1 or newer is needed")
        if not changed.is_ok:
            raise trouble_of(changed)
        return found

    def _subscribe(self, subscriber: Mapping[str, Any], purpose: str, number: int) -> Steps[None]:
        who = int(subscriber["id"])
        added = yield _manage(who, "add", number, {"status": CONFIRMED})
        if added.status == FAILED and str(number) not in (yield from _lists()):
            raise _no_list(purpose, str(number))
        if not added.is_ok:
            raise trouble_of(added)
        read = yield ToolCall("GET", f"/subscribers/{who}")
        if not read.is_ok:
            raise ToolTrouble(TroubleKind.LATER, f"status {read.status} of a subscriber just written")
        if _status_on(read.content["data"], number) != CONFIRMED:
            raise ToolTrouble(TroubleKind.SETUP, f"the token may not manage the list {number} ({purpose})")

    def ended(self, account: ToolAccount, email: str, purpose: str) -> Steps[None]:
        """Unsubscribe from the list of the purpose."""
        number = number_of(account, purpose)
        found = yield from _find(email)
        if found is None and str(number) not in (yield from _lists()):
            raise _no_list(purpose, str(number))
        if found is not None and _status_on(found, number) not in {"", UNSUBSCRIBED}:
            answer = yield _manage(int(found["id"]), "unsubscribe", number)
            if not answer.is_ok:
                raise trouble_of(answer)

    def erased(self, account: ToolAccount, email: str) -> Steps[None]:
        """Delete the subscriber."""
        found = yield from _find(email)
        if found is None:
            known = yield from _lists()
            missing = [it for it in account.lists.items() if it[1] not in known]
            if missing and len(missing) == len(account.lists):
                raise _no_list(*missing[0])
            return
        answer = yield ToolCall("DELETE", f"/subscribers/{int(found['id'])}")
        if not answer.is_ok:
            raise trouble_of(answer)

    def stops(self, account: ToolAccount, mark: str) -> Steps[Stops]:
        """Return who is unsubscribed on our lists since `mark`; a cut pull goes on at a list and a page."""
        found: list[Stop] = []
        reached, newest = PullMark.read(mark), None
        begun, _, first = reached.place.partition(":")
        at_list, page = (int(it) if it.isdecimal() else 0 for it in (begun, first))
        pages = 0
        for number, purpose in sorted((number_of(account, it), it) for it in account.lists):
            page = max(page, 1) if number == at_list else 1
            while number >= at_list:
                if pages == PAGES:  # a page back: who comes back meanwhile moves the others up
                    return Stops(tuple(found), reached.cut(f"{number}:{max(page - 1, 1)}").write())
                answer = yield ToolCall(
                    "GET",
                    f"/subscribers?list_id={number}&subscription_status={UNSUBSCRIBED}"
                    f"&order_by=created_at&order=asc&per_page={PER_PAGE}&page={page}",
                )
                results, reached = _results(answer), reached.seen(answer)
                pages, page = pages + 1, page + 1
                for subscriber in results:
                    at = _moment_on(subscriber, number)
                    if at and reached.since and at < reached.since:
                        continue
                    newest = max(filter(None, (newest, at)), default=None)
                    found.append(_stop(subscriber, purpose, at))
                if len(results) < PER_PAGE:
                    break
        return Stops(tuple(found), reached.whole(newest).write())


def _no_list(purpose: str, wanted: str) -> ToolTrouble:
    says = f"there is no list {wanted} that the token may use ({purpose})"
    return ToolTrouble(TroubleKind.SETUP, says)


def _attributes(account: ToolAccount, lead: ToolLead) -> dict[str, Any]:
    """Return the proof below an attribute of its purpose; form fields and those of the settings beside it."""
    below = "optin_" + re.sub(r"[^a-z0-9]+", "_", lead.purpose.lower())
    attributes: dict[str, Any] = {
        column: value for column, value in lead.columns.items() if value and column not in _PLAIN
    }
    attributes[below] = {column: lead.columns[column] for column in PROOF if column in lead.columns}
    for column in account.fields:  # all of them first: a field may have the name of another column
        attributes.pop(column, None)
        attributes[below].pop(column, None)
    named = {field: lead.columns.get(column, "") for column, field in account.fields.items() if field}
    return {**attributes, **named}


def _lists() -> Steps[frozenset[str]]:
    """Return the numbers of the lists that the token may use."""
    answer = yield ToolCall("GET", "/lists?minimal=true&per_page=all")
    return frozenset(str(int(it["id"])) for it in _results(answer))


def _find(email: str) -> Steps[dict[str, Any] | None]:
    """Return the subscriber with exactly this address (listmonk keeps it in lower case), or None."""
    wanted = email.lower()
    pattern = encoded(f"^{re.escape(wanted)}$")
    answer = yield ToolCall("GET", f"/subscribers?search={pattern}&per_page={PER_PAGE}")
    return next((it for it in _results(answer) if str(it["email"]).lower() == wanted), None)


def _results(answer: ToolAnswer) -> list[dict[str, Any]]:
    if not answer.is_ok:
        raise trouble_of(answer)
    return [dict(it) for it in answer.content["data"]["results"] or ()]


def _manage(who: int, action: str, number: int, more: Mapping[str, str] | None = None) -> ToolCall:
    content = {"ids": [who], "action": action, "target_list_ids": [number], **(more or {})}
    return ToolCall("PUT", "/subscribers/lists", content)


def _on(subscriber: Mapping[str, Any], number: int) -> Iterator[Mapping[str, Any]]:
    return (it for it in subscriber.get("lists") or () if it.get("id") == number)


def _status_on(subscriber: Mapping[str, Any], number: int) -> str:
    """Return the status of a subscription; empty when there is none."""
    return next((str(it.get("subscription_status", "")) for it in _on(subscriber, number)), "")


def _moment_on(subscriber: Mapping[str, Any], number: int) -> datetime | None:
    """Return when a subscription changed, by listmonk's clock (UTC); None when it does not say."""
    return next((moment(it.get("subscription_updated_at")) for it in _on(subscriber, number)), None)


def _stop(subscriber: Mapping[str, Any], purpose: str, at: datetime | None) -> Stop:
    """Return a stop: of everything when the person is blocklisted."""
    purposes = () if subscriber.get("status") == BLOCKLISTED else (purpose,)
    return Stop(str(subscriber.get("email", "")), purposes, at)


LISTMONK = Listmonk()
