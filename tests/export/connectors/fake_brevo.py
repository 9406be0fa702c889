"""Brevo's server, by the description that the package brevo-python 5.1.0 is made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from optin.export.connectors.tool import ToolAnswer
from tests.export.connectors.fake_tool import FakeTool, iso, strict

CONTACT = {
    "email": str, "attributes": dict, "listIds": list, "updateEnabled": bool, "emailBlacklisted": bool,
    "extId": str, "smsBlacklisted": bool,
}  # fmt: skip
UPDATE = {"attributes": dict, "listIds": list, "unlinkListIds": list, "emailBlacklisted": bool}
IDENTIFIERS = ("SMS", "LANDLINE_NUMBER")


@dataclass
class Contact:
    number: int
    email: str
    modified: datetime
    attributes: dict[str, str] = field(default_factory=dict)
    lists: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    blacklisted: bool = False
    unsubscriptions: list[str] = field(default_factory=list)


class FakeBrevo(FakeTool):
    """Contacts on lists. A blocked one is accepted and gets no mail; values of a wrong type vanish."""

    def __init__(self, token: str, lists: tuple[int, ...] = (36, 37, 99)) -> None:
        super().__init__(token)
        self.lists = dict.fromkeys(lists, False)  # by number, whether it is dynamic
        self.attributes = dict.fromkeys(("FIRSTNAME", "LASTNAME", "SMS"), "text")
        self.contacts: dict[str, Contact] = {}
        self.unmakeable: set[str] = set()
        self.tells_when = True  # whether the statistics still hold the unsubscription (90 days)

    def stop(self, email: str) -> None:
        found = self.contacts[email.lower()]
        found.blacklisted, found.modified = True, self.now
        found.unsubscriptions.append(self.stamp())

    def leave(self, email: str, number: int) -> None:
        """The person leaves one list by the page where a profile is changed."""
        found = self.contacts[email.lower()]
        found.lists.discard(number)
        found.left.add(number)
        found.modified = self.now

    def subscribed(self, email: str, number: int) -> bool:
        found = self.contacts.get(email.lower())
        return bool(found and number in found.lists and not found.blacklisted)

    def knows(self, email: str) -> bool:
        return email.lower() in self.contacts

    def route(
        self, method: str, parts: list[str], query: dict[str, str], sent: tuple[dict[str, str], Any]
    ) -> ToolAnswer:
        headers, content = sent
        if headers.get("api-key") != self.token:
            return error(401, "unauthorized", "Key not found")
        match (method, *parts):
            case ("GET", "contacts"):
                return self._list(query)
            case ("POST", "contacts"):
                return self._create(content)
            case ("GET", "contacts", "lists", number):
                known = number.isdigit() and int(number) in self.lists
                answer = {"id": number, "name": "Tips", "dynamicList": known and self.lists[int(number)]}
                return ToolAnswer(200, {}, answer) if known else error(404, "document_not_found", "no list")
            case ("GET", "contacts", "attributes"):
                rows = [{"name": name, "type": kind} for name, kind in self.attributes.items()]
                return ToolAnswer(200, {}, {"attributes": rows})
            case ("POST", "contacts", "attributes", "normal", name):
                return self._attribute(name, content)
            case (_, "contacts", email) if query == {"identifierType": "email_id"}:
                return self._contact(method, email, content)
        return error(404, "document_not_found", "no such resource")

    def _attribute(self, name: str, content: Any) -> ToolAnswer:
        if strict(content, {"type": str}, ("type",)) or name in self.unmakeable or name != name.upper():
            return error(400, "invalid_parameter", "Invalid attribute")
        if name in self.attributes:
            return error(400, "duplicate_parameter", "Attribute name must be unique")
        self.attributes[name] = content["type"]
        return ToolAnswer(201, {}, None)

    def _create(self, content: Any) -> ToolAnswer:
        wrong = strict(content, CONTACT)
        if wrong or "@" not in content.get("email", ""):
            return error(400, "invalid_parameter", wrong or "email is not valid")
        key = content["email"].lower()
        if key in self.contacts and not content.get("updateEnabled"):
            meta = {"duplicate_identifiers": ["email"]}
            return error(400, "duplicate_parameter", "Unable to create contact", metadata=meta)
        found = self.contacts.get(key)
        contact = found or Contact(len(self.contacts) + 1, content["email"], self.now)
        bad = self._bad(contact, content)
        if bad:
            return bad
        self._write(contact, content)
        self.contacts[key] = contact
        return ToolAnswer(204, {}, None) if found else ToolAnswer(201, {}, {"id": contact.number})

    def _bad(self, contact: Contact, content: dict[str, Any]) -> ToolAnswer | None:
        lists = [*content.get("listIds", []), *content.get("unlinkListIds", [])]
        if any(type(it) is not int for it in lists) or not set(content.get("listIds", [])) <= set(self.lists):
            return error(400, "invalid_parameter", "List ids are not valid")
        values = content.get("attributes", {})
        for name in IDENTIFIERS:
            value = values.get(name)
            if value and not value.startswith("+"):
                return error(400, "invalid_parameter", f"Invalid phone number {value}")
            others = [it for it in self.contacts.values() if it is not contact]
            others = [it for it in others if it.attributes.get(name) == value]
            if value and others:
                meta = {"duplicate_identifiers": [name]}
                words = f"Unable to update contact, {name} is already associated with another Contact"
                return error(400, "duplicate_parameter", words, metadata=meta)
        return None

    def _write(self, contact: Contact, content: dict[str, Any]) -> None:
        for name, value in content.get("attributes", {}).items():
            fits = self.attributes.get(name) == "text" and type(value) is str
            if fits:  # what does not fit is ignored without a word
                contact.attributes[name] = value
        added = set(content.get("listIds", []))
        contact.lists = (contact.lists | added) - set(content.get("unlinkListIds", []))
        contact.left -= added
        contact.blacklisted = content.get("emailBlacklisted", contact.blacklisted)
        contact.modified = self.now

    def _contact(self, method: str, email: str, content: Any) -> ToolAnswer:
        found = self.contacts.get(email.lower())
        if not found:
            return error(404, "document_not_found", "Contact does not exist")
        if method == "GET":
            return ToolAnswer(200, {}, self._shown(found, with_statistics=True))
        if method == "DELETE":
            del self.contacts[email.lower()]
            return ToolAnswer(204, {}, None)
        wrong = strict(content, UPDATE)
        bad = error(400, "invalid_parameter", wrong) if wrong else self._bad(found, content)
        if method != "PUT" or bad:
            return bad or error(405, "method_not_allowed", method)
        self._write(found, content)
        return ToolAnswer(204, {}, None)

    def _shown(self, contact: Contact, *, with_statistics: bool) -> dict[str, Any]:
        told = contact.unsubscriptions if self.tells_when else []
        row = {
            "id": contact.number,
            "email": contact.email,
            "emailBlacklisted": contact.blacklisted,
            "listIds": sorted(contact.lists),
            "listUnsubscribed": sorted(contact.left) or None,
            "modifiedAt": iso(contact.modified),
            "attributes": dict(contact.attributes),
        }
        events = {"userUnsubscription": [{"eventTime": it} for it in told], "adminUnsubscription": []}
        return row | ({"statistics": {"unsubscriptions": events}} if with_statistics else {})

    def _list(self, query: dict[str, str]) -> ToolAnswer:
        assert query["sort"] == "asc"
        if not 0 < int(query["limit"]) <= 1000:
            return error(400, "out_of_range", "limit")
        rows = list(self.contacts.values())  # in the order of their creation
        if "modifiedSince" in query:
            since = datetime.fromisoformat(query["modifiedSince"])
            rows = [it for it in rows if it.modified >= since]
        first = int(query["offset"])
        page = rows[first : first + int(query["limit"])]
        shown = [self._shown(it, with_statistics=False) for it in page]
        return ToolAnswer(200, {}, {"contacts": shown, "count": len(rows)})


def error(status: int, code: str, message: str, **more: Any) -> ToolAnswer:
    return ToolAnswer(status, {}, {"code": code, "message": message, **more})
