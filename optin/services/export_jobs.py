"""Exports that run at the desk: counted first, then written to a sealed file that lasts fifteen minutes.

The state of each is a sealed file beside it, so that every worker of a server shows the same. The process
that works on one holds its lock; who finds it unlocked knows that the process died. Then the file goes
unread, and the trail says that the export broke off.
"""

from __future__ import annotations

import fcntl
import io
import json
import logging
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from optin.consent.purpose import ConsentKey
from optin.errors import OptinError, RequestRefused, log_line_of
from optin.export.column_presets import PRESETS
from optin.export.destination import UnreleasedFile
from optin.flows.evidence.prove_consent import ProvenConsent
from optin.flows.staff.trail import ActKind, Doing, note_act
from optin.proof.canonical_json import Json
from optin.services.installation import Installation
from optin.services.lead_export import ExportOrder, count_export, export_leads
from optin.services.sealed_file import SealedWriter, unsealed
from optin.store.database_interface import from_ms, to_ms
from optin.store.encryption import EncryptedCell

log = logging.getLogger("optin.exports")
FOLDER = "var/exports"  # below the site
LASTS = timedelta(minutes=15)
LOOK_EVERY = 50  # leads, between two looks at whether to stop
_NAME = re.compile(r"[0-9a-f]{32}")
COUNTING, COUNTED, WRITING, DONE = "counting", "counted", "writing", "done"
STOPPED, REFUSED, BROKEN = "stopped", "refused", "broken"
RUNNING = frozenset({COUNTING, WRITING})


class ExportStopped(Exception):
    """Somebody pressed Stop."""


@dataclass(frozen=True)
class ExportJob:
    """An export as its page shows it. `staff`: whose account ordered it; `at`: its last change (ms)."""

    id: str
    staff: str
    purpose: str
    channel: str
    processor: str
    why: str = field(repr=False)
    who: str = field(repr=False)
    format: str
    preset: str
    excel: bool
    at: int
    phase: str = COUNTING
    done: int = 0
    total: int = 0
    exported: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    number: int = 0
    problem: str = ""

    @property
    def is_running(self) -> bool:
        """Whether a process works on it."""
        return self.phase in RUNNING

    @property
    def until(self) -> datetime:
        """Until when its file, or its count, is kept."""
        return from_ms(self.at) + LASTS

    @property
    def facts(self) -> dict[str, Json]:
        """What the trail says of it, which names nobody."""
        return {"job": self.id, "purpose": self.purpose, "channel": self.channel, "processor": self.processor}

    @property
    def order(self) -> ExportOrder:
        """The order that the command would give."""
        preset = PRESETS[self.preset] if self.preset else None
        key = ConsentKey.parse(self.purpose, self.channel)
        return ExportOrder(
            key, self.processor, self.why, self.format, preset, excel=self.excel, who=self.who, in_memory=True
        )


