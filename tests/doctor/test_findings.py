"""Findings as values, and how checks are run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from optin.errors import StoreUnusable
from optin.services.doctor.all_checks import CHECKS
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import (
    ExitStatus,
    Finding,
    NotChecked,
    Seen,
    Verdict,
    changes_since,
    exit_status,
    passed,
    printable,
    warning,
)
from optin.services.doctor.last_result import Examined, read_result
from optin.services.doctor.run_checks import Check, run_checks
from optin.services.site_edition import load_edition
from tests.house.requirements_table import ROOT
from tests.installed import KINDS

FINE = Finding("disk", "Server", "The disks have room", Verdict.PASSED, "much is free", "Full is bad.")
BAD = replace(FINE, verdict=Verdict.FAILED, seen="0 MB", cure="Make room.", mark="/var")
SO_SO = replace(FINE, name="clock", verdict=Verdict.WARNING, seen="off by 40 seconds")
UNKNOWN = replace(FINE, name="spf", verdict=Verdict.NOT_CHECKED, seen="no answer")


@pytest.fixture(scope="module")
def examination() -> Examination:
    edition, _ = load_edition(ROOT, KINDS)
    assert edition is not None
    return Examination(edition, datetime.now(UTC))


def check(run: Callable[[Examination], Any], **more: bool) -> Check:
    return Check("name", "Part", "It is so", "It matters", run, **more)


def test_the_exit_status_is_that_of_the_worst_finding() -> None:
    """O3: a supervisor reads it; what was not checked is no failure."""
    assert exit_status([FINE, UNKNOWN]) is ExitStatus.FINE
    assert exit_status([FINE, SO_SO, UNKNOWN]) is ExitStatus.WARNINGS
    assert exit_status([SO_SO, BAD, FINE]) is ExitStatus.FAILURES
    assert [*map(int, ExitStatus)] == [0, 1, 2]


def test_only_what_is_new_or_gone_is_a_change() -> None:
    """O3: the same finding in other words is none; what was not checked this time is not gone."""
    assert changes_since([BAD, FINE], [replace(BAD, seen="1 MB")]).new == ()
    assert changes_since([], [FINE, BAD, SO_SO]).new == (BAD, SO_SO)
    other = replace(BAD, mark="/srv")
    assert changes_since([BAD], [other]) == changes_since([BAD], [other])
    assert changes_since([BAD], [other]).new == (other,)
    assert changes_since([BAD], [FINE]).gone == (BAD,)
    assert changes_since([BAD], []).gone == (BAD,)
    hidden = replace(BAD, verdict=Verdict.NOT_CHECKED, mark="")
    assert changes_since([BAD], [hidden]).gone == ()
    assert changes_since([BAD], [hidden]).new == (hidden,)


def test_a_result_is_read_as_it_was_kept() -> None:
    """O3: and what is no result is none, whatever it is."""
    examined = Examined(datetime.now(UTC), (FINE, BAD, SO_SO, UNKNOWN))
    assert read_result(examined.as_text()) == examined
    for text in (
        "",
        "{",
        "[]",
        "null",
        '{"at": 1, "findings": []}',
        '{"at": "x", "findings": [{}]}',
        "[" * 9_999,
    ):
        assert read_result(text) is None, text[:40]


def test_what_another_server_wrote_is_one_line() -> None:
    """O3, S1: a terminal's control characters in a DNS record do nothing."""
    assert printable("a\x1b[31mb\r\nc\t\u202ed") == "a [31mb c d"
    assert len(printable("x" * 9_999)) == 600


def test_a_check_that_hangs_is_not_checked_and_holds_up_nothing(examination: Examination) -> None:
    """O3: all checks run at once, each with a time limit."""
    for_ever = threading.Event()
    begun = time.monotonic()
    hanging = [check(lambda _: for_ever.wait(60)) for _ in range(20)]
    late = check(lambda _: for_ever.wait(60), late_is_failed=True)
    found = run_checks([*hanging, late, check(lambda _: passed("fine"))], examination, seconds=0.4)
    for_ever.set()
    assert time.monotonic() - begun < 3
    assert [it.verdict for it in found] == [Verdict.NOT_CHECKED] * 20 + [Verdict.FAILED, Verdict.PASSED]


def test_a_check_that_raises_is_no_pass(examination: Examination) -> None:
    """O3: neither an error of ours nor any other ends the examination; foreign words are not repeated."""

    def refused(_: Examination) -> Seen:
        msg = "nothing to look at"
        raise NotChecked(msg, "Give it something.")

    def unusable(_: Examination) -> Seen:
        msg = "The database is away."
        raise StoreUnusable(msg)

    def foreign(_: Examination) -> Seen:
        msg = "alice@example.com"
        raise ValueError(msg)

    first, second, third = run_checks([check(refused), check(unusable), check(foreign)], examination)
    assert (first.verdict, first.seen, first.cure) == (
        Verdict.NOT_CHECKED,
        "nothing to look at",
        "Give it something.",
    )
    assert second.verdict is third.verdict is Verdict.NOT_CHECKED
    assert "The database is away." in second.seen
    assert "alice" not in third.seen
    assert "ValueError" in third.seen


def test_what_does_not_concern_the_installation_is_no_finding(examination: Examination) -> None:
    """O3: and a check that passed needs no cure."""
    found = run_checks([check(lambda _: None), check(lambda _: warning("w", "do it"))], examination)
    assert [(it.verdict, it.cure) for it in found] == [(Verdict.WARNING, "do it")]


def test_every_check_says_what_it_is() -> None:
    """O3: the guide's table is made of it."""
    assert len({it.name for it in CHECKS}) == len(CHECKS)
    for it in CHECKS:
        assert it.what
        assert it.why.endswith((".", ").")), it.name
        assert not it.fatal or it.at_start, it.name
