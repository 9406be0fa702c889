"""HubSpot's server, by its description of version 2026-09 (HubSpot-public-api-spec-collection)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from optin.export.connectors.tool import ToolAnswer
from tests.export.connectors.fake_tool import FakeTool, iso, strict

CONTACTS = ["crm", "objects", "2026-09", "contacts"]
PROPERTIES = ["crm", "properties", "2026-09", "contacts"]
PREFERENCES = ["communication-preferences", "2026-09"]
LAG = timedelta(seconds=30)
LEGAL = {"CONSENT_WITH_NOTICE", "NON_GDPR", "PROCESS_AND_STORE", "PERFORMANCE_OF_CONTRACT"}


@dataclass
class Contact:
    """A contact. `indexed`: what the search knows of it, and since when."""

    number: str
    properties: dict[str, str]
    changes: list[tuple[datetime, dict[str, str]]] = field(default_factory=list)


class FakeHubSpot(FakeTool):
    """Contacts, their properties, and the subscriptions of addresses; the search lags half a minute."""

    def __init__(self, token: str, subscriptions: tuple[int, ...] = (71, 72)) -> None:
        super().__init__(token)
        self.definitions = dict.fromkeys(subscriptions, True)
        self.properties = {
            **dict.fromkeys(("email", "firstname", "lastname", "company"), "string"),
            "phone": "phone_number",
            "lastmodifieddate": "datetime",
            "hs_email_optout": "bool",
            **{f"hs_email_optout_{it}": "bool" for it in subscriptions},
        }
        self.contacts: dict[str, Contact] = {}
        self.statuses: dict[tuple[str, int], dict[str, Any]] = {}
        self.wide: dict[str, str] = {}  # when an address opted out of all mail
        self.blocked: set[str] = set()
        self.unmakeable: set[str] = set()
        self.required: set[str] = set()  # properties that the account's owner demands
        self.next_number = 430001
        self.scopes = True

    # what people do in HubSpot

    def stop(self, email: str, subscription: int | None = None) -> None:
        """The person opts out by a link in a mail: of one type, or of all."""
        if subscription is None:
            self.wide[email.lower()] = self.stamp()
        else:
            self._set(email, subscription, "UNSUBSCRIBED", {})
        self._note(email)

    def subscribed(self, email: str, subscription: int) -> bool:
        status = self.statuses.get((email.lower(), subscription), {}).get("status")
        return bool(self._find(email)) and email.lower() not in self.wide and status == "SUBSCRIBED"

    def knows(self, email: str) -> bool:
        return self._find(email) is not None

    def of(self, email: str) -> dict[str, str]:
        found = self._find(email)
        assert found
        return found.properties

    # the interface

    def route(
        self, method: str, parts: list[str], query: dict[str, str], sent: tuple[dict[str, str], Any]
    ) -> ToolAnswer:
        headers, content = sent
        if headers.get("authorization") != f"Bearer {self.token}":
            return error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found")
        if not self.scopes:
            return error(403, "MISSING_SCOPES", "This app hasn't been granted all required scopes")
        if parts == PROPERTIES:
            return self._property(method, content)
        if parts[:2] == PREFERENCES:
            return self._preferences(method, parts[2:], query, content)
        if parts[:4] == CONTACTS:
            return self._contacts(method, parts[4:], query, content)
        return error(404, "OBJECT_NOT_FOUND", "no such resource")

    def _property(self, method: str, content: Any) -> ToolAnswer:
        if method == "GET":
            rows = [{"name": name, "type": kind} for name, kind in self.properties.items()]
            return ToolAnswer(200, {}, {"results": rows})
        fields = dict.fromkeys(("name", "label", "type", "fieldType", "groupName"), str)
        wrong = strict(content, fields, tuple(fields))
        if wrong or method != "POST" or content["name"] in self.unmakeable:
            return error(400, "VALIDATION_ERROR", f"Invalid input JSON: {wrong}")
        pairs = {("string", "text"), ("string", "textarea"), ("datetime", "date")}
        if (content["type"], content["fieldType"]) not in pairs or content[
            "groupName"
        ] != "contactinformation":
            return error(400, "VALIDATION_ERROR", "type and fieldType do not go together")
        if content["name"] in self.properties:
            return error(409, "OBJECT_ALREADY_EXISTS", f"A property named '{content['name']}' already exists")
        self.properties[content["name"]] = content["type"]
        return ToolAnswer(201, {}, content)

    def _contacts(self, method: str, rest: list[str], query: dict[str, str], content: Any) -> ToolAnswer:
        if rest == ["search"] and method == "POST":
            return self._search(content)
        if rest == ["gdpr-delete"] and method == "POST":
            return self._erase(content)
        if not rest and method == "POST":
            return self.create(content)
        if len(rest) != 1 or query not in ({}, {"idProperty": "email"}) or method not in {"GET", "PATCH"}:
            return error(400, "VALIDATION_ERROR", "unknown request")
        found = self._find(rest[0]) if query else self.contacts.get(rest[0])
        if not found:
            return error(404, "OBJECT_NOT_FOUND", "resource not found")
        if method == "PATCH":
            wrong = strict(content, {"properties": dict}, ("properties",))
            bad = error(400, "VALIDATION_ERROR", wrong) if wrong else self._bad_values(content["properties"])
            if bad:
                return bad
            found.properties.update(content["properties"])
            self._note(found.properties["email"])
        return ToolAnswer(
            200, {}, {"id": found.number, "properties": dict(found.properties), "archived": False}
        )

    def _bad_values(self, values: dict[str, Any]) -> ToolAnswer | None:
        if any(type(it) is not str for it in values.values()):
            return error(400, "VALIDATION_ERROR", "property values must be strings")
        for name, value in values.items():
            if name not in self.properties:
                return error(
                    400, "VALIDATION_ERROR", f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST"
                )
            if self.properties[name] == "datetime":
                datetime.fromisoformat(value)
            if len(value) > 65_536:
                return error(400, "VALIDATION_ERROR", f"{value} is too long", "INVALID_STRING_LENGTH")
        return None

    def create(self, content: Any) -> ToolAnswer:
        wrong = strict(content, {"properties": dict, "associations": list}, ("properties", "associations"))
        bad = error(400, "VALIDATION_ERROR", wrong) if wrong else self._bad_values(content["properties"])
        if bad:
            return bad
        email = content["properties"].get("email", "").lower()
        if "@" not in email or email in self.blocked:
            return error(400, "VALIDATION_ERROR", f"Email address {email} is invalid", "INVALID_EMAIL")
        if not self.required <= set(content["properties"]):
            return error(400, "VALIDATION_ERROR", "required property missing", "REQUIRED_PROPERTY_MISSING")
        if found := self._find(email):
            return error(409, "CONFLICT", f"Contact already exists. Existing ID: {found.number}")
        number, self.next_number = str(self.next_number), self.next_number + 1
        self.contacts[number] = Contact(number, {**content["properties"], "email": email})
        self._note(email)
        return ToolAnswer(201, {}, {"id": number, "properties": content["properties"], "archived": False})

    def _erase(self, content: Any) -> ToolAnswer:
        wrong = strict(content, {"objectId": str, "idProperty": str}, ("objectId",))
        if wrong:
            return error(400, "VALIDATION_ERROR", wrong)
        if content.get("idProperty") == "email":
            found = self._find(content["objectId"])
            if not found:
                self.blocked.add(content["objectId"].lower())  # as the description says
        else:
            found = self.contacts.get(content["objectId"])
            if not found:
                return error(404, "OBJECT_NOT_FOUND", "resource not found")
        if found:
            del self.contacts[found.number]
        return ToolAnswer(204, {}, None)

    def _search(self, content: Any) -> ToolAnswer:
        fields = {"after": str, "filterGroups": list, "limit": int, "properties": list, "sorts": list}
        wrong = strict(content, fields, tuple(fields))
        if wrong or len(content["filterGroups"]) > 5 or content["limit"] > 200:
            return error(400, "VALIDATION_ERROR", wrong or "too many")
        if content["sorts"] != ["lastmodifieddate"]:
            return error(400, "VALIDATION_ERROR", "sorts")
        rows = [found for it in self.contacts.values() if (found := self._indexed(it))]
        rows = [it for it in rows if any(self._fits(it, group) for group in content["filterGroups"])]
        rows.sort(key=lambda it: it["lastmodifieddate"])
        first = int(content["after"])
        if first + content["limit"] > 10_000:
            return error(400, "VALIDATION_ERROR", "at most 10,000 results")
        page = [{"id": "1", "properties": {it: row.get(it) for it in content["properties"]}} for row in rows]
        last = first + content["limit"]
        paging = {"paging": {"next": {"after": str(last)}}} if last < len(rows) else {}
        return ToolAnswer(200, {}, {"total": len(rows), "results": page[first:last], **paging})

    def _indexed(self, contact: Contact) -> dict[str, str] | None:
        """Return what the search knows: the newest change of more than half a minute ago."""
        old = [it for it in contact.changes if it[0] + LAG <= self.now]
        return {**old[-1][1], "lastmodifieddate": iso(old[-1][0])} if old else None

    def _fits(self, row: dict[str, str], group: dict[str, Any]) -> bool:
        for it in group["filters"]:
            name, value = it["propertyName"], row.get(it["propertyName"], "")
            assert name in self.properties
            if it["operator"] == "EQ":
                fits = value == it["value"]
            else:
                assert it["operator"] == "GTE"
                fits = datetime.fromisoformat(value).timestamp() * 1000 >= int(it["value"])
            if not fits:
                return False
        return True

    def _preferences(self, method: str, rest: list[str], query: dict[str, str], content: Any) -> ToolAnswer:
        if rest == ["definitions"] and method == "GET":
            rows = [
                {"id": str(it), "name": f"type {it}", "isActive": on} for it, on in self.definitions.items()
            ]
            return listed(rows)
        if rest[:1] != ["statuses"] or len(rest) not in {2, 3}:
            return error(404, "OBJECT_NOT_FOUND", "no such resource")
        email = rest[1].lower()
        if method == "GET" and query.get("channel") != "EMAIL":
            return error(400, "VALIDATION_ERROR", "channel is required")
        if rest[2:] == ["unsubscribe-all"] and method == "GET":
            row = {"channel": "EMAIL", "status": "UNSUBSCRIBED", "subscriberIdString": email}
            when = self.wide.get(email)
            return listed([{**row, "timestamp": when, "wideStatusType": "PORTAL_WIDE"}] if when else [])
        if rest[2:]:
            return error(404, "OBJECT_NOT_FOUND", "no such resource")
        if method == "GET":
            return listed([self._status(email, it) for it in self.definitions])
        fields = {"channel": str, "statusState": str, "subscriptionId": int, "legalBasis": str,
                  "legalBasisExplanation": str}  # fmt: skip
        wrong = strict(content, fields, tuple(fields))  # an account with data privacy on
        states = {"SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED"}
        if wrong or content["statusState"] not in states or content["legalBasis"] not in LEGAL:
            return error(400, "VALIDATION_ERROR", wrong or "no such value")
        if content["subscriptionId"] not in self.definitions:
            return error(400, "VALIDATION_ERROR", "unknown subscription")
        reason = self._set(email, content["subscriptionId"], content["statusState"], content)
        self._note(email)
        return listed([{**self._status(email, content["subscriptionId"]), "setStatusSuccessReason": reason}])

    def _status(self, email: str, subscription: int) -> dict[str, Any]:
        row = {
            "channel": "EMAIL",
            "source": "API",
            "subscriberIdString": email,
            "subscriptionId": subscription,
        }
        unknown = {"status": "NOT_SPECIFIED", "timestamp": self.stamp()}
        return row | self.statuses.get((email, subscription), unknown)

    def _set(self, email: str, subscription: int, state: str, content: dict[str, Any]) -> str:
        key = (email.lower(), subscription)
        if self.statuses.get(key, {}).get("status") == state and key[0] not in self.wide:
            return "NO_STATUS_CHANGE"
        if state == "SUBSCRIBED" and key[0] in self.wide:  # the other types stay as the person left them
            when = self.wide.pop(key[0])
            for it in self.definitions:
                self.statuses[key[0], it] = {"status": "UNSUBSCRIBED", "timestamp": when}
        self.statuses[key] = {"status": state, "timestamp": self.stamp()} | {
            it: content[it] for it in ("legalBasis", "legalBasisExplanation") if it in content
        }
        return "REQUESTED_CHANGE_OCCURRED"

    def _note(self, email: str) -> None:
        """Keep the properties of a contact as they are now for the search, with its opt-outs."""
        found = self._find(email)
        if found:
            low = email.lower()
            flags = {"hs_email_optout": str(low in self.wide).lower()} | {
                f"hs_email_optout_{it}": str(
                    low in self.wide or self.statuses.get((low, it), {}).get("status") == "UNSUBSCRIBED"
                ).lower()
                for it in self.definitions
            }
            found.changes.append((self.now, {**found.properties, **flags}))

    def _find(self, email: str) -> Contact | None:
        return next((it for it in self.contacts.values() if it.properties["email"] == email.lower()), None)


def error(status: int, category: str, message: str, code: str = "") -> ToolAnswer:
    content = {"status": "error", "category": category, "message": message, "correlationId": "aeb5f871"}
    return ToolAnswer(
        status, {}, content | ({"errors": [{"message": message, "code": code}]} if code else {})
    )


def listed(rows: list[dict[str, Any]]) -> ToolAnswer:
    return ToolAnswer(200, {}, {"status": "COMPLETE", "results": rows, "completedAt": "", "startedAt": ""})
