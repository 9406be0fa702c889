"""Run the checks of the doctor: all at once, each in a thread of its own, each with a time limit.

A check that hangs is left behind: its thread ends with the process, and its finding says that it was not
checked. A check that raises is no pass either.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass

from optin.errors import OptinError
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import Finding, NotChecked, Seen, Verdict, failed, not_checked, printable

_LATE = "See that it runs, that its address is right, and that a firewall lets this machine through."
CHECK_SECONDS = 2.0  # all run at once, so an examination takes no longer than this and a moment


@dataclass(frozen=True)
class Check:
    """One thing that the doctor looks at.

    `what`: what holds when it passes; `why`: why that matters. `run` returns None where the check does not
    concern the installation. `at_start`: `serve` runs it before it starts; it waits for no network.
    `fatal`: `serve` does not start while it fails. `late_is_failed`: it looks whether something answers at
    all, so no answer in time is a result.
    """

    name: str
    part: str
    what: str
    why: str
    run: Callable[[Examination], Seen | None]
    at_start: bool = False
    fatal: bool = False
    late_is_failed: bool = False

    def finding(self, seen: Seen) -> Finding:
        """Return what was seen as a finding."""
        return Finding(
            self.name,
            self.part,
            self.what,
            seen.verdict,
            printable(seen.text),
            self.why,
            "" if seen.verdict is Verdict.PASSED else seen.cure,
            seen.mark,
        )


def run_checks(
    checks: Sequence[Check], examination: Examination, seconds: float = CHECK_SECONDS
) -> tuple[Finding, ...]:
    """Run the checks at once; return the findings in the order of the checks. Takes `seconds` at most."""
    latest = time.monotonic() + seconds
    running = [(check, _start(check, examination)) for check in checks]
    findings = []
    for check, result in running:
        try:
            seen = result.result(max(0.0, latest - time.monotonic()))
        except NotInTime:
            text = f"There was no result within {seconds:g} seconds."
            seen = failed(text, _LATE) if check.late_is_failed else not_checked(text)
        if seen is not None:
            findings.append(check.finding(seen))
    return tuple(findings)


def _start(check: Check, examination: Examination) -> Future[Seen | None]:
    result: Future[Seen | None] = Future()
    work = threading.Thread(
        target=_run, args=(check, examination, result), name=f"doctor {check.name}", daemon=True
    )
    work.start()
    return result


def _run(check: Check, examination: Examination, result: Future[Seen | None]) -> None:
    try:
        seen = check.run(examination)
    except NotChecked as problem:
        seen = problem.seen
    except OptinError as problem:
        seen = not_checked(problem.log_line)
    except BaseException as problem:  # noqa: BLE001 - whatever it is, nothing is known
        seen = not_checked(f"The check itself failed ({type(problem).__name__}).")
    result.set_result(seen)
