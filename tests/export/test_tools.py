"""Exports for the tools that read them: a typed spreadsheet, and columns as each tool wants them."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.errors import RequestRefused
from optin.export import writers
from optin.export.column_presets import PRESETS
from optin.export.lead_row import BEFORE
from optin.flows.exports.lead_columns import COLUMNS as AFTER
from tests.export.test_export import run
from tests.export.test_export import site as site  # noqa: PLC0414 - the same people

COLUMNS = (*BEFORE, "company", "first_name", "last_name", *AFTER)


def rows_of(site: Path, preset: str, **changes: str) -> list[dict[str, str]]:
    outcome = run(site, preset=preset, **changes)
    assert outcome.exit_code == 0, outcome.output
    return list(csv.DictReader(io.StringIO(outcome.stdout)))


def test_a_spreadsheet_has_types_and_filters_and_runs_nothing(site: Path, tmp_path: Path) -> None:
    """E2, E4: moments are dates, texts are texts, also what looks like a formula."""
    out = tmp_path / "leads.xlsx"
    outcome = run(site, format="xlsx", out=str(out))
    assert outcome.exit_code == 0, outcome.output
    sheet = openpyxl.load_workbook(out).worksheets[0]
    head, *rows = list(sheet.iter_rows())
    names = [cell.value for cell in head]
    assert names[:3] == ["email", "phone", "first_name"]
    assert len(rows) == 2
    for row in rows:
        told = dict(zip(names, row, strict=True))
        assert isinstance(told["confirmed_at"].value, datetime)
        assert told["email"].data_type == "s"
        assert all(cell.data_type != "f" for cell in row)
    assert {dict(zip(names, row, strict=True))["first_name"].value for row in rows} == {"=cmd", ""}
    assert sheet.auto_filter.ref is not None
    assert sheet.freeze_panes == "A2"


def test_a_spreadsheet_goes_to_standard_output_whole(site: Path) -> None:
    """E2: bytes, not text."""
    outcome = run(site, format="xlsx", out="-")
    sheet = openpyxl.load_workbook(io.BytesIO(outcome.stdout_bytes)).worksheets[0]
    assert sheet.max_row == 3


def test_more_than_a_spreadsheet_holds_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E2, S5: with the cure."""
    monkeypatch.setattr(writers, "MAX_SHEET_ROWS", 3)
    row = dict.fromkeys(COLUMNS, "2026-01-01T00:00:00.000Z")
    with (tmp_path / "x").open("w") as file, pytest.raises(RequestRefused, match="export them as CSV"):
        writers.write_xlsx(file, COLUMNS, [row, row, row])


def test_mailchimp_gets_its_headers_short_texts_and_days(site: Path) -> None:
    """E3: texts of at most 255 bytes, dates as YYYY-MM-DD."""
    for row in rows_of(site, "mailchimp"):
        assert list(row)[:3] == ["Email Address", "Phone Number", "First Name"]
        assert all(len(value.encode()) <= 255 + 1 for value in row.values())
        datetime.strptime(row["Confirmed At"], "%Y-%m-%d")  # noqa: DTZ007 - a day
        assert row["Consent Text"]
    long = dict.fromkeys(COLUMNS, "é" * 300)
    cut = PRESETS["mailchimp"].row(long)
    assert all(len(value.encode()) <= 255 for value in cut.values())


def test_brevo_gets_its_attributes_and_the_number_to_be_called(site: Path) -> None:
    """E3: capitals; a number with plus and country, digits only, where it is called and not texted."""
    (row,) = rows_of(site, "brevo", purpose="follow-up-phone", channel="phone")
    assert row["EMAIL"] == "alice@example.com"
    assert row["LANDLINE_NUMBER"] == "+31201234567"
    assert row["CONSENT_TEXT"]
    assert all(name == name.upper() for name in row)
    assert run(site, preset="brevo", format="xlsx", out="-").exit_code == 0


def test_hubspot_gets_the_names_of_its_properties(site: Path) -> None:
    """E3: email is what it joins on; every column has a header of its own."""
    rows = rows_of(site, "hubspot")
    assert list(rows[0])[:3] == ["Email", "Phone number", "First name"]
    assert len(set(rows[0])) == len(list(rows[0]))


def test_listmonk_gets_name_and_attributes(site: Path) -> None:
    """E3: three columns; the rest is one JSON object."""
    rows = rows_of(site, "listmonk")
    assert [list(row) for row in rows] == [["email", "name", "attributes"]] * 2
    for row in rows:
        attributes = json.loads(row["attributes"])
        assert attributes["consent_text"]
        assert attributes["purpose"] == "tips-email"
        assert "email" not in attributes
        assert row["name"]


def test_a_preset_says_what_its_tool_can_read(site: Path) -> None:
    """E3: a sentence, and nothing is exported or recorded."""
    outcome = run(site, preset="mailchimp", format="xlsx")
    assert outcome.exit_code == 1
    assert "mailchimp reads csv, not xlsx" in outcome.stderr
    listed = CliRunner().invoke(main, ["exports", "--site", str(site), "--format", "json"])
    assert json.loads(listed.stdout) == []


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_a_value_for_each_of_its_columns(name: str) -> None:
    """E3, E2: none is lost, none is double, and the consent goes along."""
    preset = PRESETS[name]
    told = {column: f"value of {column}" for column in COLUMNS}
    columns = preset.columns(COLUMNS)
    assert set(preset.row(told)) == set(columns)
    assert len(set(columns)) == len(columns)
    assert "value of consent_text" in json.dumps(preset.row(told))
