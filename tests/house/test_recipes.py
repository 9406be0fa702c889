"""The recipes for automation tools say what their guide says, and can be imported. Run: make test-host."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

from optin.consent.webhook_message import WebhookKind
from tests.house.guide import GUIDE
from tests.house.requirements_table import ROOT

RECIPE = ROOT / "docs" / "recipes" / "n8n.json"
PAGE = (GUIDE / "automation.md").read_text("utf-8")


def recipe() -> dict[str, Any]:
    """Return the workflow for n8n."""
    return dict(json.loads(RECIPE.read_text("utf-8")))


def nodes() -> dict[str, Any]:
    """Return its nodes by name."""
    return {node["name"]: node for node in recipe()["nodes"]}


def test_the_workflow_runs_the_code_that_the_guide_shows() -> None:
    """W11, M4: who reads the guide knows what is imported; it looks at age and signature."""
    code = nodes()["Check the signature"]["parameters"]["jsCode"]
    assert f"```js\n{code}```" in PAGE
    assert "crypto.timingSafeEqual" in code
    assert "MOST_SECONDS" in code


def test_the_workflow_is_whole_and_holds_no_secret() -> None:
    """W11, S4: every line leads to a node, each node has its own id, nothing of an account is in it."""
    known, told = nodes(), recipe()
    assert len({node["id"] for node in known.values()}) == len(told["nodes"]) == len(known)
    leads_to = {
        line["node"] for ways in told["connections"].values() for line in chain.from_iterable(ways["main"])
    }
    assert {*told["connections"], *leads_to} == {*known}
    assert "credentials" not in RECIPE.read_text("utf-8")
    assert told["active"] is False
    assert known["optin"]["parameters"]["options"] == {"rawBody": True}


def test_each_type_of_message_has_a_way_of_its_own() -> None:
    """W11, E7: who would take confirmations alone would miss the withdrawals."""
    rules = nodes()["By type"]["parameters"]["rules"]["values"]
    assert [rule["conditions"]["conditions"][0]["rightValue"] for rule in rules] == [*WebhookKind]
    ways = recipe()["connections"]["By type"]["main"]
    ends = [nodes()[way[0]["node"]] for way in ways]
    assert [end["type"] for end in ends] == ["n8n-nodes-base.noOp"] * len(WebhookKind)
    for kind, end in zip(WebhookKind, ends, strict=True):
        assert end["name"].lower().startswith(kind.value.removeprefix("consent."))
        assert kind.value in PAGE


def test_runs_that_went_well_are_not_kept() -> None:
    """W11, R5: an erasure does not reach the tool's own history."""
    settings = recipe()["settings"]
    assert (settings["saveDataSuccessExecution"], settings["saveManualExecutions"]) == ("none", False)
