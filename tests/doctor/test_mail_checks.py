"""Checks of the mail server, against real ones; and of the headers of our own mails."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

import pytest

from optin.services.doctor.examination import Examination, Reach
from optin.services.doctor.finding import Seen, Verdict
from optin.services.doctor.mail_checks import check_mail_server, check_one_click, judge_one_click
from optin.services.site_edition import load_edition
from tests.doctor.conftest import set_base
from tests.installed import KINDS
from tests.mail.server import Script, certificate, mail_server
from tests.mail.test_dkim_signing import rsa_key
from tests.own_site import add_settings, own_site
from tests.ports import NO_MAIL
from tests.shell import shell


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = own_site(tmp_path / "site")
    set_base(root, "https://tips.voorbeeld.example")
    return root


def seen(root: Path, mail: str, look: Callable[[Examination], Seen | None] = check_mail_server) -> Seen:
    text = (root / "optin.toml").read_text()
    (root / "optin.toml").write_text(re.sub(r'^mail = ".*"$', f'mail = "{mail}"', text, flags=re.MULTILINE))
    edition, _ = load_edition(root, KINDS)
    assert edition is not None
    found = look(Examination(edition, datetime.now(UTC), Reach(1.0)))
    assert found is not None
    return found


def test_a_mail_server_that_takes_us_passes(root: Path, tmp_path: Path) -> None:
    """O3: over STARTTLS with a certificate that is trusted, and with a sign-in."""
    file, tls = certificate(tmp_path, "localhost")
    script = Script()
    with mail_server(script, tls=tls, login=True) as port:
        found = seen(root, f"smtp://alice:p%20w%2Fd@localhost:{port}?ca={file}")
        assert found.verdict is Verdict.PASSED, found
        assert "encrypted, and signs us in" in found.text
        assert "alice" not in str(found)
        assert script.mails == []
    with mail_server(Script()) as port:
        found = seen(root, f"smtp://127.0.0.1:{port}")
        assert "unencrypted on this machine" in found.text


@pytest.mark.parametrize(
    ("mail", "tls", "mark"),
    [
        ("smtp://alice:wrong@localhost:{port}?ca={file}", True, "login"),
        ("smtp://localhost:{port}?ca={other}", True, "certificate"),
        ("smtp://localhost:{port}?ca={file}", False, "encryption"),
        ("smtps://localhost:{port}?ca={file}", False, "unreachable"),
    ],
)
def test_a_mail_server_that_does_not_take_us_fails(
    root: Path, tmp_path: Path, mail: str, mark: str, *, tls: bool
) -> None:
    """O3: with the cure, and without the password."""
    (tmp_path / "other").mkdir()
    file, context = certificate(tmp_path, "localhost")
    other, _ = certificate(tmp_path / "other", "localhost")
    with mail_server(Script(), tls=context if tls else None, login=mark == "login") as port:
        found = seen(root, mail.format(port=port, file=file, other=other))
    assert (found.verdict, found.mark) == (Verdict.FAILED, mark)
    assert found.cure
    assert "wrong" not in str(found).replace("was wrong", "")


def test_a_mail_server_that_is_away_or_hangs_fails(root: Path) -> None:
    """O3: in time."""
    assert seen(root, NO_MAIL).verdict is Verdict.FAILED
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert seen(root, f"smtp://127.0.0.1:{silent.getsockname()[1]}").mark == "unreachable"


def test_our_letters_can_be_stopped_at_one_click(root: Path, tmp_path: Path) -> None:
    """O3, R7: on a mail as it is composed and signed."""
    assert "whoever signs them" in seen(root, NO_MAIL, check_one_click).text
    key, _ = rsa_key(tmp_path)
    key.chmod(0o600)
    add_settings(root, f'\n[dkim]\nselector = "s"\ndomain = "example.com"\nkey = "{key}"\n')
    assert "DKIM signs them" in seen(root, NO_MAIL, check_one_click).text


LINK = b"List-Unsubscribe: <https://a.example/unsubscribe/x>\r\n"
SOUND = LINK + b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


@pytest.mark.parametrize(
    ("head", "verdict"),
    [
        (SOUND, Verdict.PASSED),
        (SOUND.replace(b"https:", b"http:"), Verdict.FAILED),
        (SOUND.replace(b"One-Click", b"Two-Clicks"), Verdict.FAILED),
        (SOUND.partition(b"\r\n")[0], Verdict.FAILED),
        (b"", Verdict.FAILED),
    ],
)
def test_headers_are_judged_as_receivers_do(head: bytes, verdict: Verdict) -> None:
    """O3: RFC 8058; a signature that leaves them out is none for them."""
    mail = message_from_bytes(head + b"\r\n\r\n")
    assert judge_one_click(mail, is_signed=False).verdict is verdict
    assert judge_one_click(mail, is_signed=True).verdict is Verdict.FAILED
    signed = message_from_bytes(
        b"DKIM-Signature: v=1; h=From:\r\n List-Unsubscribe:list-unsubscribe-post; b=x\r\n"
        + head
        + b"\r\n\r\n"
    )
    assert judge_one_click(signed, is_signed=True).verdict is verdict


def test_a_test_mail_is_sent_to_an_address(root: Path, tmp_path: Path) -> None:
    """O3: as the mails to people are composed and signed; the server's words are shown."""
    script = Script()
    with mail_server(script) as port:
        (root / "optin.toml").write_text(
            (root / "optin.toml").read_text().replace(NO_MAIL, f"smtp://127.0.0.1:{port}")
        )
        done = shell(root, "doctor", "--mail", "me@example.com")
        assert done.exit_code == 0, done.output
        assert script.recipients == ["me@example.com"]
        mail = message_from_bytes(script.mails[0])
        assert mail["To"] == "me@example.com"
        assert mail["List-Unsubscribe"]
        assert "[test]" in str(mail["Subject"])
    done = shell(root, "doctor", "--mail", "me@example.com")
    assert done.exit_code == 1
    assert "Nothing was sent" in done.stderr
    assert shell(root, "doctor", "--mail", "nobody").exit_code == 1
    assert shell(root, "doctor", "--resolver", "dns.example.com").exit_code == 2
    assert not (tmp_path / "site" / "var" / "doctor.json").exists()


def test_a_folder_is_no_mail_server(root: Path) -> None:
    """O3: the setting says so, and nothing is sent."""
    (root / "optin.toml").write_text((root / "optin.toml").read_text().replace(NO_MAIL, "file:var/mail"))
    done = shell(root, "doctor", "--mail", "me@example.com")
    assert "OPTIN_MAIL is not set here" in done.stderr
