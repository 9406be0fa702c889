"""A running server's gate: its description is kept to, and the example clients work with it."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2 as httpx
import jsonschema
import pytest

from optin.flows.gate.processor_keys import key_text
from optin.keys import load_keys
from optin.services.open_installation import open_installation
from optin.store.encryption import Vault
from optin.web.gate_description import description
from tests.house.requirements_table import ROOT
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.ports import NO_MAIL, reserved_port
from tests.serving import NO_TLS, served
from tests.site_people import edition_on, people_of
from tests.waiting import SECONDS
from tests.world import CALL, TIPS

CLIENTS = ROOT / "docs" / "clients"
MOST_LINES = 60


@dataclass(frozen=True)
class RunningGate:
    """A server, and the key of its processor."""

    base: str
    key: str
    log: Path


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGate]:
    """Serve a site on which alice agreed to mails; calls are allowed at any hour by its settings."""
    root = tmp_path_factory.mktemp("gate") / "site"
    store = f"sqlite:///{root}/var/optin.db"
    edition = edition_on(store, root)
    add_settings(root, "\n[rules]\ncodes = false\n")
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        world = people_of(installation, edition, timedelta(days=7))
        world.join("alice@example.com", TIPS, CALL, phone="+31201234567")
        world.withdraw(world.join("carol@example.com", TIPS))
    ring = load_keys("var/keys.json", root)
    assert ring is not None
    key = key_text(Vault(ring).gate_secrets("crm")[0])
    with reserved_port() as port, served(root, port, store, NO_MAIL, "var/keys.json") as serving:
        yield RunningGate(serving.base, key, serving.log)


def run_client(gate: RunningGate, name: str, purpose: str, given: str, key: str = "") -> str:
    """Run an example as it stands in the documentation, with the interpreter alone (-I)."""
    done = subprocess.run(
        [sys.executable, "-I", str(CLIENTS / name), gate.base, purpose],
        input=given,
        env={**os.environ, "OPTIN_MAY_KEY": key or gate.key},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


def test_the_dialler_calls_whom_it_may(gate: RunningGate) -> None:
    """G5, G1: and shows the duties; everybody else is not called, whatever the problem."""
    said = run_client(gate, "dialler.py", CALL, "020 123 45 67\n+31 20 123 45 68\nAlice Jansen\n")
    lines = said.splitlines()
    assert lines[0] == "dialling 020 123 45 67"
    assert "  Say who you are, and for whom you contact." in lines
    assert lines[-2:] == [
        "not dialled: no basis",
        "not dialled: This is no telephone number. Ask with an address, never with a name.",
    ]
    assert "no valid key" in run_client(gate, "dialler.py", CALL, "020 123 45 67\n", key="x")


def test_the_mailer_splits_a_list(gate: RunningGate) -> None:
    """G5, G1: each row with the answer, and why not."""
    listed = "name,email\nA,alice@example.com\nC,carol@example.com\nX,x\n"
    rows = list(csv.DictReader(io.StringIO(run_client(gate, "mailer.py", TIPS, listed))))
    assert [(row["name"], row["may"]) for row in rows] == [("A", "yes"), ("C", "no"), ("X", "no")]
    assert rows[1]["why_not"] == "no basis"


def test_the_clients_are_short_and_need_nothing() -> None:
    """G5: sixty lines, and Python."""
    for path in CLIENTS.glob("*.py"):
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= MOST_LINES, path.name
        lines = [line.split() for line in text.splitlines()]
        imported = {words[1] for words in lines if words[:1] in (["import"], ["from"])}
        imported = {name.partition(".")[0] for name in imported}
        assert imported <= sys.stdlib_module_names, path.name


def test_the_gate_keeps_to_its_description(gate: RunningGate) -> None:
    """G5: schemathesis sends what nobody thought of, valid and not."""
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"{gate.base}/may/openapi.json",
            "--url", gate.base, "--header", f"Authorization: Bearer {gate.key}",
            "--max-examples", "40", "--seed", "7", "--no-color", "--generation-database", "none",
            "--exclude-checks", "positive_data_acceptance",  # 422 for a valid text that is no address
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
        cwd=gate.log.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    assert "internal error" not in gate.log.read_text()


def test_answers_have_the_described_shape(gate: RunningGate) -> None:
    """G5: every field, yes or no, by a validator that is not ours."""
    schemas = description(gate.base)["components"]["schemas"]
    headers = {"authorization": f"Bearer {gate.key}"}
    with httpx.Client(verify=NO_TLS, base_url=gate.base, headers=headers, timeout=SECONDS) as client:
        assert client.get("/may/openapi.json").json()["openapi"] == "3.1.0"
        for who in ("alice@example.com", "nobody@example.com"):
            question = {"who": who, "purpose": TIPS, "channel": "email"}
            answer = client.post("/may", json=question).json()
            schema = {**schemas["AnswerBody"], "components": {"schemas": schemas}}
            jsonschema.Draft202012Validator(schema).validate(answer)
            assert answer["may"] is (who == "alice@example.com")
    assert "alice" not in gate.log.read_text()
