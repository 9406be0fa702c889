"""A server has its port and its site to itself; what goes wrong is said in one sentence, with status 1."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2 as httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from optin.consent.form_version import Slug
from optin.errors import SetupRefused
from optin.jobs.background_job import Job, RoundDone
from optin.keys import make_keys
from optin.services.open_installation import open_installation
from optin.services.site_edition import keep_edition
from optin.web.run_server import open_port, run_server
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.ports import NO_MAIL
from tests.serving import environment, served, start
from tests.started import run_optin
from tests.waiting import SECONDS
from tests.web.conftest import site_at
from tests.world import TIPS, World


def dev(site: Path, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Try to run `optin dev`; it must refuse at once."""
    names = {k: v for k, v in environment("", "", "").items() if not k.startswith("OPTIN_")}
    return run_optin("dev", "--site", str(site), *words, environment={**names, **changes})


def refused(outcome: subprocess.CompletedProcess[str], sentence: str, status: int = 1) -> None:
    """See that it was refused with a sentence and nothing else."""
    assert outcome.returncode == status, outcome.stderr
    assert sentence in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert "panicked" not in outcome.stderr


def test_dev_leaves_a_site_in_earnest_alone(tmp_path: Path, free_port: int) -> None:
    """P8, D1: `dev` neither swallows mail that is waited for nor lets anybody confirm for others."""
    site = tmp_path / "site"
    edition = site_at(site)
    with open_installation(edition.site.settings, edition.policy, KINDS, "serve") as installation:
        keep_edition(installation.store, edition, installation.clock())
        form = edition.publication.forms[Slug("paper")]
        world = World(installation.store, installation.vault, installation.clock(), form, edition.policy)
        world.sign_up("alice@example.com", TIPS)
    before = {path: path.read_bytes() for path in (site / "var").rglob("*") if path.is_file()}
    refused(dev(site, "--port", str(free_port)), "not made by `optin dev`")
    assert {path: path.read_bytes() for path in (site / "var").rglob("*") if path.is_file()} == before


def test_dev_takes_no_keys_of_a_server_from_the_environment(tmp_path: Path, free_port: int) -> None:
    """P8: the keys themselves in OPTIN_KEYS, with whatever store: refused, nothing made."""
    site = tmp_path / "site"
    site_at(site)
    keys = make_keys("keys.json", tmp_path, "serve").as_json()
    refused(dev(site, "--port", str(free_port), OPTIN_KEYS=keys), "without OPTIN_KEYS")
    assert not (site / "var").exists()


def test_a_port_belongs_to_one_server(tmp_path: Path, free_port: int) -> None:
    """O2, S4: two servers never share a port in silence: /dev/mail would be public."""
    for name in ("one", "two"):
        site_at(tmp_path / name)
    store, keys = f"sqlite:///{tmp_path}/optin.db", str(tmp_path / "keys.json")
    port = str(free_port)
    with served(tmp_path / "one", free_port, store, NO_MAIL, keys) as serving:
        refused(dev(tmp_path / "two", "--port", port), f"Another server listens on port {port}")
        second = ("serve", "--site", str(tmp_path / "two"), "--port", port)
        own = environment(f"sqlite:///{tmp_path}/two.db", NO_MAIL, str(tmp_path / "two.json"))
        outcome = run_optin(*second, environment=own)
        refused(outcome, f"Another server listens on port {port}")
        assert httpx.get(f"{serving.base}/dev/mail", timeout=SECONDS).status_code == 404


def test_workers_of_one_command_share_their_port_with_nobody_else(
    tmp_path: Path, free_port: int, postgres_url: str
) -> None:
    """O1: several processes, one port; a server of another command is refused."""
    for name in ("one", "two"):
        site_at(tmp_path / name)
    keys = str(tmp_path / "keys.json")
    serving = start(tmp_path / "one", free_port, postgres_url, NO_MAIL, keys, "--workers", "3")
    try:
        refused(dev(tmp_path / "two", "--port", str(free_port)), "Another server listens")
        assert {httpx.get(f"{serving.base}/health", timeout=SECONDS).status_code for _ in range(20)} == {200}
    finally:
        assert serving.stop() == 0
    with socket.create_server(("127.0.0.1", free_port)):
        pass


def test_a_port_that_cannot_be_had_is_said_in_one_sentence(tmp_path: Path, free_port: int) -> None:
    """S2: held by another program, out of range, no such address."""
    site = tmp_path / "site"
    site_at(site)
    with socket.create_server(("127.0.0.1", free_port)):
        refused(dev(site, "--port", str(free_port)), "Another server listens")
    refused(dev(site, "--port", "99999"), "is not in the range", status=2)
    refused(dev(site, "--port", "0"), "is not in the range", status=2)
    refused(dev(site, "--host", "no.such.host.invalid"), "There is no address")
    refused(dev(site, "--host", "192.0.2.1", "--port", str(free_port)), "cannot be used")


