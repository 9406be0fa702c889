"""Mails that come back by LMTP: stored before they are answered, each recipient by itself, within bounds."""

from __future__ import annotations

import asyncio
import logging
import smtplib
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from optin.bounces.returned_mail import Meaning
from optin.consent.email_and_telephone import parse_email
from optin.consent.return_address import return_address
from optin.consent.returned_mail import ReportEffect
from optin.errors import EndingUnwritten, StoreBusy
from optin.flows.returned_mails.report_in_mail import Unreported
from optin.jobs.listen_by_lmtp import LMTP, LmtpListener
from optin.services import lmtp_server
from optin.services.lmtp_server import LmtpServer, PlaceTaken, Take
from optin.services.returned_mails import TakenMail, take_returned_mail
from optin.services.site_edition import Edition, load_edition
from tests.bounces.notices import READER, Answer, report
from tests.flows.test_reading_returned_mails import ALICE, is_reachable
from tests.installed import KINDS
from tests.own_site import add_settings, own_site
from tests.world import TIPS, World

ADDRESS = "bounces@example.com"
HARD = report(Answer("550 5.1.1 user unknown", "5.1.1"))
NOTHING = TakenMail(Meaning.ORDINARY, Unreported.FORGED)


@contextmanager
def listening(take: Take, place: str, root: Path = Path("/")) -> Iterator[LmtpServer]:
    """Listen in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = LmtpServer(take, ADDRESS)
    try:
        asyncio.run_coroutine_threadsafe(server.listen(place, root), loop).result(30)
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(ended(server), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


async def ended(server: LmtpServer) -> None:
    """Close a server, and wait until its connections have ended."""
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


def is_taken(content: bytes) -> TakenMail:
    assert content.startswith(b"Delivered-To: ")
    return NOTHING


class Talk:
    """A mail server at the other end, that says line by line what it wants to."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self._lines = self.socket.makefile("rb")
        self.greeting = self.line()

    def line(self) -> str:
        return self._lines.readline().decode().strip()

    def say(self, *lines: str) -> list[str]:
        """Say lines; return the last line of the answer to each."""
        self.socket.sendall("".join(f"{it}\r\n" for it in lines).encode())
        return [self.answer() for _ in lines]

    def answer(self) -> str:
        line = self.line()
        while line[3:4] == "-":
            line = self.line()
        return line

    def give(self, content: bytes, answers: int) -> list[str]:
        """Give a message to whoever was named."""
        assert self.say("DATA")[0].startswith("354")
        self.socket.sendall(content.replace(b"\n", b"\r\n") + b"\r\n.\r\n")
        return [self.answer() for _ in range(answers)]

    def close(self) -> None:
        self._lines.close()
        self.socket.close()


def begin(port: int) -> Talk:
    talk = Talk(port)
    assert talk.say("LHLO relay.example")[0].startswith("250")
    return talk


def token_of(world: World, email: str = ALICE) -> str:
    """Return the address to which a mail to somebody comes back."""
    token = world.vault.return_tokens.sign(world.vault.index(parse_email(email)), world.now)
    return return_address(ADDRESS, token)


def test_a_mail_is_stored_before_it_is_taken(world: World, free_port: int) -> None:
    """O6: its recipient tells whose it was, as no header need do; a forged one changes nothing."""
    world.join(ALICE, TIPS)
    installation = world.installation()
    report_of_alice = HARD.replace(READER.encode(), ALICE.encode())

    def take(content: bytes) -> TakenMail:
        return take_returned_mail(installation, content, LMTP)

    with listening(take, f"127.0.0.1:{free_port}"), smtplib.LMTP("127.0.0.1", free_port) as client:
        client.ehlo("relay.example")
        assert "pipelining" in client.esmtp_features
        client.sendmail("", f"bounces+{'a' * 42}@example.com", report_of_alice)
        assert is_reachable(world)
        client.sendmail("", token_of(world).replace("example.com", "EXAMPLE.com"), report_of_alice)
        assert not is_reachable(world)


