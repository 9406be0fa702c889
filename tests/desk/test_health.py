"""The health page of the desk: what is broken, mail that was given up, the audit; over both databases."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from operator import methodcaller

import pytest

from optin.consent.staff_role import Role
from optin.desk import held_counts
from optin.flows.delivery.deliver_mails import Attempt, claim_orders, record_result
from optin.flows.delivery.mail_order import MailKind, Verdict
from optin.flows.staff.trail import ActKind
from optin.services import audit_job
from optin.services.audit_job import AuditState, claim_audit, run_claimed_audit, stop_audit, view_audit
from optin.services.event_log_signer import advance_log
from optin.store.database_interface import to_ms
from optin.store.sending_claims import ClaimBatch
from tests.desk.conftest import Browser, Desk, list_acts
from tests.desk.test_requests import MARKUP, in_english
from tests.doctor.dns_server import Zones, dns_server
from tests.ports import NOBODY


@pytest.fixture(autouse=True)
def _waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a page wait for the check of the files, however slow the machine is."""
    monkeypatch.setattr(held_counts, "PATIENCE_SECONDS", 60)


def officer(desk: Desk) -> Browser:
    return in_english(desk, "officer@example.com", Role.OFFICER)


def give_up(desk: Desk, email: str, reply: str = "550 no such mailbox") -> None:
    """Sign somebody up whose confirmation the mail server refuses for good."""
    desk.fill(email)
    installation = desk.installation
    advance_log(installation)
    claim = partial(
        claim_orders, context=installation.context, batch=ClaimBatch(100), now=desk.moment, suspect=False
    )
    for order in installation.store.submit(claim).result():
        verdict = Verdict.REFUSED if order.kind == MailKind.CONFIRMATION else Verdict.SENT
        installation.run(record_result, order, Attempt(verdict, reply, b"mail"), now=desk.moment)


def test_the_page_says_what_is_wrong_first(desk: Desk) -> None:
    """O4, O5: what is broken or needs attention with its cure; what was not looked at is no pass."""
    browser = officer(desk)
    page = browser.get("/desk/health").text
    assert "Nobody is told when time runs out" in page
    assert "Add a receiver under [notify]" in page
    assert "things were not checked; that is no pass." in page
    assert "Backups, and whether one can be put back" in page
    assert re.search(r"\d+ checks passed", page)
    assert len(page) < 60_000


def test_a_mistake_in_a_file_is_found_when_asked_again(desk: Desk) -> None:
    """O4: what `optin check` reports, with file and line; markup in it stays text."""
    browser = officer(desk)
    assert "magnets/paper/index.md:" not in browser.get("/desk/health").text
    path = desk.root / "magnets" / "paper" / "index.md"
    path.write_text(path.read_text().replace("witboek.pdf", f'"{MARKUP[:24]}.pdf"'))
    assert "magnets/paper/index.md:" not in browser.get("/desk/health").text  # held for a few minutes
    assert browser.post("/desk/health/check", page="/desk/health").status_code == 303
    page = browser.get("/desk/health").text
    assert "magnets/paper/index.md:" in page
    assert "<script>alert" not in page
    assert "broken." in page


