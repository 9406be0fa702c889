"""The test mail of the doctor that comes back by LMTP to a real server."""

from __future__ import annotations

import smtplib
import subprocess
import sys
from pathlib import Path

from tests.bounces.notices import VERP, Answer, report
from tests.mail.server import Script, mail_server
from tests.own_site import add_settings
from tests.ports import reserved_port
from tests.serving import environment, served
from tests.shell import shell
from tests.waiting import wait_until
from tests.web.conftest import site_at

BOUNCES = "bounces@optin.example.com"
HARD = report(Answer("550 5.1.1 user unknown", "5.1.1"))


def test_a_test_mail_that_comes_back_is_seen(store_url: str, tmp_path: Path, free_port: int) -> None:
    """O3, O6: by a token of its own, with the way and what was said; one that does not come back is told."""
    root = tmp_path / "site"
    site_at(root)
    keys = str(root / "var" / "keys.json")
    script = Script()
    with mail_server(script) as mail_port, reserved_port() as lmtp_port:
        add_settings(root, f'\n[bounces]\naddress = "{BOUNCES}"\nlmtp = "127.0.0.1:{lmtp_port}"\n')
        mail = f"smtp://127.0.0.1:{mail_port}"

        def doctor(wait: str) -> subprocess.Popen[str]:
            words = ["doctor", "--mail", "gone@reader.example", "--wait", wait, "--site", str(root)]
            return subprocess.Popen(
                [sys.executable, "-m", "optin", *words],
                env=environment(store_url, mail, keys),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

        with served(root, free_port, store_url, mail, keys):
            waiting = doctor("60")
            wait_until(lambda: script.senders)
            sender = script.senders[-1]
            assert sender.startswith("bounces+")
            with smtplib.LMTP("127.0.0.1", lmtp_port) as client:
                client.sendmail("", sender, HARD.replace(VERP.encode(), sender.encode()))
            said, _ = waiting.communicate(timeout=120)
            assert (waiting.returncode, "It came back, by lmtp: hard." in said) == (0, True), said
            waiting = doctor("1")
            said, _ = waiting.communicate(timeout=120)
            assert waiting.returncode == 1
            assert "It did not come back within 1 seconds" in said


def test_without_an_address_nothing_is_waited_for(tmp_path: Path) -> None:
    """O3: and nothing is sent."""
    root = tmp_path / "site"
    site_at(root)
    with mail_server(script := Script()) as port:
        ended = shell(
            root, "doctor", "--mail", "a@b.example", "--wait", "9", OPTIN_MAIL=f"smtp://127.0.0.1:{port}"
        )
    assert ended.exit_code == 1
    assert "under [bounces]" in ended.output
    assert script.senders == []
