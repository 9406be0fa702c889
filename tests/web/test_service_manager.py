"""What a service manager hands over and is told, as systemd's manual pages say."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from optin.web.service_manager import ServiceManager, handed_socket
from tests.waiting import SECONDS

TAKES = (
    "import os, sys\n"
    "from optin.errors import SetupRefused\n"
    "from optin.web.service_manager import handed_socket\n"
    "handed = int(sys.argv[1])\n"
    "os.dup2(handed, 3)\n"
    "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=sys.argv[2])\n"
    "try:\n"
    "    taken = handed_socket()\n"
    "except SetupRefused as refused:\n"
    "    print('refused', refused)\n"
    "else:\n"
    "    told = 'LISTEN_FDS' in os.environ\n"
    "    print(taken.getsockname()[1], taken.get_inheritable(), taken.getblocking(), told)\n"
)


def take(handed: int, count: str = "1") -> str:
    """Hand a descriptor to a process; return what it makes of it."""
    return subprocess.run(
        [sys.executable, "-c", TAKES, str(handed), count],
        pass_fds=(handed,), capture_output=True, text=True, check=True, timeout=SECONDS,
    ).stdout  # fmt: skip


def test_a_listening_socket_is_taken_and_passed_on_to_nobody() -> None:
    """O10: sd_listen_fds(3): number 3, for this process alone."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert take(listening.fileno()) == f"{port} False False False\n"


def test_what_is_no_single_listening_tcp_socket_is_refused(tmp_path: Path) -> None:
    """O10, M4: two of them, one for datagrams, one that is connected to nobody, a file; with the cure."""
    with socket.create_server(("127.0.0.1", 0)) as listening, (tmp_path / "file").open("wb") as file:
        assert "exactly one listening TCP socket" in take(listening.fileno(), "2")
        assert "ListenStream" in take(file.fileno())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as silent:
        assert take(datagrams.fileno()).startswith("refused")
        assert take(silent.fileno()).startswith("refused")


@pytest.mark.parametrize("told", [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}])
def test_what_was_handed_to_another_process_is_not_taken(told: dict[str, str]) -> None:
    """O10: a server that was started by one under a service manager opens a port of its own."""
    environment = dict(told)
    assert handed_socket(environment) is None
    assert environment == {}


def test_it_is_told_that_the_server_is_ready_alive_and_stopping(tmp_path: Path) -> None:
    """O10: sd_notify(3), from the loop that answers requests; nothing where nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hears:
        hears.bind(str(tmp_path / "notify"))
        hears.settimeout(SECONDS)
        told = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000", "WATCHDOG_PID": ""}
        manager = ServiceManager.of_this_process(told)
        assert told == {}

        async def serve() -> None:
            stop = asyncio.Event()
            (job,) = manager.jobs()
            working = asyncio.ensure_future(job.run(stop))
            await asyncio.sleep(0.25)
            stop.set()
            await working

        asyncio.run(serve())
        heard = [hears.recv(99) for _ in range(4)]
        assert (heard[0], heard[1:3]) == (b"READY=1", [b"WATCHDOG=1"] * 2)
        assert heard[3] in {b"WATCHDOG=1", b"STOPPING=1"}
    manager.tell("READY=1")  # it is away: no error
    assert ServiceManager.of_this_process({}).jobs() == []


def test_the_watchdog_of_another_process_is_not_fed() -> None:
    """O10: sd_watchdog_enabled(3): only the process that is named."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hears:
        hears.bind("\0optin-test-" + str(os.getpid()))
        hears.settimeout(0)
        told = {"NOTIFY_SOCKET": f"@optin-test-{os.getpid()}", "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
        manager = ServiceManager.of_this_process(told)
        manager.tell_alive()
        with pytest.raises(BlockingIOError):
            hears.recv(99)
        manager.tell("READY=1")
        assert hears.recv(99) == b"READY=1"
