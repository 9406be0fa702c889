"""The database itself refuses to change evidence."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path

import pytest

from optin.consent.erasure_grounds import BY_PERSON
from optin.errors import KeysUnusable, StoreUnusable
from optin.flows.delivery.mail_order import Verdict
from optin.flows.rights.breaches import FoundBreach, note_breach
from optin.keys import KeyRing
from optin.kinds.prize_draw.pages import DRAW
from optin.kinds.prize_draw.stored_entries import DrawList, DrawResult, keep_list, keep_result
from optin.services.event_log_signer import sign_log
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.event_log import integrate, store_attestation
from optin.store.export_records import ExportRun, record_export
from optin.store.requests import erase_requests
from optin.store.stored_forms import StoredAsset, keep_asset
from tests.stores import SCHEMA, open_store
from tests.stranger import past_optin
from tests.world import TIPS, TIPS_BY_EMAIL, World

COLUMN = {
    "privacy_version": "lang",
    "form_version": "magnet",
    "event": "body",
    "mail": "message_id",
    "erasure": "reason",
    "export_run": "why",
    "log_leaf": "leaf",
    "log_node": "hash",
    "checkpoint": "note",
    "log_key": "line",
    "attestation": "source",
    "asset": "name",
    "breach_entry": "breach",
    "draw_list": "event",
    "draw_result": "seed",
}


def test_all_evidence_is_append_only() -> None:
    """P3: none of the tables that hold evidence was left out."""
    assert set(SCHEMA.append_only) == set(COLUMN)


def fill(world: World) -> None:
    """Put at least one row into every append-only table, of whatever worth."""
    world.tampered = True
    world.sign_up("alice@example.com", TIPS)
    for order in world.claim():
        world.settle(order, Verdict.SENT)
    gone = world.sign_up("bob@example.com", TIPS)
    world.do(erase_requests, vault=world.vault, requests=[gone], reason=BY_PERSON, now=world.now)
    world.do(integrate)
    signed = sign_log(world.store, world.vault, None, world.now)
    world.do(store_attestation, size=signed.size, kind="rfc3161", source="x", value=b"token", now=world.now)
    style = StoredAsset("00", "/static/style.00.css", "text/css", b"body {}")
    world.do(keep_asset, asset=style, now=world.now)
    run = ExportRun(world.now, "a", "b", "self", TIPS_BY_EMAIL, "csv", 0, {})
    world.do(record_export, vault=world.vault, run=run)
    found = FoundBreach(world.now, "a laptop was stolen", "Rita")
    world.run(note_breach, found=found, now=world.now)
    world.do(keep_list, fixed=DrawList("m", world.now, DRAW, "{}", ("7" * 64,)))
    world.do(keep_result, result=DrawResult("m", world.now, "912.34/", (), b"{}"))


@pytest.mark.parametrize("how", ["UPDATE {table} SET {column} = {column}", "DELETE FROM {table}"])
def test_the_database_refuses_to_change_evidence(world: World, how: str) -> None:
    """P3: UPDATE and DELETE on evidence are refused by the database itself (PEERS 10, 11)."""
    fill(world)
    for table, column in COLUMN.items():
        before = world.count(table)
        assert before > 0, table
        statement = how.format(table=table, column=column)
        with pytest.raises(Exception, match="append-only"):
            world.do(partial(_run, statement=statement))
        assert world.count(table) == before, table


def _run(tx: Tx, statement: str) -> None:
    tx.run(statement)


def test_an_event_is_blanked_only_for_a_recorded_erasure(world: World) -> None:
    """P3, P9: save erasure, which leaves its own row; and a blanked event cannot be filled again."""
    fill(world)
    with pytest.raises(Exception, match="append-only"):
        world.do(lambda tx: tx.run("UPDATE event SET body = NULL, request_id = NULL"))
    with pytest.raises(Exception, match="append-only"):
        world.do(lambda tx: tx.run("UPDATE event SET body = 'x' WHERE body IS NULL"))
    assert world.count("erasure") == 1


def test_replacing_a_row_is_refused_too(tmp_path: Path) -> None:
    """P3: INSERT OR REPLACE from a foreign connection does not get round the triggers."""
    vault = Vault(KeyRing.fresh("dev"))
    store = open_store(f"sqlite:///{tmp_path}/optin.db", tmp_path, vault)
    world = World(store, vault)
    world.serve(world.form)
    fill(world)
    stranger = sqlite3.connect(tmp_path / "optin.db")
    with pytest.raises(sqlite3.Error, match="append-only"):
        stranger.execute("INSERT OR REPLACE INTO event(id, body, leaf) VALUES (1, 'x', x'00')")
    stranger.close()
    store.close()


def test_a_database_without_its_triggers_is_not_served(store_url: str, tmp_path: Path) -> None:
    """P3: at every start the protection must be there."""
    vault = Vault(KeyRing.fresh("dev"))
    store = open_store(store_url, tmp_path, vault)
    on = "" if store_url.startswith("sqlite") else " ON event"
    past_optin(store, f"DROP TRIGGER event_no_update{on}")
    store.close()
    with pytest.raises(StoreUnusable, match="event_no_update"):
        open_store(store_url, tmp_path, vault)


def test_other_keys_are_refused_before_anything_is_written(store_url: str, tmp_path: Path) -> None:
    """S2: keys that do not fit the data are refused, and nothing is overwritten."""
    vault = Vault(KeyRing.fresh("dev"))
    open_store(store_url, tmp_path, vault).close()
    with pytest.raises(KeysUnusable):
        open_store(store_url, tmp_path, Vault(KeyRing.fresh("dev")))
    open_store(store_url, tmp_path, vault).close()
