"""A small server of IMAP4rev1 (RFC 3501), with the commands that a reader of a mailbox uses."""

from __future__ import annotations

import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

PASSWORD = 'p "w" \\ d'


@dataclass
class Kept:
    """A message in a folder."""

    number: int
    content: bytes
    flags: set[str] = field(default_factory=set)


@dataclass
class Mailbox:
    """Folders with messages, and what a client did."""

    capabilities: str = "IMAP4rev1 UIDPLUS MOVE"
    valid: int = 7
    last: int = 0  # number of a message
    folders: dict[str, list[Kept]] = field(default_factory=lambda: {"INBOX": []})
    commands: list[str] = field(default_factory=list)
    most_sent: int = 0  # bytes of one message
    broken: bool = False  # it closes each connection at once
    tls: ssl.SSLContext | None = None

    def add(self, *contents: bytes) -> None:
        """Let messages arrive."""
        for content in contents:
            self.last += 1  # no number is used twice
            self.folders["INBOX"].append(Kept(self.last, content))


class _Session(socketserver.StreamRequestHandler):
    mailbox: Mailbox

    def handle(self) -> None:
        if self.mailbox.broken:
            return
        self.signed_in = False
        self.say(f"* OK [CAPABILITY {self.can}] hello")
        self.folder = "INBOX"
        while line := self.rfile.readline():
            tag, _, rest = line.decode().rstrip("\r\n").partition(" ")
            self.mailbox.commands.append(rest)
            name, _, arguments = rest.partition(" ")
            if name == "UID":
                name, _, arguments = arguments.partition(" ")
            answer = getattr(self, f"do_{name.lower()}")(arguments)
            self.say(f"{tag} {answer} done")
            if name == "LOGOUT":
                return

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def do_capability(self, _arguments: str) -> str:
        self.say(f"* CAPABILITY {self.can}")
        return "OK"

    @property
    def can(self) -> str:
        """What it can do: to whoever did not sign in, it names as little of it as Dovecot does."""
        names = self.mailbox.capabilities.split()
        return " ".join(it for it in names if self.signed_in or it not in {"UIDPLUS", "MOVE"})

    def do_login(self, arguments: str) -> str:
        quoted = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
        self.signed_in = arguments.endswith(f'"{quoted}"')
        return "OK" if self.signed_in else "NO wrong"

    def do_select(self, arguments: str) -> str:
        name = arguments.strip('"')
        if name not in self.mailbox.folders:
            return "NO no such folder"
        self.folder = name
        self.say(f"* {len(self.messages)} EXISTS")
        self.say(f"* OK [UIDVALIDITY {self.mailbox.valid}] valid")
        return "OK"

    @property
    def messages(self) -> list[Kept]:
        return self.mailbox.folders[self.folder]

    def one(self, arguments: str) -> Kept:
        number = int(arguments.partition(" ")[0])
        return next(it for it in self.messages if it.number == number)

    def do_search(self, arguments: str) -> str:
        first = int(arguments.removeprefix("UID ").partition(":")[0])
        last = max((it.number for it in self.messages), default=0)
        begin = min(first, last)  # * is the last one, and a range may be written backwards
        self.say("* SEARCH " + " ".join(str(it.number) for it in self.messages if it.number >= begin))
        return "OK"

    def do_fetch(self, arguments: str) -> str:
        found = re.search(r"BODY\.PEEK\[\]<0\.(\d+)>", arguments)
        assert found is not None
        kept = self.one(arguments)
        content = kept.content[: int(found[1])]
        self.mailbox.most_sent = max(self.mailbox.most_sent, len(content))
        self.wfile.write(f"* 1 FETCH (UID {kept.number} BODY[]<0> {{{len(content)}}}\r\n".encode())
        self.wfile.write(content)
        self.say(")")
        return "OK"

    def do_store(self, arguments: str) -> str:
        self.one(arguments).flags |= set(re.findall(r"\\\w+", arguments))
        return "OK"

    def do_create(self, arguments: str) -> str:
        self.mailbox.folders[arguments.strip('"')] = []
        return "OK"

    def do_copy(self, arguments: str) -> str:
        name = arguments.partition(" ")[2].strip('"')
        if name not in self.mailbox.folders:
            return "NO [TRYCREATE] no such folder"
        self.mailbox.folders[name].append(self.one(arguments))
        return "OK"

    def do_move(self, arguments: str) -> str:
        answer = self.do_copy(arguments)
        if answer == "OK":
            self.messages.remove(self.one(arguments))
        return answer

    def do_expunge(self, arguments: str) -> str:
        self.messages.remove(self.one(arguments))
        return "OK"

    def do_logout(self, _arguments: str) -> str:
        self.say("* BYE")
        return "OK"


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that refuse our certificate."""

    def get_request(self) -> tuple[Any, Any]:
        client, address = super().get_request()
        if self.tls is not None:  # it shakes hands in its own thread
            client = self.tls.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        return client, address


@contextmanager
def imap_server(mailbox: Mailbox) -> Iterator[int]:
    """Serve a mailbox on a free port of this machine; yield the port."""
    handler = type("Session", (_Session,), {"mailbox": mailbox})
    with _Server(("127.0.0.1", 0), handler) as server:
        server.tls = mailbox.tls
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(10)
