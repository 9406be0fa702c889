"""Whatever a forger does is found; the table in the documents is the one that comes out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from optin.bootstrap import auditing
from optin.flows.audit import Audit, checkpoints_in
from optin.settings import Settings
from optin.store.transaction import Tx
from tests.proof.forger import (
    FORGERIES,
    PAGE,
    Scene,
    audit,
    edit,
    found_by,
    page,
    receipt,
    set_scene,
    verify,
)


def test_an_honest_site_is_found_innocent(tmp_path: Path) -> None:
    """P4, P6: no finder finds anything where nothing was forged."""
    scene = set_scene(tmp_path)
    outside = checkpoints_in(scene.receipt)
    assert not audit(scene, [])
    assert not audit(scene, outside)
    assert not verify(scene)
    assert not receipt(scene)
    scene.office.store.close()


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found(name: str) -> None:
    """P4, P8: by an audit that was given a checkpoint from outside, every one of them."""
    forge: Callable[[Scene], None] = FORGERIES[name][1]
    found = dict(zip(("audit", "outside", "verify", "receipt"), found_by(forge), strict=True))
    assert found["outside"], found
    assert found["audit"] or found["receipt"], found


def test_the_table_in_the_documents_is_true() -> None:
    """P4: docs/proof.md says what the tests find."""
    assert PAGE.read_text("utf-8") == page(), "run: make docs"


@pytest.mark.parametrize("processes", [1, 2])
def test_an_audit_by_several_processes_finds_what_one_finds(
    processes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P4: each person is looked at by exactly one of them."""
    monkeypatch.setattr(auditing, "WORTH_PROCESSES", 0)
    scene = set_scene(tmp_path)
    edit("UPDATE subject SET email_index = id")(scene)
    running = Audit(scene.office.store.read, scene.vault)
    settings = Settings(tmp_path, store=f"sqlite:///{scene.path}", keys=scene.keys.as_json())
    list(auditing.run_audit(running, settings, processes))
    found = [finding for finding in running.findings if "filed under another address" in finding]
    assert len(found) == len(set(found)) == scene.office.store.read(confirmed_requests)
    scene.office.store.close()


def confirmed_requests(tx: Tx) -> int:
    row = tx.one("SELECT COUNT(*) FROM request WHERE subject_id IS NOT NULL")
    return 0 if row is None else int(row[0])
