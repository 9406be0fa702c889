"""Whatever a forger does is found; the table in the documents is the one that comes out."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from optin.flows.evidence.audit import Audit
from optin.proof.checkpoints_in_files import checkpoints_in
from optin.services import parallel_audit as auditing
from optin.settings.installation import Settings
from optin.store.database_interface import Tx
from tests.installed import KINDS
from tests.proof.forger import (
    BEGIN,
    END,
    FORGERIES,
    HEADING,
    PAGE,
    audit,
    edit,
    found_by,
    receipt,
    row,
    set_scene,
    start,
    verify,
)
from tests.stores import SCHEMA


def test_an_honest_site_is_found_innocent(tmp_path: Path) -> None:
    """P4, P6: no finder finds anything where nothing was forged."""
    scene = set_scene(tmp_path)
    outside = checkpoints_in(scene.receipt)
    assert not start(scene)
    assert not audit(scene, [])
    assert not audit(scene, [], with_journal=True)
    assert not audit(scene, outside)
    assert not verify(scene)
    assert not receipt(scene)
    scene.installation.store.close()


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found(name: str) -> None:
    """P4, P8, O9: by an audit that was given a checkpoint from outside, every one of them.

    By one that asks the journal, each of whoever has database or keys, and not the journal too.
    """
    names = ("start", "audit", "without", "outside", "verify", "receipt")
    means, forge = FORGERIES[name]
    found = dict(zip(names, found_by(forge), strict=True))
    assert found["outside"], found
    assert found["audit"] or found["receipt"], found
    if means in {"database", "keys"}:  # he does not reach the journal
        assert found["audit"], found
    assert found["audit"] >= max(found["start"], found["without"]), found
    assert row(name, tuple(found.values())) in PAGE.read_text("utf-8").splitlines(), "run: make docs"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE log_state SET peaks = x'00'",
        "UPDATE log_key SET line = 'zzz'",
        "UPDATE checkpoint SET at = 9223372036854775807",
        "UPDATE request SET created_at = 9223372036854775807",
        "UPDATE request SET sealed = x'00'",
        "UPDATE subject SET sealed = x''",
        'UPDATE event SET body = \'{"kind":"erased"\' WHERE id = 1',
        "UPDATE event SET leaf = x'00' WHERE id = 1",
        "UPDATE event SET mac = NULL WHERE id = 1",
        "UPDATE form_version SET declaration = '{'",
        "UPDATE consent SET expires_at = 9223372036854775807",
        "DELETE FROM log_node",
    ],
)
def test_damaged_rows_are_findings_never_a_crash(damage: str, tmp_path: Path) -> None:
    """P4, S5: whatever stands in a row, an audit ends in sentences."""
    scene = set_scene(tmp_path)
    scene.sql(damage)
    running = Audit(scene.installation.store.read, scene.vault, KINDS.flows)
    list(running.run())
    assert running.findings
    scene.installation.store.close()


def test_a_receipt_mail_holds_the_log_to_its_word(tmp_path: Path) -> None:
    """P4, P5: the mail as it lies in somebody's mailbox, as a file, is a checkpoint from outside."""
    scene = set_scene(tmp_path)
    proof = scene.receipt.decode()
    boundary = "=_part"
    mail = (
        f'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n"
        'Content-Disposition: attachment; filename="event-1-requested-tips-email.tlog-proof"\r\n\r\n'
        f"{base64.encodebytes(proof.encode()).decode()}\r\n--{boundary}--\r\n"
    )
    assert checkpoints_in(mail.encode()) == checkpoints_in(scene.receipt)
    scene.installation.store.close()


def test_the_table_in_the_documents_lists_every_forgery() -> None:
    """P4: docs/proof.md has a line for each forgery, in order; each line is held by its own test."""
    _, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    lines = rest.partition(END)[0].strip().splitlines()
    assert lines[0] == HEADING
    assert [line.split(" | ")[0] for line in lines[2:]] == [f"| {name}" for name in FORGERIES], (
        "run: make docs"
    )


@pytest.mark.parametrize("processes", [1, 2])
def test_an_audit_by_several_processes_finds_what_one_finds(
    processes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P4: each person is looked at by exactly one of them."""
    monkeypatch.setattr(auditing, "WORTH_PROCESSES", 0)
    scene = set_scene(tmp_path)
    edit("UPDATE subject SET email_index = id")(scene)
    running = Audit(scene.installation.store.read, scene.vault, KINDS.flows)
    settings = Settings.at(tmp_path, store=f"sqlite:///{scene.path}", keys=scene.keys.as_json())
    list(auditing.run_audit(running, settings, SCHEMA, processes))
    found = [finding for finding in running.findings if "another address than was declared" in finding]
    assert len(found) == len(set(found)) == scene.installation.store.read(confirmed_requests)
    scene.installation.store.close()


def confirmed_requests(tx: Tx) -> int:
    row = tx.one("SELECT COUNT(*) FROM request WHERE subject_id IS NOT NULL")
    return 0 if row is None else int(row[0])
