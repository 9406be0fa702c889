"""`optin requests`: what people asked, with its last day; each command leaves the log whole."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from tests.export.test_scrub import site as site  # noqa: PLC0414 - the same people
from tests.own_site import add_settings

ALICE = "alice@example.com"


def today() -> date:
    return datetime.now(UTC).astimezone(ZoneInfo("Europe/Amsterdam")).date()


def run(site: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--site", str(site)])


def add(site: Path, who: str = ALICE, asks: str = "access", days_ago: int = 0) -> Result:
    day = str(today() - timedelta(days=days_ago))
    return run(
        site, "requests", "add", who, "--asks", asks, "--arrived", day, "--via", "letter", "--who", "Rita"
    )


def listed(site: Path, *words: str) -> list[dict[str, object]]:
    found = run(site, "requests", "--format", "json", *words)
    assert found.exit_code == 0, found.output
    requests: list[dict[str, object]] = json.loads(found.stdout)["requests"]
    return requests


def test_a_letter_is_written_down_extended_and_answered(site: Path) -> None:
    """K5, L9, R9: each command says what comes next; the list shows it, and the audit finds nothing."""
    told = add(site)
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("Request 1: access, last day ")
    assert "extended, last day" in run(site, "requests", "extend", "1", "--why", "many mails").stdout
    [found] = listed(site, "--open")
    assert (found["number"], found["address"], found["who"], found["answer"]) == (1, ALICE, "Rita", None)
    refused = ["requests", "answer", "1", "--what", "wrote back", "--refused"]
    assert "--why is empty" in run(site, *refused).output
    assert run(site, *refused, "--why", "asked every week, 12(5)").stdout == "Request 1: refused.\n"
    assert listed(site, "--open") == []
    [found] = listed(site, "--answered")
    assert found["days_left"] is None
    answer = found["answer"]
    assert isinstance(answer, dict)
    assert (answer["outcome"], answer["why"], answer["late"]) == ("refused", "asked every week, 12(5)", False)
    assert run(site, "audit").exit_code == 0


def test_a_table_shows_what_is_overdue(site: Path) -> None:
    """K5: the most urgent first, within the days asked for."""
    add(site, days_ago=40)
    add(site, "+31 20 123 4567", "erasure", days_ago=5)
    table = run(site, "requests")
    assert table.exit_code == 0, table.output
    assert "OVERDUE" in table.stdout
    assert "…" not in table.stdout  # an address is folded, never cut
    assert [it["number"] for it in listed(site)] == [1, 2]
    assert [it["number"] for it in listed(site, "--due", "3")] == [1]
    sums = run(site, "requests", "--answered", "--sums").stdout
    assert "There is no such request." in sums
    counted = json.loads(run(site, "requests", "--sums", "--format", "json").stdout)["done_at_once"]
    assert counted == {
        "data shown or downloaded": 0,
        "corrections": 0,
        "consents withdrawn": 1,
        "erasures": 1,
    }
    assert "1 consents withdrawn, 1 erasures" in " ".join(sums.split())
    assert run(site, "requests", "--answered", "--open").exit_code == 2


@pytest.mark.parametrize(
    ("who", "day", "said"),
    [
        ("alice at example", "2026-11-02", "neither an e-mail address nor a telephone number"),
        (ALICE, "2199-01-01", "has not come yet"),
        (ALICE, "2011-01-01", "did not apply yet"),
        (ALICE, "2026-02-31", "does not match the format"),
    ],
)
def test_bad_input_is_refused_and_stored_nowhere(site: Path, who: str, day: str, said: str) -> None:
    """K5: with what is wrong, never a traceback, and nothing half-stored."""
    words = ["requests", "add", who, "--asks", "access", "--arrived", day, "--via", "letter"]
    outcome = run(site, *words)
    assert outcome.exit_code in {1, 2}
    assert said in outcome.output
    assert listed(site) == []


@pytest.mark.parametrize(
    ("asks", "words"),
    [
        ("access", ["show", ALICE]),
        ("portability", ["export", ALICE, "--out", "{file}"]),
        ("withdrawal", ["withdraw", ALICE]),
        ("erasure", ["erase", ALICE, "--yes"]),
    ],
)
def test_a_command_answers_the_request_it_names(
    site: Path, tmp_path: Path, asks: str, words: list[str]
) -> None:
    """R9, K5: in the transaction of the act; of another person's nothing is done."""
    add(site, asks=asks)
    add(site, "bert@example.com", asks)
    words = [word.replace("{file}", str(tmp_path / "out")) for word in words]
    wrong = run(site, "subject", *words, "--why", "letter", "--request", "2")
    assert wrong.exit_code == 1
    assert "another person's. Nothing was done." in wrong.output
    assert not (tmp_path / "out").exists()
    done = run(site, "subject", *words, "--why", "letter", "--request", "1")
    assert done.exit_code == 0, done.output
    [found] = listed(site, "--answered")
    assert found["number"] == 1
    assert [it["number"] for it in listed(site, "--open")] == [2]
    assert run(site, "audit").exit_code == 0


def test_an_objection_answers_the_letter_that_asked_for_it(site: Path) -> None:
    """R9, K5, L7: of the same person; and of another, nothing is recorded."""
    add(site, "alice@example.com", "objection")
    add(site, "bert@example.com", "objection")
    words = ["object", ALICE, "--why", "letter", "--who", "Rita", "--request"]
    wrong = run(site, *words, "2")
    assert (wrong.exit_code, "another person's. Nothing was done." in wrong.output) == (1, True)
    assert run(site, *words, "1").exit_code == 0
    [found] = listed(site, "--answered")
    assert isinstance(found["answer"], dict)
    assert (found["number"], found["answer"]["what"]) == (1, "optin object")
    assert run(site, "audit").exit_code == 0


def test_a_site_that_tells_nobody_is_told_so(site: Path) -> None:
    """K5, W12: where no staff hears of what waits, the last day may pass unseen."""
    assert "Nobody is told when time runs out" in add(site).stderr
    add_settings(site, '\n[notify.office]\nto = "office@example.com"\nevents = ["waits"]\n')
    assert add(site, "bert@example.com").stderr == ""


def test_a_person_reads_the_request_where_everything_is_shown(site: Path) -> None:
    """R1, K5: in the person's language, also when nothing else is kept."""
    add(site)
    shown = run(site, "subject", "show", ALICE, "--why", "letter")
    assert "uw gegevens inzien, per brief. Wij antwoorden uiterlijk op" in " ".join(shown.stdout.split())
    add(site, "nobody@example.com", "erasure")
    alone = run(site, "subject", "show", "nobody@example.com", "--why", "letter")
    assert "uw gegevens wissen" in " ".join(alone.stdout.split())


def test_no_text_breaks_what_is_stored(site: Path) -> None:
    """K5: control characters and bytes that are no characters are left out of note and name."""
    words = ["--asks", "access", "--arrived", str(today()), "--via", "letter", "--note", "a\x1b\udcffb"]
    assert run(site, "requests", "add", ALICE, *words, "--who", "Ri\x00ta").exit_code == 0
    [found] = listed(site)
    assert (found["note"], found["who"]) == ("ab", "Rita")
    assert run(site, "audit").exit_code == 0


def test_the_site_may_be_named_before_or_after_the_command(site: Path) -> None:
    """K5: `optin requests --site DIR extend …` asks the same site."""
    add(site)
    words = ["requests", "--site", str(site), "extend", "1", "--why", "x"]
    assert CliRunner().invoke(main, words).exit_code == 0
