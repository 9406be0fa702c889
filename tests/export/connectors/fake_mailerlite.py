"""MailerLite's server, by its developers' pages (subscribers, groups, fields) and its library for Node."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from optin.export.connectors.tool import ToolAnswer
from tests.export.connectors.fake_tool import FakeTool, strict

SUBSCRIBER = {
    "email": str, "fields": dict, "groups": list, "status": str, "subscribed_at": str, "ip_address": str,
    "opted_in_at": str, "optin_ip": str, "unsubscribed_at": str, "resubscribe": bool,
}  # fmt: skip
STATUSES = {"active", "unsubscribed", "unconfirmed", "bounced", "junk"}
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@dataclass
class Subscriber:
    number: str
    email: str
    status: str = "active"
    fields: dict[str, str] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    unsubscribed: datetime | None = None
    opted: str | None = None


class FakeMailerLite(FakeTool):
    """Subscribers in groups; an unsubscribe is of all groups."""

    def __init__(
        self, token: str, groups: tuple[str, ...] = ("4243829086487936", "4243829086487937")
    ) -> None:
        super().__init__(token)
        self.groups = list(groups)
        self.fields = dict.fromkeys(("name", "last_name", "company", "phone", "city"), "text")
        self.subscribers: dict[str, Subscriber] = {}
        self.comes_back = True  # whether `resubscribe` works: its pages say both
        self.asks_again = False  # double opt-in for the API is on
        self.unmakeable: set[str] = set()
        self.number = 31986843064993537

    def stop(self, email: str) -> None:
        found = self.subscribers[email.lower()]
        found.status, found.unsubscribed = "unsubscribed", self.now

    def blocks(self, email: str) -> bool:
        found = self.subscribers.get(email.lower())
        return bool(found and found.status == "unsubscribed" and not self.comes_back)

    def subscribed(self, email: str, group: str) -> bool:
        found = self.subscribers.get(email.lower())
        return bool(found and found.status == "active" and group in found.groups)

    def knows(self, email: str) -> bool:
        return email.lower() in self.subscribers

    def route(
        self, method: str, parts: list[str], query: dict[str, str], sent: tuple[dict[str, str], Any]
    ) -> ToolAnswer:
        headers, content = sent
        if headers.get("authorization") != f"Bearer {self.token}":
            return ToolAnswer(401, {}, {"message": "Unauthenticated."})
        json = "application/json"
        assert headers.get("accept") == headers.get("content-type") == json
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", headers["x-version"])
        if parts == ["groups"] and method == "GET":
            return paged([{"id": it, "name": f"group {it}"} for it in self.groups], query)
        if parts == ["fields"]:
            return self._fields(method, query, content)
        if parts == ["subscribers"]:
            return self._upsert(content) if method == "POST" else self._list(query)
        found = self._find(parts[1]) if parts[:1] == ["subscribers"] else None
        return self._subscriber(method, found, parts[1:], content) if found else missing()

    def _subscriber(self, method: str, found: Subscriber, parts: list[str], content: Any) -> ToolAnswer:
        by_id = parts[0] == found.number and content is None
        match (method, *parts[1:]):
            case ("GET",):
                return ToolAnswer(200, {}, {"data": shown(found)})
            case ("POST", "forget") if by_id:
                del self.subscribers[found.email]
                return ToolAnswer(200, {}, {"message": "Subscriber data will be completely deleted"})
            case ("DELETE", "groups", group) if by_id and group in self.groups:
                found.groups.discard(group)
                return ToolAnswer(204, {}, None)
        return missing()

    def _fields(self, method: str, query: dict[str, str], content: Any) -> ToolAnswer:
        if method == "GET":
            return paged([{"id": "1", "key": key, "type": it} for key, it in self.fields.items()], query)
        return self._field(content)

    def _field(self, content: Any) -> ToolAnswer:
        wrong = strict(content, {"name": str, "type": str}, ("name", "type"))
        if wrong or content["type"] not in {"text", "number", "date"} or content["name"] in self.unmakeable:
            return invalid("type", "The selected type is invalid.")
        key = re.sub(r"(?<!^)(?<!_)([A-Z])", r"_\1", content["name"]).lower().replace(" ", "_")
        self.fields[key] = content["type"]
        return ToolAnswer(201, {}, {"data": {"id": "9", "key": key, **content}})

    def _upsert(self, content: Any) -> ToolAnswer:
        wrong = strict(content, SUBSCRIBER, ("email",))
        if wrong or content.get("status", "active") not in STATUSES:
            return invalid("status", wrong or "The selected status is invalid.")
        email = content["email"].lower()
        if "@" not in email:
            return invalid("email", f"{email} must be a valid email address.")
        if any(type(it) is not str or it not in self.groups for it in content.get("groups", [])):
            return invalid("groups.0", "The selected groups.0 is invalid.")
        if "opted_in_at" in content and not TIME.fullmatch(content["opted_in_at"]):
            return invalid("opted_in_at", "The opted in at does not match the format Y-m-d H:i:s.")
        for key, value in content.get("fields", {}).items():
            if key not in self.fields or type(value) is not str:
                return invalid(f"fields.{key}", f"{value} is invalid")
        found = self.subscribers.get(email)
        if found and found.status in {"unsubscribed", "bounced", "junk"}:
            comes_back = content.get("resubscribe") and self.comes_back and found.status == "unsubscribed"
            if not comes_back:
                return invalid("email", "This subscriber is unsubscribed and cannot be imported")
        is_new = found is None
        if found is None:
            self.number += 1
            found = self.subscribers[email] = Subscriber(str(self.number), email)
        found.status = "unconfirmed" if self.asks_again else content.get("status", "active")
        found.unsubscribed = None
        found.fields.update(content.get("fields", {}))
        found.groups |= set(content.get("groups", []))
        found.opted = content.get("opted_in_at", found.opted)
        return ToolAnswer(201 if is_new else 200, {}, {"data": shown(found)})

    def _find(self, who: str) -> Subscriber | None:
        return next((it for it in self.subscribers.values() if who.lower() in {it.number, it.email}), None)

    def _list(self, query: dict[str, str]) -> ToolAnswer:
        if not 0 < int(query.get("limit", "25")) <= 100 or query["filter[status]"] not in STATUSES:
            return invalid("limit", "The limit may not be greater than 100.")
        rows = [it for it in self.subscribers.values() if it.status == query["filter[status]"]]
        rows.sort(key=lambda it: it.number, reverse=True)
        if "cursor" in query:
            rows = [it for it in rows if it.number < query["cursor"]]
        page, more = rows[: int(query["limit"])], rows[int(query["limit"]) :]
        meta = {"next_cursor": page[-1].number if more else None, "prev_cursor": None}
        return ToolAnswer(200, {}, {"data": [shown(it) for it in page], "meta": meta})


def shown(found: Subscriber) -> dict[str, Any]:
    return {
        "id": found.number,
        "email": found.email,
        "status": found.status,
        "unsubscribed_at": found.unsubscribed.strftime("%Y-%m-%d %H:%M:%S") if found.unsubscribed else None,
        "opted_in_at": found.opted,
        "fields": dict(found.fields),
        "groups": [{"id": it, "name": f"group {it}"} for it in sorted(found.groups)],
    }


def paged(rows: list[dict[str, Any]], query: dict[str, str]) -> ToolAnswer:
    limit, page = int(query["limit"]), int(query["page"])
    return ToolAnswer(
        200, {}, {"data": rows[(page - 1) * limit : page * limit], "meta": {"current_page": page}}
    )


def missing() -> ToolAnswer:
    return ToolAnswer(404, {}, {"message": "Resource not found."})


def invalid(name: str, message: str) -> ToolAnswer:
    return ToolAnswer(422, {}, {"message": "The given data was invalid.", "errors": {name: [message]}})
