"""Readiness of a server process: named checks, for a load balancer or a supervisor (O5).

A check returns what it found, without personal data; it may take a bounded time, and its answer holds for a
second, so that asking cannot be used to keep the store busy. Whoever has more to see to adds a check.
"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from optin.errors import log_line_of
from optin.proof.canonical_json import Json
from optin.services.installation import Installation
from optin.store.installation_facts import note_health

CHECK_SECONDS = 2.0
HOLDS_SECONDS = 1.0
LEAST_FREE_BYTES = 16 * 1024 * 1024  # a few hundred sign-ups, and what a database needs to go on at all
MEGABYTE = 1024 * 1024
READ_ONLY = "the disk of the database or the journal is read-only"


@dataclass(frozen=True)
class CheckResult:
    """Result of one check: whether it passed, with details."""

    ok: bool
    says: Mapping[str, Json]


Check: TypeAlias = Callable[[], Awaitable[CheckResult]]


@dataclass(frozen=True)
class ReadinessReport:
    """Result of every check, by name."""

    found: Mapping[str, CheckResult]

    @property
    def is_ready(self) -> bool:
        """Whether every check passed."""
        return all(it.ok for it in self.found.values())

    def as_json(self) -> dict[str, Json]:
        """Return the report as JSON values."""
        checks: dict[str, Json] = {name: {"ok": it.ok, **it.says} for name, it in self.found.items()}
        return {"status": "ready" if self.is_ready else "not ready", "checks": checks}


class Readiness:
    """The checks of one server process."""

    def __init__(self, checks: Mapping[str, Check], clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with these checks, by name."""
        self._checks = dict(checks)
        self._clock = clock
        self._lock = asyncio.Lock()
        self._last: tuple[float, ReadinessReport] | None = None

    def add(self, name: str, check: Check) -> None:
        """Add a check."""
        self._checks[name] = check

    async def report(self) -> ReadinessReport:
        """Return the results of all checks; those found less than a second ago are reused."""
        async with self._lock:
            if self._last is None or self._clock() - self._last[0] >= HOLDS_SECONDS:
                found = await asyncio.gather(*(_bounded(check) for check in self._checks.values()))
                self._last = self._clock(), ReadinessReport(dict(zip(self._checks, found, strict=True)))
            return self._last[1]


def readiness_of(installation: Installation, folders: Iterable[Path]) -> Readiness:
    """Return the checks of every server: the store can be written, and the disks of `folders` have room."""
    return Readiness({"store": WriteCheck(installation), "disk": partial(check_disks, tuple(folders))})


class WriteCheck:
    """Writes to a row of its own, durably, as a request would. While one write hangs, no other starts."""

    def __init__(self, installation: Installation) -> None:
        """Write to the store of `installation`."""
        self._installation = installation
        self._writing: asyncio.Future[None] | None = None

    async def __call__(self) -> CheckResult:
        """Write; raises what the store raises."""
        if self._writing is None or self._writing.done():
            submitted = self._installation.store.submit(note_health, now=self._installation.clock())
            self._writing = asyncio.wrap_future(submitted)
            self._writing.add_done_callback(_look_at)  # perhaps nobody waits for it any more
        await asyncio.shield(self._writing)
        return CheckResult(ok=True, says={})


async def check_disks(folders: tuple[Path, ...]) -> CheckResult:
    """Check that the disks of the database and journal, where they are on this machine, can be written."""
    free = await asyncio.to_thread(lambda: min(map(_free_bytes, folders)))
    if await asyncio.to_thread(lambda: any(map(_is_read_only, folders))):
        return CheckResult(ok=False, says={"free_mb": free // MEGABYTE, "why": READ_ONLY})
    return CheckResult(free >= LEAST_FREE_BYTES, {"free_mb": free // MEGABYTE})


async def _bounded(check: Check) -> CheckResult:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return CheckResult(ok=False, says={"why": f"no answer within {CHECK_SECONDS:g} seconds"})
    except Exception as problem:  # noqa: BLE001 - whatever it is, the answer is no
        return CheckResult(ok=False, says={"why": log_line_of(problem)})


def _look_at(future: asyncio.Future[None]) -> None:
    if not future.cancelled():
        future.exception()


def _free_bytes(folder: Path) -> int:
    """Return the free space in a folder, or where it will be made."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _is_read_only(folder: Path) -> bool:
    """Return whether nothing can be written in a folder: a system may say so only to whoever tries."""
    try:
        os.utime(folder)  # opens no file: none may be left to open
    except OSError as problem:  # anything else, such as a folder of another owner, is not about the disk
        return problem.errno == errno.EROFS
    return False