def test_each_recipient_is_answered_by_itself(free_port: int) -> None:
    """O6: unknown ones at once; what could not be stored is asked for again, alone."""

    def take(content: bytes) -> TakenMail:
        if b"bounces+busy" in content.partition(b"\r\n")[0]:
            raise StoreBusy
        if b"bounces+journal" in content.partition(b"\r\n")[0]:
            raise EndingUnwritten("full")
        if b"bounces+fault" in content.partition(b"\r\n")[0]:
            raise ValueError(ALICE)
        return TakenMail(Meaning.HARD, ReportEffect.UNREACHABLE)

    with listening(take, f"127.0.0.1:{free_port}"):
        talk = begin(free_port)
        named = ["bounces+busy", "bounces+fine", "bounces+journal", "bounces", "bounces+fault"]
        said = talk.say(
            "MAIL FROM:<>",
            "RCPT TO:<postmaster@example.com>",
            "RCPT TO:<bounces+fine@other.example>",
            *(f"RCPT TO:<{it}@example.com>" for it in named),
        )
        assert [it[:3] for it in said] == ["250", "550", "550", *["250"] * 5]
        told = talk.give(HARD, 5)
        assert [it[:3] for it in told] == ["451", "250", "451", "250", "451"]
        assert told[1] == "250 2.0.0 hard: unreachable"
        assert not any("@" in it for it in told)
        assert talk.say("RSET", "NOOP", "QUIT")[0].startswith("250")
        talk.close()


def test_a_large_message_is_refused_and_not_held(free_port: int) -> None:
    """O6: 50 MB; each recipient is answered, and the connection goes on."""
    with listening(is_taken, f"127.0.0.1:{free_port}"):
        talk = begin(free_port)
        to = "RCPT TO:<bounces@example.com>"
        assert talk.say("MAIL FROM:<>", to, to, "DATA")[-1].startswith("354")
        line = b"x" * 998 + b"\r\n"
        many = line * 1000
        tracemalloc.start()
        try:
            for _ in range(50):
                talk.socket.sendall(many)
            talk.socket.sendall(b".\r\n")
            told = [talk.answer(), talk.answer()]
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert [it[:3] for it in told] == ["552", "552"]
        assert most < 4 * lmtp_server.MOST_MESSAGE_BYTES
        talk.say("MAIL FROM:<>", to)
        assert talk.give(HARD, 1) == [f"250 2.0.0 {NOTHING}"]
        talk.close()