def test_nobody_waits_for_the_check_of_a_large_site(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """O4, P4: until the files are checked the page says so, and calls nothing a pass."""
    ended = threading.Event()

    def check(*_: object) -> tuple[None, tuple[()]]:
        ended.wait(60)
        return None, ()

    monkeypatch.setattr(held_counts, "check_site", check)
    monkeypatch.setattr(held_counts, "PATIENCE_SECONDS", 0)
    browser = officer(desk)
    page = browser.get("/desk/health").text
    assert 'http-equiv="refresh"' in page
    assert "files are being checked; this page asks again by itself" in page
    assert "they are still being checked" in page
    assert "files have no mistake" not in page
    ended.set()
    monkeypatch.setattr(held_counts, "PATIENCE_SECONDS", 60)
    page = browser.get("/desk/health").text
    assert "http-equiv" not in page
    assert "files have no mistake" in page


def test_mail_that_was_given_up_is_sent_again(desk: Desk) -> None:
    """D1, O4: one of them after a plain question; addresses in the server's words are not shown."""
    browser = officer(desk)
    give_up(desk, "sanne@example.com", f"550 <sanne@example.com> {MARKUP}")
    give_up(desk, "piet@example.com")
    page = browser.get("/desk/health").text
    assert "Mails that were given up: 2" in page
    assert "sanne@example.com" not in page
    assert "<script>alert" not in page
    number = re.findall(r"/desk/mails/(\d+)/again", page)[0]
    path = f"/desk/mails/{number}/again"
    assert "Send mail again?" in browser.get(path).text
    assert browser.post(path).status_code == 303
    assert "Mails that were given up: 1" in browser.get("/desk/health").text
    assert browser.get(path).status_code == 404
    assert browser.client.post(path, data={"token": browser.token("/desk")}).status_code == 409
    assert len([it for it in desk.mails() if it.kind == MailKind.CONFIRMATION]) == 1
    line = desk.installation.view(list_acts)[0]
    assert (line.kind, line.facts["count"]) == (ActKind.MAIL_SENT_AGAIN, 1)


def test_all_mail_that_still_can_be_is_sent_again(desk: Desk) -> None:
    """D1, O4: what has no use any more stays, with its reason."""
    browser = officer(desk)
    for name in ("a", "b", "c"):
        give_up(desk, f"{name}@example.com")
    assert "3 mails would leave again" in browser.get("/desk/mails/all/again").text
    assert browser.post("/desk/mails/all/again").status_code == 303
    assert "No mail was given up" in browser.get("/desk/health").text
    give_up(desk, "d@example.com")
    desk.wait(timedelta(days=30))
    browser = in_english(desk, "later@example.com", Role.OFFICER)
    page = browser.get("/desk/health").text
    assert "the sign-up has expired or is gone" in page
    for bad in ("0", "-1", "x", "9" * 30):
        assert browser.get(f"/desk/mails/{bad}/again").status_code == 404


def test_an_administrator_gets_numbers(desk: Desk) -> None:
    """K2: no mail of anybody; the acts of the officer are refused, and so is a marketer."""
    give_up(desk, "sanne@example.com")
    browser = in_english(desk, "admin@example.com", Role.ADMIN)
    page = browser.get("/desk/health").text
    assert "Mails that were given up: 1" in page
    assert "no such mailbox" not in page
    assert "/again" not in page
    assert "Audit now" not in page
    token = {"token": browser.token("/desk")}
    assert browser.client.post("/desk/health/audit", data=token).status_code == 403
    assert desk.signed_in(Role.MARKETER).get("/desk/health").status_code == 403


def ended(desk: Desk) -> AuditState:
    for _ in range(600):
        state = desk.installation.view(view_audit)
        if state is not None and state.state != audit_job.RUNNING:
            return state
        time.sleep(0.05)
    raise AssertionError("the audit does not end")  # noqa: TRY003 - of a test


def test_the_log_is_audited_beside_the_server(desk: Desk) -> None:
    """P4, O4: everything matches; a changed row is found, and both stand on the page."""
    browser = officer(desk)
    desk.join()
    assert browser.post("/desk/health/audit", page="/desk/health").status_code == 303
    state = ended(desk)
    assert (state.state, state.findings) == (audit_job.DONE, ())
    page = browser.get("/desk/health").text
    assert f"everything matches the {state.events} events" in page
    assert "The journal was not compared" in page
    desk.installation.write(methodcaller("run", "UPDATE staff_act SET kind = 'slept'"))
    assert browser.post("/desk/health/audit", page="/desk/health").status_code == 303
    state = ended(desk)
    assert state.findings
    assert "not match" in browser.get("/desk/health").text
    trail = desk.installation.view(list_acts)
    assert [it.kind for it in trail if not it.broken] == [ActKind.LOG_AUDITED]
    assert sum(it.broken for it in trail) == 3, "those that were edited"


def test_an_audit_runs_once_and_stops_when_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """P4, O4: a second one is refused while one runs; a process that died is not waited for."""
    browser = officer(desk)
    desk.join()
    monkeypatch.setattr(audit_job, "_NOTED_EVERY", 1)
    now = desk.installation.clock()
    assert desk.installation.run(claim_audit, now=now)
    assert not desk.installation.run(claim_audit, now=now)
    page = browser.get("/desk/health")
    assert 'http-equiv="refresh"' in page.text
    assert "running:" in page.text
    assert (
        browser.client.post("/desk/health/audit", data={"token": browser.token("/desk")}).status_code == 409
    )
    assert browser.post("/desk/health/audit/stop", page="/desk/health").status_code == 303
    run_claimed_audit(desk.installation).join(30)
    assert ended(desk).state == audit_job.STOPPED
    assert "stopped before its end" in browser.get("/desk/health").text
    assert desk.installation.run(claim_audit, now=now)
    assert desk.installation.run(claim_audit, now=now + audit_job.LOST_AFTER)
    desk.installation.run(stop_audit)


def test_a_log_that_is_too_large_is_left_to_the_command(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """P4: beside visitors only what takes seconds is checked."""
    browser = officer(desk)
    desk.join()
    monkeypatch.setattr(audit_job, "MOST_EVENTS", 1)
    assert not desk.installation.run(claim_audit, now=desk.moment)
    assert (
        browser.client.post("/desk/health/audit", data={"token": browser.token("/desk")}).status_code == 409
    )


def test_mail_that_waits_too_long_is_broken(desk: Desk) -> None:
    """O5: by its age: an hour needs attention, a day is broken."""
    browser = officer(desk)
    desk.fill("sanne@example.com")
    assert "Mail leaves in time" in browser.get("/desk/health").text
    for hours, state in ((3, "due"), (30, "wrong")):
        at = to_ms(desk.installation.clock() - timedelta(hours=hours, minutes=1))
        queued = "UPDATE outbox SET created_at = :at WHERE state = 'queued'"
        desk.installation.write(methodcaller("run", queued, at=at))
        page = browser.get("/desk/health").text
        assert re.search(rf'class="status {state}">[^/]*/span> Mail has waited for {hours} hours', page), page


def test_the_findings_of_the_doctor_stand_on_the_page(desk: Desk) -> None:
    """O3, O4: with their cures; before the first examination nothing of them is a pass."""
    browser = officer(desk)
    page = browser.get("/desk/health").text
    assert "The server examines it once a day; it has not yet." in page
    assert "DNS records of your mail (SPF, DKIM, DMARC)" in page
    edition = desk.app_context.edition
    with dns_server(Zones()) as resolver:
        settings = edition.site.settings
        mail_server = settings.mail_server.model_copy(update={"resolver": resolver})
        changed = {"base_url": f"https://localhost:{NOBODY}", "mail_server": mail_server}
        settings = settings.model_copy(update=changed)
        desk.app_context.edition = replace(edition, site=replace(edition.site, settings=settings))
        assert browser.post("/desk/health/examine", page="/desk/health").status_code == 303
    page = browser.get("/desk/health?examined=1").text
    assert "The set-up was examined." in page
    assert "The set-up: spf" in page
    assert "example.com has no SPF record." in page
    assert "v=spf1 include:NAME-THAT-YOUR-MAIL-PROVIDER-TELLS -all" in page
    assert "DNS records of your mail (SPF, DKIM, DMARC)" not in page
    assert "The set-up: waiting-mail" not in page  # the page looks at it itself
    token = {"token": browser.token("/desk")}
    marketer = desk.signed_in(Role.MARKETER)
    assert marketer.client.post("/desk/health/examine", data=token).status_code == 403
