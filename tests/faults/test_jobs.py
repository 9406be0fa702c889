"""Background jobs outlive whatever comes, say so seldom, and recover by themselves."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import cast

import psycopg
import pytest

from optin.errors import StoreBusy, StoreUnusable
from optin.flows.retention.sweep_rules import sweep_rules
from optin.jobs import background_job as jobs_
from optin.jobs.background_job import Job, RoundDone, every, job_ages, pause_seconds, stale_jobs
from optin.jobs.jobs_of_every_server import installation_jobs
from optin.jobs.sweep_runner import sweep
from optin.store.database_interface import Store
from tests.world import TIPS, World

PERSON = "alice@example.com"


class Panic(BaseException):
    """What a library written in Rust raises: no Exception."""


PROBLEMS = [
    StoreBusy("PostgreSQL: ReadOnlySqlTransaction"),
    psycopg.errors.ReadOnlySqlTransaction(PERSON),
    psycopg.errors.InvalidSqlStatementName(PERSON),  # a prepared statement that a pooler lost
    psycopg.errors.DuplicatePreparedStatement(PERSON),
    psycopg.errors.UndefinedTable(PERSON),
    psycopg.OperationalError(PERSON),
    ConnectionResetError(PERSON),
    OSError(28, "No space left on device", PERSON),
    KeyError(PERSON),
    StoreUnusable("The journal cannot be used (No space left on device); check its disk."),
    RecursionError(PERSON),
    MemoryError(),
    Panic(PERSON),
    asyncio.CancelledError(PERSON),  # of what it waited for
    asyncio.InvalidStateError(),
]


def run(job: Job, until: Callable[[], bool]) -> None:
    """Let a job work until a condition holds."""

    async def work() -> None:
        stop = asyncio.Event()
        task = asyncio.ensure_future(job.run(stop))
        async with asyncio.timeout(30):
            while not until():
                await asyncio.sleep(0.005)
        stop.set()
        await task

    asyncio.run(work())


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda it: type(it).__name__)
def test_a_job_outlives_whatever_comes(
    problem: BaseException, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S6, S4: foreseen or not; one line about it, with nobody in it; then it works again."""
    monkeypatch.setattr(jobs_, "FIRST_REST_SECONDS", 0.001)
    tries: list[int] = []
    rounds: list[int] = []

    async def act() -> None:
        tries.append(1)
        if len(tries) <= 5:
            raise problem
        rounds.append(1)

    async def work(stop: asyncio.Event, round_done: RoundDone) -> None:
        await every(0.001, act, stop, round_done)

    with caplog.at_level(logging.INFO, logger="optin.jobs"):
        run(Job("the job", work), lambda: len(rounds) >= 3)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("the job failed and will be tried again: ")
    assert said[1] == "the job works again"
    assert PERSON not in caplog.text


@pytest.mark.parametrize("problem", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_ends_a_job(problem: type[BaseException]) -> None:
    """S6: a stop is no error."""

    async def work(_stop: asyncio.Event, _round_done: RoundDone) -> None:
        raise problem

    with pytest.raises(problem):
        asyncio.run(Job("x", work).run(asyncio.Event()))


def test_a_job_that_is_cancelled_ends() -> None:
    """S6: whoever cancels it means it."""

    async def work(stop: asyncio.Event, _round_done: RoundDone) -> None:
        await stop.wait()

    async def cancelled() -> None:
        task = asyncio.ensure_future(Job("x", work).run(asyncio.Event()))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())


def test_the_rest_grows_and_stays_short_enough() -> None:
    """S6: no spinning; and whose cause is gone works again within seconds."""
    rests = [pause_seconds(failures) for failures in range(1, 1_000)]
    assert rests[0] == jobs_.FIRST_REST_SECONDS
    assert rests == sorted(rests)
    assert rests[-1] == jobs_.LONGEST_REST_SECONDS <= 15


def test_the_log_says_it_once_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S4: and how often it failed meanwhile."""
    monkeypatch.setattr(jobs_, "FIRST_REST_SECONDS", 0.0)
    now = [0.0]

    async def work(_stop: asyncio.Event, _round_done: RoundDone) -> None:
        now[0] += 1
        raise KeyError(PERSON)

    run(Job("x", work, clock=lambda: now[0]), lambda: now[0] > 190)
    said = [record.getMessage() for record in caplog.records]
    assert 3 <= len(said) <= math.ceil(now[0] / 60) + 1
    assert "(60 times by now)" in said[1]


def test_a_job_whose_last_round_is_long_ago_is_stale() -> None:
    """O5: named, with its age; one that has nothing to do is none."""
    now = [0.0]

    async def idle(_stop: asyncio.Event, _round_done: RoundDone) -> None:
        """Nothing to do."""

    async def waits(stop: asyncio.Event, round_done: RoundDone) -> None:
        now[0] = 30
        round_done()
        await stop.wait()

    jobs = [Job("idle", idle, 10, lambda: now[0]), Job("hangs", waits, 10, lambda: now[0])]
    asyncio.run(jobs[0].run(asyncio.Event()))
    run(jobs[1], lambda: now[0] == 30)
    assert stale_jobs(jobs) == []
    now[0] = 41
    assert stale_jobs(jobs) == ["hangs"]
    assert job_ages(jobs) == {"idle": 0, "hangs": 11}


def test_every_job_of_an_office_goes_on_when_its_store_is_there_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """S6: sweep, log, write-ahead log and counts, whatever their first rounds ended with."""
    installation = world.installation()
    world.sign_up(PERSON, TIPS)
    installation.wal_has_erased.set()
    store, jobs = installation.store, installation_jobs(installation)

    class Broken:
        """A store that fails in a way nobody foresaw."""

        def __getattr__(self, name: str) -> Callable[..., Awaitable[None]]:
            raise LookupError(name + PERSON)

    async def work() -> None:
        stop = asyncio.Event()
        installation.store = cast("Store", Broken())
        tasks = [asyncio.ensure_future(job.run(stop)) for job in jobs]
        async with asyncio.timeout(30):
            while caplog.text.count("failed and will be tried again: LookupError") < 2:
                await asyncio.sleep(0.01)
            installation.store = store
            while caplog.text.count("works again") < 2:
                await asyncio.sleep(0.01)
        stop.set()
        await asyncio.gather(*tasks)

    with caplog.at_level(logging.INFO):
        asyncio.run(work())
    assert world.count("log_queue") == 0
    assert PERSON not in caplog.text


def test_a_rule_that_always_fails_keeps_no_other_from_its_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S6, R8: a broken row of one rule; the others do theirs, and the failure is told."""

    def broken(_tx: object, _broom: object) -> int:
        raise ValueError(PERSON)

    rules = sweep_rules(world.kinds)
    failing = replace(rules[0], name="failing", step=broken)
    monkeypatch.setattr("optin.jobs.sweep_runner.sweep_rules", lambda _kinds: (failing, *rules))
    world.sign_up(PERSON, TIPS)
    world.wait(timedelta(days=8))
    installation = world.installation()
    with pytest.raises(ValueError, match=PERSON):
        sweep(installation)
    assert world.count("request") == 0
