"""Slow senders at /bounces/NAME shut no provider of mail out: real processes, real sockets."""

from __future__ import annotations

from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.crowds import HERE, Kind, crowd
from tests.faults.test_crowds import OTHER, STRANGER, site_of
from tests.own_site import add_settings
from tests.ports import NO_MAIL
from tests.serving import served

SECRET = "a word of ours"
WEBHOOK = '\n[bounces.webhooks.brevo]\nprovider = "brevo"\n'
SLOW = Kind(b"POST /bounces/brevo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n[", b" ")
MESSAGES = 20


def told(port: int) -> int:
    """Tell as the provider does, from another address; return the status of the answer."""
    connection = HTTPConnection(HERE, port, timeout=10, source_address=(OTHER, 0))
    try:
        connection.request("POST", f"/bounces/brevo?token={SECRET.replace(' ', '%20')}", b"[]")
        return connection.getresponse().status
    finally:
        connection.close()


def test_slow_senders_shut_no_provider_out(
    tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O6, O8: of one network more than there are places, each with a body that does not end."""
    monkeypatch.setenv("OPTIN_BOUNCES_BREVO", SECRET)
    site = site_of(tmp_path)
    add_settings(site, WEBHOOK)
    store, keys = f"sqlite:///{tmp_path}/optin.db", f"{tmp_path}/keys.json"
    with served(site, free_port, store, NO_MAIL, keys):
        for _ in range(3):  # whatever of the two seconds of a body has passed
            with crowd(free_port, SLOW, 39, STRANGER):
                assert {told(free_port) for _ in range(MESSAGES)} == {200}
