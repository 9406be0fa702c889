"""A listmonk for tests, over real https: it keeps state and answers as listmonk 6.2 does by its source.

Statuses: 403 for a wrong token, 409 for an address that exists (without its id), 400 for an unknown
subscriber, 500 for a list that is gone. The search is a regular expression over name and address. A PATCH or
a POST never lifts `unsubscribed`; only adding to a list does. Lists that a token may not manage are left out
without a word.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from optin.services.http_client import VettedClient
from tests.mail.server import certificate
from tests.receiver import answering
from tests.waiting import SECONDS

TOKEN = "optin:s3cret"


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Said:
    """One call as it came: method, path with query, and body."""

    method: str
    path: str
    content: Any


@dataclass
class FakeListmonk:
    """Its state, and what may be wrong with it."""

    lists: dict[int, str] = field(default_factory=lambda: {36: "Tips", 37: "Calls"})
    managed: set[int] = field(default_factory=lambda: {36, 37})
    token: str = TOKEN
    subscribers: dict[int, dict[str, Any]] = field(default_factory=dict)
    subscriptions: dict[tuple[int, int], tuple[str, datetime]] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    before: Callable[[Said], None] = lambda _said: None  # may raise Answer
    after: Callable[[Said], None] = lambda _said: None
    version: tuple[int, int] = (6, 2)
    port: int = 0
    trust: ssl.SSLContext | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def client(self, seconds: float = 10) -> VettedClient:
        return VettedClient(lambda _: True, self.trust, seconds=seconds, most_bytes=4 * 1024 * 1024)

    def by_email(self, email: str) -> dict[str, Any] | None:
        return next((it for it in self.subscribers.values() if it["email"] == email.lower()), None)

    def status_of(self, email: str, number: int = 36) -> str:
        found = self.by_email(email)
        return "" if found is None else self.subscriptions.get((found["id"], number), ("", now()))[0]

    def unsubscribe(self, email: str, number: int = 36, at: datetime | None = None) -> None:
        found = self.by_email(email)
        assert found is not None
        self.subscriptions[found["id"], number] = ("unsubscribed", at or now())

    def blocklist(self, email: str) -> None:
        found = self.by_email(email)
        assert found is not None
        found["status"] = "blocklisted"
        for who, number in self.subscriptions:
            if who == found["id"]:
                self.subscriptions[who, number] = ("unsubscribed", now())

    def add(self, email: str, *numbers: int, status: str = "confirmed") -> int:
        return int(self._create({"email": email, "lists": [*numbers]}, status)["id"])

    def wait(self, true: Callable[[], object], seconds: float = SECONDS) -> None:
        ends = time.monotonic() + seconds
        while not true() and time.monotonic() < ends:
            time.sleep(0.02)
        assert true(), self.said[-5:]

    def shown(self, who: int) -> dict[str, Any]:
        on = [
            {
                "id": number,
                "name": self.lists[number],
                "subscription_status": status,
                "subscription_updated_at": at.isoformat(),
            }
            for (one, number), (status, at) in self.subscriptions.items()
            if one == who and number in self.lists
        ]
        return {**self.subscribers[who], "lists": on}

    def _create(self, body: dict[str, Any], status: str) -> dict[str, Any]:
        email = str(body["email"]).lower()
        if "@" not in email:
            raise Answer(400, {"message": "Invalid email."})
        if self.by_email(email) is not None:
            raise Answer(409, {"message": "E-mail already exists."})
        who = max(self.subscribers, default=0) + 1
        self.subscribers[who] = {
            "id": who,
            "email": email,
            "name": body.get("name") or email.partition("@")[0],
            "status": body.get("status") or "enabled",
            "attribs": body.get("attribs") or {},
        }
        for number in body.get("lists", ()):
            if number in self.lists and number in self.managed:
                self.subscriptions[who, number] = (status, now() - timedelta(hours=2))
        return self.shown(who)

    def answer(self, said: Said, authorization: str) -> tuple[int, Any]:
        """Return status and content of an answer."""
        if authorization != f"token {self.token}":
            return 403, {"message": "invalid API credentials"}
        self.before(said)
        parts = urlsplit(said.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self.lock:
            match said.method, parts.path.removeprefix("/api").split("/")[1:]:
                case "GET", ["lists"]:
                    found = [
                        {"id": it, "name": name} for it, name in self.lists.items() if it in self.managed
                    ]
                    return 200, {"data": {"results": found, "total": len(found)}}
                case "GET", ["subscribers"]:
                    return 200, {"data": {"results": self._search(query)}}
                case "POST", ["subscribers"]:
                    sure = bool(said.content.get("preconfirm_subscriptions"))
                    return 200, {"data": self._create(said.content, "confirmed" if sure else "unconfirmed")}
                case "PUT", ["subscribers", "lists"]:
                    self._manage(said.content)
                    return 200, {"data": True}
                case method, ["subscribers", who]:
                    return self._one(method, int(who), said.content)
        return 404, {"message": "not found"}

    def _one(self, method: str, who: int, content: Any) -> tuple[int, Any]:
        if method == "DELETE":
            self.subscribers.pop(who, None)
            return 200, {"data": True}
        if method == "PATCH" and self.version < (6, 1):
            return 405, {"message": "Method Not Allowed"}
        if who not in self.subscribers:
            return 400, {"message": "Subscriber not found."}
        if method == "PATCH":
            found = self.subscribers[who]
            found["attribs"] = {**found["attribs"], **content.get("attribs", {})}
            found["name"] = content.get("name") or found["name"]
        return 200, {"data": self.shown(who)}

    def _search(self, query: dict[str, str]) -> list[dict[str, Any]]:
        found = sorted(self.subscribers)
        if search := query.get("search"):
            pattern = re.compile(search, re.IGNORECASE)
            people = self.subscribers
            found = [
                it
                for it in found
                if pattern.search(people[it]["name"]) or pattern.search(people[it]["email"])
            ]
        if "list_id" in query:
            number, status = int(query["list_id"]), query.get("subscription_status", "")
            found = [
                it
                for it in found
                if (it, number) in self.subscriptions and status in {"", self.subscriptions[it, number][0]}
            ]
        per, page = int(query.get("per_page", "20")), int(query.get("page", "1"))
        return [self.shown(it) for it in found[per * (page - 1) : per * page]]

    def _manage(self, body: dict[str, Any]) -> None:
        for who in body["ids"]:
            for number in self.managed.intersection(body["target_list_ids"]):
                if number not in self.lists:
                    raise Answer(500, {"message": "Error updating subscribers: pq: foreign key constraint"})
                if body["action"] == "add":
                    at = self.subscriptions.get((who, number), ("", now()))[1]  # left as it was
                    self.subscriptions[who, number] = (body.get("status") or "unconfirmed", at)
                elif (who, number) in self.subscriptions:
                    self.subscriptions[who, number] = ("unsubscribed", now())


class Answer(Exception):
    """An answer instead of the usual one. `raw`: bytes on the wire."""

    def __init__(self, status: int = 200, content: Any = None, raw: bytes = b"", **headers: str) -> None:
        super().__init__(status)
        self.status, self.content, self.raw, self.headers = status, content, raw, headers


@contextmanager
def listmonk(folder: Path, fake: FakeListmonk | None = None, host: str = "") -> Iterator[FakeListmonk]:
    """Run it on a free port of this machine, with a certificate of its own; stop it at the end."""
    running = fake or FakeListmonk()
    folder.mkdir(exist_ok=True)
    file, context = certificate(folder, *filter(None, (host,)))
    running.trust = ssl.create_default_context(cafile=str(file))

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            said = Said(self.command, self.path, json.loads(body) if body else None)
            running.said.append(said)
            headers: dict[str, str] = {}
            try:
                status, content = running.answer(said, self.headers.get("authorization", ""))
                running.after(said)
            except Answer as instead:
                if instead.raw:
                    self.close_connection = True
                    with suppress(OSError):
                        self.wfile.write(instead.raw)
                    return
                status, content, headers = instead.status, instead.content, instead.headers
            data = json.dumps(content).encode() if not isinstance(content, bytes) else content
            with suppress(OSError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names of the interface

        def log_message(self, *_: Any) -> None:
            pass

    with answering(Handler, context) as running.port:
        yield running
