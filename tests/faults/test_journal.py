"""The journal under attack and under bad luck: what it finds, and that it never says more than is so."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx2 as httpx
import pytest
from click.testing import Result

from optin.consent.form_version import Slug
from optin.consent.status_transitions import RequestId
from optin.errors import JournalUnusable, LogDiverged, StoreUnusable
from optin.flows.evidence import check_log_growth
from optin.flows.rights.correct import correct
from optin.flows.rights.officer_requests import OfficerRequest, hold_on_request
from optin.jobs.sweep_runner import sweep
from optin.keys import load_keys
from optin.proof.canonical_json import Json, canonical
from optin.proof.journal_chain import CHECKPOINT, RESTORED
from optin.proof.merkle_tree import Frontier
from optin.services import withdrawal_journal as journal_module
from optin.services.event_log_signer import advance_log, sign_log
from optin.services.installation import Installation
from optin.services.journal_file import JournalFile
from optin.services.open_installation import open_installation
from optin.services.open_journal import begin_journal, renew_journal
from optin.services.site_edition import keep_edition
from optin.store.database_interface import Tx
from optin.store.event_log import integrate, latest_checkpoint, leaves_of_events, log_frontier
from tests.faults.test_backup import House, back_up, erase, index_of, restored, withdraw
from tests.installed import KINDS
from tests.ports import NO_MAIL
from tests.proof.forger import Scene, cut_out_withdrawal
from tests.serving import environment, form_key, start
from tests.serving import settings as server_settings
from tests.shell import shell
from tests.started import run_optin
from tests.stores import SCHEMA
from tests.stranger import past_optin
from tests.waiting import SECONDS, wait_until
from tests.web.conftest import site_at
from tests.world import TIPS, World

KEYS = "var/keys.json"


@pytest.fixture
def house(store_url: str, tmp_path: Path) -> House:
    return House(tmp_path / "site", site_at(tmp_path / "site"), store_url)


def world_in(house: House, installation: Installation) -> World:
    """Let people do something in an installation, which is closed as if it were killed."""
    form = house.edition.publication.forms[Slug("paper")]
    return World(installation.store, installation.vault, installation.clock(), form, house.edition.policy)


def small_house(tmp_path: Path) -> House:
    return House(tmp_path / "site", site_at(tmp_path / "site"), f"sqlite:///{tmp_path}/site/var/optin.db")


def lived_in(house: House) -> RequestId:
    """Let alice and carol join, carol withdraw, zed join; return carol's request."""
    with house.world() as world:
        world.join("alice@example.com", TIPS)
        carol = world.join("carol@example.com", TIPS)
    with house.installation() as installation:
        advance_log(installation)
    with house.world() as world:
        world.wait(timedelta(seconds=5))
        withdraw(world, "carol@example.com")
    with house.installation() as installation:
        advance_log(installation)
    with house.world() as world:
        world.wait(timedelta(seconds=10))
        world.join("zed@example.com", TIPS)
    with house.installation() as installation:
        advance_log(installation)
    return carol


class Forger:
    """Somebody who can write to the database file, and to nothing else."""

    def __init__(self, path: Path, carol: RequestId) -> None:
        self.path, self.carol = path, carol

    def sql(self, *statements: str, **values: object) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as file:
            file.execute("BEGIN IMMEDIATE")
            triggers = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in triggers:
                file.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                file.execute(statement, values)
            for _, text in triggers:
                file.execute(text)
            file.execute("COMMIT")

    def rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as file:
            return file.execute(sql, values).fetchall()

    def cut_out(self) -> None:
        """Take carol's withdrawal out of the log, so that the rest fits itself."""
        cut_out_withdrawal(cast("Scene", self))


def serve(site: Path, port: int, *words: str) -> Result:
    """Try to serve; it must refuse at once."""
    names = server_settings(f"sqlite:///{site}/var/optin.db", NO_MAIL, str(site / KEYS))
    return shell(site, "serve", "--port", str(port), *words, **names)


EXPORT = (
    "export",
    "--purpose",
    "tips-email",
    "--channel",
    "email",
    "--to",
    "self",
    "--why",
    "test",
    "--out",
    "-",
)
ASKED = ("--why", "a letter")
COMMANDS: dict[str, tuple[str, ...]] = {
    "export": EXPORT,
    "sweep": ("sweep",),
    "backup": ("backup", "copy.backup"),
    "checkpoint": ("checkpoint",),
    "erase": ("subject", "erase", "alice@example.com", "--yes", *ASKED),
    "withdraw": ("subject", "withdraw", "alice@example.com", *ASKED),
    "evidence": ("evidence", "alice@example.com", "--out", "alice.zip"),
    "audit": ("audit",),
}


