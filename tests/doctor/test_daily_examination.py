"""The examination when a server starts and once a day, and what staff is told of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from optin.flows.delivery.waiting_matters import matters_to_tell, queue_waiting_notices, waiting_matters
from optin.jobs.daily_examination import examine_if_due
from optin.keys import make_keys
from optin.services.doctor.finding import Finding, Verdict
from optin.services.doctor.kept_examination import LEASE, claim, is_due
from optin.services.doctor.last_result import Examined
from optin.services.doctor.start_checks import check_at_start
from optin.services.open_store import claim_store
from optin.services.setup_health import last_examined
from optin.store.database_interface import Tx
from optin.store.installation_facts import note_examination
from tests.doctor.conftest import set_base
from tests.doctor.dns_server import Zones, dns_server
from tests.ports import NOBODY
from tests.shell import shell
from tests.web.conftest import Visit, site_at

BAD = Finding("dkim", "DNS", "The key is right", Verdict.FAILED, "It is not.", "It matters.", "Paste it.")
WEAK = replace(BAD, name="dmarc", verdict=Verdict.WARNING, seen="It is none.")
FINE = replace(BAD, name="spf", verdict=Verdict.PASSED)
UNKNOWN = replace(BAD, name="ptr", verdict=Verdict.NOT_CHECKED)


@pytest.fixture
def visit(visit: Visit, store_url: str) -> Iterator[Visit]:
    """Let the settings name the open store, and servers of this machine alone."""
    with dns_server(Zones()) as resolver:
        edition = visit.app_context.edition
        settings = edition.site.settings
        mail_server = settings.mail_server.model_copy(update={"resolver": resolver})
        changed = {"store": store_url, "base_url": f"https://localhost:{NOBODY}", "mail_server": mail_server}
        settings = settings.model_copy(update=changed)
        visit.app_context.edition = replace(edition, site=replace(edition.site, settings=settings))
        claim = partial(claim_store, vault=visit.installation.vault, origin=settings.log_origin)
        visit.installation.store.submit(claim).result()
        yield visit


def test_the_set_up_is_examined_once_a_day(visit: Visit) -> None:
    """O3: by one server of the site; its findings are kept where each finds them."""
    installation, edition = visit.installation, visit.app_context.edition
    assert last_examined(installation) is None
    examine_if_due(installation, edition)
    first = last_examined(installation)
    assert first is not None
    found = {it.name: it.verdict for it in first.findings}
    assert found["address"] is found["spf"] is Verdict.FAILED
    assert found["database"] is Verdict.PASSED
    visit.wait(timedelta(hours=23))
    examine_if_due(installation, edition)
    assert last_examined(installation) == first
    visit.wait(timedelta(hours=2))
    assert is_due(installation)
    examine_if_due(installation, edition)
    assert last_examined(installation) != first
    visit.wait(timedelta(days=-9))  # of a clock that was wrong
    assert is_due(installation)


def test_one_of_several_servers_examines(visit: Visit) -> None:
    """O3: whoever claims it; one that died keeps nobody from it for long."""
    assert claim(visit.installation)
    assert not claim(visit.installation)
    examine_if_due(visit.installation, visit.app_context.edition)
    assert last_examined(visit.installation) is None  # another one is at it
    visit.wait(LEASE)
    assert claim(visit.installation)
    visit.wait(timedelta(days=-1))  # of a clock that was wrong
    assert claim(visit.installation)


def keep(visit: Visit, findings: Sequence[Finding], gone: Sequence[Finding] = ()) -> None:
    """Keep a result as a server does."""
    plain = json.loads(Examined(visit.moment, tuple(findings)).as_text())
    text = json.dumps({**plain, "gone": [it.as_json() for it in gone]})
    visit.installation.write(note_examination, vault=visit.installation.vault, found=text)


def told(visit: Visit) -> int:
    """Return how many notices the receiver gets now."""
    queue = partial(queue_waiting_notices, context=visit.installation.context, receiver="sales")
    return visit.installation.store.submit(queue, now=visit.moment).result()


def test_staff_is_told_of_changes_alone(visit: Visit) -> None:
    """O3, W12: each finding once, when it comes and when it is gone; what was not checked is no news."""
    assert told(visit) == 0
    keep(visit, [BAD, WEAK, FINE, UNKNOWN])
    assert told(visit) == 2
    for _ in range(3):
        visit.wait(timedelta(days=1, hours=1))
        keep(visit, [BAD, WEAK, FINE, UNKNOWN])
        assert told(visit) == 0
    keep(visit, [BAD, replace(WEAK, verdict=Verdict.FAILED)])
    assert told(visit) == 1  # it became worse
    keep(visit, [replace(BAD, verdict=Verdict.PASSED)], gone=[BAD])
    assert told(visit) == 1
    assert told(visit) == 0
    visit.wait(timedelta(days=1))
    keep(visit, [BAD])
    assert told(visit) == 1  # it is back


def test_a_notice_has_the_cure_and_waits_on_no_page(visit: Visit) -> None:
    """O3: what staff reads; the desk shows findings on its health page instead."""
    keep(visit, [BAD], gone=[WEAK])
    look = visit.installation.view
    sentences = [it.sentence for it in look(matters_to_tell, visit.moment)]
    assert sentences == [
        "optin doctor, failed: It is not. Cure: Paste it.",
        "optin doctor, well again: The key is right.",
    ]
    assert look(waiting_matters, visit.moment) == ()


def test_a_result_that_somebody_else_wrote_is_none(visit: Visit) -> None:
    """O3, S2: without the keys nobody writes that all is well, nor a sentence to staff."""
    keep(visit, [BAD])

    def forge(tx: Tx) -> None:
        tx.run("UPDATE installation SET value = :value WHERE name = 'examination'", value=b"{}")

    visit.installation.write(forge)
    assert last_examined(visit.installation) is None
    assert told(visit) == 0
    for odd in ('{"findings": 1}', '{"findings": [{}]}', "[]", "{", '{"findings": [], "gone": [1]}'):
        visit.installation.write(note_examination, vault=visit.installation.vault, found=odd)
        assert told(visit) == 0, odd


@contextmanager
def warned(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    lines: list[str] = []
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="optin.doctor"):
        yield lines
    lines += [it.getMessage() for it in caplog.records]


def test_a_server_that_starts_says_what_needs_attention(
    visit: Visit, caplog: pytest.LogCaptureFixture, store_url: str
) -> None:
    """O3: with the cure, in the log; it waits for no network."""
    make_keys("var/keys.json", visit.root, "serve")
    with warned(caplog) as lines:
        check_at_start(visit.app_context.edition, visit.installation)
    if store_url.startswith("postgres"):
        assert any("ALTER SYSTEM SET fsync = on" in it for it in lines)
    assert not any("address" in it for it in lines)


def test_a_server_refuses_to_start_where_that_is_not_safe(tmp_path: Path) -> None:
    """O3, S2: with the cure, and status 1; nothing else is asked first."""
    root = tmp_path / "site"
    site_at(root)
    set_base(root, "https://optin.example.com")
    make_keys("var/keys.json", root, "serve")
    (root / "var").chmod(0o777)
    done = shell(root, "serve", "--port", str(NOBODY))
    assert done.exit_code == 1
    assert "Others may replace the key file" in done.stderr
    assert "Cure: chmod go-w var" in done.stderr
