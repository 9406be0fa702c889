"""optin stats: how the magnets do, on a terminal and in files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from optin.app.main import main
from tests.export.test_scrub import site as site  # noqa: PLC0414 - alice, bert, carol, erica, bob
from tests.web.conftest import site_at


def stats(site: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["stats", *words, "--site", str(site)])


def test_the_table_tells_numbers_and_what_they_are_not(site: Path) -> None:
    """O4: four of five confirmed; who was erased is a footnote."""
    outcome = stats(site)
    assert outcome.exit_code == 0, outcome.output
    told = " ".join(outcome.stdout.split())
    for words in (
        "paper v1",
        "38% to 96%",
        "Downloads are counted, not people",
        "of people who were erased",
    ):
        assert words in told
    assert "alice" not in told


def test_json_follows_its_printed_schema(site: Path) -> None:
    """O4: optin schema stats; the numbers are those of what happened."""
    plain = json.loads(stats(site, "--format", "json").stdout)
    Draft202012Validator(json.loads(CliRunner().invoke(main, ["schema", "stats"]).stdout)).validate(plain)
    assert sum(week["requests"] for week in plain["weeks"]) == 5
    assert sum(week["confirmed"] for week in plain["weeks"]) == 4
    tips = [it for week in plain["weeks"] for it in week["consents"] if it["purpose"] == "tips-email"]
    assert [sum(it[what] for it in tips) for what in ("asked", "confirmed", "withdrawn")] == [4, 3, 1]
    assert [(rate["asked"], rate["confirmed"], rate["share"]) for rate in plain["rates"]] == [(5, 4, 0.8)]


@pytest.mark.parametrize(("shape", "begin"), [("svg", "<svg "), ("json", "{"), ("table", "┏")])
def test_a_file_appears_whole_and_replaces_nothing(
    site: Path,
    tmp_path: Path,
    shape: str,
    begin: str,
) -> None:
    """O4, E5: as what is printed; a second time it is refused."""
    out = tmp_path / "stats"
    assert stats(site, "--format", shape, "--out", str(out)).exit_code == 0
    assert out.read_text("utf-8").startswith(begin)
    before = out.read_bytes()
    again = stats(site, "--format", shape, "--out", str(out))
    assert (again.exit_code, "already exists" in again.stderr) == (1, True)
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if "stats" in path.name] == ["stats"]


def test_what_is_asked_for_is_narrowed_or_refused(site: Path) -> None:
    """O4, M4: a week to come is empty; no such magnet is a sentence; no day is misuse."""
    assert "Nobody has sent a form in this time." in stats(site, "--since", "2999-01-01").stdout
    assert "Nobody has sent a form in this time." in stats(site, "--magnet", "tips").stdout
    unknown = stats(site, "--magnet", "papier")
    assert (unknown.exit_code, "papier" in unknown.stderr) == (1, True)
    assert stats(site, "--since", "yesterday").exit_code == 2


def test_a_site_that_nobody_visited_has_an_empty_chart(tmp_path: Path) -> None:
    """O4: the first thing that somebody tries."""
    site_at(tmp_path / "site")
    built = ["build", "--out", str(tmp_path / "out"), "--site", str(tmp_path / "site")]
    assert CliRunner().invoke(main, built).exit_code == 0
    outcome = stats(tmp_path / "site", "--format", "svg")
    assert outcome.exit_code == 0, outcome.output
    assert "Nobody has sent a form in this time." in outcome.stdout