@dataclass
class ExportJobs:
    """The exports of the desk on this machine."""

    installation: Installation
    folder: Path

    def begin(self, job: ExportJob) -> None:
        """Count what an export would hold, in a thread."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._save(job)
        self._start(job, self._count)

    def go(self, job: ExportJob) -> None:
        """Write a counted export, in a thread. Raises RequestRefused when it runs or ran already."""
        with self._alone(job.id, "go") as alone:
            now = self.find(job.id, job.staff)
            if not alone or now is None or now.phase != COUNTED:
                msg = "This export runs already, or is over."
                raise RequestRefused(msg)
            self._save(replace(now, phase=WRITING, done=0, at=self._now()))
        self._start(replace(now, phase=WRITING, done=0), self._write)

    def stop(self, job: ExportJob) -> None:
        """Stop what runs, and delete what was written."""
        self._path(job.id, "stop").touch(mode=0o600)
        if job.phase in {COUNTED, DONE}:
            self._delete(job.id)

    def find(self, name: str, staff: str) -> ExportJob | None:
        """Return an export of somebody's; None when it is another's, or not there any more."""
        job = self._read(name) if _NAME.fullmatch(name) else None
        return job if job is not None and job.staff == staff else None

    def of_number(self, number: int, staff: str) -> ExportJob | None:
        """Return the export of somebody's whose file can still be fetched, by the number of its record."""
        found = (self.find(name, staff) for name in self._names())
        return next((it for it in found if it is not None and it.phase == DONE and it.number == number), None)

    def content(self, job: ExportJob) -> Iterator[bytes]:
        """Yield the file of a finished export. Raises KeysUnusable."""
        with self._path(job.id, "data").open("rb") as file:
            yield from unsealed(file, self.installation.vault, bytes.fromhex(job.id))

    def tidy(self) -> int:
        """Delete what is over or broke off, and say so in the trail; return how many."""
        gone = 0
        for name in self._names():
            job = self._read(name)
            if job is None:
                newest = max((it.stat().st_mtime_ns for it in self.folder.glob(f"{name}.*")), default=0)
                if self.installation.clock() - from_ms(newest // 1_000_000) < LASTS:
                    continue  # it may be about to begin
                self._delete(name)
            elif job.is_running:
                with self._alone(name) as alone:
                    job = self._read(name)
                    if not alone or job is None or not job.is_running:
                        continue
                    self._delete(name)
                    if job.phase == WRITING:
                        self._note(job, ActKind.EXPORT_ENDED, {"result": BROKEN})
            elif self.installation.clock() >= job.until:
                self._delete(name)
            else:
                continue
            gone += 1
        return gone

    def _start(self, job: ExportJob, work: Callable[[ExportJob], ExportJob]) -> None:
        ready = threading.Event()
        threading.Thread(target=self._run, args=(job, work, ready), daemon=True, name="export").start()
        ready.wait()

    def _run(self, job: ExportJob, work: Callable[[ExportJob], ExportJob], ready: threading.Event) -> None:
        try:
            with self._alone(job.id, waits=True):
                ready.set()
                if self._read(job.id) is not None:  # else it was stopped meanwhile
                    self._work(job, work)
        except OSError as problem:
            log.error("export not made error=%s", log_line_of(problem))  # noqa: TRY400 - names nobody
        finally:
            ready.set()

    def _work(self, job: ExportJob, work: Callable[[ExportJob], ExportJob]) -> None:
        try:
            found = work(job)
        except ExportStopped:
            self._ended(job, STOPPED)
            return
        except (OptinError, OSError) as problem:
            log.error("export not made error=%s", log_line_of(problem))  # noqa: TRY400 - names nobody
            said = str(problem) if isinstance(problem, RequestRefused) else type(problem).__name__
            self._ended(job, REFUSED, said)
            return
        self._save(replace(found, at=self._now()))

    def _ended(self, job: ExportJob, phase: str, problem: str = "") -> None:
        with suppress(FileNotFoundError):
            self._path(job.id, "data").unlink()
        if job.phase == WRITING:
            with suppress(OptinError):  # the store is what failed
                self._note(job, ActKind.EXPORT_ENDED, {"result": phase})
        self._save(replace(job, phase=phase, problem=problem, at=self._now()))

    def _count(self, job: ExportJob) -> ExportJob:
        leads = count_export(self.installation, job.order, self._watch(job))
        refused = dict(leads.refused)
        return replace(job, phase=COUNTED, exported=leads.exported, refused=refused)

    def _write(self, job: ExportJob) -> ExportJob:
        """1. The trail says that it begins. 2. As the command does. 3. The trail says what came of it."""
        # 1. The trail says that it begins.
        self._note(job, ActKind.EXPORT_BEGUN, why=job.why)

        # 2. As the command does: the record comes before the release.
        descriptor = os.open(self._path(job.id, "data"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            sealed = SealedWriter(file, self.installation.vault, bytes.fromhex(job.id))
            text = io.TextIOWrapper(io.BufferedWriter(sealed), encoding="utf-8", newline="")
            run = export_leads(self.installation, job.order, UnreleasedFile(text), self._watch(job))
            text.flush()
            sealed.finish()
            os.fsync(file.fileno())

        # 3. The trail says what came of it; only then can the file be fetched.
        self._note(job, ActKind.EXPORTED, {"export": run.number, "count": run.exported})
        return replace(job, phase=DONE, exported=run.exported, refused=dict(run.refused), number=run.number)

    def _watch(
        self, job: ExportJob
    ) -> Callable[[Callable[[], int], Iterable[tuple[int, ProvenConsent]]], Iterator[ProvenConsent]]:
        def watched(
            total: Callable[[], int], leads: Iterable[tuple[int, ProvenConsent]]
        ) -> Iterator[ProvenConsent]:
            stop, seen = self._path(job.id, "stop"), replace(job, total=total())
            self._save(seen)
            for place, (done, lead) in enumerate(leads):
                if place % LOOK_EVERY == 0:
                    if stop.exists():
                        raise ExportStopped
                    self._save(replace(seen, done=done, at=self._now()))
                yield lead
            if stop.exists():
                raise ExportStopped

        return watched

    def _note(
        self, job: ExportJob, kind: ActKind, more: Mapping[str, Json] | None = None, why: str = ""
    ) -> None:
        doing = Doing(bytes.fromhex(job.staff), kind, why=why, facts={**job.facts, **(more or {})})
        self.installation.run(note_act, doing, self.installation.clock())

    def _now(self) -> int:
        return to_ms(self.installation.clock())

    def _path(self, name: str, part: str) -> Path:
        return self.folder / f"{name}.{part}"

    def _names(self) -> list[str]:
        return sorted({it.name.partition(".")[0] for it in self.folder.glob("*.*")})

    def _save(self, job: ExportJob) -> None:
        sealed = self.installation.vault.seal(_cell(job.id), json.dumps(asdict(job)).encode())
        part = self._path(job.id, f"{secrets.token_hex(4)}.part")
        part.write_bytes(sealed)
        part.replace(self._path(job.id, "job"))

    def _read(self, name: str) -> ExportJob | None:
        try:
            sealed = self._path(name, "job").read_bytes()
            return ExportJob(**json.loads(self.installation.vault.open(_cell(name), sealed)))
        except (OSError, OptinError, ValueError, TypeError):
            return None

    def _delete(self, name: str) -> None:
        for path in self.folder.glob(f"{name}.*"):
            with suppress(FileNotFoundError):
                path.unlink()

    @contextmanager
    def _alone(self, name: str, part: str = "lock", *, waits: bool = False) -> Iterator[bool]:
        """Hold the lock of an export while the block runs; False: another process, or thread, holds it.

        `waits`: until it is free.
        """
        with self._path(name, part).open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True


def new_name() -> str:
    """Return a name for an export that nobody guesses."""
    return secrets.token_hex(16)


def _cell(name: str) -> EncryptedCell:
    return EncryptedCell("export_job", name.encode())
