"""Addresses with a password in them: read as they are meant, or refused in words that do not show it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote

import pytest

from optin.errors import SetupRefused
from optin.flows.delivery.mail_order import Verdict
from optin.keys import KeyRing
from optin.mail.smtp_transport import SmtpTransport
from optin.mail.transport import open_transport
from optin.server_addresses import CURE_LOGIN, AddressRefused, check_postgres_address, read_mail_server
from optin.store.encryption import Vault
from tests.mail.server import Script, certificate, mail_server
from tests.ports import NOBODY
from tests.site.conftest import only
from tests.site.conftest import site as site  # noqa: PLC0414 - a fixture among them
from tests.stores import open_store

# Pieces of a password; none of them may be shown. What stands between is what breaks an address.
SECRETS = ("geh3im", "w00rd", "12/", "12@", "12#", "12?")
BROKEN = [
    f"{first}{sign}{last}"
    for sign in (*"#/?[]@% \\\t\n", "[]", "/@", "?@", "#?", "?ca=", "%zz")
    for first, last in (("geh3im", "w00rd"), ("12", "w00rd"), ("", "w00rd"), ("geh3im", ""))
]


def shows_nothing(words: str) -> bool:
    """Tell whether no part of a password is in what is said."""
    return not any(secret in words for secret in SECRETS)


@pytest.mark.parametrize("password", BROKEN)
@pytest.mark.parametrize("after", ["", "?ca=authority.pem", "/"])
def test_a_password_that_breaks_an_address_is_refused_with_its_cure(
    password: str, after: str, tmp_path: Path
) -> None:
    """S2, S4: how to write it, and no part of it; never another host or half a password."""
    for name in ("user", "user@example.com", "us%40er"):
        with pytest.raises(SetupRefused, match="percent-encoded") as refused:
            open_transport(f"smtp://{name}:{password}@mail.example.com:587{after}", tmp_path)
        assert "%23" in str(refused.value)
        assert "OPTIN_MAIL" in str(refused.value)
        assert shows_nothing(str(refused.value))
        assert refused.value.__cause__ is None


@pytest.mark.parametrize("password", [*BROKEN, "p w/d", "ü€", "a:b", "100%25", "+&=;,!$'()*~"])
def test_a_password_that_is_encoded_is_read_whole(password: str) -> None:
    """S2: whatever is in it."""
    server = read_mail_server(f"smtps://us%40er:{quote(password, safe='')}@mail.example.com")
    assert (server.user, server.password) == ("us@er", password)
    assert (server.host, server.port, server.tls) == ("mail.example.com", 465, True)


def test_what_is_plainly_meant_is_taken() -> None:
    """S2: a user name that is an address, a line end after it all, signs that mean nothing."""
    server = read_mail_server("SMTP://jan@example.com:a:b+c&d=e;f!@[::1]:2525/?ca=my.pem\n")
    assert (server.user, server.password, server.host) == ("jan@example.com", "a:b+c&d=e;f!", "::1")
    assert (server.port, server.authority) == (2525, "my.pem")
    assert read_mail_server("smtp://mail.b\u00fccher.example").port == 587


@pytest.mark.parametrize(
    "address",
    [
        "smtp://host:0",
        "smtp://host:99999",
        "smtp://host/folder",
        "smtp://host?starttls=no",
        "smtp://host#part",
        "smtp://",
        "smtp:host",
        "smtp://user:w00rd",
        "smtp://:w00rd@host",
        "smtp://a host",
    ],
)
def test_an_address_that_says_something_else_is_refused(address: str) -> None:
    """S2: what would be left out without a word is not an address."""
    with pytest.raises(AddressRefused) as refused:
        read_mail_server(address)
    assert shows_nothing(str(refused.value))


def test_a_password_with_every_sign_logs_in_when_it_is_encoded(tmp_path: Path) -> None:
    """S2: what the server hears is what was meant."""
    file, context = certificate(tmp_path)

    async def run(url: str) -> Verdict:
        transport = open_transport(url, tmp_path)
        assert isinstance(transport, SmtpTransport)
        outcome = await transport.send("t@example.com", "a@example.com", b"Subject: x\r\n\r\nx\r\n")
        await transport.close()
        return outcome.verdict

    with mail_server(Script(), tls=context, login=True) as port:
        url = f"smtp://user:{quote('p w/d', safe='')}@127.0.0.1:{port}?ca={file.name}"
        assert asyncio.run(run(url)) is Verdict.SENT


@pytest.mark.parametrize("setting", ["mail", "store"])
@pytest.mark.parametrize("by_environment", [False, True])
def test_the_check_tells_it_where_it_is_written(
    site: Path,
    setting: str,
    by_environment: bool,  # noqa: FBT001 - an example
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """M4, S4: in optin.toml as in the environment; file, line and cure, and nothing of the password."""
    scheme = {"mail": "smtp", "store": "postgresql"}[setting]
    address = f"{scheme}://user:12/geh3im@host.example/x"
    if by_environment:
        monkeypatch.setenv(f"OPTIN_{setting.upper()}", address)
    else:
        path = site / "optin.toml"
        path.write_text(f'{setting} = "{address}"\n' + path.read_text("utf-8"), "utf-8")
    found = only(site)
    assert found.code == setting
    assert CURE_LOGIN in found.cure
    assert ("OPTIN_" in found.cure) is by_environment
    assert shows_nothing(f"{found.message} {found.cure}")


@pytest.mark.parametrize(
    "password",
    ["geh3im/w00rd", "12/w00rd", "p@w00rd", "geh3im%w00rd", "geh3im w00rd", "12/w00rd?x", "12@3/w00rd"],
)
def test_a_password_that_breaks_the_address_of_a_store_is_refused(password: str, tmp_path: Path) -> None:
    """S2, S4: the same for PostgreSQL, whose own messages would show it."""
    with pytest.raises(SetupRefused, match="percent-encoded") as refused:
        open_store(
            f"postgresql://user:{password}@127.0.0.1:{NOBODY}/x", tmp_path, Vault(KeyRing.fresh("dev"))
        )
    assert "OPTIN_STORE" in str(refused.value)
    assert shows_nothing(str(refused.value))


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:pa#ss?w[or]d:x@host/db",  # as libpq reads it
        "postgresql:///optin?host=/tmp/pg&user=x",
        "postgres://user:p%40ss@host1:5432,host2:5433/db?user=a@b&sslmode=require",
        "postgresql://host",
        "postgresql://postgres:@/optin?host=/tmp/x",
    ],
)
def test_an_address_of_a_store_that_libpq_reads_right_is_taken(address: str) -> None:
    """O1: what worked goes on."""
    check_postgres_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://h:geh3im/x",
        "postgresql://h/x?geh3im=1",
        "postgresql://h/x?geh3im",
        "postgresql://[12/w00rd",
    ],
)
def test_what_libpq_says_of_an_address_is_not_repeated(address: str, tmp_path: Path) -> None:
    """S4: it quotes pieces of it."""
    with pytest.raises(SetupRefused) as refused:
        open_store(address, tmp_path, Vault(KeyRing.fresh("dev")))
    assert shows_nothing(str(refused.value))
