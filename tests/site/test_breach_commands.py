"""`optin breaches`: the 72 hours, the reasons, and moments that are typed in the controller's zone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from tests.export.test_scrub import site as site  # noqa: PLC0414 - the same people

WHAT = "a laptop with addresses was stolen"


def run(site: Path, *words: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, ["breaches", *words, "--site", str(site)])


def listed(site: Path, *words: str) -> list[dict[str, Any]]:
    found = run(site, *words, "--format", "json")
    assert found.exit_code == 0, found.output
    breaches: list[dict[str, Any]] = json.loads(found.stdout)["breaches"]
    return breaches


def hours_ago(hours: int) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="seconds")


def test_a_breach_is_found_notified_corrected_and_closed(site: Path) -> None:
    """L9: each command says where it stands; the list has the hours left; the audit finds nothing."""
    told = run(site, "add", "--what", WHAT, "--discovered", hours_ago(2), "--people", "30")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("Breach 1: tell the authority by ")
    assert "69 hours left" in told.stdout
    assert "69 hours left" in " ".join(run(site).stdout.split())
    assert listed(site)[0]["hours_left"] == 69
    assert "AP, in time" in run(site, "notified", "1", "--authority", "AP", "--reference", "z-77").stdout
    assert run(site, "correct", "1", "--people", "41", "--why", "counted").exit_code == 0
    day = datetime.now(UTC).astimezone(ZoneInfo("Europe/Amsterdam")).date()
    assert run(site, "close", "1", "--people-told", str(day)).stdout == "Breach 1: closed.\n"
    assert listed(site, "--open") == []
    [found] = listed(site)
    assert (found["people"], found["notified"][0]["reference"], found["late"]) == (41, "z-77", False)
    assert found["corrections"][0]["before"] == {"people": "30"}
    assert found["closed"]["people_told"] == str(day)
    assert CliRunner().invoke(main, ["audit", "--site", str(site)]).exit_code == 0


def test_an_overdue_breach_is_shouted(site: Path) -> None:
    """L9: and needs the reasons for the delay."""
    run(site, "add", "--what", WHAT, "--discovered", hours_ago(80))
    assert "OVERDUE by 9 hours" in " ".join(run(site).stdout.split())
    late = run(site, "notified", "1", "--authority", "AP")
    assert late.exit_code == 1
    assert "--why-late" in late.output
    assert "AP, late" in run(site, "notified", "1", "--authority", "AP", "--why-late", "holidays").stdout


def test_no_text_breaks_the_table_or_reaches_the_terminal_raw(site: Path) -> None:
    """L9: markup, control characters, and bytes that are no characters."""
    hostile = "[/red] \x1b[2J lost \udcff[bold]"
    assert run(site, "add", "--what", hostile, "--discovered", hours_ago(1)).exit_code == 0
    assert run(site, "close", "1", "--not-notified", "[/x]\x07", "--people-not-told", "x").exit_code == 0
    table = run(site)
    assert table.exit_code == 0, table.output
    assert "[/red] [2J lost [bold]" in " ".join(table.stdout.split())
    assert "\x1b" not in table.stdout
    assert run(site, "add", "--what", "\x07\udcff", "--discovered", hours_ago(1)).exit_code == 1


def test_a_moment_without_an_offset_is_the_controller_s(site: Path) -> None:
    """L9: an hour that came twice, or never, is asked for with its offset."""
    assert run(site, "add", "--what", WHAT, "--discovered", "2026-07-01T12:00").exit_code == 0
    assert listed(site)[0]["discovered"] == "2026-07-01T10:00:00.000Z"
    assert "2026-07-01 12:00 CEST" in " ".join(run(site).stdout.split())


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-10-25T02:30", "happened twice"),
        ("2026-03-29T02:30", "happened not at all"),
        ("yesterday", "is no moment"),
        ("2199-01-01T00:00", "has not come yet"),
        ("2018-05-24T00:00", "did not apply yet"),
    ],
)
def test_a_moment_that_cannot_be_is_refused(site: Path, moment: str, said: str) -> None:
    """L9: with what to write; nothing is stored."""
    outcome = run(site, "add", "--what", WHAT, "--discovered", moment)
    assert outcome.exit_code in {1, 2}
    assert said in " ".join(outcome.output.split())
    assert listed(site) == []
    assert "There is no such breach." in run(site).stdout
