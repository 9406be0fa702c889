"""What a load balancer asks: does the process run, and can it do its work."""

from __future__ import annotations

import asyncio
import errno
import json
import time
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from optin.errors import StoreBusy
from optin.jobs.background_job import Job, RoundDone, check_jobs
from optin.services import health
from optin.services.health import CheckResult, Readiness, WriteCheck, check_disks
from optin.store.database_interface import Store
from tests.web.conftest import Visit as Visit  # noqa: PLC0414 - a fixture
from tests.web.conftest import visit as visit  # noqa: PLC0414 - a fixture


def test_a_server_that_can_write_is_ready(visit: Visit) -> None:
    """O5: each check by its name; the address of old says the same."""
    visit.fill("alice@example.com", consent="tips-email")
    answer = visit.client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert {name: it["ok"] for name, it in answer.json()["checks"].items()} == {"store": True, "disk": True}
    assert answer.headers["cache-control"] == "no-store"
    assert visit.client.get("/health").json() == answer.json()
    assert visit.client.get("/health/live").json() == {"status": "live"}
    assert "alice" not in answer.text
    assert visit.installation.store.read(
        lambda tx: tx.one("SELECT 1 FROM installation WHERE name = 'health'")
    )


@pytest.mark.parametrize("problem", [StoreBusy("database or disk is full"), KeyError("alice@example.com")])
def test_a_store_that_takes_nothing_is_not_ready(visit: Visit, problem: Exception) -> None:
    """O5, S4: 503 with the kind of the error; the process lives all the same."""

    class Full:
        """A store that cannot write."""

        def submit(self, _operation: object) -> Future[None]:
            failed: Future[None] = Future()
            failed.set_exception(problem)
            return failed

    visit.installation.store = cast("Store", Full())
    answer = visit.client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not ready"
    assert answer.json()["checks"]["store"]["ok"] is False
    assert "alice" not in answer.text
    assert visit.client.get("/health/live").status_code == 200


def test_a_full_disk_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """O5: before the last write fails; the folder need not be there yet."""
    folders = (tmp_path / "not" / "yet", tmp_path)
    assert asyncio.run(check_disks(folders)).ok
    monkeypatch.setattr(health, "LEAST_FREE_BYTES", 1 << 62)
    found = asyncio.run(check_disks(folders))
    assert not found.ok
    assert isinstance(found.says["free_mb"], int)


def test_a_job_that_hangs_is_not_ready_and_named() -> None:
    """O5: with the age of the oldest round."""
    now = [0.0]

    async def hangs(stop: asyncio.Event, _round_done: RoundDone) -> None:
        await stop.wait()

    jobs = [Job("courier", hangs, 60, lambda: now[0]), Job("sweep", hangs, 7200, lambda: now[0])]
    readiness = Readiness({"jobs": partial(check_jobs, jobs)})
    now[0] = 61
    report = asyncio.run(readiness.report())
    assert not report.is_ready
    assert report.found["jobs"].says == {"oldest": "courier", "age_seconds": 61, "stale": ["courier"]}
    assert json.dumps(report.as_json())


def test_asking_often_asks_the_store_once_a_second() -> None:
    """O5, D8: a flood of questions is answered from what was found."""
    asked: list[int] = []
    now = [0.0]

    async def check() -> CheckResult:
        asked.append(1)
        await asyncio.sleep(0)
        return CheckResult(ok=True, says={})

    async def flood() -> None:
        readiness = Readiness({"store": check}, lambda: now[0])
        await asyncio.gather(*(readiness.report() for _ in range(100)))
        now[0] = 0.9
        await readiness.report()
        assert asked == [1]
        now[0] = 1.0
        await readiness.report()
        assert asked == [1, 1]

    asyncio.run(flood())


def test_a_store_that_hangs_is_asked_once_and_waited_for_shortly(
    visit: Visit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """O5: the answer comes in time; questions do not pile up where no answer is."""
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.1)
    submitted: list[Any] = []

    class Hangs:
        """A store that never answers."""

        def submit(self, operation: object, **_values: object) -> Future[None]:
            submitted.append(operation)
            return Future()

    visit.installation.store = cast("Store", Hangs())
    now = [0.0]
    readiness = Readiness({"store": WriteCheck(visit.installation)}, lambda: now[0])

    async def ask() -> None:
        for _ in range(3):
            report = await readiness.report()
            assert not report.is_ready
            assert "no answer within" in str(report.found["store"].says["why"])
            now[0] += 2

    begun = time.monotonic()
    asyncio.run(ask())
    assert len(submitted) == 1
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOSPC])
def test_what_passes_by_itself_is_told_to_come_back(
    visit: Visit,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    """S6: a page with 503 and a time, where a file can be neither opened nor written just now."""

    def fails(*_: object, **_values: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(visit.installation.store, "submit", fails)
    data = {"form": visit.form_key(), "email": "alice@example.com"}
    answer = visit.client.post("/paper", data=data)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(("code", "says"), [(errno.EROFS, health.READ_ONLY), (errno.EPERM, None)])
def test_a_read_only_disk_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, says: str | None
) -> None:
    """O5, S6: of the second folder as well; other mishaps are not about the disk. tests/host has one."""
    (tmp_path / "journal").mkdir()

    def touch(folder: Path) -> None:
        if folder.name == "journal":
            raise OSError(code, "no")

    monkeypatch.setattr("optin.services.health.os.utime", touch)
    found = asyncio.run(check_disks((tmp_path, tmp_path / "journal")))
    assert found.ok == (says is None)
    assert found.says.get("why") == says
    assert "free_mb" in found.says
