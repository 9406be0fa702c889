"""Mails of ours that come back from a real Postfix: by a pipe, by LMTP, from a mailbox of Dovecot."""

from __future__ import annotations

import os
import re
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2 as httpx
import pytest
from dnslib import RR

from optin.consent.email_and_telephone import parse_email
from optin.jobs.read_bounce_mailbox import read_when_due
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.services.site_edition import load_edition
from optin.settings.bounces import IMAP_PASSWORD
from optin.store.unreachable_addresses import count_delayed, unreachable_since
from tests.bounces.notices import READER, VERP, Answer, report
from tests.host.knot import knot
from tests.host.postfix import HERE, MAILBOX_PASSWORD, MAILBOX_USER, RESOLVER, Postfix, dovecot, postfix
from tests.installed import KINDS
from tests.mail.server import Script, mail_server
from tests.own_site import add_settings
from tests.ports import reserved_port
from tests.serving import environment, form_key, served
from tests.waiting import wait_until
from tests.web.conftest import site_at

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Postfix of its own needs root")

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
BOUNCES = "bounces@optin.example.com"
ANSWERS = {
    "hard@reader.example": "550 5.1.1 no such user here",
    "full@reader.example": "452 4.2.2 mailbox full",
    "policy@reader.example": "554 5.7.1 message refused by policy",
    "fine@reader.example": "250 2.1.5 fine",
}
UNKNOWN = ("hard@reader.example", "gone@nowhere.example", "null@nomail.example")
REACHABLE = ("full@reader.example", "policy@reader.example", "fine@reader.example")
ZONE = """
reader.example. 60 IN MX 10 mx.reader.example.
mx.reader.example. 60 IN A 127.0.0.1
nomail.example. 60 IN MX 0 .
"""


@dataclass(frozen=True)
class Place:
    """Where mails come back: a folder that every user can enter, a site in it, the address of its store."""

    folder: Path
    root: Path
    store: str
    keys: str

    @property
    def known(self) -> dict[str, str]:
        return environment(self.store, "file:mails", self.keys)


