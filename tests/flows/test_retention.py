"""Data leaves by itself: each thing on its own clock, safe beside live traffic, resumed when interrupted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from click.testing import CliRunner

from optin.app.main import main
from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.retention_period import RetentionPeriod
from optin.consent.served_forms import ServedForms
from optin.consent.status_transitions import Status
from optin.flows.delivery.mail_order import MailKind
from optin.flows.retention.sweep_rules import plan, sweep_rules
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.officer_requests import OfficerRequest, hold_on_request, record_officer_request
from optin.flows.rights.personal_link import ask_for_link
from optin.jobs.sweep_runner import sweep
from optin.settings.site import Limits
from tests.export.test_export import lead_export
from tests.installed import KINDS
from tests.web.conftest import site_at
from tests.world import CALL, TIPS, World, about_requests

PHONE = "+31201234567"
YEAR = timedelta(days=365)

RULES = sweep_rules(KINDS.flows)


def sweep_all(world: World) -> dict[str, int]:
    done = sweep(world.installation())
    return {rule: count for rule, count in done.items() if count}


def test_a_consent_ends_with_its_purposes_retention(world: World) -> None:
    """R8: each on its own clock; an event says so; the export refuses it even before the sweep comes."""
    world.join("alice@example.com", TIPS, CALL, phone=PHONE)
    world.wait(timedelta(days=190))  # past six months for calls
    assert lead_export(world, Channel.PHONE)[0] == []
    assert world.status("alice@example.com", CALL) is Status.GIVEN  # the cache waits for the sweep
    assert sweep_all(world)["expired"] == 1
    assert world.status("alice@example.com", CALL) is Status.EXPIRED
    assert world.status("alice@example.com", TIPS) is Status.GIVEN
    assert "expired" not in sweep_all(world)


def test_who_gave_no_consent_leaves_when_the_magnet_is_old(world: World) -> None:
    """R8: leads without any live purpose, delivered magnets past their period, their mails and links."""
    request = world.join("dave@example.com")
    world.join("alice@example.com", TIPS)
    world.send()
    world.wait(YEAR)
    assert "magnets" not in sweep_all(world)
    world.wait(YEAR + timedelta(days=2))
    assert sweep_all(world)["magnets"] == 1
    assert world.count("subject") == 1
    assert world.store.read(lambda tx: tx.one("SELECT 1 FROM request WHERE id = :id", id=request)) is None


def test_proof_outlives_a_consent_and_then_leaves_too(world: World) -> None:
    """R8, P2: kept while it may be needed, five years after the last consent ended; then nothing is left."""
    request = world.join("carol@example.com", TIPS)
    world.send()
    world.withdraw(request)
    world.wait(4 * YEAR)
    assert "leads" not in sweep_all(world)
    assert world.count("subject") == 1
    world.wait(YEAR + timedelta(days=3))
    assert sweep_all(world)["leads"] == 1
    assert [world.count(table) for table in ("subject", "request", "consent", "mail")] == [0, 0, 0, 0]
    assert world.count("suppression") == 1  # that she withdrew outlives it, by a digest


def test_a_lead_that_expired_long_ago_leaves_without_a_sweep_in_between(world: World) -> None:
    """R8: a server that was off for years does it all at once."""
    world.join("alice@example.com", TIPS)
    world.wait(8 * YEAR)
    done = sweep_all(world)
    assert (done["expired"], done["leads"]) == (1, 1)
    assert world.count("suppression") == 0  # nobody objected


def test_a_consent_that_ends_is_asked_once_more(world: World) -> None:
    """R8: one mail, days before, same rules as the first; nothing is longer without the person's yes."""
    world.policy = replace(
        world.policy, ask_again={TIPS: RetentionPeriod.parse("30 days")}, offers=ServedForms([world.form])
    )
    world.join("alice@example.com", TIPS, CALL, phone=PHONE)
    world.send()
    world.wait(timedelta(days=690))
    assert sweep_all(world).get("ending") is None
    world.wait(timedelta(days=20))
    assert sweep_all(world)["ending"] == 1
    (order,) = about_requests(world.send(), MailKind.RENEWAL)
    assert [question.purpose for question in order.questions] == [TIPS]
    assert order.ends_at is not None
    assert "ending" not in sweep_all(world), "once is enough"
    before = world.now
    request = world.store.read(lambda tx: tx.one("SELECT id FROM request WHERE confirmed_at IS NULL"))
    assert request is not None
    world.confirm(request[0])
    until = world.store.read(lambda tx: tx.one("SELECT expires_at FROM consent WHERE purpose = :p", p=TIPS))
    assert until is not None
    assert until[0] / 1000 > (before + timedelta(days=700)).timestamp()


