"""Mail that was given up is sent again, where it still says something that is so."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from optin.consent.email_and_telephone import parse_email
from optin.consent.posted_form import ValidEntry
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import RequestId
from optin.flows.consents.resend_confirmation import resend_confirmation
from optin.flows.consents.sign_up import sign_up
from optin.flows.context_with_kinds import SiteContext
from optin.flows.delivery.deliver_mails import Attempt, claim_orders, record_result
from optin.flows.delivery.mail_order import MailKind, Order, Verdict
from optin.flows.delivery.retry_abandoned_mails import STEP, RetryCounts, SkipReason, retry_dead
from optin.flows.retention.sweep_consents import sweep_unconfirmed
from optin.kinds.prize_draw.draw_winners import DRAWN
from optin.kinds.webinar.mail_schedule import WebinarMail
from optin.services.open_installation import open_installation
from optin.services.site_edition import keep_edition, load_edition
from optin.store.database_interface import Tx
from optin.store.mail_outbox import MAX_STARTS, NoticeMail, enqueue, enqueue_notice
from optin.store.requests import load_request
from optin.store.sending_claims import ClaimBatch
from tests.installed import KINDS
from tests.site.conftest import site as site  # noqa: PLC0414 - a fixture
from tests.world import TIPS, World


def retry(world: World, *, dry_run: bool = False) -> RetryCounts:
    """Put back what can be, in steps."""
    done = RetryCounts()
    while True:
        before = done.last
        step = partial(retry_dead, context=world.context, after=before, now=world.now, dry_run=dry_run)
        done.add(world.do(step))
        if done.last == before:
            return done


def die(world: World) -> list[Order]:
    """Give up every mail that is due."""
    orders = world.claim()
    for order in orders:
        world.settle(order, Verdict.REFUSED)
    return orders


def test_a_confirmation_that_was_given_up_is_sent_with_a_fresh_link(world: World) -> None:
    """D1, D4: its link and its code live from the moment that it leaves, as it says."""
    request = world.sign_up("alice@example.com", TIPS)
    die(world)
    world.wait(timedelta(days=6, hours=23))
    done = retry(world)
    assert (dict(done.again), dict(done.skipped)) == ({"confirmation": 1}, {})
    world.wait(timedelta(days=2))
    assert world.do(sweep_unconfirmed, context=world.sweep_context) == 0  # kept for the mail
    order = world.mail(MailKind.CONFIRMATION)
    assert order.expires_at == world.now + timedelta(hours=72)
    assert world.vault.links.read(LinkKind.CONFIRM, order.confirm_token, world.now, None) == request
    world.wait(timedelta(hours=71))
    assert world.confirm(request).granted


def test_it_is_tried_for_a_week_anew(world: World) -> None:
    """D1: from the moment that it was put back."""
    world.sign_up("alice@example.com", TIPS)
    die(world)
    world.wait(timedelta(days=5))
    retry(world)
    for _ in range(2):
        world.wait(timedelta(days=3))
        (order,) = world.claim()
        world.settle(order, Verdict.LATER)
    world.wait(timedelta(days=2))
    (order,) = world.claim()
    world.settle(order, Verdict.LATER)
    assert dict(retry(world).again) == {"confirmation": 1}


def test_a_confirmation_of_what_has_expired_is_not_sent(world: World) -> None:
    """D6: its request goes with the next sweep; nobody is written to about it."""
    world.sign_up("alice@example.com", TIPS)
    die(world)
    world.wait(timedelta(days=7, minutes=1))
    assert dict(retry(world).skipped) == {SkipReason.EXPIRED: 1}
    assert world.claim() == []
    world.do(sweep_unconfirmed, context=world.sweep_context)
    assert retry(world) == RetryCounts()


def test_what_needs_no_asking_any_more_is_not_sent(world: World) -> None:
    """D4: confirmed meanwhile by an earlier mail, or asked again by a later one."""
    confirmed = world.sign_up("alice@example.com", TIPS)
    world.mail(MailKind.CONFIRMATION)
    assert world.run(resend_confirmation, request=confirmed, now=world.now)
    die(world)
    world.confirm(confirmed)
    world.mail(MailKind.DELIVERY)
    followed = world.sign_up("bob@example.com", TIPS)
    die(world)
    assert world.run(resend_confirmation, request=followed, now=world.now)
    done = retry(world)
    assert dict(done.skipped) == {SkipReason.CONFIRMED: 1, SkipReason.FOLLOWED: 1}
    assert not done.again


def test_a_magnet_that_was_given_up_is_delivered(world: World) -> None:
    """D1, S8: with a fresh download link."""
    world.join("alice@example.com", TIPS)
    world.mail(MailKind.DELIVERY)
    request = world.join("bob@example.com", TIPS)
    world.check_evidence()
    (order,) = [it for it in die(world) if it.kind is MailKind.DELIVERY]
    assert order.recipient == "bob@example.com"
    world.wait(timedelta(days=20))
    assert dict(retry(world).again) == {"delivery": 1}
    delivery = world.mail(MailKind.DELIVERY)
    assert delivery.expires_at is not None
    assert delivery.expires_at > world.now
    assert world.do(load_request, request=request) is not None


def test_what_has_nothing_to_say_is_left(world: World) -> None:
    """D1: a reminder of nothing, a result of nothing, a link that was forgotten, a magnet of nobody."""
    request = world.join("alice@example.com", TIPS)
    world.mail(MailKind.DELIVERY)
    unconfirmed = world.sign_up("bob@example.com", TIPS)
    for kind, about in (
        (WebinarMail.DAY, request),
        (DRAWN, request),
        (MailKind.DELIVERY, unconfirmed),
    ):
        world.do(_dead, kind=kind, request=about, world=world)
    told = {"email": "alice@example.com", "lang": "nl"}
    index = world.vault.index(parse_email("alice@example.com"))
    gone = NoticeMail("personal", index, told)
    world.do(lambda tx: enqueue_notice(tx, world.vault, gone, "example.com", world.now))
    world.do(lambda tx: tx.run("UPDATE outbox SET state = 'dead', sealed = NULL WHERE kind = 'personal'"))
    assert dict(retry(world).skipped) == {
        SkipReason.UNKNOWN: 2,
        SkipReason.NOTHING: 1,
        SkipReason.FORGOTTEN: 1,
    }


def _dead(tx: Tx, *, kind: str, request: RequestId, world: World) -> None:
    enqueue(tx, kind, request, "example.com", world.now)
    tx.run("UPDATE outbox SET state = 'dead' WHERE kind = :kind AND request_id = :id", kind=kind, id=request)


def test_a_mail_that_killed_its_couriers_is_tried_alone(world: World) -> None:
    """S6: put back, it takes no innocent mail along."""
    world.sign_up("alice@example.com", TIPS)
    world.do(lambda tx: tx.run("UPDATE outbox SET starts = :most", most=MAX_STARTS))
    assert world.claim() == []
    assert dict(retry(world).again) == {"confirmation": 1}
    assert world.claim() == []
    assert len(world.claim(1, suspect=True)) == 1


def test_looking_changes_nothing_and_steps_end(world: World) -> None:
    """O1: more mails than one step takes; each is counted once, and put back once."""
    people = STEP + 3
    for number in range(people):
        world.sign_up(f"p{number}@example.com", TIPS)
    die(world)
    assert dict(retry(world, dry_run=True).again) == {"confirmation": people}
    assert world.claim() == []
    assert dict(retry(world).again) == {"confirmation": people}
    assert retry(world) == RetryCounts()
    assert len(world.claim()) == people


def test_a_mail_that_is_late_names_no_page_that_is_closed(world: World) -> None:
    """D3: the code is typed on the page after the form, which does not wait; the link is enough."""
    world.sign_up("alice@example.com", TIPS)
    world.wait(timedelta(days=2, hours=23))
    (order,) = world.claim()
    world.settle(order, Verdict.LATER)
    assert getattr(order, "code", "")
    world.wait(timedelta(hours=2))
    late = world.mail(MailKind.CONFIRMATION)
    assert late.code == ""
    assert late.confirm_token


def command(site: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["mail", "retry", "--site", str(site), *words])


def test_the_command_says_how_many_and_why(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D1, O1: how many are put back, by kind; how many not, by reason; and what waited is tried now."""
    monkeypatch.delenv("OPTIN_STORE", raising=False)
    built = CliRunner().invoke(main, ["build", "--site", str(site), "--out", str(site.parent / "out")])
    assert built.exit_code == 0
    assert "No mail is given up." in command(site).output
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    form = next(iter(edition.publication.forms.values()))
    policy = edition.policy
    with open_installation(edition.site.settings, policy, KINDS) as installation:
        keep_edition(installation.store, edition, installation.clock())

        def asked(email: str, verdict: Verdict, ago: timedelta = timedelta()) -> None:
            now = installation.clock() - ago
            entry = ValidEntry(parse_email(email), (), ())
            installation.write(
                sign_up,
                context=SiteContext(installation.vault, policy, KINDS.flows),
                form=form,
                entry=entry,
                now=now,
            )
            claim = partial(
                claim_orders,
                context=SiteContext(installation.vault, policy, KINDS.flows),
                batch=ClaimBatch(9),
                now=now,
                suspect=False,
            )
            for order in installation.write(claim):
                installation.run(record_result, order, Attempt(verdict, "554"), now=now)

        asked("old@example.com", Verdict.REFUSED, timedelta(days=8))
        asked("alice@example.com", Verdict.REFUSED)
        asked("bob@example.com", Verdict.REFUSED)
        asked("carol@example.com", Verdict.LATER)
    first = command(site, "--dry-run").output
    assert "2 mails would be put back to be sent: 2 confirmation." in first
    assert "Nothing was changed." in first
    outcome = command(site)
    assert outcome.exit_code == 0, outcome.output
    assert "2 mails are put back to be sent: 2 confirmation." in outcome.output
    assert "1 mail is not:\n  1: the request has expired, or is gone" in outcome.output
    assert "1 mail that waited for another try is tried now." in outcome.output
    assert "example.com" not in outcome.output
    assert "put back" not in command(site).output
