"""The page, the alerts and the dashboard for monitoring name numbers that exist, and all of them."""

from __future__ import annotations

import json
import re

import pytest
from prometheus_client import CollectorRegistry
from ruamel.yaml import YAML

from optin.services.metrics import Metrics
from tests.house.requirements_table import ROOT

FOLDER = ROOT / "docs" / "run"
NAME = re.compile(r"\boptin_[a-z_]+\b")


def known() -> set[str]:
    """Return the names of all numbers, as they are read."""
    registry = CollectorRegistry()
    Metrics(registry)
    counters = {it.name: "_total" if it.type == "counter" else "" for it in registry.collect()}
    return {name + more for name, more in counters.items()}


def rules() -> list[dict[str, str]]:
    (group,) = YAML(typ="safe").load(FOLDER / "alerts.yml")["groups"]
    return list(group["rules"])


def test_the_page_explains_every_number() -> None:
    """O5: each in its row, with nothing that is not there."""
    rows = [
        line
        for line in (FOLDER / "monitoring.md").read_text("utf-8").splitlines()
        if line.startswith("| `optin")
    ]
    assert {NAME.findall(row)[0] for row in rows} == known()
    assert len(rows) == len(known())


@pytest.mark.parametrize("name", ["alerts.yml", "dashboard.json"])
def test_only_numbers_that_exist_are_asked_for(name: str) -> None:
    """O5: a renamed number breaks no alert unseen."""
    asked = {
        re.sub(r"_(bucket|sum|count)$", "", it) for it in NAME.findall((FOLDER / name).read_text("utf-8"))
    }
    assert asked <= known()
    assert len(asked) > 5


def test_each_alert_says_what_to_do() -> None:
    """O5: its summary is a sentence, its link leads to a heading of the page."""
    headings = re.findall(r"^### (\w+)$", (FOLDER / "monitoring.md").read_text("utf-8"), re.MULTILINE)
    assert headings == [it["alert"] for it in rules()]
    for rule in rules():
        notes: dict[str, str] = rule["annotations"]  # type: ignore[assignment]  # a table of texts
        assert notes["summary"].endswith(".")
        assert notes["runbook_url"] == f"docs/run/monitoring.md#{rule['alert'].lower()}"


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    """O5: panels that do not overlap, each with a source that is chosen at the import."""
    board = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
    places = {(it["gridPos"]["x"], it["gridPos"]["y"]) for it in board["panels"]}
    assert len(places) == len(board["panels"])
    assert {it["datasource"]["uid"] for it in board["panels"]} == {"${source}"}
    assert board["templating"]["list"][0]["name"] == "source"
