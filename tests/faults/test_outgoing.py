"""The one client that calls other servers: which addresses it refuses, and what it does not wait for."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from typing import Any

import pytest

from optin.services import http_client as outgoing
from optin.services.http_client import AddressRefused, CallFailed, VettedClient
from tests.house.requirements_table import ROOT
from tests.ports import NOBODY
from tests.receiver import Receiver, receiving

CLIENTS = re.compile(
    r"^\s*(?:import|from) (?:urllib\.request|http\.client|requests|httpx2?|urllib3|httpcore2)\b"
)


def post(client: VettedClient, url: str) -> int:
    return asyncio.run(client.post_for_head(url, b"{}", {"content-type": "application/json"})).status


def local(**more: Any) -> VettedClient:
    return VettedClient(lambda _: True, schemes=("http", "https"), **more)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.com",
        "//hooks.example.com/",
        "https:///path",
        "https://me:secret@127.0.0.1/",
        "https://127.0.0.1@hooks.example.com/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com\\@127.0.0.1/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\r\nhost: x",
        "https://[::1",
        "https://höoks.example.com/",
        "file:///etc/passwd",
        "ftp://hooks.example.com/",
        "gopher://hooks.example.com:25/",
    ],
)
def test_an_address_that_can_be_read_in_two_ways_is_refused(url: str) -> None:
    """E7, S5: credentials, other schemes, ports that are none: before any name is looked up."""
    with pytest.raises(AddressRefused):
        post(local(), url)


@pytest.mark.parametrize(
    "host", ["0177.0.0.1", "0x7f000001", "127.1", "0", "[::ffff:127.0.0.1]", "[::1]", "[fe80::1%25lo]"]
)
def test_a_host_in_disguise_reaches_nothing_here(host: str) -> None:
    """E7: octal, hexadecimal, short and mapped ways to write this machine."""
    with receiving(Receiver()) as receiver:
        with pytest.raises(CallFailed):
            post(VettedClient(schemes=("http",)), receiver.url("http", host))
        assert receiver.taken == []


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """E7: who sets it would read what is sent."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{NOBODY}")
    with receiving(Receiver()) as receiver:
        assert post(local(), receiver.url()) == 204
        assert len(receiver.taken) == 1


def test_a_resolver_that_hangs_holds_up_only_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """E7: the deadline is of the whole call; other work in threads goes on; threads do not pile up."""
    release = threading.Event()
    real = socket.getaddrinfo

    def hang(host: str | None, *about: Any, **more: Any) -> Any:
        if host == "slow.example.com":
            release.wait(60)
            raise socket.gaierror
        return real(host, *about, **more)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    client = local(seconds=0.2)

    async def call_many() -> list[str]:
        many = range(outgoing.MOST_LOOKUPS + 9)
        calls = [client.post_for_head("http://slow.example.com/", b"{}", {}) for _ in many]
        failed = await asyncio.gather(*calls, return_exceptions=True)
        assert await asyncio.to_thread(lambda: "done") == "done"
        return [str(problem) for problem in failed]

    began = time.monotonic()
    said = asyncio.run(call_many())
    assert time.monotonic() - began < 60
    assert said.count("TimeoutError") == outgoing.MOST_LOOKUPS
    assert said.count("OSError") == 9
    release.set()
    for thread in threading.enumerate():
        if thread.name.startswith("look up"):
            thread.join(60)
    with receiving(Receiver()) as receiver:
        assert post(local(), receiver.url("http", "localhost")) == 204


def test_the_whole_answer_is_bounded() -> None:
    """E7, S5: headers and interim answers count as well."""
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 2_000
    for raw in (interim + b"HTTP/1.1 204 None\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 90_000):
        with receiving(Receiver(raw=raw)) as receiver, pytest.raises(CallFailed, match="ReadError"):
            asyncio.run(local(most_bytes=64_000).post(receiver.url(), b"{}", {}))
    with receiving(Receiver(raw=b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello")) as receiver:
        answered = asyncio.run(local(most_bytes=64_000).post(receiver.url(), b"{}", {}))
    assert (answered.status, answered.headers, answered.body) == (200, {"x-a": "b"}, b"hello")


def test_nothing_else_of_ours_calls_other_servers() -> None:
    """E7: there is one client, so there is one place to look at; the doctor asks the site's own address.

    It looks at the certificate and at both ends of the connection, which the client hides.
    """
    users = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "optin").rglob("*.py")
        if any(map(CLIENTS.match, path.read_text("utf-8").splitlines()))
    }
    assert users == {"optin/services/http_client.py", "optin/services/doctor/site_answer.py"}
