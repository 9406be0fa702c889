"""A kind whose package was removed while people's data of it is stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.consent.status_transitions import RequestId
from optin.errors import RequestRefused
from optin.flows.delivery.mail_order import MailKind
from optin.flows.delivery.retry_abandoned_mails import SkipReason, retry_dead, warn_of_unknown
from optin.flows.evidence.audit import Audit
from optin.flows.exports.export_leads import LeadExport
from optin.flows.retention.clock_correction import note_set_back
from optin.flows.retention.drop_kind_tables import drop_kind, rows_to_drop
from optin.jobs.sweep_runner import sweep
from optin.proof.bundle_zip_file import unpack
from optin.proof.verify_bundle import verify_bundle
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.backup import back_up
from optin.services.open_store import open_store
from optin.services.site_edition import Edition
from optin.store.kind_tables import TableScope
from optin.store.mail_outbox import enqueue
from optin.store.migrations import POSTGRES, SQLITE
from tests.kinds.installed import INSTALLED, KINDS, without
from tests.kinds.journey import EMAIL, KindVisit, cells, words
from tests.stranger import is_sqlite, past_optin
from tests.world import TIPS_BY_EMAIL

YEARS = timedelta(days=10 * 366)
SAID = "is no longer in use"


def request_of(magnet: KindVisit) -> RequestId:
    """Return the one request that is stored."""
    ((found,),) = magnet.installation.store.read(lambda tx: tx.all("SELECT id FROM request"))
    return RequestId(bytes(found))


def rows_of(magnet: KindVisit, kind: str) -> list[dict[str, Any]]:
    """Return the rows about the person in the tables of a kind."""
    tables = [it.name for it in KINDS.tables[kind].tables if it.scope == "person"]
    read = magnet.installation.store.read
    return [row for table in tables for row in read(methodcaller("named", f"SELECT * FROM {table}"))]


def told(magnet: KindVisit) -> list[dict[str, str]]:
    """Return what a person's data say of rows of removed kinds."""
    answer = magnet.client.post(magnet.personal_link(), data={"action": "json"})
    return [row for request in answer.json()["requests"] for row in request.get("left", ())]


def plain(value: Any) -> str:
    """Return a stored value as it is shown."""
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return "" if value is None else str(value)


def audited(magnet: KindVisit, kind: str) -> Audit:
    """Audit everything where a kind is not installed."""
    parts, installation = without(kind).parts, magnet.installation
    installation.integrate()
    audit = Audit(installation.store.read, installation.vault, parts.flows, schema=parts.schema)
    assert list(audit.run()) is not None
    return audit


def test_it_keeps_nobody_from_their_rights(magnet: KindVisit, kind: str) -> None:
    """R1, R3, R5, P1: its package is gone, its people stay; when it is back, its magnet works again."""
    delivery = magnet.confirmed()
    kept = magnet.request_fields()
    edition = magnet.app_context.edition
    left = magnet.remove_magnet(kind)
    assert magnet.request_fields() == kept
    magnet.look("personal-uninstalled", magnet.personal_link())
    assert magnet.client.get(f"/unsubscribe/{delivery.unsubscribe_token}").status_code == 200
    magnet.check_evidence()
    bundle = make_bundle(left, magnet.installation, parse_email(EMAIL))
    assert verify_bundle(unpack(bundle), magnet.moment).holds
    sweep(magnet.installation)
    magnet.serve(edition, INSTALLED)
    again = magnet.confirmed()
    assert again.recipient == EMAIL
    magnet.serve(left, without(kind))
    sought = magnet.sealed()
    magnet.press_on(magnet.personal_link(), action="erase")
    magnet.mails()
    after = cells(magnet)
    assert [value for value in sought if value in after] == []