@pytest.fixture
def place() -> Iterator[Place]:
    """Make a site in a folder that Postfix can enter."""
    with tempfile.TemporaryDirectory(prefix="optin-postfix-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        root = folder / "site"
        site_at(root)
        yield Place(folder, root, "sqlite:///var/optin.db", str(root / "var" / "keys.json"))


@contextmanager
def opened(place: Place) -> Iterator[Installation]:
    """Open the installation beside its server."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in place.known.items():
            patch.setenv(name, value)
        edition, _ = load_edition(place.root, KINDS)
        assert edition is not None
        with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
            yield installation


@contextmanager
def piped(place: Place) -> Iterator[Path]:
    """Yield a program that gives its input to `optin bounce`, as a user who may read the keys.

    Postfix starts no program as root, whose site this is: the program asks this process, which is root.
    """
    asked, program = place.folder / "asked", place.folder / "program"
    program.write_text(
        "#!/usr/bin/python3 -I\nimport socket, sys\n"
        f"s = socket.socket(socket.AF_UNIX)\ns.connect({str(asked)!r})\n"
        "s.sendall(sys.stdin.buffer.read())\ns.shutdown(socket.SHUT_WR)\n"
        "said = s.makefile('rb').read()\nsys.stdout.buffer.write(said[1:])\nsys.stdout.flush()\n"
        "sys.exit(said[0])\n"
    )
    program.chmod(0o755)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(asked))
    asked.chmod(0o666)
    listening.listen()

    def answer() -> None:
        with suppress(OSError):
            while True:
                asking, _ = listening.accept()
                with asking, asking.makefile("rb") as message:
                    ended = subprocess.run(
                        [sys.executable, "-m", "optin", "bounce", "--site", str(place.root)],
                        input=message.read(),
                        env=place.known,
                        capture_output=True,
                        check=False,
                    )
                    asking.sendall(bytes([ended.returncode]) + ended.stdout + ended.stderr)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield program
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(60)


def unreachable(place: Place) -> dict[str, str]:
    """Return the status of each address that is unreachable."""
    with opened(place) as installation:
        found = {
            it: installation.store.read(
                unreachable_since, email_index=installation.vault.index(parse_email(it))
            )
            for it in (*UNKNOWN, *REACHABLE)
        }
    return {it: why.status for it, why in found.items() if why is not None}


def delayed(place: Place, email: str) -> int:
    with opened(place) as installation:
        index = installation.vault.index(parse_email(email))
        return installation.store.read(count_delayed, email_index=index, since=LONG_AGO)


def sign_up(client: httpx.Client, email: str) -> None:
    data = {"form": form_key(client), "email": email, "consent": "tips-email"}
    assert client.post("/paper", data=data).status_code == 303


def forge(relay: Postfix) -> None:
    """Send a report about somebody whose mail arrived, with a token of our own invention."""
    forged = report(Answer("550 5.1.1 user unknown", "5.1.1")).replace(
        READER.encode(), b"fine@reader.example"
    )
    forged = re.sub(
        rb"^(?:X-Original|Delivered)-To: .*\n", b"", forged, flags=re.MULTILINE
    )  # or it is a loop
    to = BOUNCES.replace("@", f"+{'k7' * 21}@")
    with smtplib.SMTP(HERE, relay.port) as client:
        client.sendmail("", to, forged.replace(VERP.encode(), to.encode()))


def come_back(place: Place, transport: str, program: Path, settings: str) -> str:
    """Let mails leave by a Postfix, and come back by a transport of it; return what its log says.

    `settings`: of [bounces] beside the address.
    """
    add_settings(place.root, f'\n[bounces]\naddress = "{BOUNCES}"\n{settings}\n')
    script = Script(rcpt=lambda address, _time: ANSWERS[address])
    with ExitStack() as stack:
        sink = stack.enter_context(mail_server(script))
        stack.enter_context(knot(RR.fromZone(ZONE), at=RESOLVER))
        relay = stack.enter_context(postfix(place.folder / "postfix", sink, transport, program))
        port = stack.enter_context(reserved_port())
        mail = f"smtp://{HERE}:{relay.port}"
        server = stack.enter_context(served(place.root, port, place.store, mail, place.keys))
        client = stack.enter_context(
            httpx.Client(base_url=server.base, headers={"host": "optin.example.com"})
        )
        for email in (*UNKNOWN, *REACHABLE):
            sign_up(client, email)
        forge(relay)

        def came_back() -> int:
            to_us = rf"to=<{BOUNCES.replace('@', r'[+][a-z0-9]+@')}>.*status=sent"
            return len(re.findall(to_us, relay.log(), re.IGNORECASE))

        # hard, gone, null, policy, forged; of the full one, that it waits and that it was given up
        try:
            wait_until(lambda: came_back() >= 7, 90)
        except AssertionError as problem:
            raise AssertionError(relay.log()) from problem
        assert script.recipients == ["fine@reader.example"]
        return relay.log()


def judge(place: Place) -> None:
    """Assert what came of it."""
    assert set(unreachable(place)) == set(UNKNOWN)
    assert unreachable(place)["hard@reader.example"] == "5.1.1"
    assert delayed(place, "full@reader.example") == 1  # that it was given up; not that it waited
    assert delayed(place, "policy@reader.example") == 0


def told(log: str) -> list[str]:
    """Return what optin answered to Postfix about each report, in order of words."""
    return sorted(re.findall(r"\b([a-z]+: [a-z ]+)\)+$", log, re.MULTILINE))


TOLD = sorted(
    [
        *["hard: unreachable"] * 3,
        "hard: no token of ours",
        "refused: changes nothing",
        "delayed: changes nothing",
        "soft: noted",
    ]
)


def test_real_reports_come_back_by_a_pipe(place: Place) -> None:
    """O6: failed, delayed, expired, of no domain, of policy, forged; each means what it says."""
    with piped(place) as program:
        log = come_back(place, "optin-bounce:", program, "")
    judge(place)
    assert told(log) == TOLD


def test_real_reports_come_back_by_lmtp(place: Place, free_port: int) -> None:
    """O6: the same, by a server that listens."""
    at = f"127.0.0.1:{free_port}"
    log = come_back(place, f"lmtp:inet:{at}", Path("/bin/false"), f'lmtp = "{at}"')
    judge(place)
    assert told(log) == TOLD


def test_real_reports_come_back_from_a_mailbox(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """O6: the same, from a mailbox that Dovecot serves; the forged one stays in it."""
    come_back(place, "virtual:", Path("/bin/false"), "")
    monkeypatch.setenv(IMAP_PASSWORD, MAILBOX_PASSWORD)
    with dovecot(place.folder / "postfix") as port:
        table = f'[bounces.imap]\nhost = "127.0.0.1"\nport = {port}\nuser = "{MAILBOX_USER}"\n'
        add_settings(place.root, table)
        with opened(place) as installation:
            edition, _ = load_edition(place.root, KINDS)
            assert edition is not None
            done = read_when_due(installation, edition)
    assert done is not None
    assert (done.looked_at, done.handled) == (7, 6)
    judge(place)
    box = place.folder / "postfix" / "box"
    assert len([*(box / "new").iterdir(), *(box / "cur").iterdir()]) == 1
