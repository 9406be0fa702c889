"""Checks of what is stored, over both databases, and of what ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from optin.flows.delivery.deliver_mails import Attempt, claim_orders, record_result
from optin.flows.delivery.mail_order import Verdict as MailVerdict
from optin.keys import KeyRing
from optin.rules.contact_rule import ContactRule
from optin.rules.rule_files import rule_book
from optin.services.backup import back_up
from optin.services.doctor.all_checks import CHECKS
from optin.services.doctor.data_checks import (
    check_backup,
    check_dead_mail,
    check_log,
    check_processors,
    check_waiting_mail,
    judge_agreements,
    judge_backup,
    judge_clock,
    judge_rules,
)
from optin.services.doctor.database_checks import (
    check_database,
    check_pooler,
    check_postgres_checksums,
    check_postgres_settings,
    check_postgres_version,
    check_replicas,
    check_sealed_data,
    is_sqlite,
    judge_durability,
    judge_lags,
    judge_version,
)
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import Seen, Verdict
from optin.services.doctor.run_checks import run_checks
from optin.services.event_log_signer import advance_log
from optin.services.open_store import claim_store
from optin.settings.site import Processor
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.sealed_samples import SEALED_COLUMNS, unreadable_tables
from optin.store.sending_claims import ClaimBatch
from tests.web.conftest import Visit

TODAY = date(2026, 12, 1)


@pytest.fixture
def visit(visit: Visit, store_url: str) -> Visit:
    """Let the settings name the store that is open, and the store its keys."""
    edition = visit.app_context.edition
    settings = edition.site.settings.model_copy(update={"store": store_url})
    visit.app_context.edition = replace(edition, site=replace(edition.site, settings=settings))
    claim = partial(claim_store, vault=visit.installation.vault, origin=settings.log_origin)
    visit.installation.store.submit(claim).result()
    return visit


def examined(visit: Visit) -> Examination:
    return Examination(visit.app_context.edition, visit.moment, installation=visit.installation)


def is_file(visit: Visit) -> bool:
    return is_sqlite(examined(visit))


def verdict(seen: Seen | None) -> Verdict:
    assert seen is not None
    return seen.verdict


def test_mail_that_waits_or_was_given_up_is_found(visit: Visit) -> None:
    """O3, D1: by age; mail to staff does not count."""
    assert verdict(check_waiting_mail(examined(visit))) is Verdict.PASSED
    visit.fill("alice@example.com")
    visit.wait(timedelta(minutes=30))
    assert verdict(check_waiting_mail(examined(visit))) is Verdict.PASSED
    visit.wait(timedelta(hours=2))
    assert verdict(check_waiting_mail(examined(visit))) is Verdict.WARNING
    visit.wait(timedelta(hours=23))
    assert verdict(check_waiting_mail(examined(visit))) is Verdict.FAILED
    assert verdict(check_dead_mail(examined(visit))) is Verdict.PASSED
    installation = visit.installation
    claim = partial(
        claim_orders, context=installation.context, batch=ClaimBatch(9), now=visit.moment, suspect=False
    )
    advance_log(installation)
    for order in installation.store.submit(claim).result():
        gone = Attempt(MailVerdict.REFUSED, "550 alice@example.com unknown", b"mail")
        installation.run(record_result, order, gone, now=visit.moment)
    seen = check_dead_mail(examined(visit))
    assert seen.verdict is Verdict.WARNING
    assert "optin mail retry" in seen.cure
    assert verdict(check_processors(examined(visit))) is Verdict.PASSED


def test_no_finding_names_a_person(visit: Visit) -> None:
    """O3, S4: whoever signed up, and whatever the mail server said."""
    visit.fill("alice@example.com")
    visit.wait(timedelta(days=2))
    found = run_checks([it for it in CHECKS if it.part in {"Database", "Data"}], examined(visit))
    assert len(found) >= 9
    assert "alice" not in str(found)


def test_a_log_that_is_not_signed_is_found(visit: Visit) -> None:
    """O3, P6: and one that nobody holds."""
    visit.fill("alice@example.com")
    advance_log(visit.installation)
    seen = check_log(examined(visit))
    assert (seen.verdict, "timestamp" in seen.cure) == (Verdict.WARNING, True)
    visit.fill("bob@example.com")
    visit.installation.integrate()
    visit.wait(timedelta(hours=2))
    assert verdict(check_log(examined(visit))) is Verdict.FAILED


def test_a_backup_is_remembered(visit: Visit, tmp_path: Path) -> None:
    """O3, S7: by the store that was copied; without one SQLite warns, and PostgreSQL is not checked."""
    seen = check_backup(examined(visit))
    assert seen.verdict is (Verdict.WARNING if is_file(visit) else Verdict.NOT_CHECKED)
    back_up(visit.app_context.edition, visit.installation, tmp_path / "copy")
    assert verdict(check_backup(examined(visit))) is Verdict.PASSED
    at = datetime(2026, 12, 1, 3, tzinfo=UTC)
    ages = (timedelta(hours=30), timedelta(days=3), timedelta(days=9))
    verdicts = [judge_backup(age, at).verdict for age in ages]
    assert verdicts == [Verdict.PASSED, Verdict.WARNING, Verdict.FAILED]


def test_data_that_the_keys_do_not_open_is_found(visit: Visit) -> None:
    """O3, S2: by samples of each table, named by table alone."""
    visit.fill("alice@example.com")
    visit.mails()
    seen = check_sealed_data(examined(visit))
    assert seen.verdict is Verdict.PASSED
    foreign = Vault(KeyRing.fresh("serve"))
    broken, tried = visit.installation.store.read(unreadable_tables, vault=foreign)
    assert tried >= 2
    assert {"request", "mail"} <= set(broken)
    examination = examined(visit)
    assert examination.installation is not None
    examination.installation.vault = foreign
    seen = check_sealed_data(examination)
    assert seen.verdict is Verdict.FAILED
    assert "request" in seen.text


def test_every_table_with_sealed_data_is_sampled(visit: Visit) -> None:
    """O3, S2: a table with a column `sealed` is in the list, or says why not."""
    elsewhere = {
        "staff",
        "staff_session",
        "staff_passkey",
        "staff_openid",
        "unsaved_text",  # of the editor, for a day
        "person_search",
    }  # opened at each sign-in or search

    def tables(tx: Tx) -> set[str]:
        sql = (
            "SELECT m.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c ON c.name = 'sealed'"
            if is_file(visit)
            else "SELECT table_name FROM information_schema.columns WHERE column_name = 'sealed'"
        )
        return {row[0] for row in tx.all(sql)}

    assert visit.installation.store.read(tables) - elsewhere == {it.table for it in SEALED_COLUMNS}


def test_the_database_and_its_server_are_looked_at(visit: Visit) -> None:
    """O3, S6: what concerns PostgreSQL alone is no finding of a file."""
    assert verdict(check_database(examined(visit))) is Verdict.PASSED
    checks = (check_postgres_version, check_postgres_settings, check_postgres_checksums, check_pooler)
    seen = [look(examined(visit)) for look in (*checks, check_replicas)]
    if is_file(visit):
        assert seen == [None] * 5
        return
    version, durability, checksums, pooler, replicas = map(verdict, seen)
    assert version is replicas is pooler is Verdict.PASSED
    assert durability is Verdict.FAILED  # the tests' server cuts no power
    assert checksums in {Verdict.PASSED, Verdict.WARNING}


def test_settings_that_lose_data_fail() -> None:
    """O3, S6: with the statements that switch them on."""
    sound = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "remote_write"}
    assert judge_durability(sound).verdict is Verdict.PASSED
    seen = judge_durability({**sound, "synchronous_commit": "off", "fsync": "off"})
    assert seen.verdict is Verdict.FAILED
    assert "ALTER SYSTEM SET fsync = on; ALTER SYSTEM SET synchronous_commit = on" in seen.cure
    assert judge_version(130023, TODAY).verdict is Verdict.WARNING
    assert judge_version(180001, TODAY).verdict is Verdict.PASSED
    assert judge_version(990001, TODAY).verdict is Verdict.PASSED  # newer than this version of optin
    lags: list[tuple[list[float | None], Verdict]] = [
        ([], Verdict.PASSED),
        ([0.0, 3.0], Verdict.PASSED),
        ([0.0, 90.0], Verdict.WARNING),
        ([0.0, None], Verdict.NOT_CHECKED),
    ]
    assert [judge_lags(it).verdict for it, _ in lags] == [expected for _, expected in lags]


def test_a_clock_is_compared_with_others() -> None:
    """O3, O7: the kernel's word counts where no server told the time; a doubt counts most."""
    second = timedelta(seconds=1)
    assert judge_clock("It jumped.", {"a": second}, synchronised=True).verdict is Verdict.FAILED
    assert judge_clock("", {"a": second}, synchronised=None).verdict is Verdict.PASSED
    assert judge_clock("", {"a": second, "b": -40 * second}, synchronised=True).verdict is Verdict.WARNING
    seen = judge_clock("", {"a": second, "b": 400 * second}, synchronised=True)
    assert (seen.verdict, "ahead of that of b" in seen.text) == (Verdict.FAILED, True)
    assert judge_clock("", {}, synchronised=True).verdict is Verdict.PASSED
    assert judge_clock("", {}, synchronised=False).verdict is Verdict.NOT_CHECKED
    assert judge_clock("", {}, synchronised=None).verdict is Verdict.NOT_CHECKED