def test_who_does_not_answer_a_reconfirmation_expires(world: World) -> None:
    """R8: silence is no consent."""
    world.policy = replace(
        world.policy, ask_again={TIPS: RetentionPeriod.parse("30 days")}, offers=ServedForms([world.form])
    )
    world.join("bob@example.com", TIPS)
    world.wait(timedelta(days=710))
    sweep_all(world)
    world.send()
    world.wait(timedelta(days=40))
    sweep_all(world)
    assert world.status("bob@example.com", TIPS) is Status.EXPIRED


def test_a_legal_hold_ends_by_itself(world: World) -> None:
    """R6, R8: on its date, and only then."""
    world.join("alice@example.com", TIPS, first_name="Alice")
    index = world.vault.index(parse_email("alice@example.com"))
    until = world.now + YEAR
    world.run(
        hold_on_request, OfficerRequest(index, "vera", "invoice"), ["first_name"], until=until, now=world.now
    )
    world.do(erase_person, context=world.context, email_index=index, reason=BY_PERSON, now=world.now)
    world.wait(YEAR - timedelta(days=1))
    sweep_all(world)
    assert world.count("legal_hold") == 1
    assert lead_export(world)[0] == [], "what is held is used for nothing else"
    world.wait(timedelta(days=2))
    assert sweep_all(world)["holds"] == 1
    assert world.count("legal_hold") == 0


def test_a_sweep_that_is_interrupted_resumes(world: World) -> None:
    """R8, S6: each step is a transaction of its own; what is left comes in the next sweep."""
    world.policy = replace(world.policy, limits=Limits(per_address_per_day=1_000))
    for number in range(250):
        world.sign_up(f"p{number % 7}@example.com", TIPS)
    world.wait(timedelta(days=8))
    first = world.sweep_step("unconfirmed")
    assert 0 < first < 250
    assert sweep_all(world)["unconfirmed"] == 250 - first
    assert world.count("request") == 0


def test_a_dry_run_says_what_a_sweep_does(world: World) -> None:
    """R8: the same numbers, and nothing changes."""
    world.join("dave@example.com")
    world.join("carol@example.com", TIPS)
    world.sign_up("bob@example.com", TIPS)
    world.send()
    world.wait(8 * YEAR)
    rows = [world.count(table) for table in ("request", "subject", "event", "outbox")]
    planned = {
        line.rule.name: line.count
        for line in world.store.read(plan, context=world.sweep_context, rules=RULES)
    }
    assert [world.count(table) for table in ("request", "subject", "event", "outbox")] == rows
    done = sweep(world.installation())
    for rule in ("unconfirmed", "expired", "magnets"):
        assert planned[rule] == done[rule], rule


def test_the_plan_leaves_nothing_out(world: World) -> None:
    """R8: every rule has its line; personal links and records of what was done are counted too."""
    world.join("alice@example.com", TIPS)
    index = world.vault.index(parse_email("alice@example.com"))
    link = partial(ask_for_link, context=world.context, address=parse_email("alice@example.com"), lang="nl")
    world.do(link, now=world.now)
    world.send()
    world.run(record_officer_request, handling=OfficerRequest(index, "o", "w"), what="show", now=world.now)
    world.wait(6 * YEAR)
    planned = world.store.read(plan, context=world.sweep_context, rules=RULES)
    assert [line.rule for line in planned] == list(RULES)
    assert len({line.rule.name for line in planned}) == len(planned)
    assert [world.due(name) for name in ("records", "strays", "notices")] == [1, 0, 1]


def test_the_command_tells_in_a_table_what_would_go_and_why(tmp_path: Path) -> None:
    """R8: --dry-run names each rule with its reason."""
    root = tmp_path / "site"
    site_at(root)
    built = CliRunner().invoke(main, ["build", "--out", str(tmp_path / "out"), "--site", str(root)])
    assert built.exit_code == 0, built.output
    outcome = CliRunner().invoke(main, ["sweep", "--dry-run", "--site", str(root)])
    assert outcome.exit_code == 0, outcome.output
    for words in ("unconfirmed", "leads", "Why", "Nothing was changed."):
        assert words in outcome.output