@pytest.mark.parametrize("host", ["localhost", "::1", "::", "0.0.0.0"])  # noqa: S104 - tried on this machine
def test_dev_listens_where_it_is_told(tmp_path: Path, free_port: int, host: str) -> None:
    """O2: by name, and on IPv6; what it prints can be opened."""
    site_at(tmp_path / "site")
    names = {k: v for k, v in environment("", "", "").items() if not k.startswith("OPTIN_")}
    text = (tmp_path / "site" / "optin.toml").read_text()
    (tmp_path / "site" / "optin.toml").write_text(text.replace('base_url = "https://optin.example.com"', ""))
    command = [sys.executable, "-m", "optin", "dev", "--site", str(tmp_path / "site"), "--host", host]
    process = subprocess.Popen(
        [*command, "--port", str(free_port)], env=names, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().split()[2].rstrip("/")
        for _ in range(200):
            try:
                answer = httpx.get(f"{url}/health", timeout=5)
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                break
        assert answer.json()["status"] == "ready"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
        process.stdout.close()


def test_a_server_that_stops_takes_no_more_while_it_finishes() -> None:
    """S6: its port is free at once, so that the next one can start while the courier ends a mail."""
    port: list[int] = []

    async def asks(_stop: asyncio.Event, _done: RoundDone) -> None:
        await asyncio.sleep(0.1)
        signal.raise_signal(signal.SIGTERM)

    async def finishes(stop: asyncio.Event, _done: RoundDone) -> None:
        await stop.wait()
        for _ in range(200):
            try:
                open_port("127.0.0.1", port[0]).close()
            except SetupRefused:
                await asyncio.sleep(0.02)
            else:
                port.clear()
                return

    listening = open_port("127.0.0.1", 0)
    port.append(listening.getsockname()[1])
    assert asyncio.run(
        run_server(PlainTextResponse("ok"), listening, [Job("asks", asks), Job("finishes", finishes)])
    )
    assert port == []


def test_a_server_that_stops_refuses_others_while_it_answers_a_slow_one() -> None:
    """S6, O10: who is refused at once tries again; who only waits is cut off at the end."""

    async def slowly(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        signal.raise_signal(signal.SIGTERM)
        for _ in range(200):
            try:
                (await asyncio.to_thread(socket.create_connection, listening_at, 30)).close()
            except ConnectionRefusedError:
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError
        await PlainTextResponse("still here")({"type": "http"}, receive, send)

    async def asks(_stop: asyncio.Event, _done: RoundDone) -> None:
        async with httpx.AsyncClient() as client:
            answer = await client.get("http://{}:{}".format(*listening_at), timeout=30)
            answers.append(answer.text)

    answers: list[str] = []
    listening = open_port("127.0.0.1", 0)
    listening_at: tuple[str, int] = listening.getsockname()
    assert asyncio.run(run_server(slowly, listening, [Job("asks", asks)]))
    assert answers == ["still here"]


def test_a_job_that_fails_while_the_server_stops_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    """S6: a stop that was asked for stays a stop."""

    async def asks(_stop: asyncio.Event, _done: RoundDone) -> None:
        signal.raise_signal(signal.SIGTERM)

    async def fails(stop: asyncio.Event, _done: RoundDone) -> None:
        await stop.wait()
        raise RuntimeError

    listening = open_port("127.0.0.1", 0)
    assert asyncio.run(
        run_server(PlainTextResponse("ok"), listening, [Job("asks", asks), Job("fails", fails)])
    )
    assert "fails failed and will be tried again: RuntimeError" in caplog.text


def test_two_sockets_never_listen_on_one_port() -> None:
    """O2: the kernel itself refuses the second."""
    with open_port("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(SetupRefused, match="Another server"):
            open_port("127.0.0.1", port)


def test_a_server_that_cannot_tell_networks_apart_says_so(tmp_path: Path, free_port: int) -> None:
    """D8: behind a proxy on the same machine, with the cure; not where that proxy is trusted."""
    site_at(tmp_path / "site")
    store, keys = f"sqlite:///{tmp_path}/optin.db", str(tmp_path / "keys.json")
    with served(tmp_path / "site", free_port, store, NO_MAIL, keys) as serving:
        pass
    assert 'trusted = ["127.0.0.1"]' in serving.log.read_text()
    serving.log.unlink()
    add_settings(tmp_path / "site", '\n[proxy]\ntrusted = ["127.0.0.1"]\n')
    with served(tmp_path / "site", free_port, store, NO_MAIL, keys) as serving:
        pass
    assert "WARNING" not in serving.log.read_text()
