"""A real server process: `optin serve` over a site, with a real mail server to send to."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import httpx2 as httpx

from tests.started import Running, start_optin

BASE_URL = "https://optin.example.com"
# Asked over plain HTTP, it trusts nobody: reading whom to trust takes 20 ms for each client.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
START_SECONDS = 120
# an address of somebody; a Message-ID of ours has the same form, and names nobody
_ADDRESS = re.compile(r"(?<![\w.+-])(?!<?[0-9a-f]{32}@)[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def address_in(text: str) -> str:
    """Return the first address of somebody in a text; empty for none (S4, O5)."""
    found = _ADDRESS.search(text)
    return "" if found is None else found[0]


@dataclass
class Serving:
    """One process, and how to ask it."""

    process: Running
    port: int
    log: Path
    base: str = field(init=False)

    def __post_init__(self) -> None:
        self.base = f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(120)

    def stop(self) -> int:
        """End it as an operator does; return its status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(120)
        named = address_in(self.log.read_text(errors="replace"))
        assert not named, f"S4, O5: the log names {named}"
        return status


def settings(store: str, mail: str, keys: str) -> dict[str, str]:
    """Return what `serve` needs to know."""
    return {"OPTIN_BASE_URL": BASE_URL, "OPTIN_STORE": store, "OPTIN_MAIL": mail, "OPTIN_KEYS": keys}


def environment(store: str, mail: str, keys: str) -> dict[str, str]:
    """Return the environment of a process that knows it."""
    own = settings(store, mail, keys)
    # a server in earnest keeps its compiled modules; some build machines forbid it
    return {**{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}, **own}


def start(site: Path, port: int, store: str, mail: str, keys: str, *more: str) -> Serving:
    """Start a server and wait until it answers."""
    nobody_answers(port)
    log = site.parent / f"serve-{port}.log"
    words = ["serve", "--site", str(site), "--port", str(port), *more]
    process = start_optin(words, environment(store, mail, keys), log)
    serving = Serving(process, port, log)
    if answers(process, serving.base):
        return serving
    process.kill()
    raise AssertionError(log.read_text())


def nobody_answers(port: int) -> None:
    """Wait until the workers of a killed server have ended too: they would answer in the next one's place."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) != 0:
                return
        time.sleep(0.03)
    raise AssertionError(port)


def answers(process: Running, base: str) -> bool:
    """Wait until a server answers; return False when it ended, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(verify=NO_TLS, timeout=10) as client:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                client.get(f"{base}/health")
            except httpx.HTTPError:
                time.sleep(0.03)
            else:
                return True
    return False


@contextmanager
def served(site: Path, port: int, store: str, mail: str, keys: str) -> Iterator[Serving]:
    """Serve for a while; whatever happens, the process ends."""
    serving = start(site, port, store, mail, keys)
    try:
        yield serving
    finally:
        if serving.process.poll() is None:
            serving.stop()


@contextmanager
def developed(site: Path, port: int) -> Iterator[str]:
    """Run `optin dev` for a while; yield its address."""
    log = site.parent / f"dev-{port}.log"
    process = start_optin(["dev", "--site", str(site), "--port", str(port)], os.environ, log)
    base = f"http://127.0.0.1:{port}"
    try:
        assert answers(process, base), log.read_text()
        yield base
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(120)


def confirm_from_mail(client: httpx.Client, mail: bytes) -> str:
    """Press the button behind the link of a confirmation mail; return the page of its result."""
    text = message_from_bytes(mail, policy=default).get_body(("plain",))
    assert text is not None
    token = re.search(r"/confirm/(\S+)", text.get_content())
    assert token is not None
    client.post(f"/confirm/{token[1]}", headers={"content-type": "application/x-www-form-urlencoded"})
    return client.get(f"/confirm/{token[1]}").text


def form_key(client: httpx.Client, slug: str = "paper") -> str:
    """Open a page; return what stands in its hidden field."""
    found = re.search(r'name="form" value="([0-9a-f]+)"', client.get(f"/{slug}").text)
    assert found is not None
    return found[1]
