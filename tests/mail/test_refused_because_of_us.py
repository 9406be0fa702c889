"""Set-up mistakes: every mail waits, the operator is told once, and all leave when they are mended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from optin.flows.delivery.mail_order import Verdict
from optin.mail.send_outcome import SendOutcome
from optin.mail.smtp_refusals import CURES, MailTrouble
from optin.mail.smtp_session import name_for_ehlo
from optin.mail.smtp_transport import SmtpAddress, SmtpTransport
from optin.mail.transport import open_transport
from optin.mail.trouble_log import TroubleLog
from tests.mail.server import Script, certificate, mail_server
from tests.mail.test_courier import carry, states
from tests.world import NOON, TIPS, World

MAIL = b"From: tips@example.com\r\nMessage-ID: <a@example.com>\r\n\r\nhello\r\n"
REFUSALS = {
    "554 5.7.1 <x>: Relay access denied": MailTrouble.RELAY,
    "550 The from address does not match a verified Sender Identity": MailTrouble.SENDER,
    "554 Message rejected: Email address is not verified": MailTrouble.SENDER,
    "530 5.7.0 Authentication required": MailTrouble.LOGIN,
    "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname": MailTrouble.NAME,
    "550 5.7.1 blocked": MailTrouble.POLICY,
    "554 no": MailTrouble.POLICY,
}
PEOPLE = [f"p{number}@example.org" for number in range(6)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a server that refuses everything again soon."""
    monkeypatch.setattr("optin.mail.courier.BACK_OFF_SECONDS", 0.01)
    monkeypatch.setattr("optin.mail.courier.LONGEST_BACK_OFF_SECONDS", 0.05)


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """Keep the mails in SQLite: what a refusal means does not depend on the database."""
    return f"sqlite:///{tmp_path}/optin.db"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Listen to the operator's log."""
    with caplog.at_level(logging.INFO, logger="optin.mail"):
        yield caplog


def has(world: World, state: str, count: int) -> bool:
    return states(world).get(state) == count


def errors(lines: pytest.LogCaptureFixture) -> list[str]:
    return [
        it.getMessage() for it in lines.records if it.levelno == logging.ERROR and it.name == "optin.mail"
    ]


def all_asked(world: World) -> None:
    for person in PEOPLE:
        world.sign_up(person, TIPS)


def arrives_when_mended(world: World) -> None:
    """A server that takes everything gets every mail at once: nobody waits for a back-off."""
    script = Script()
    with mail_server(script) as port:
        carry(world, port, lambda: states(world) == {"sent": len(PEOPLE)})
    assert sorted(script.recipients) == PEOPLE


@pytest.mark.parametrize(
    ("step", "words"),
    [*(("rcpt", it) for it in REFUSALS), *((step, next(iter(REFUSALS))) for step in ("data", "mail_from"))],
)
def test_a_mail_that_is_refused_because_of_us_waits(
    world: World, step: str, words: str, lines: pytest.LogCaptureFixture
) -> None:
    """D1, S4: none is dead; one error line names the cure and nobody; mended, all arrive."""
    all_asked(world)
    script = Script()
    script.rcpt = lambda _address, _time: words if step == "rcpt" else "250 ok"
    script.data = lambda _data, _time: words if step == "data" else "250 ok"
    script.mail_from = words if step == "mail_from" else "250 ok"
    with mail_server(script) as port:
        carry(world, port, lambda: tries(world) >= len(PEOPLE))
        world.wait(timedelta(minutes=2))
        carry(world, port, lambda: tries(world) >= len(PEOPLE) + 3)
    assert states(world) == {"queued": len(PEOPLE)}
    said = errors(lines)
    wanted = CURES[REFUSALS[words]]
    assert any(wanted in line for line in said) or step == "mail_from"
    assert len(set(said)) == 1
    assert words.split(" ", 1)[0] in said[0]
    assert "optin mail retry" in said[0]
    assert "example.org" not in lines.text
    arrives_when_mended(world)


def tries(world: World) -> int:
    row = world.do(lambda tx: tx.one("SELECT SUM(attempts) FROM outbox"))
    return 0 if row is None else int(row[0])


