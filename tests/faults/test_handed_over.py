"""An upgrade drops no request: the port is held meanwhile, and each connection ends with an answer."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from pathlib import Path

import httpx2 as httpx
import psutil
from starlette.responses import PlainTextResponse

from optin.jobs.background_job import Job, RoundDone
from optin.web.run_server import open_port, run_server
from tests.handed_over import Clients, small_manager, stop
from tests.ports import NO_MAIL
from tests.serving import environment
from tests.waiting import SECONDS
from tests.web.conftest import site_at


def test_a_restart_under_requests_loses_none(tmp_path: Path) -> None:
    """O10, O2: the socket stays, what is open ends with an answer, what comes meanwhile waits."""
    site_at(tmp_path / "site")
    known = environment(f"sqlite:///{tmp_path}/optin.db", NO_MAIL, f"{tmp_path}/keys.json")
    words = ("serve", "--site", str(tmp_path / "site"))
    with small_manager(tmp_path) as manager:
        process = manager.start(known, *words)
        clients = Clients(manager.port)
        try:
            with clients.asking():
                for _ in range(2):
                    clients.went_on()
                    assert stop(process) == 0
                    manager.hears("STOPPING=1")
                    process = manager.start(known, *words)
                clients.went_on()
            manager.hears("WATCHDOG=1")
        finally:
            process.kill()
            process.wait(SECONDS)
    assert clients.lost == []
    assert {*clients.answered} == {200}
    assert f"serving on 127.0.0.1 port {manager.port}" in manager.log.read_text()


def test_workers_take_from_the_socket_that_was_handed_over(tmp_path: Path, postgres_url: str) -> None:
    """O10, S6: their parent tells that they are alive; they are stopped and started without a loss."""
    site_at(tmp_path / "site")
    known = environment(postgres_url, NO_MAIL, f"{tmp_path}/keys.json")
    words = ("serve", "--site", str(tmp_path / "site"), "--workers", "2")
    with small_manager(tmp_path) as manager:
        process = manager.start(known, *words)
        clients = Clients(manager.port)
        try:
            with clients.asking():
                clients.went_on()
                assert len(psutil.Process(process.pid).children()) == 2
                manager.hears("WATCHDOG=1")
                assert stop(process) == 0
                manager.hears("STOPPING=1")
                process = manager.start(known, *words)
                clients.went_on()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(SECONDS)
    assert clients.lost == []


def test_a_stopping_server_ends_each_connection_with_an_answer() -> None:
    """O10, O2: a proxy that keeps it open hears so, and sends no form into it; the server waits for that."""
    listening = open_port("127.0.0.1", 0)
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    heard: list[str | None] = []

    async def proxy(_stop: asyncio.Event, _done: RoundDone) -> None:
        async with httpx.AsyncClient(base_url=base, timeout=SECONDS) as client:
            heard.append((await client.get("/")).headers.get("connection"))
            signal.raise_signal(signal.SIGTERM)
            while heard[-1] != "close":
                heard.append((await client.get("/")).headers.get("connection"))

    began = time.monotonic()
    served = run_server(PlainTextResponse("ok"), listening, [Job("proxy", proxy)], leave_seconds=SECONDS)
    assert asyncio.run(served)
    assert heard[0] is None
    assert heard[-1] == "close"
    assert time.monotonic() - began < SECONDS / 2


def test_an_idle_connection_keeps_a_stopping_server_for_so_long() -> None:
    """O10, S6: no longer: its client says nothing."""
    listening = open_port("127.0.0.1", 0)
    with socket.create_connection(listening.getsockname()) as idle:

        async def asks(_stop: asyncio.Event, _done: RoundDone) -> None:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{idle.getpeername()[1]}") as client:
                await client.get("/")  # until then the idle one was accepted, too
            signal.raise_signal(signal.SIGTERM)

        began = time.monotonic()
        served = run_server(PlainTextResponse("ok"), listening, [Job("asks", asks)], leave_seconds=0.5)
        assert asyncio.run(served)
        assert time.monotonic() - began >= 0.5
        assert idle.recv(1) == b""
