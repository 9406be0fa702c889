"""A mail server whose set-up is wrong, and then mended, behind a real server process."""

from __future__ import annotations

from pathlib import Path

import httpx2 as httpx

from tests.mail.server import Script, mail_server
from tests.serving import BASE_URL, form_key, served, settings
from tests.shell import shell
from tests.waiting import SECONDS, wait_until
from tests.web.conftest import site_at

PEOPLE = [f"p{number}@example.org" for number in range(6)]


def test_what_a_wrong_set_up_kept_back_leaves_when_it_is_mended(tmp_path: Path, free_port: int) -> None:
    """D1, S6, S4: nobody's mail is lost, also that of a recipient who was refused by name before."""
    site = tmp_path / "site"
    site_at(site)
    script = Script(rcpt=lambda _address, _time: "550 5.1.1 we know nobody here")
    with mail_server(script) as port:
        where = (
            f"sqlite:///{site}/var/optin.db",
            f"smtp://127.0.0.1:{port}",
            str(site / "var" / "keys.json"),
        )

        def retry(*words: str) -> str:
            done = shell(site, "mail", "retry", *words, **settings(*where))
            assert done.exit_code == 0, done.stderr
            return done.stdout

        with (
            served(site, free_port, *where) as serving,
            httpx.Client(base_url=serving.base, timeout=SECONDS) as client,
        ):
            key = form_key(client)

            def ask(person: str) -> None:
                client.post("/paper", data={"form": key, "email": person, "consent": "tips-email"})

            ask(PEOPLE[0])
            wait_until(lambda: " was given up: 550 5.1.1" in serving.log.read_text())
            script.rcpt = lambda _address, _time: "554 5.7.1 Relay access denied"
            for person in PEOPLE[1:]:
                ask(person)
            wait_until(lambda: "does not pass on mail from us" in serving.log.read_text())
            assert "1 mail would be put back" in retry("--dry-run")
            assert script.mails == []
            script.rcpt = lambda _address, _time: "250 2.1.5 fine"
            assert "1 mail is put back to be sent: 1 confirmation." in retry()
            wait_until(lambda: sorted(script.recipients) == PEOPLE)
            log = serving.log.read_text()
    assert log.count("ERROR") == 1
    assert "example.org" not in log
    assert set(script.names) == {BASE_URL.removeprefix("https://")}