def test_who_confirms_while_it_is_away_gets_what_was_asked(
    magnet: KindVisit, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """D1, P4: the consents and the delivery; both logs say why the kind wrote nothing."""
    edition = magnet.app_context.edition
    magnet.ask()
    token = magnet.mail(MailKind.CONFIRMATION).confirm_token
    magnet.remove_magnet(kind)
    assert magnet.confirm(token).recipient == EMAIL
    assert f"a request was confirmed without the kind {kind}" in caplog.text
    assert EMAIL not in caplog.text
    assert rows_of(magnet, kind) == []
    assert audited(magnet, kind).findings == []
    magnet.serve(edition, INSTALLED)
    magnet.check_evidence()


def test_what_its_tables_hold_is_shown_as_it_is_stored(magnet: KindVisit, kind: str) -> None:
    """R1, R4: under the kind's name, on the page and in both files; not while it is installed."""
    magnet.confirmed()
    stored = rows_of(magnet, kind)
    assert told(magnet) == []
    assert SAID not in magnet.look("personal", magnet.personal_link())
    magnet.remove_magnet(kind)
    shown: list[Any] = told(magnet)
    assert [it["columns"] for it in shown] == [{n: plain(v) for n, v in row.items()} for row in stored]
    assert all(it["kind"] == kind for it in shown)
    link = magnet.personal_link()
    pages = [magnet.look("left", link), magnet.client.post(link, data={"action": "page"}).text]
    for page in pages:
        assert (f"‘{kind}’ {SAID}" in words(page)) == bool(stored)
        assert all(plain(value) in page for row in stored for value in row.values())


def test_its_mails_are_named_and_sent_when_it_is_back(magnet: KindVisit, kind: str) -> None:
    """D1, O5: not composed by anybody else, not lost, and said to the operator."""
    magnet.confirmed()
    edition, names = magnet.app_context.edition, sorted(KINDS.flows[kind].mails)
    request = request_of(magnet)
    magnet.installation.write(lambda tx: tx.run("DELETE FROM outbox WHERE state = 'queued'"))
    magnet.remove_magnet(kind)
    for name in names:
        magnet.installation.write(
            enqueue, kind=name, request=request, domain="example.com", now=magnet.moment
        )
    assert magnet.mails() == []
    said = magnet.installation.view(warn_of_unknown)
    assert len(said) == len(names)
    assert all(f"'{name}'" in sentence for name, sentence in zip(names, said, strict=True))
    done = magnet.installation.run(retry_dead, after=0, now=magnet.moment)
    assert (dict(done.unknown), done.skipped[SkipReason.UNKNOWN]) == (dict.fromkeys(names, 1), len(names))
    magnet.serve(edition, INSTALLED)
    assert magnet.installation.view(warn_of_unknown) == []
    done = magnet.installation.run(retry_dead, after=0, now=magnet.moment)
    assert done.again.total() + done.skipped[SkipReason.NOTHING] == len(names)
    sent, waiting = len(magnet.mails()), "SELECT COUNT(*) FROM outbox WHERE state = 'queued'"
    ((later,),) = magnet.installation.store.read(lambda tx: tx.all(waiting))
    assert sent + later == done.again.total()


def test_its_people_are_exported_and_swept(magnet: KindVisit, kind: str) -> None:
    """S3, R8: the consent is proven without it; long after, everything of the person goes, its rows too."""
    magnet.confirmed()
    magnet.remove_magnet(kind)
    installation = magnet.installation
    magnet.check_evidence()
    kinds = without(kind).parts
    export = LeadExport(
        installation.store.read,
        installation.write,
        installation.vault,
        kinds.details,
        TIPS_BY_EMAIL,
        magnet.moment,
    )
    assert [row.email for row in export.proven()] == [EMAIL]
    magnet.moment += YEARS
    sweep(installation)
    assert magnet.rows()["subject"] == magnet.rows()["request"] == 0
    assert rows_of(magnet, kind) == []
    assert audited(magnet, kind).findings == []


def test_a_backup_holds_its_rows(magnet: KindVisit, kind: str, tmp_path: Path) -> None:
    """S7: made and opened where it is not installed; when it is back, it finds them."""
    magnet.confirmed()
    held = magnet.kind_rows(kind)
    left = magnet.remove_magnet(kind)
    back_up(stored_at(left, magnet.store_url), magnet.installation, tmp_path / "copy.db")
    for parts in (without(kind).parts, KINDS):
        magnet.installation.store.close()
        vault = magnet.installation.vault
        url = f"sqlite:///{tmp_path}/copy.db"
        magnet.installation.store = open_store(url, tmp_path, vault, parts.schema)
        assert magnet.installation.store.schema_findings() == []
    assert magnet.kind_rows(kind) == held


def stored_at(edition: Edition, url: str) -> Edition:
    """Return an edition whose settings name a store."""
    settings = edition.site.settings.model_copy(update={"store": url})
    return replace(edition, site=replace(edition.site, settings=settings))


def test_its_tables_are_dropped_when_an_operator_says_so(magnet: KindVisit, kind: str) -> None:
    """R8, P4: the log notes it, the evidence stays; when the kind is back, it begins with empty tables."""
    magnet.confirmed()
    edition, held = magnet.app_context.edition, magnet.kind_rows(kind)
    with pytest.raises(RequestRefused, match=r"is installed|knows no removed kind"):
        drop(magnet, INSTALLED.parts.schema, kind)
    left = magnet.remove_magnet(kind)
    schema = without(kind).parts.schema
    if not held:
        with pytest.raises(RequestRefused, match="it knows none"):
            drop(magnet, schema, kind)
        return
    count = sum(held.values())
    assert [it for it in audited(magnet, kind).notes if f"--drop-kind {kind}" in it and f"{count} rows" in it]
    assert magnet.installation.store.read(rows_to_drop, schema=schema, kind=kind) == held
    drop(magnet, schema, kind)
    assert magnet.installation.store.schema_findings() == []
    assert told(magnet) == []
    audit = audited(magnet, kind)
    assert (audit.findings, [it for it in audit.notes if "--drop-kind" in it]) == ([], [])
    ((body,),) = magnet.installation.store.read(
        lambda tx: tx.all("SELECT body FROM event WHERE body LIKE '%kind-rows%'")
    )
    assert f'"count":{count}' in body
    assert f'"of":"{kind}"' in body
    bundle = make_bundle(left, magnet.installation, parse_email(EMAIL))
    assert verify_bundle(unpack(bundle), magnet.moment).holds
    magnet.wait(timedelta(seconds=1))
    magnet.serve(edition, INSTALLED)
    magnet.check_evidence()
    assert sum(magnet.kind_rows(kind).values()) == 0
    magnet.confirmed()


def test_what_is_written_after_a_drop_is_missed(magnet: KindVisit, kind: str) -> None:
    """P4, O7: by the order of the log, though the clock was a day ahead when the tables were dropped."""
    magnet.confirmed()
    if not rows_of(magnet, kind):
        return
    edition, schema = magnet.app_context.edition, without(kind).parts.schema
    magnet.remove_magnet(kind)
    magnet.moment += timedelta(days=1)
    drop(magnet, schema, kind)
    ahead, magnet.moment = magnet.moment, magnet.moment - timedelta(days=1)
    assert magnet.installation.run(note_set_back, was=ahead, now=magnet.moment)
    magnet.serve(edition, INSTALLED)
    magnet.email = "bob@example.com"
    magnet.confirmed()
    store = magnet.installation.store
    for table in KINDS.tables[kind].on(TableScope.PERSON):
        (row,) = store.read(methodcaller("named", f"SELECT * FROM {table}"))
        past_optin(store, f"DELETE FROM {table}")
        with pytest.raises(AssertionError, match="although it was confirmed"):
            magnet.check_evidence()
        past_optin(store, f"INSERT INTO {table}({', '.join(row)}) VALUES (:{', :'.join(row)})", **row)


def drop(magnet: KindVisit, schema: Any, kind: str) -> None:
    """Drop the tables of a kind."""
    installation = magnet.installation
    installation.write(
        drop_kind,
        vault=installation.vault,
        schema=schema,
        kind=kind,
        dialect=SQLITE if is_sqlite(installation.store) else POSTGRES,
        now=installation.clock(),
    )