def processor(ends: str | None) -> Processor:
    return Processor.model_validate({"name": "CRM", "agreement": "2026-01-01", "ends": ends})


@pytest.mark.parametrize(
    ("ends", "expected", "mark"),
    [
        (None, Verdict.PASSED, ""),
        ("2027-06-01", Verdict.PASSED, ""),
        ("2027-01-15", Verdict.WARNING, "crm"),
        ("2026-12-01", Verdict.WARNING, "crm"),
        ("2026-11-30", Verdict.WARNING, "crm!"),
    ],
)
def test_an_agreement_that_ends_is_told_in_time(ends: str | None, expected: Verdict, mark: str) -> None:
    """O3, L9: and that it ended is another finding than that it will."""
    seen = judge_agreements({"crm": processor(ends), "other": processor(None)}, TODAY)
    assert (seen.verdict, seen.mark) == (expected, mark)


def test_a_rule_that_ends_is_told_unless_another_follows() -> None:
    """O3, L8: within a country, on the same channel."""
    country = rule_book().countries["NL"]
    first = country.rules[0]

    def rule(**changes: object) -> ContactRule:
        return first.model_copy(update={"since": date(2024, 1, 1), **changes})

    ends = rule(until=TODAY + timedelta(days=20))
    follows = rule(since=TODAY + timedelta(days=21))
    assert judge_rules([[ends]], TODAY).verdict is Verdict.WARNING
    assert judge_rules([[ends, follows]], TODAY).verdict is Verdict.PASSED
    assert judge_rules([[ends], [follows]], TODAY).verdict is Verdict.WARNING
    assert judge_rules([[rule(until=TODAY + timedelta(days=90))]], TODAY).verdict is Verdict.PASSED
    assert judge_rules([[rule(until=TODAY - timedelta(days=900))]], TODAY).verdict is Verdict.PASSED