def test_connections_are_bounded_and_end(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """O6: so many at once; one that says nothing is closed, and makes room."""
    monkeypatch.setattr(lmtp_server, "MOST_CONNECTIONS", 2)
    monkeypatch.setattr(lmtp_server, "TIMEOUT_SECONDS", 2.0)
    with listening(is_taken, f"127.0.0.1:{free_port}"):
        talks = [begin(free_port), begin(free_port)]
        for it in talks:
            it.say("MAIL FROM:<>", f"RCPT TO:<{ADDRESS}>", "DATA")
        assert Talk(free_port).greeting.startswith("421")
        assert [it.line() for it in talks] == ["", ""]  # closed from the other side
        begin(free_port).close()


def test_whoever_only_talks_keeps_nobody_out(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """O6: the oldest connection without a message makes room; a message under way is not cut off."""
    monkeypatch.setattr(lmtp_server, "MOST_CONNECTIONS", 2)
    with listening(is_taken, f"127.0.0.1:{free_port}"):
        busy, idle = begin(free_port), begin(free_port)
        assert busy.say("MAIL FROM:<>", f"RCPT TO:<{ADDRESS}>", "DATA")[-1].startswith("354")
        new = begin(free_port)
        with suppress(ConnectionError):
            assert idle.line() == ""
        busy.socket.sendall(b"Subject: x\r\n\r\nx\r\n.\r\n")
        assert busy.answer().startswith("250")
        for it in (busy, idle, new):
            it.close()


def test_no_address_reaches_a_log(free_port: int, caplog: pytest.LogCaptureFixture) -> None:
    """O5, S4: neither by us nor by the library, whatever is said."""
    caplog.set_level(logging.DEBUG)

    def take(_content: bytes) -> TakenMail:
        raise ValueError(ALICE)

    with listening(take, f"127.0.0.1:{free_port}"):
        talk = begin(free_port)
        talk.say(f"VRFY {ALICE}", f"HELO {ALICE}", f"MAIL FROM:<{ALICE}>", f"RCPT TO:<{ALICE}>")
        talk.say("RCPT TO:<bounces+a@example.com>")
        assert talk.give(HARD, 1)[0].startswith("451")
        talk.close()
    assert "waits: ValueError" in caplog.text
    assert not any("@" in it.getMessage() for it in caplog.records), caplog.text


def test_a_socket_in_the_file_system(tmp_path: Path) -> None:
    """O6: reachable by other users; that of a server that died is taken over, that of a living one is not."""
    place = tmp_path / "lmtp.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place))
    with listening(is_taken, "./lmtp.sock", tmp_path):
        assert place.stat().st_mode & 0o777 == lmtp_server.SOCKET_MODE
        with smtplib.LMTP(str(place)) as client:
            client.sendmail("", ADDRESS, HARD)
        with pytest.raises(PlaceTaken), listening(is_taken, "./lmtp.sock", tmp_path):
            pass


def edition_for(root: Path, lmtp: str) -> Edition:
    """Return a site that listens there."""
    own_site(root)
    add_settings(root, f'\n[bounces]\naddress = "{ADDRESS}"\nlmtp = "{lmtp}"\n')
    edition, findings = load_edition(root, KINDS)
    assert edition is not None
    assert findings == ()
    return edition


def has_greeting(port: int) -> bool:
    with suppress(OSError):
        talk = Talk(port)
        talk.close()
        return talk.greeting.startswith("220")
    return False


def test_one_process_listens_and_the_next_takes_its_place(
    world: World, tmp_path: Path, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    """O6: at the place of the served site, and where an edit moves it."""
    edition = edition_for(tmp_path / "site", f"127.0.0.1:{free_port}")
    elsewhere = edition_for(tmp_path / "other", str(tmp_path / "lmtp.sock"))
    served = [edition]
    caplog.set_level(logging.INFO)

    async def at_port() -> bool:
        return await asyncio.to_thread(has_greeting, free_port)

    async def both() -> None:
        installation = world.installation()
        first = LmtpListener(installation, lambda: served[0])
        second = LmtpListener(installation, lambda: edition)
        await first.look()
        await second.look()
        await second.look()
        assert await at_port()
        assert caplog.text.count("another process listens") == 1
        served[0] = elsewhere
        await first.look()
        assert (tmp_path / "lmtp.sock").is_socket()
        await second.look()
        assert await at_port()
        second.close()
        first.close()
        assert not await at_port()
        await asyncio.sleep(0.1)  # connections end

    asyncio.run(both())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (f'address = "{ADDRESS}"\nlmtp = "0.0.0.0:2424"', "Other machines reach"),
        (f'address = "{ADDRESS}"\nlmtp = "bounces:24"', "neither an address with a port"),
        (f'address = "{ADDRESS}"\nlmtp = "127.0.0.1:0"', "neither an address with a port"),
        ('lmtp = "[::1]:2424"', "no address to come back to"),
        (f'address = "{ADDRESS}"\nlmtp = "0.0.0.0:2424"\nlmtp_anywhere = true', ""),
        (f'address = "{ADDRESS}"\nlmtp = "[::1]:2424"', ""),
        (f'address = "{ADDRESS}"\nlmtp = "/run/optin/lmtp"', ""),
    ],
)
def test_where_to_listen_is_checked(tmp_path: Path, settings: str, said: str) -> None:
    """M4, O6: on this machine alone, unless that is allowed."""
    root = own_site(tmp_path / "site")
    add_settings(root, f"\n[bounces]\n{settings}\n")
    _, findings = load_edition(root, KINDS)
    assert [said in it.message for it in findings] == ([True] if said else [])


def test_a_place_that_is_not_ours_is_told(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """O5, O6: in one line, and tried again."""
    edition = edition_for(tmp_path / "site", "/nowhere/optin/lmtp.sock")
    listener = LmtpListener(world.installation(), lambda: edition)
    asyncio.run(listener.look())
    assert "nothing can listen at [bounces] lmtp" in caplog.text