def test_a_log_from_which_a_withdrawal_was_cut_is_refused(
    tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O9, P4: by SQL, so that it fits itself: nothing starts, signs, exports or deletes by it."""
    monkeypatch.chdir(tmp_path)
    house = small_house(tmp_path)
    carol = lived_in(house)
    house.audit()
    assert house.run(*EXPORT).exit_code == 0
    Forger(house.root / "var" / "optin.db", carol).cut_out()
    before = (house.root / "var" / "journal.jsonl").read_bytes()
    refused = serve(house.root, free_port)
    assert refused.exit_code == 1
    assert "is not the one that was signed before" in refused.stderr
    for name, words in COMMANDS.items():
        outcome = house.run(*words)
        assert outcome.exit_code == 1, (name, outcome.output)
        assert isinstance(outcome.exception, SystemExit), outcome.exception
        assert "carol@example.com" not in outcome.stdout
    said = " ".join(house.run("audit").output.split())
    assert "is in the journal, but was removed from the log" in said
    assert (house.root / "var" / "journal.jsonl").read_bytes() == before
    unasked = house.run("audit", "--without-journal")
    assert unasked.exit_code == 0, unasked.output
    assert "The journal was not compared" in unasked.output
    leaked = house.run(*EXPORT, "--without-journal")
    assert leaked.exit_code == 0
    assert "somebody whose withdrawal was removed from the log" in " ".join(leaked.stderr.split())
    assert "carol@example.com" in leaked.stdout  # only a journal, or a checkpoint from outside, knows better


@pytest.mark.parametrize("lost", ["gone", "empty", "cut off", "another's"])
def test_a_journal_that_is_lost_is_begun_anew_only_on_purpose(
    tmp_path: Path, free_port: int, lost: str
) -> None:
    """O9, S5: a sentence with file and cure, never a traceback; and what is not proven then is said."""
    house = small_house(tmp_path)
    lived_in(house)
    lines = house.journal.read_bytes().splitlines(keepends=True)
    match lost:
        case "gone":
            house.journal.unlink()
        case "empty":
            house.journal.write_bytes(b"")
        case "cut off":
            house.journal.write_bytes(b"".join(lines[:-2]))
        case _:
            other = small_house(tmp_path / "other")
            lived_in(other)
            house.journal.write_bytes(other.journal.read_bytes())
    for words in (EXPORT, ("audit",), ("sweep",)):
        outcome = house.run(*words)
        assert outcome.exit_code == 1, outcome.output
        assert isinstance(outcome.exception, SystemExit), outcome.exception
        said = "".join(outcome.output.split())
        assert "journal.jsonl" in said
        assert "serve--new-journal" in said
    assert "--new-journal" in serve(house.root, free_port).stderr
    serving = start(house.root, free_port, house.store, NO_MAIL, str(house.root / KEYS), "--new-journal")
    assert serving.stop() == 0
    assert "It does not prove what the log was before" in serving.log.read_text()
    assert "leave out --new-journal" in " ".join(serve(house.root, free_port, "--new-journal").stderr.split())
    house.audit()
    assert "a new journal was begun at" in house.run("audit").output
    assert len(house.kept().replay_lines) == 1  # who withdrew, from what the database knows
    if lost != "gone":
        assert len([*house.journal.parent.glob("journal.jsonl.until-*")]) == (lost != "empty")


def test_a_server_whose_log_is_rewritten_signs_nothing_more_and_goes_on_storing(
    tmp_path: Path, free_port: int
) -> None:
    """O9, D1: one loud line; who signs up meanwhile is stored, and in the log, under no signature."""
    house = small_house(tmp_path)
    lived_in(house)
    path = house.root / "var" / "optin.db"
    forger = Forger(path, RequestId(b""))
    serving = start(house.root, free_port, house.store, NO_MAIL, str(house.root / KEYS))
    try:
        with httpx.Client(base_url=serving.base, timeout=SECONDS) as client:
            data = {"form": form_key(client), "consent": "tips-email"}
            forger.sql("UPDATE log_leaf SET leaf = zeroblob(32) WHERE seq = 0")
            forger.sql("UPDATE log_node SET hash = zeroblob(32) WHERE place = 0")
            signed = forger.rows("SELECT MAX(size) FROM checkpoint")
            for number in range(3):
                answer = client.post("/paper", data={**data, "email": f"late{number}@example.com"})
                assert answer.status_code == 303
                wait_until(lambda: "NOTHING IS SIGNED ANY MORE" in serving.log.read_text())
            wait_until(lambda: forger.rows("SELECT COUNT(*) FROM log_queue") == [(0,)])
            assert client.get("/health/live").status_code == 200
        assert forger.rows("SELECT MAX(size) FROM checkpoint") == signed
        assert forger.rows("SELECT COUNT(*) FROM request WHERE confirmed_at IS NULL") == [(3,)]
        assert serving.log.read_text().count("NOTHING IS SIGNED ANY MORE") == 1
    finally:
        assert serving.stop() == 0
    assert house.run("audit").exit_code == 1


def test_what_a_kill_kept_from_the_journal_is_no_divergence(house: House) -> None:
    """O9, S6: killed between commit and line, and between line and signature: the next start goes on."""
    with house.world() as world:
        world.join("carol@example.com", TIPS)
        world.join("dora@example.com", TIPS)
    with house.installation() as installation:
        world = world_in(house, installation)
        withdraw(world, "carol@example.com")  # committed; killed before its line
        before = house.journal.read_bytes()
    with house.installation() as installation:
        assert house.journal.read_bytes().startswith(before)
        assert len(house.kept().replay_lines) == 1
        withdraw(world_in(house, installation), "dora@example.com")
        assert installation.journal is not None
        wanted = installation.journal.remember(
            installation.store, installation.clock()
        )  # killed before the signature
        latest = installation.store.read(latest_checkpoint)
        assert latest is None or latest.size < wanted.size
    with house.installation() as installation:
        assert advance_log(installation).size == installation.store.read(log_frontier).size >= wanted.size
    house.audit()


def test_every_end_and_change_is_in_the_journal_by_its_leaf(house: House) -> None:
    """O9: withdrawal, erasure, correction and hold; each must stand in the log as that very leaf."""
    with house.world() as world:
        for name in ("alice", "carol", "erica"):
            world.join(f"{name}@example.com", TIPS)
        withdraw(world, "carol@example.com")
        erase(world, "erica@example.com")
        index = index_of(world, "alice@example.com")
        about: dict[str, Any] = {"email_index": index, "now": world.now}
        world.run(correct, values={"phone": "+31201234567"}, **about)
        until = world.now + timedelta(days=400)
        handling = OfficerRequest(index, "vera", "invoice")
        world.run(hold_on_request, handling, ("email",), until=until, now=world.now)
    kept = [line for line in house.kept().lines if "leaf" in line.content]
    assert sorted(line.kind for line in kept) == ["corrected", "erased", "held", "withdrawn"]
    with house.installation() as installation:
        for line in kept:
            number = int(str(line.content["event"]))
            assert installation.store.read(leaves_of_events, numbers=[number]) == {
                number: line.content["leaf"]
            }
    assert "alice" not in house.journal.read_text()
    house.audit()


def test_sign_ups_write_nothing_into_the_journal(house: House) -> None:
    """O9: one line for a checkpoint, however many people it is over."""
    with house.installation() as installation:
        keep = house.journal.stat().st_size
        keep_edition(installation.store, house.edition, installation.clock())
        world = world_in(house, installation)
        for number in range(20):
            world.sign_up(f"p{number}@example.com", TIPS)
        assert house.journal.stat().st_size == keep
        advance_log(installation)
        advance_log(installation)
        assert [line.kind for line in house.kept().lines] == [CHECKPOINT]


def test_a_restored_backup_is_smaller_by_word_of_an_officer(
    house: House, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """O9, S7: the journal says so, audit tells it, and the log is held to what it was at the backup."""
    lived_in(house)
    file = back_up(house, tmp_path / "old.backup")
    with house.world() as world:
        for name in ("erica", "frank"):
            world.join(f"{name}@example.com", TIPS)
        erase(world, "erica@example.com")
    with house.installation() as installation:
        lost = advance_log(installation).size
    empty = f"sqlite:///{tmp_path}/restored.db"
    if house.store.startswith("postgres"):
        empty = request.getfixturevalue("another_postgres_url")
    other = replace(house, store=empty)
    restored(other, str(file))
    with other.installation() as installation:
        assert installation.store.read(log_frontier).size < lost
        assert RESTORED in {line.kind for line in house.kept().lines}
    other.audit()
    assert "this log was restored from a backup of" in other.run("audit").output
    with pytest.raises(LogDiverged), house.installation():
        pass  # what the old server still has is not the log any more


def test_a_backup_of_a_rewritten_log_is_not_put_back(tmp_path: Path) -> None:
    """O9, S7: its pages are sound and its log fits itself; the journal remembers another."""
    house = small_house(tmp_path)
    carol = lived_in(house)
    file = back_up(house, tmp_path / "forged.backup")
    forger = Forger(file, carol)
    forger.cut_out()
    forger.sql("DELETE FROM checkpoint WHERE size >= (SELECT size FROM log_state)")
    other = replace(house, store=f"sqlite:///{tmp_path}/restored.db")
    outcome = other.run("restore", str(file))
    assert outcome.exit_code == 1
    assert "one of them was rewritten" in " ".join(outcome.stderr.split())
    assert not (tmp_path / "restored.db").exists()


def test_a_restore_tells_what_no_journal_can_tell_it(tmp_path: Path) -> None:
    """S7, O9: corrections and holds since the backup are counted: the journal holds no data."""
    house = small_house(tmp_path)
    with house.world() as world:
        world.join("alice@example.com", TIPS)
    file = back_up(house, tmp_path / "old.backup")
    with house.world() as world:
        index = index_of(world, "alice@example.com")
        values = {"phone": "+31201234567"}
        world.run(correct, email_index=index, values=values, now=world.now)
    other = replace(house, store=f"sqlite:///{tmp_path}/restored.db")
    assert "1 corrected since then are lost" in restored(other, str(file))


def unkeyed(house: House) -> None:
    """Make the journal one of the version before: sums without a key, and nobody knows better."""
    plain: list[dict[str, Json]] = [{"journal": "withdrawals and erasures", "since": None}]
    plain += [{**line.content, "at": line.at.isoformat()} for line in house.kept().replay_lines]
    there, text = "", b""
    for line in plain:
        there = hashlib.sha256(there.encode() + canonical(line)).hexdigest()[:32]
        text += canonical({**line, "sum": there}) + b"\n"
    house.journal.write_bytes(text)


def test_an_unkeyed_journal_is_taken_over_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """O9: with its lines; from then on whoever puts another without seals there is refused."""
    lived_in(house)
    told = house.kept().replay_lines
    unkeyed(house)
    old = house.journal.read_bytes()
    with pytest.raises(JournalUnusable, match="has no keyed seals"), house.installation():
        pass  # these keys name one for the journal
    keys = json.loads((house.root / KEYS).read_text())
    del keys["journal"]
    (house.root / KEYS).write_text(json.dumps(keys))
    with pytest.raises(JournalUnusable, match="replaced that already"), house.installation():
        pass  # and so does the database know of one
    assert "has replaced that already" in house.run("audit").output
    with house.installation(with_journal=False) as installation:
        installation.write(lambda tx: tx.run("DELETE FROM journal_head"))
    with house.installation():
        pass
    assert caplog.text.count("its lines are sealed with a key from now on") == 1
    assert house.kept().replay_lines == told
    ring = load_keys(KEYS, house.root)
    assert ring is not None
    assert ring.journal is not None
    house.audit()
    assert "was taken over at" in house.run("audit").output
    house.journal.write_bytes(old)
    with pytest.raises(JournalUnusable, match="has no keyed seals"), house.installation():
        pass


def without_named_key(house: House) -> None:
    """Make the key file one of the version before."""
    keys = json.loads((house.root / KEYS).read_text())
    keys.pop("journal", None)
    (house.root / KEYS).write_text(json.dumps(keys))


def test_a_kill_while_an_unkeyed_journal_is_taken_over_locks_nobody_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O9, S6: the database may know of the new file before it is there; the next start takes it over."""
    lived_in(house)
    unkeyed(house)
    without_named_key(house)
    with house.installation(with_journal=False) as installation:
        installation.write(lambda tx: tx.run("DELETE FROM journal_head"))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(JournalFile, "replace", killed)
        with pytest.raises(KeyboardInterrupt), house.installation():
            pass
    with house.installation() as installation:
        advance_log(installation)
    house.audit()


def test_keys_that_are_rotated_at_once_after_an_upgrade_name_the_journal(tmp_path: Path) -> None:
    """O9, S2: the command itself takes the journal over; the key that it names then stays in the file."""
    house = small_house(tmp_path)
    lived_in(house)
    unkeyed(house)
    without_named_key(house)
    with house.installation(with_journal=False) as installation:
        installation.write(lambda tx: tx.run("DELETE FROM journal_head"))
    assert "has new keys" in house.run("keys", "rotate").output
    assert "journal" in json.loads((house.root / KEYS).read_text())
    house.audit()


def test_a_disk_that_takes_no_lock_is_said_in_a_sentence(tmp_path: Path) -> None:
    """S6, O9: full or only read; `serve` ends with the cure, not with a traceback."""
    house = small_house(tmp_path)
    lived_in(house)
    (house.root / "var" / "optin.db.lock").unlink(missing_ok=True)
    (house.root / "var" / "optin.db.lock").mkdir()
    settings = house.edition.site.settings.model_copy(update={"store": house.store})
    with (
        pytest.raises(StoreUnusable, match="check its disk"),
        open_installation(settings, house.edition.policy, KINDS, "serve"),
    ):
        pass


def test_another_process_that_signs_meanwhile_is_no_divergence(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O9, O1: on PostgreSQL each statement sees what others committed just before it."""
    lived_in(house)
    with house.installation() as installation, monkeypatch.context() as patch:
        world = world_in(house, installation)

        def slow_frontier(tx: Tx) -> Frontier:
            frontier = log_frontier(tx)
            patch.undo()
            world.sign_up("bob@example.com", TIPS)
            while installation.write(integrate):
                pass
            sign_log(installation.store, installation.vault, None, installation.clock())
            return frontier

        patch.setattr(check_log_growth, "log_frontier", slow_frontier)
        installation.check_past()
    house.audit()


@pytest.mark.parametrize(
    "line",
    ['{"a":1}', "no json", "[1]", f'{{"event":1,"kind":"withdrawn","leaf":"{bytes(32).hex()}"}}'],
    ids=["means nothing", "unreadable", "no object", "no such event"],
)
def test_nobody_lets_the_journal_say_what_the_log_never_held(
    house: House, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    """O9: whoever writes to the database gets nothing under the journal's seal that would lock the site."""
    lived_in(house)
    with house.installation() as installation:
        past_optin(
            installation.store,
            "INSERT INTO replay(name, at, line, kept) VALUES (:name, 1, :line, 0)",
            name=bytes(32),
            line=line,
        )
        installation.note_ending()
        assert "1 lines queued for the journal" in caplog.text
        caplog.clear()
        installation.note_ending()
        assert caplog.text == ""
    assert "FOUND" in house.run("audit").output
    with house.installation() as installation:
        past_optin(installation.store, "DELETE FROM replay WHERE name = :name", name=bytes(32))
    house.audit()


def test_a_second_host_with_a_journal_of_before_begins_a_new_one(house: House) -> None:
    """O9: its file is of the version before, another host's was taken over; the named cure works."""
    lived_in(house)
    told = house.kept().replay_lines
    unkeyed(house)
    without_named_key(house)
    with pytest.raises(JournalUnusable, match="optin serve --new-journal"), house.installation():
        pass
    begin_journal(house.edition.site.settings.model_copy(update={"store": house.store}), SCHEMA)
    with house.installation():
        pass
    names = {line.name for line in house.kept().replay_lines}
    assert {line.name for line in told} <= names
    house.audit()


def test_whoever_tries_out_a_site_may_throw_away_what_they_like(tmp_path: Path) -> None:
    """O9, O2: `optin dev` begins a new journal where it does not fit the database; else it keeps it."""
    house = small_house(tmp_path)
    settings = house.edition.site.settings
    for file in ("", "journal.jsonl", "optin.db"):
        if file:
            (house.root / "var" / file).unlink()
        if file == "optin.db":
            with pytest.raises(JournalUnusable, match="optin restore"), house.installation():
                pass
        renew_journal(settings, SCHEMA)
        lived_in(house)
        before = house.journal.read_bytes()
        renew_journal(settings, SCHEMA)
        assert house.journal.read_bytes() == before


def test_keys_that_are_rotated_go_on_with_the_journal(house: House) -> None:
    """O9, S2: a rotation leaves its key as it is."""
    lived_in(house)
    assert house.run("keys", "rotate").exit_code == 0
    house.audit()
    with house.world() as world:
        withdraw(world, "alice@example.com")
    house.audit()


def test_the_journal_stays_small(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """O9, R8: of each hour the last checkpoint stays, and the log is held to it."""
    monkeypatch.setattr(journal_module, "SUPERSEDED_LINES", 10)
    with house.world() as world:
        world.join("alice@example.com", TIPS)
        withdraw(world, "alice@example.com")
        for number in range(12):
            world.sign_up(f"p{number}@example.com", TIPS)
            with house.installation() as installation:
                advance_log(installation)
    assert [line.kind for line in house.kept().lines].count(CHECKPOINT) >= 11
    with house.installation() as installation:
        sweep(installation)
        assert [line.kind for line in house.kept().lines].count(CHECKPOINT) <= 2  # an hour may have ended
        assert len(house.kept().replay_lines) == 1
        last = house.kept().lines[-1].number
        world_in(house, installation).sign_up("z@example.com")
        advance_log(installation)
        assert house.kept().lines[-1].number > last  # a file written anew counts on
    house.audit()


def test_workers_share_one_journal(postgres_url: str, tmp_path: Path, free_port: int) -> None:
    """O9, O1: beside a command that withdraws; lost, it is begun anew once for all of them."""
    house = House(tmp_path / "site", site_at(tmp_path / "site"), postgres_url)
    with house.world() as world:
        for number in range(4):
            world.join(f"p{number}@example.com", TIPS)
    keys, workers = str(house.root / KEYS), ("--workers", "2")
    serving = start(house.root, free_port, postgres_url, NO_MAIL, keys, *workers)
    try:
        sign_up_beside(serving.base, partial(withdraw_by_letter, house, 4))
    finally:
        assert serving.stop() == 0
    kept = house.kept()
    assert len(kept.replay_lines) == 4
    house.audit()
    house.journal.unlink()
    names = environment(postgres_url, NO_MAIL, keys)
    words = ("serve", "--site", str(house.root), "--port", str(free_port), *workers)
    refused = run_optin(*words, environment=names)
    assert refused.returncode == 1
    assert "--new-journal" in refused.stderr
    serving = start(house.root, free_port, postgres_url, NO_MAIL, keys, *workers, "--new-journal")
    try:
        sign_up_beside(serving.base, lambda: None)
    finally:
        assert serving.stop() == 0
    assert serving.log.read_text().count("a new journal was begun") == 1
    house.audit()


def sign_up_beside(base: str, act: Callable[[], object]) -> None:
    """Let three people at once sign up, time and again, while something else is done."""
    with httpx.Client(base_url=base, timeout=SECONDS) as client, ThreadPoolExecutor(3) as crowd:
        data = {"form": form_key(client), "consent": "tips-email"}

        def sign_up(number: int) -> int:
            return client.post("/paper", data={**data, "email": f"q{number}@example.com"}).status_code

        answers = [crowd.submit(sign_up, number) for number in range(12)]
        act()
        assert {answer.result() for answer in answers} == {303}


def withdraw_by_letter(house: House, count: int) -> None:
    for number in range(count):
        outcome = house.run("subject", "withdraw", f"p{number}@example.com", *ASKED)
        assert outcome.exit_code == 0, outcome.output


def test_each_host_has_a_journal_of_its_own_over_one_log(postgres_url: str, tmp_path: Path) -> None:
    """O9, O1: it holds what that host wrote and signed; both are of the same past, and both find a cut."""
    here = House(tmp_path / "site", site_at(tmp_path / "site"), postgres_url)
    lived_in(here)
    settings = here.edition.site.settings.model_copy(
        update={"store": postgres_url, "journal": "elsewhere/journal.jsonl"}
    )
    begin_journal(settings, SCHEMA)
    with open_installation(settings, here.edition.policy, KINDS) as there:
        world = world_in(here, there)
        withdraw(world, "zed@example.com")
        there.note_ending()
        advance_log(there)
    with here.world() as world:
        withdraw(world, "alice@example.com")
    here.audit()
    with here.installation() as installation:
        advance_log(installation)
    with open_installation(settings, here.edition.policy, KINDS) as there:
        assert there.journal is not None
        advance_log(there)
        there.write(lambda tx: tx.run("UPDATE log_state SET size = size - 1"))
        for journal in (there.journal, here.file()):
            with pytest.raises(LogDiverged):
                journal.check(there.store)


def test_a_sweep_deletes_nothing_by_a_log_that_is_another(tmp_path: Path) -> None:
    """O9: while the server runs, too."""
    house = small_house(tmp_path)
    carol = lived_in(house)
    with house.installation() as installation:
        Forger(house.root / "var" / "optin.db", carol).cut_out()
        with pytest.raises(LogDiverged):
            sweep(installation)
        with pytest.raises(LogDiverged):
            advance_log(installation)