@pytest.mark.parametrize("trouble", ["ehlo", "login", "greeting", "certificate", "starttls"])
def test_a_server_that_wants_none_of_us_is_told_with_its_cure(
    world: World, trouble: str, tmp_path: Path, lines: pytest.LogCaptureFixture
) -> None:
    """D1, S2: what is wrong before any mail is said; nothing is lost."""
    all_asked(world)
    file, context = certificate(tmp_path)
    script, tls, login = Script(), None, False
    address: dict[str, Any] = {}
    if trouble == "ehlo":
        script.ehlo = lambda name: f"504 5.5.2 <{name}>: Helo command rejected"
    if trouble == "login":
        tls, login = context, True
        address = {"user": "user", "password": "geh3im", "authority": file}
    if trouble == "greeting":
        script.most_open, script.beyond = -1, "554"
    if trouble == "certificate":
        (tmp_path / "other").mkdir()
        tls, address = context, {"authority": certificate(tmp_path / "other")[0]}
    if trouble == "starttls":
        address = {"authority": file}
    with mail_server(script, tls=tls, login=login) as port:
        carry(world, port, lambda: tries(world) >= 1, **address)
    assert states(world) == {"queued": len(PEOPLE)}
    wanted = {
        "ehlo": MailTrouble.NAME,
        "login": MailTrouble.LOGIN,
        "greeting": MailTrouble.POLICY,
        "certificate": MailTrouble.CERTIFICATE,
        "starttls": MailTrouble.ENCRYPTION,
    }
    (line,) = errors(lines)
    assert CURES[wanted[trouble]] in line
    assert "geh3im" not in lines.text
    arrives_when_mended(world)


def test_a_login_that_is_wanted_where_none_is_offered(lines: pytest.LogCaptureFixture) -> None:
    """D1: a user and password for a server that knows no login."""

    async def run(port: int) -> SendOutcome:
        return await SmtpTransport(SmtpAddress("127.0.0.1", port, user="u", password="p")).send(
            "tips@example.com", "a@example.org", MAIL
        )

    with mail_server(Script()) as port:
        outcome = asyncio.run(run(port))
    assert (outcome.verdict, outcome.trouble, outcome.server_down) == (Verdict.LATER, MailTrouble.LOGIN, True)
    assert len(errors(lines)) == 1


def test_wrong_recipients_between_good_ones_end(world: World, lines: pytest.LogCaptureFixture) -> None:
    """D1: a server that takes other mail is believed, however often it says so."""
    script = Script(
        rcpt=lambda address, _time: f"550 5.1.1 <{address}> not here" if "wrong" in address else "250 ok"
    )
    with mail_server(script) as port:
        for number in range(4):
            world.sign_up(f"wrong{number}@example.org", TIPS)
            carry(world, port, partial(has, world, "dead", number + 1))
            world.sign_up(f"right{number}@example.org", TIPS)
            carry(world, port, partial(has, world, "sent", number + 1))
    assert states(world) == {"dead": 4, "sent": 4}
    assert errors(lines) == []


def test_what_is_refused_for_a_week_is_dead(world: World) -> None:
    """D1, S6: as long as for a server that cannot be reached, and no longer."""
    world.sign_up("p0@example.org", TIPS)
    script = Script(rcpt=lambda _address, _time: "554 5.7.1 Relay access denied")
    with mail_server(script) as port:
        world.wait(timedelta(days=6, hours=23))
        carry(world, port, lambda: tries(world) == 1)
        assert states(world) == {"queued": 1}
        world.wait(timedelta(hours=2))
        carry(world, port, lambda: states(world) == {"dead": 1})


