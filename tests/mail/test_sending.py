"""Sending to a real server: every answer is a verdict, connections are kept, nothing hangs."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from optin.errors import SetupRefused
from optin.flows.delivery.mail_order import Verdict
from optin.mail.send_outcome import SendOutcome
from optin.mail.smtp_transport import SmtpAddress, SmtpTransport
from optin.mail.transport import FileTransport, open_transport
from tests.mail.server import Script, certificate, mail_server
from tests.ports import NOBODY

MAIL = b"From: tips@example.com\r\nTo: a@example.com\r\nMessage-ID: <a@example.com>\r\n\r\nhello\r\n"


def send(
    port: int, count: int = 1, timeout: float = 5, recipient: str = "a@example.com"
) -> list[SendOutcome]:
    """Send some mails over one transport, one after the other."""

    async def run() -> list[SendOutcome]:
        transport = SmtpTransport(SmtpAddress("127.0.0.1", port, timeout_seconds=timeout))
        outcomes = [await transport.send("tips@example.com", recipient, MAIL) for _ in range(count)]
        await transport.close()
        return outcomes

    return asyncio.run(run())


def test_mails_share_a_connection() -> None:
    """D1: one connection for many mails."""
    script = Script()
    with mail_server(script) as port:
        outcomes = send(port, 20)
    assert {outcome.verdict for outcome in outcomes} == {Verdict.SENT}
    assert (script.connections, len(script.mails)) == (1, 20)


@pytest.mark.parametrize(
    ("answer", "verdict", "reply"),
    [
        ("550 5.1.1 <a@example.com> is nobody", Verdict.REFUSED, "550 5.1.1"),
        ("450 4.2.0 greylisted, a@example.com", Verdict.LATER, "450 4.2.0"),
        ("452 full", Verdict.LATER, "452"),
    ],
)
def test_a_refused_recipient_is_told_from_a_greylisted_one(answer: str, verdict: Verdict, reply: str) -> None:
    """D1, S4: 5xx never again, 4xx later; the reply is kept as a code, without the address."""
    script = Script(rcpt=lambda _address, _time: answer)
    with mail_server(script) as port:
        assert send(port) == [SendOutcome(verdict, reply)]
    script = Script(data=lambda _data, _time: answer)
    with mail_server(script) as port:
        assert send(port) == [SendOutcome(verdict, reply)]


def test_a_refusal_spoils_nothing_for_the_next_mail() -> None:
    """D1: the connection goes on after a refused recipient."""
    script = Script(rcpt=lambda _address, time: "550 5.1.1 no" if time == 1 else "250 ok")
    with mail_server(script) as port:
        verdicts = [outcome.verdict for outcome in send(port, 3)]
    assert verdicts == [Verdict.REFUSED, Verdict.SENT, Verdict.SENT]
    assert script.connections == 1


def test_a_refused_sender_is_our_own_fault_not_the_mails(caplog: pytest.LogCaptureFixture) -> None:
    """D1: a 5xx to MAIL FROM delays; the operator reads of it, without an address (S4)."""
    with mail_server(Script(mail_from="550 5.7.1 not you")) as port:
        (outcome,) = send(port)
    assert outcome.verdict is Verdict.LATER
    assert "sender" in caplog.text
    assert "example.com" not in caplog.text


def test_a_server_that_closed_meanwhile_costs_nothing() -> None:
    """D1: a connection that died while it was idle is replaced at once."""
    script = Script(close_after=1)

    async def run() -> list[Verdict]:
        transport = SmtpTransport(SmtpAddress("127.0.0.1", port))
        verdicts = []
        for _ in range(3):
            outcome = await transport.send("tips@example.com", "a@example.com", MAIL)
            verdicts.append(outcome.verdict)
            await asyncio.sleep(0.1)
        await transport.close()
        return verdicts

    with mail_server(script) as port:
        assert asyncio.run(run()) == [Verdict.SENT] * 3
    assert len(script.mails) == 3


def test_a_server_that_dies_or_hangs_in_the_middle_means_later() -> None:
    """S6: nothing is lost, nothing waits for ever."""
    with mail_server(Script(die_at_data=True)) as port:
        assert send(port)[0].verdict is Verdict.LATER
    with mail_server(Script(hang_at_data=True)) as port:
        assert send(port, timeout=0.5)[0].verdict is Verdict.LATER


def test_no_server_at_all_means_later() -> None:
    """D1: a mail server that is down delays mail."""
    assert send(NOBODY)[0].verdict is Verdict.LATER


def test_tls_and_login_are_spoken_and_insisted_on(tmp_path: Path) -> None:
    """S2: STARTTLS with a verified certificate before a password is said."""
    file, context = certificate(tmp_path)
    script = Script()

    async def run(url: str) -> SendOutcome:
        transport = open_transport(url, tmp_path)
        outcome = await transport.send("tips@example.com", "a@example.com", MAIL)
        await transport.close()
        return outcome

    with mail_server(script, tls=context, login=True) as port:
        trusted = f"smtp://us%40er:p%20w%2Fd@127.0.0.1:{port}?ca={file.name}"
        assert asyncio.run(run(trusted)) == SendOutcome(Verdict.SENT, "250")
        wrong = f"smtp://user:wrong@127.0.0.1:{port}?ca={file.name}"
        assert asyncio.run(run(wrong)).verdict is Verdict.LATER
        assert asyncio.run(run(f"smtp://user:pw@127.0.0.1:{port}")).verdict is Verdict.LATER
    assert script.logins[0] == b"us@er"
    with mail_server(Script()) as port:  # it offers no TLS: a password is not said to it
        assert asyncio.run(run(f"smtp://127.0.0.1:{port}?ca={file.name}")).verdict is Verdict.LATER


def test_an_address_outside_ascii_is_sent_or_refused_never_a_crash() -> None:
    """S5: SMTPUTF8 where the server speaks it."""
    with mail_server(Script()) as port:
        assert send(port, recipient="jos\u00e9@example.com")[0].verdict is Verdict.SENT


@pytest.mark.parametrize(
    "url", ["ftp://x", "smtp://", "smtp://host:port", "", "host:25", "smtp://host?ca=missing.pem"]
)
def test_a_wrong_mail_setting_is_refused_with_its_cure(url: str, tmp_path: Path) -> None:
    """S2: one sentence for the operator."""
    with pytest.raises(SetupRefused, match="correct"):
        open_transport(url, tmp_path)
    assert isinstance(open_transport("smtps://host", tmp_path), SmtpTransport)


def test_the_folder_of_dev_gets_whole_files_of_its_owner(tmp_path: Path) -> None:
    """O2: one file a mail, readable by its owner, never half."""
    transport = open_transport("file:var/mail", tmp_path)
    assert isinstance(transport, FileTransport)

    async def run() -> None:
        for _ in range(3):
            await transport.send("tips@example.com", "a@example.com", MAIL)
        await transport.close()

    asyncio.run(run())
    files = list((tmp_path / "var" / "mail").iterdir())
    assert len(files) == 3
    assert all(file.read_bytes() == MAIL and file.stat().st_mode & 0o777 == 0o600 for file in files)


def test_the_librarys_own_log_says_no_addresses() -> None:
    """S4: its debug lines would hold recipients."""
    assert logging.getLogger("aiosmtplib").getEffectiveLevel() >= logging.WARNING
