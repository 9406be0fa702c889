"""Our log before a witness that we did not write, over HTTP: it cosigns, catches up, and finds a rewrite."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from optin.jobs import witness_client as witnesses
from optin.jobs.anchor_checkpoints import anchor
from optin.proof.signed_notes import SignedNote, VerifierKey
from optin.services.event_log_signer import advance_log
from optin.services.http_client import VettedClient
from optin.settings.site import Anchors, Witness
from optin.store.event_log import last_attested, prove_growth, verifier_keys
from tests.host.foreign_witness import PROGRAM, fetch
from tests.ports import reserved_port
from tests.web.conftest import Visit

LOCAL = VettedClient(lambda _: True, schemes=("http",), seconds=30)
NAME = "witness.example/w1"


@dataclass
class Foreign:
    """A running one."""

    address: str
    key: VerifierKey
    folder: Path

    def evidence(self) -> object:
        """Return the requests that it keeps because they contradict what it cosigned."""
        return json.loads(command(self.folder, "evidence"))


def command(folder: Path, *words: str) -> str:
    told = {**os.environ, "AICS_WITNESS_CONFIG": str(folder / "witness.json")}
    run = subprocess.run([PROGRAM, *words], env=told, capture_output=True, text=True, check=True)
    return run.stdout


@pytest.fixture
def foreign(visit: Visit, tmp_path: Path) -> Iterator[Foreign]:
    """Set it up by its own commands, for our log's key."""
    assert fetch() == ""
    folder = tmp_path / "witness"
    folder.mkdir()
    advance_log(visit.installation)
    log_key = visit.installation.store.read(verifier_keys)[0]
    said = command(folder, "init", "--name", NAME)
    line = next(word for word in said.split() if word.startswith(f"{NAME}+"))
    command(folder, "add-log", "--origin", log_key.name, "--vkey", log_key.text)
    told = {**os.environ, "AICS_WITNESS_CONFIG": str(folder / "witness.json")}
    with reserved_port() as port:
        process = subprocess.Popen([PROGRAM, "serve", "--listen", f"127.0.0.1:{port}"], env=told)
        address, ends = f"http://127.0.0.1:{port}", time.monotonic() + 20
        try:
            while time.monotonic() < ends:
                try:
                    httpx.get(f"{address}/healthz", timeout=1)
                    break
                except httpx.HTTPError:
                    time.sleep(0.05)
            yield Foreign(address, VerifierKey.parse(line), folder)
        finally:
            process.terminate()
            process.wait(20)


def show(visit: Visit, foreign: Foreign, name: str = "one") -> int:
    anchors = Anchors(witnesses={name: Witness(to=foreign.address, key=foreign.key)})
    return anchor(visit.installation, anchors, {}, LOCAL)


def test_a_foreign_witness_cosigns_a_log_as_it_grows(visit: Visit, foreign: Foreign) -> None:
    """P5: its code follows our proofs, ours its signature; after we forgot what it knows, it says so."""
    for number in range(5):
        visit.join(f"p{number}@example.com", consent="tips-email")
        latest = advance_log(visit.installation)
        name = "one" if number < 3 else "two"  # of which we keep nothing, so that we begin at 0
        assert show(visit, foreign, name) == 1
        kept = visit.installation.store.read(last_attested, kind="cosignature", source=name)
        assert kept is not None
        assert kept.size == latest.size
        note = SignedNote.parse(latest.note + kept.value.decode())
        assert note.verify([foreign.key]) == (foreign.key,)
    assert foreign.evidence() == []


def test_a_foreign_witness_finds_a_rewritten_log(
    visit: Visit, foreign: Foreign, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P5, P4: whoever owns keys and database, and makes another history, gets no cosignature for it."""
    visit.join("alice@example.com", consent="tips-email")
    advance_log(visit.installation)
    assert show(visit, foreign) == 1

    def other_proof(*about: Any, **more: Any) -> list[bytes]:
        return [bytes(32) for _ in prove_growth(*about, **more)]

    monkeypatch.setattr(witnesses, "prove_growth", other_proof)  # as a log that holds other leaves has to
    visit.join("bob@example.com", consent="tips-email")
    advance_log(visit.installation)
    assert show(visit, foreign) == 0
    assert "the witness one contradicts this log" in caplog.text
    assert foreign.evidence() != []