def test_one_refusal_of_us_keeps_nobody_else_waiting(world: World) -> None:
    """D1: the others leave at once; only the one that was refused waits."""
    all_asked(world)
    script = Script(rcpt=lambda address, _time: "554 5.7.1 no" if address == PEOPLE[0] else "250 ok")
    with mail_server(script) as port:
        carry(world, port, lambda: states(world).get("sent") == len(PEOPLE) - 1)
    assert states(world) == {"sent": len(PEOPLE) - 1, "queued": 1}


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("tips.example.com", "tips.example.com"),
        ("Tips.Example.COM.", "tips.example.com"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("192.0.2.7", "[192.0.2.7]"),
        ("2001:db8::1", "[IPv6:2001:db8::1]"),
        ("[2001:db8::1]", "[IPv6:2001:db8::1]"),
        ("fe80::1%eth0", "[IPv6:fe80::1]"),
        ("localhost", ""),
        ("intranet", ""),
        ("my_site.example.com", ""),
        ("-a.example.com", ""),
        ("", ""),
        (f"{'a' * 70}.example.com", ""),
        ("\u00fc" * 80 + ".example.com", ""),
        ("10.example.com", "10.example.com"),
        ("example.10", ""),
    ],
)
def test_the_name_in_ehlo_is_one_that_servers_take(host: str, name: str) -> None:
    """D1: RFC 5321, section 4.1.4: a full name or an address in brackets."""
    assert name_for_ehlo(host) == name


@pytest.mark.parametrize(
    ("host", "said"),
    [("tips.example.com", "tips.example.com"), ("localhost", "[127.0.0.1]"), ("127.0.0.1", "[127.0.0.1]")],
)
def test_the_server_hears_the_host_of_the_site(host: str, said: str, tmp_path: Path) -> None:
    """D1: not the name of the machine; where nobody else knows the host, the address we come from."""
    script = Script()

    async def run(port: int) -> SendOutcome:
        transport = open_transport(f"smtp://127.0.0.1:{port}", tmp_path, own_host=host)
        outcome = await transport.send("tips@example.com", "a@example.org", MAIL)
        await transport.close()
        return outcome

    with mail_server(script) as port:
        assert asyncio.run(run(port)).verdict is Verdict.SENT
    assert script.names == [said]


def test_a_server_that_knows_no_ehlo_is_greeted_the_old_way() -> None:
    """D1: RFC 5321, section 3.2."""
    script = Script()
    script.ehlo = lambda _name: "502 5.5.2 not implemented" if len(script.names) == 1 else ""

    async def run(port: int) -> SendOutcome:
        return await SmtpTransport(SmtpAddress("127.0.0.1", port)).send(
            "t@example.com", "a@example.org", MAIL
        )

    with mail_server(script) as port:
        assert asyncio.run(run(port)).verdict is Verdict.SENT
    assert len(script.names) == 2


def test_trouble_is_shouted_once_and_then_seldom(lines: pytest.LogCaptureFixture) -> None:
    """S4, O5: every six hours while it lasts; anew when mail had left in between, but not by turns."""
    seconds = [0.0]
    troubles = TroubleLog(lambda: seconds[0])

    def at(moment: float) -> int:
        seconds[0] = moment
        troubles.shout(MailTrouble.RELAY, "554 5.7.1")
        return len(errors(lines))

    assert [at(moment) for moment in (0, 1, 3600, 21_599)] == [1, 1, 1, 1]
    assert at(21_600) == 2
    assert "3 times more" in errors(lines)[-1]
    troubles.mail_left()
    assert [at(moment) for moment in (21_601, 21_700, 22_199)] == [2, 2, 2]
    troubles.mail_left()
    assert at(22_200) == 3
    troubles.mail_left()
    troubles.mail_left()
    assert [record.getMessage() for record in lines.records].count("mail is sent again") == 2


def test_one_warning_a_minute_for_one_kind_of_trouble(lines: pytest.LogCaptureFixture) -> None:
    """O5: not one for each try; another kind is another line."""
    seconds = [0.0]
    troubles = TroubleLog(lambda: seconds[0])
    for moment in range(120):
        seconds[0] = float(moment)
        troubles.warn("unreachable", "no mail server")
        troubles.warn("claim", "no outbox")
    said = [record.getMessage() for record in lines.records]
    assert said == [
        "no mail server",
        "no outbox",
        "no mail server (59 times more since)",
        "no outbox (59 times more since)",
    ]


def test_a_server_that_is_down_is_warned_of_once(
    world: World, free_port: int, lines: pytest.LogCaptureFixture
) -> None:
    """D1, S6: however many mails wait for it."""
    all_asked(world)
    carry(world, free_port, lambda: tries(world) >= 3)
    assert len(lines.records) == 1
    assert lines.records[0].levelno == logging.WARNING
    world.now = max(world.now, NOON)
    arrives_when_mended(world)
