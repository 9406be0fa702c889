"""Since an export: whom its processor must delete."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from functools import partial
from pathlib import Path

from click.testing import CliRunner, Result

from optin.app.main import main
from optin.consent.email_and_telephone import parse_email
from optin.consent.form_version import Slug
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.services.open_installation import open_installation
from optin.services.site_edition import load_edition
from optin.store.person_records import request_ids
from tests.export.test_scrub import site as site  # noqa: PLC0414 - the same people
from tests.installed import KINDS
from tests.world import TIPS, World


def run(site: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--site", str(site)])


def export(site: Path, out: Path) -> None:
    what = ["--purpose", "tips-email", "--channel", "email", "--to", "crm", "--why", "tips"]
    assert run(site, "export", *what, "--out", str(out)).exit_code == 0


def open_world_of(site: Path, act: str, *people: str) -> None:
    """Let people withdraw, be erased, or join, after the export."""
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        form = edition.publication.forms[Slug("paper")]
        world = World(installation.store, installation.vault, installation.clock(), form, edition.policy)
        for email in people:
            index = installation.vault.index(parse_email(email))
            if act == "withdraw":
                world.withdraw(world.do(request_ids, email_index=index)[-1])
            elif act == "erase":
                erase = partial(
                    erase_person, context=installation.context, email_index=index, reason=BY_PERSON
                )
                world.do(erase, now=world.now)
            else:
                world.wait(timedelta(seconds=1))
                world.join(email, TIPS)


def test_who_withdrew_since_is_listed(site: Path, tmp_path: Path) -> None:
    """E5: those of this export whose consent does not hold any more, with what happened and when."""
    export(site, tmp_path / "leads.csv")
    assert json.loads(run(site, "exports", "--since", "1", "--format", "json").stdout) == []
    open_world_of(site, "withdraw", "bert@example.com")
    listed = json.loads(run(site, "exports", "--since", "1", "--format", "json").stdout)
    assert [(row["email"], row["what"]) for row in listed] == [("bert@example.com", "withdrawn")]
    assert "bert@example.com" in run(site, "exports", "--since", "1").stdout


def test_who_was_erased_is_found_in_the_processors_own_file(site: Path, tmp_path: Path) -> None:
    """E5, R5, R7: without keeping the address; by this export's file, and by no other digest."""
    leads = tmp_path / "leads.csv"
    export(site, leads)
    export(site, tmp_path / "again.csv")
    open_world_of(site, "erase", "alice@example.com")
    without = run(site, "exports", "--since", "1")
    assert "alice" not in without.output
    assert "1 people of export 1 were erased since" in without.stderr
    found = run(site, "exports", "--since", "1", "--file", str(leads), "--format", "json")
    assert [(row["email"], row["what"]) for row in json.loads(found.stdout)] == [
        ("alice@example.com", "erased")
    ]
    out = tmp_path / "delete.csv"
    assert run(site, "exports", "--since", "1", "--file", str(leads), "--out", str(out)).exit_code == 0
    with out.open(encoding="utf-8-sig", newline="") as file:
        assert [row["email"] for row in csv.DictReader(file)] == ["alice@example.com"]
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        rows = installation.store.read(lambda tx: tx.all("SELECT run, digest FROM export_gone"))
        assert len({bytes(row[1]) for row in rows}) == 2, "no two exports can be joined by what is left"


def test_the_processors_file_may_be_of_any_shape(site: Path, tmp_path: Path) -> None:
    """E5: its encoding and the column of the address can be named; a second address counts as well."""
    export(site, tmp_path / "leads.csv")
    open_world_of(site, "erase", "alice@example.com")
    theirs = tmp_path / "theirs.csv"
    theirs.write_bytes("naam;contact;privé\nZoë;zed@example.com;<alice@example.com>\n".encode("cp1252"))
    refused = run(site, "exports", "--since", "1", "--file", str(theirs))
    assert refused.exit_code == 1
    assert "--encoding cp1252" in refused.stderr
    how = ["--encoding", "cp1252", "--column", "contact", "--format", "json"]
    found = run(site, "exports", "--since", "1", "--file", str(theirs), *how)
    assert [row["email"] for row in json.loads(found.stdout)] == ["alice@example.com"]


def test_who_came_back_is_not_listed_as_withdrawn(site: Path, tmp_path: Path) -> None:
    """E5: only what does not hold now."""
    export(site, tmp_path / "leads.csv")
    open_world_of(site, "withdraw", "bert@example.com")
    open_world_of(site, "join", "bert@example.com")
    assert json.loads(run(site, "exports", "--since", "1", "--format", "json").stdout) == []


def test_an_export_that_never_was_is_a_sentence(site: Path) -> None:
    """E5: with the cure."""
    outcome = run(site, "exports", "--since", "9")
    assert outcome.exit_code == 1
    assert "There is no export 9" in outcome.stderr


def test_the_list_names_the_checkpoint(site: Path, tmp_path: Path) -> None:
    """E5: which log it was proven against."""
    export(site, tmp_path / "leads.csv")
    (recorded,) = json.loads(run(site, "exports", "--format", "json").stdout)
    assert recorded["checkpoint"] > 0
