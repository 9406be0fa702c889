"""What the commands do with a database whose schema was changed past optin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from optin.consent.kind_part_lookup import PartsByKind
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.services.site_edition import Edition
from optin.store.kind_tables import KindTable, TableScope, TablesPart
from optin.store.migrations import Migration
from tests.installed import KINDS
from tests.ports import NO_MAIL, NOBODY
from tests.serving import settings
from tests.shell import shell
from tests.site_people import edition_on
from tests.stranger import is_sqlite, past_optin
from tests.world import TIPS, World

NOTHING = "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"


@pytest.fixture
def edition(store_url: str, tmp_path: Path) -> Edition:
    """Make a site whose store is `store_url`, with one consent."""
    edition = edition_on(store_url, tmp_path / "site")
    with open_installation(edition.site.settings, edition.policy, KINDS, "serve") as installation:
        world = World(installation.store, installation.vault, installation.clock(), policy=edition.policy)
        world.serve(world.form)
        world.join("alice@example.com", TIPS)
    return edition


def change(edition: Edition, *statements: str) -> None:
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        past_optin(installation.store, *statements)


def swallow(edition: Edition) -> None:
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        texts = _swallowing(installation)
        past_optin(installation.store, *texts)


def _swallowing(installation: Installation) -> list[str]:
    if is_sqlite(installation.store):
        return ["CREATE TRIGGER stay BEFORE INSERT ON suppression BEGIN SELECT RAISE(IGNORE); END"]
    act = "BEFORE INSERT ON suppression FOR EACH ROW EXECUTE FUNCTION nothing()"
    return [NOTHING, f"CREATE TRIGGER stay {act}"]


def run(edition: Edition, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--site", str(edition.site.root)])


def test_every_command_refuses_by_name_and_the_audit_reports(edition: Edition, tmp_path: Path) -> None:
    """P3, P4, S5: whoever writes or exports is refused; the audit lists it, exits 1 and writes nothing."""
    swallow(edition)
    away = ("--purpose", TIPS, "--channel", "email", "--to", "crm", "--why", "test", "--out", "-")
    for words in (
        ("export", *away),
        ("sweep",),
        ("backup", str(tmp_path / "b.db")),
        ("checkpoint",),
        ("stats",),
    ):
        outcome = run(edition, *words)
        assert outcome.exit_code == 1, words
        assert "trigger stay on suppression is not optin's" in outcome.stderr
        assert "alice" not in outcome.output
    assert not (tmp_path / "b.db").exists()
    audited = run(edition, "audit")
    assert audited.exit_code == 1
    assert "FOUND  trigger stay on suppression is not optin's" in audited.stdout
    assert "events" in audited.stdout


def test_serve_refuses_to_start(edition: Edition) -> None:
    """P3, O1: before it takes a form."""
    swallow(edition)
    keys = str(edition.site.root / "var" / "keys.json")
    names = settings(edition.site.settings.store, NO_MAIL, keys)
    outcome = shell(edition.site.root, "serve", "--port", str(NOBODY), **names)
    assert outcome.exit_code == 1
    assert "trigger stay on suppression is not optin's" in outcome.stderr


def test_an_audit_of_a_database_that_lacks_a_table_ends_in_sentences(edition: Edition) -> None:
    """P4, S5: whatever was done to it."""
    change(edition, "ALTER TABLE consent RENAME TO other")
    audited = run(edition, "audit")
    assert audited.exit_code == 1
    assert audited.exception is None or isinstance(audited.exception, SystemExit)
    assert "FOUND  table consent is missing" in audited.stdout
    assert "the rest cannot be read" in audited.stdout


def test_the_tables_of_a_removed_kind_are_dropped_after_a_look(edition: Edition) -> None:
    """R8, S5: named with their rows; not without `--yes`, and never those of a kind that is installed."""
    made = Migration("m001", ("CREATE TABLE kind_gone_note (text TEXT NOT NULL){strict}",))
    part = TablesPart((KindTable("kind_gone_note", TableScope.MAGNET),), (made,))
    settings = edition.site.settings
    names = (*KINDS.tables.names(), "gone")
    parts = {"gone": part, **dict(KINDS.tables.items())}
    kinds = replace(KINDS, tables=PartsByKind(TablesPart(), lambda: names, parts.get))
    with open_installation(settings, edition.policy, kinds) as installation:
        past_optin(installation.store, "INSERT INTO kind_gone_note(text) VALUES ('a')")
    drop = ("migrate", "--drop-kind")
    assert run(edition, *drop, "gone").exit_code == 2
    assert run(edition, *drop, "gone", "--plan", "--yes").exit_code == 2
    refused = run(edition, *drop, "webinar", "--yes")
    assert (refused.exit_code, "is installed" in refused.stderr) == (1, True)
    planned = run(edition, *drop, "gone", "--plan")
    assert "kind_gone_note  1 rows  would be dropped" in planned.stdout
    assert "gone is not installed, and its tables hold 1 rows" in run(edition, "audit").stdout
    done = run(edition, *drop, "gone", "--yes")
    assert (done.exit_code, "kind_gone_note  1 rows  dropped" in done.stdout) == (0, True)
    assert run(edition, *drop, "gone", "--yes").exit_code == 1
    audited = run(edition, "audit")
    assert (audited.exit_code, "gone" in audited.output) == (0, False)
