"""Mailchimp's server, by its description of the Marketing API 3.0."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import md5
from typing import Any

from optin.export.connectors.tool import ToolAnswer
from tests.export.connectors.fake_tool import FakeTool, strict

MEMBER = {
    "email_address": str, "status_if_new": str, "status": str, "merge_fields": dict, "timestamp_opt": str,
    "timestamp_signup": str, "language": str, "interests": dict, "ip_opt": str, "ip_signup": str,
}  # fmt: skip
STATUSES = {"subscribed", "unsubscribed", "cleaned", "pending", "transactional"}


@dataclass
class Member:
    email: str
    status: str
    changed: datetime
    fields: dict[str, str] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    compliance: bool = False
    opted: str = ""


class FakeMailchimp(FakeTool):
    """Audiences with members; who unsubscribed by a link, bounced or was forgotten cannot be subscribed."""

    def __init__(self, token: str, audiences: tuple[str, ...] = ("a1b2c3",)) -> None:
        super().__init__(token)
        self.fields = {it: {"FNAME": "text", "LNAME": "text", "PHONE": "phone"} for it in audiences}
        self.members: dict[tuple[str, str], Member] = {}
        self.forgotten: set[tuple[str, str]] = set()
        self.most_fields = 30
        self.american_phones = False
        self.asked_again: list[str] = []  # who got a mail to confirm

    def stop(self, email: str, *, by_link: bool = True) -> None:
        """The person unsubscribes by a link; or somebody of the company does it for them."""
        for (_, key), member in self.members.items():
            if key == digest(email):
                member.status, member.changed, member.compliance = "unsubscribed", self.now, by_link

    def blocks(self, email: str, audience: str) -> bool:
        key = (audience, digest(email))
        return key in self.forgotten or (key in self.members and self.members[key].compliance)

    def subscribed(self, email: str, audience: str, tag: str = "") -> bool:
        found = self.members.get((audience, digest(email)))
        return bool(found and found.status == "subscribed" and (not tag or tag in found.tags))

    def knows(self, email: str) -> bool:
        return any(key == digest(email) for _, key in self.members)

    def route(
        self, method: str, parts: list[str], query: dict[str, str], sent: tuple[dict[str, str], Any]
    ) -> ToolAnswer:
        headers, content = sent
        basic = "Basic " + b64encode(f"optin:{self.token}".encode()).decode()
        if headers.get("authorization") != basic:
            return problem(401, "API Key Invalid", "Your API key may be invalid")
        if parts[:1] != ["lists"] or len(parts) < 2 or parts[1] not in self.fields:
            return problem(404, "Resource Not Found", "The requested resource could not be found.")
        audience, rest = parts[1], parts[2:]
        if not rest and method == "GET":
            return ToolAnswer(200, {}, {"id": audience, "name": "Newsletter"})
        if rest == ["merge-fields"]:
            return self._field(method, audience, content)
        if rest == ["members"] and method == "GET":
            return self._list(audience, query)
        if rest[:1] == ["members"] and len(rest) > 1 and re.fullmatch("[0-9a-f]{32}", rest[1]):
            return self._member(method, (audience, rest[1]), rest[2:], query, content)
        return problem(404, "Resource Not Found", "The requested resource could not be found.")

    def _field(self, method: str, audience: str, content: Any) -> ToolAnswer:
        known = self.fields[audience]
        if method == "GET":
            return ToolAnswer(200, {}, {"merge_fields": [{"tag": t, "type": k} for t, k in known.items()]})
        wrong = strict(content, {"tag": str, "name": str, "type": str, "public": bool}, ("name", "type"))
        if wrong or len(content["tag"]) > 10 or content["tag"] in known or len(known) >= self.most_fields:
            return problem(400, "Invalid Resource", wrong or "too many, too long, or there already")
        known[content["tag"]] = content["type"]
        return ToolAnswer(200, {}, content)

    def _member(
        self, method: str, key: tuple[str, str], rest: list[str], query: dict[str, str], content: Any
    ) -> ToolAnswer:
        found = self.members.get(key)
        if method == "PUT" and not rest:
            return self._put(key, query, content)
        if not found:
            return problem(404, "Resource Not Found", "The requested resource could not be found.")
        if method == "GET" and not rest:
            return ToolAnswer(200, {}, shown(found))
        if method == "PATCH" and not rest:
            return self._write(found, content)
        if rest == ["tags"] and method == "POST":
            wrong = strict(content, {"tags": list}, ("tags",))
            wrong = wrong or "; ".join(strict(it, {"name": str, "status": str}) for it in content["tags"])
            if wrong.strip("; "):
                return problem(400, "Invalid Resource", wrong)
            for it in content["tags"]:
                (found.tags.add if it["status"] == "active" else found.tags.discard)(it["name"])
            found.changed = self.now
            return ToolAnswer(204, {}, None)
        if rest == ["actions", "delete-permanent"] and method == "POST":
            del self.members[key]
            self.forgotten.add(key)
            return ToolAnswer(204, {}, None)
        return problem(405, "Method Not Allowed", "not compatible")

    def _put(self, key: tuple[str, str], query: dict[str, str], content: Any) -> ToolAnswer:
        wrong = strict(content, MEMBER, ("email_address", "status_if_new"))
        if wrong or digest(content["email_address"]) != key[1]:
            return problem(400, "Invalid Resource", wrong or "not the address of this hash")
        assert query == {"skip_merge_validation": "true"}
        email = content["email_address"]
        if key in self.forgotten:
            return problem(400, "Forgotten Email Not Subscribed", f"{email} was permanently deleted")
        found = self.members.get(key) or Member(email, content["status_if_new"], self.now)
        answer = self._write(found, content)
        if answer.is_ok:
            self.members[key] = found
        return answer

    def _write(self, found: Member, content: Any) -> ToolAnswer:
        wrong = strict(content, MEMBER)
        values = content.get("merge_fields", {})
        known = next(iter(self.fields.values()))
        errors = [it for it, value in values.items() if it not in known or len(str(value).encode()) > 255]
        phone = values.get("PHONE", "")
        if self.american_phones and phone and not re.fullmatch(r"\(?\d{3}\)?[ -]?\d{3}-?\d{4}", phone):
            errors.append("PHONE")
        if wrong or errors:
            bad = [{"field": it, "message": f"{values[it]} is invalid"} for it in errors]
            return problem(400, "Invalid Resource", wrong or "see errors", errors=bad)
        status = content.get("status", found.status)
        assert status in STATUSES
        if status == "pending":
            self.asked_again.append(found.email)
        if status == "subscribed" and found.compliance:
            detail = (
                f"{found.email} is in a compliance state due to unsubscribe, bounce, or compliance review"
            )
            return problem(400, "Member In Compliance State", detail)
        if "timestamp_opt" in content:
            found.opted = datetime.fromisoformat(content["timestamp_opt"]).isoformat()
        found.status, found.changed = status, self.now
        found.fields.update(values)
        return ToolAnswer(200, {}, shown(found))

    def _list(self, audience: str, query: dict[str, str]) -> ToolAnswer:
        assert query["status"] == "unsubscribed"
        assert (query["sort_field"], query["sort_dir"]) == ("last_changed", "ASC")
        if int(query["count"]) > 1000:
            return problem(400, "Invalid Resource", "count")
        rows = [
            it for (own, _), it in self.members.items() if own == audience and it.status == "unsubscribed"
        ]
        if "since_last_changed" in query:
            since = datetime.fromisoformat(query["since_last_changed"])
            rows = [it for it in rows if it.changed >= since]
        rows.sort(key=lambda it: it.changed)
        first = int(query["offset"])
        page = rows[first : first + int(query["count"])]
        shown_rows = [
            {"email_address": it.email, "last_changed": it.changed.isoformat(timespec="seconds")}
            for it in page
        ]
        return ToolAnswer(200, {}, {"members": shown_rows, "total_items": len(rows)})


def digest(email: str) -> str:
    return md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def shown(member: Member) -> dict[str, Any]:
    return {
        "email_address": member.email,
        "status": member.status,
        "last_changed": member.changed.isoformat(timespec="seconds"),
        "merge_fields": dict(member.fields),
        "tags": [{"id": number, "name": name} for number, name in enumerate(sorted(member.tags))],
    }


def problem(status: int, title: str, detail: str, **more: Any) -> ToolAnswer:
    content = {"type": "https://mailchimp.com/developer/marketing/docs/errors/", "title": title}
    return ToolAnswer(status, {}, {**content, "status": status, "detail": detail, "instance": "x", **more})
