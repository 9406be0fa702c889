"""The date of a privacy statement: what people know its version by (F2)."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.keys import KeyRing
from optin.services.site_edition import keep_edition, load_edition
from optin.site.findings import Finding
from optin.store.database_interface import Store
from optin.store.encryption import Vault
from optin.store.stored_forms import statement_dates
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.site.conftest import all_findings, only
from tests.site.conftest import site as site  # noqa: PLC0414 - a fixture
from tests.stores import open_store

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
WRITTEN = "date: 2026-11-26"


def change(site: Path, old: str, new: str, lang: str = "nl") -> None:
    path = site / "privacy" / f"{lang}.md"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def pages(site: Path) -> dict[str, bytes]:
    """Return the landing page, and each statement."""
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    publication = edition.publication
    (form,) = publication.every_form
    return {"form": form.page, **{lang: it.page for lang, it in publication.privacy.items()}}


def test_people_are_told_a_date_and_the_address_keeps_the_digest(site: Path) -> None:
    """F2, W5, P2: on the page with the form and on the statement itself, in the words of the language."""
    change(site, WRITTEN, "date: 2026-03-01")
    change(site, WRITTEN, "date: 2026-03-01", "en")
    shown = pages(site)
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    digest = edition.publication.privacy["nl"].digest[:16]
    link = f'<a href="/privacy/{digest}">Privacyverklaring van 1 maart 2026</a>'
    assert link in shown["form"].decode()
    assert shown["form"].decode().count(digest) == 2  # both in an address: here and at the bottom
    assert "Versie van 1 maart 2026" in shown["nl"].decode()
    assert "Version of 1 March 2026" in shown["en"].decode()


def test_a_date_survives_a_fresh_clone(site: Path, tmp_path: Path) -> None:
    """P2: the same files are the same pages, wherever and whenever they were written."""
    before = pages(site)
    other = tmp_path / "clone"
    shutil.copytree(site, other)
    for path in other.rglob("*"):
        os.utime(path, (1, 1))
    assert pages(other) == before


def test_a_statement_without_a_date_claims_none(site: Path) -> None:
    """F2: the page names no version that nobody wrote; check says what is missing."""
    change(site, f"{WRITTEN}\n", "")
    finding = only(site)
    assert (finding.path, finding.severity, finding.code) == ("privacy/nl.md", "warning", "date")
    page = pages(site)["form"].decode()
    assert ">Privacyverklaring</a></p>\n    </form>" in page
    assert "Privacyverklaring van" not in page


@pytest.mark.parametrize(
    "written", ["23-11-2026", '"2026-11-31"', "2026-W48-1", "gisteren", "2026-11-23 10:00"]
)
def test_what_is_no_day_is_refused_at_its_line(site: Path, written: str) -> None:
    """M4: with the cure."""
    change(site, WRITTEN, f"date: {written}")
    finding = only(site)
    assert (finding.path, finding.line, finding.code, finding.severity) == (
        "privacy/nl.md",
        3,
        "date",
        "error",
    )
    assert finding.cure == "Write it like 2026-11-23."


def test_a_day_that_no_calendar_has_is_refused_at_its_line(site: Path) -> None:
    """M4: YAML takes what looks like a date for one, and says nothing that helps."""
    change(site, WRITTEN, "date: 2026-11-31")
    finding = only(site)
    assert (finding.path, finding.line, finding.severity) == ("privacy/nl.md", 3, "error")
    assert "'2026-11-31' is not a date that exists" in finding.message


def test_a_date_may_stand_in_quotes(site: Path) -> None:
    change(site, WRITTEN, 'date: "2026-11-26"')
    assert all_findings(site) == ()


def keep(store: Store, site: Path) -> tuple[Finding, ...]:
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    return keep_edition(store, edition, NOW)


def test_another_text_under_the_same_date_is_said(site: Path, store_url: str, tmp_path: Path) -> None:
    """F2: to whoever serves it, until the date is another; not for a look that changed."""
    store = open_store(store_url, tmp_path, Vault(KeyRing.fresh("dev")))
    assert keep(store, site) == ()
    add_settings(site, '[texts.nl]\n"privacy.link" = "Privacy"\n')
    assert keep(store, site) == ()
    change(site, "## Hoe lang", "Wij verkopen alles.\n\n## Hoe lang")
    for _ in range(2):
        (finding,) = keep(store, site)
        assert (finding.path, finding.line, finding.code) == ("privacy/nl.md", 3, "date")
        assert finding.severity == "warning"
    change(site, WRITTEN, "date: 2026-11-29")
    assert keep(store, site) == ()
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    digest = edition.publication.privacy["nl"].digest
    assert store.read(statement_dates, digest=digest) == ("2026-11-29", NOW)
    store.close()


def test_the_text_of_a_new_site_is_nobodys_version(tmp_path: Path) -> None:
    """F2, M7: whoever looks at a new site in dev may write its statement that same day."""
    root = tmp_path / "new"
    assert CliRunner().invoke(main, ["init", str(root), "--lang", "nl"]).exit_code == 0
    store = open_store("sqlite:///var/optin.db", root, Vault(KeyRing.fresh("dev")))
    assert keep(store, root) == ()
    change(root, "## Hoe lang", "Wij verkopen niets.\n\n## Hoe lang")
    assert keep(store, root) == ()
    assert "The text changed" not in CliRunner().invoke(main, ["check", "--site", str(root)]).output
    change(root, "Wij verkopen niets.", "Wij verkopen alles.")
    assert [it.code for it in keep(store, root)] == ["date"]
    store.close()


def test_check_asks_the_database_of_this_machine(site: Path) -> None:
    """F2, M4: a database that is there is looked into, and left as it is."""
    store = open_store("sqlite:///var/optin.db", site, Vault(KeyRing.fresh("dev")))
    keep(store, site)
    store.close()
    before = (site / "var" / "optin.db").read_bytes()
    change(site, "## Hoe lang", "Wij verkopen alles.\n\n## Hoe lang")
    told = CliRunner().invoke(main, ["check", "--site", str(site)])
    assert "The text changed, but its date is still 2026-11-26" in told.output
    assert (site / "var" / "optin.db").read_bytes() == before
    (site / "var" / "optin.db").write_bytes(b"no database at all")
    assert "0 warnings" in CliRunner().invoke(main, ["check", "--site", str(site)]).output


def test_a_day_to_come_is_said(site: Path) -> None:
    """F2: a statement that people see already does not hold from later on."""
    later = (datetime.now(UTC) + timedelta(days=3)).date()
    change(site, WRITTEN, f"date: {later}")
    told = CliRunner().invoke(main, ["check", "--site", str(site)])
    assert "in the future" in told.output
    assert told.exit_code == 0


def test_a_new_site_is_dated_today(tmp_path: Path) -> None:
    """M7: whoever begins a site puts its statement in force that day."""
    assert CliRunner().invoke(main, ["init", str(tmp_path / "new"), "--lang", "fr"]).exit_code == 0
    today = datetime.now(UTC).astimezone().date().isoformat()
    assert f"date: {today}" in (tmp_path / "new" / "privacy" / "fr.md").read_text("utf-8")
