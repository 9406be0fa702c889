"""Several workers: one that dies is replaced, one that cannot start ends in a sentence, none is orphaned."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import psutil
import pytest

from optin.web import worker_processes
from optin.web.run_server import open_port
from optin.web.worker_processes import ParentPipe, exit_in_words, keep_workers, rest_seconds, start_worker
from tests.ports import NO_MAIL
from tests.serving import Serving, start
from tests.waiting import SECONDS, wait_until
from tests.web.conftest import site_at


@pytest.fixture
def serving(tmp_path: Path, free_port: int, postgres_url: str) -> Iterator[Serving]:
    """Serve with three workers."""
    site_at(tmp_path / "site")
    running = start(
        tmp_path / "site", free_port, postgres_url, NO_MAIL, str(tmp_path / "keys.json"), "--workers", "3"
    )
    wait_until(lambda: len(children(running)) == 3)
    yield running
    if running.process.poll() is None:
        running.stop()


def children(serving: Serving) -> set[int]:
    """Return the numbers of the workers."""
    return {it.pid for it in psutil.Process(serving.process.pid).children()}


def test_a_worker_that_is_killed_is_replaced_and_told(serving: Serving) -> None:
    """S6, O1: the port answers all the while; the stop is a stop of all."""
    before = children(serving)
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: killed not in children(serving) and len(children(serving)) == 3)
    assert httpx.get(f"{serving.base}/health/live", timeout=SECONDS).status_code == 200
    assert f"(process {killed}) ended by SIGKILL; another takes its place\n" in serving.log.read_text()
    everybody = children(serving)
    assert serving.stop() == 0
    assert not any(map(psutil.pid_exists, everybody))


def test_workers_end_with_their_parent(serving: Serving) -> None:
    """S6: kill -9 of the parent; nobody keeps the port."""
    workers_, port = children(serving), serving.port
    serving.kill()
    wait_until(lambda: not any(map(_runs, workers_)))
    open_port("127.0.0.1", port).close()
    assert "this worker stops" in serving.log.read_text()


def _runs(number: int) -> bool:
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_worker_that_hangs_ends_with_its_parent_too() -> None:
    """S6: one that no signal reaches is ended all the same."""
    hangs = (
        "import signal, time\n"
        "from optin.web import worker_processes as workers\n"
        "workers.ORPHAN_SECONDS = 0.2\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "assert workers.join_parent() is not None\n"
        "print('up', flush=True)\n"
        "time.sleep(600)\n"
    )
    pipe = ParentPipe()
    with open_port("127.0.0.1", 0) as listening:
        handed = (listening.fileno(), pipe.workers_end)
        with subprocess.Popen(
            [sys.executable, "-c", hangs],
            env={**os.environ, worker_processes.WORKER: "{},{}".format(*handed)},
            pass_fds=handed,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            assert process.poll() is None
            pipe.close()
            assert process.wait(120) == 1


@contextmanager
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(worker_processes, "FIRST_REST_SECONDS", 0.01)
    monkeypatch.setattr(worker_processes, "LOOK_SECONDS", 0.01)
    yield


def test_workers_that_cannot_start_end_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S6: not a spin: so many tries, ever later, then the reason why it stops."""
    started: list[int] = []

    def fails() -> subprocess.Popen[bytes]:
        started.append(1)
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])

    with quick(monkeypatch):
        assert not keep_workers(2, fails, threading.Event())
    # a worker may begin once more while the other one, on a busy machine, still ends its last try
    assert 0 <= len(started) - 2 * worker_processes.MOST_EARLY_DEATHS <= 2
    lines = [record.getMessage() for record in caplog.records]
    assert "no worker stays up" in lines[-1]
    assert all("ended with status 3" in line for line in lines[:-1])


def test_one_that_stays_up_keeps_the_server_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S6: a place that cannot be filled is tried again later and later; the others go on."""
    stop, started = threading.Event(), []

    def first_stays() -> subprocess.Popen[bytes]:
        started.append(1)
        what = "import time; time.sleep(600)" if len(started) == 1 else "raise SystemExit(1)"
        if len(started) > 2 * worker_processes.MOST_EARLY_DEATHS:
            stop.set()
        return subprocess.Popen([sys.executable, "-c", what])

    with quick(monkeypatch), caplog.at_level(logging.ERROR):
        assert keep_workers(2, first_stays, stop)
    assert "no worker stays up" not in caplog.text


def test_what_a_stop_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """S6: after its time to finish."""
    monkeypatch.setattr(worker_processes, "FINISH_SECONDS", 0.2)
    stop = threading.Event()
    ignores = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    begun: list[subprocess.Popen[bytes]] = []

    def stubborn() -> subprocess.Popen[bytes]:
        begun.append(subprocess.Popen([sys.executable, "-c", ignores], stdout=subprocess.PIPE))
        out = begun[0].stdout
        assert out is not None
        out.readline()
        out.close()
        stop.set()
        return begun[0]

    assert keep_workers(1, stubborn, stop)
    assert begun[0].returncode == -signal.SIGKILL


def test_the_wait_for_another_grows() -> None:
    """S6: none after the first death, and never more than half a minute."""
    waits = [rest_seconds(deaths) for deaths in range(30)]
    assert waits[:2] == [0.0, 0.0]
    assert waits == sorted(waits)
    assert waits[-1] == worker_processes.LONGEST_REST_SECONDS


def test_how_a_process_ended_is_told() -> None:
    """S6: by a name where there is one."""
    assert exit_in_words(3) == "with status 3"
    assert exit_in_words(-9) == "by SIGKILL"
    assert exit_in_words(-99) == "by signal 99"


def test_a_worker_gets_the_socket_and_the_pipe_and_nothing_else() -> None:
    """S6: and it is the same program with the same arguments."""
    pipe = ParentPipe()
    with open_port("127.0.0.1", 0) as listening:
        process = start_worker(listening, pipe, ["--help"])
        assert process.wait(120) == 0
    pipe.close()
