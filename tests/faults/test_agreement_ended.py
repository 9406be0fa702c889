"""A server whose processor's agreement ended: people sign up as ever, and the processor hears of nobody."""

from __future__ import annotations

from pathlib import Path

import httpx2 as httpx

from tests.mail.server import Script, mail_server
from tests.own_site import add_settings
from tests.serving import confirm_from_mail, form_key, served
from tests.waiting import SECONDS, wait_until
from tests.web.conftest import site_at

ENDED = """
[processors.ended]
name = "Ended B.V."
agreement = "2020-01-01"
ends = 2021-12-31
webhook = { url = "https://hooks.example.net/", purposes = ["tips-email"] }
"""


def test_a_server_sends_nothing_after_the_last_day(tmp_path: Path, free_port: int) -> None:
    """L9, E1, E7: the site is served, the message waits, and the log says why and what to do."""
    root, script = tmp_path / "site", Script()
    site_at(root)
    add_settings(root, ENDED)
    store, keys = f"sqlite:///{tmp_path}/optin.db", str(tmp_path / "keys.json")
    with (
        mail_server(script) as port,
        served(root, free_port, store, f"smtp://127.0.0.1:{port}", keys) as serving,
        httpx.Client(base_url=serving.base, timeout=SECONDS) as client,
    ):
        form = {"form": form_key(client), "email": "alice@example.com", "consent": "tips-email"}
        assert client.post("/paper", data=form).status_code == 303
        wait_until(lambda: len(script.mails) > 0)
        confirm_from_mail(client, script.mails[0])
        wait_until(lambda: "its agreement ended on 2021-12-31. Messages wait." in serving.log.read_text())
    said = serving.log.read_text()
    assert "webhook ended: nothing reaches it" in said
    assert "Write the new last day of its agreement into optin.toml" in said
    assert "alice" not in said
