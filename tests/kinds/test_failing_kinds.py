"""A kind that raises where it is called: what is undone, what waits, and what goes on all the same."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.form_version import Slug
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.kind_specific_details import Details
from optin.consent.purpose import PurposeId
from optin.consent.status_transitions import Status
from optin.errors import KindFailed
from optin.flows.consents.confirm import view_confirmation
from optin.flows.delivery.magnet_changes import notify_kinds, with_removed
from optin.flows.delivery.retry_abandoned_mails import SkipReason, retry_dead
from optin.flows.evidence.audit import Audit
from optin.flows.kind_flow_hooks import FlowPart
from optin.flows.request_policy import KnownMagnet
from optin.flows.rights.personal_data import view_personal
from optin.flows.sweep_rule import SweepRule
from optin.jobs.sweep_runner import sweep
from optin.store.magnet_promises import PromisedDetails, keep_details
from optin.store.mail_outbox import enqueue
from tests.installed import KINDS
from tests.world import TIPS, World, open_world

PERSON = "alice@example.com"
SQL = "INSERT INTO subject(id) VALUES (NULL)"


@pytest.fixture
def world(store_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Open a world; its evidence is checked at the end."""
    opened = open_world(store_url, tmp_path_factory.mktemp("world"))
    yield opened
    opened.kinds = KINDS.flows
    opened.check_evidence()
    opened.store.close()


def fail(*_: object) -> Any:
    """Fail as a program of somebody else may."""
    raise ZeroDivisionError(PERSON)


def fail_in_sql(tx: Any, *_: object) -> Any:
    """Fail in the database, after a write."""
    tx.run("UPDATE outbox SET attempts = attempts + 1000")
    tx.run(SQL)


def work_by(world: World, part: FlowPart) -> None:
    """Let magnets of the world's form be of a kind that has this part."""
    parts = {world.form.declaration.kind: part}
    world.kinds = PartsByKind(FlowPart(), lambda: tuple(parts), parts.get)


@pytest.mark.parametrize("failing", [fail, fail_in_sql])
def test_a_confirmation_is_undone_and_the_link_still_works(world: World, failing: Any) -> None:
    """D1, S6: nothing of it stays; when the kind is mended, the same click confirms."""
    work_by(world, FlowPart(on_confirmed=failing))
    request = world.sign_up(PERSON, TIPS)
    world.send()
    world.wait(timedelta(seconds=1))
    with pytest.raises(Exception, match=r".") as raised:
        world.confirm(request)
    if failing is fail:
        assert isinstance(raised.value, KindFailed)
        assert (raised.value.status, PERSON in raised.value.log_line) == (503, False)
    assert [world.count(table) for table in ("subject", "consent")] == [0, 0]
    assert world.send() == []
    work_by(world, FlowPart())
    world.confirm(request)
    assert world.status(PERSON, TIPS) is Status.GIVEN


@pytest.mark.parametrize("failing", [fail, fail_in_sql])
def test_a_person_is_told_everything_else(
    world: World, failing: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """R1, S6: the page, the receipt and the person's data come, without what the kind has to tell."""
    work_by(world, FlowPart(person_status=failing))
    request = world.join(PERSON, TIPS)
    assert [order.kind for order in world.send()] == ["delivery"]
    seen = world.view(view_confirmation, request=request, now=world.now)
    assert (seen.own, len(seen.granted)) == (None, 1)
    index = world.vault.index(EmailAddress(PERSON))
    data = world.view(view_personal, email_index=index, now=world.now)
    assert [it.kept for it in data.requests] == [{}]
    assert "the kind white-paper cannot report" in caplog.text
    assert PERSON not in caplog.text


@pytest.mark.parametrize("failing", [fail, fail_in_sql])
def test_a_mail_waits_and_keeps_no_other_waiting(world: World, failing: Any) -> None:
    """D1, S6: the others leave; it is given up after a week, and says of which kind it was."""
    work_by(world, FlowPart(mails=frozenset({"parcel-sent"}), fill_mail=failing))
    request = world.join(PERSON, TIPS)
    world.send()
    world.do(enqueue, kind="parcel-sent", request=request, domain="example.com", now=world.now)
    world.sign_up("bob@example.com", TIPS)
    assert [order.recipient for order in world.send()] == ["bob@example.com"]
    (row,) = world.do(
        lambda tx: tx.all("SELECT state, last_reply, attempts FROM outbox WHERE kind = 'parcel-sent'")
    )
    assert row[0] == "queued"
    assert str(row[1]).startswith("the kind white-paper failed: ")
    assert row[2] == 1, "what the kind wrote before it failed is undone"
    world.wait(timedelta(days=8))
    assert world.send() == []
    (row,) = world.do(lambda tx: tx.all("SELECT state FROM outbox WHERE kind = 'parcel-sent'"))
    assert row[0] == "dead"
    assert dict(world.run(retry_dead, after=0, now=world.now).skipped)[SkipReason.FAILED] == 1


def test_other_rules_and_warnings_are_done(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """R8, S6: the sweep tells the failure when it did the rest."""
    rule = SweepRule("parcels", "parcels", "sent", due=fail, step=fail)
    work_by(world, FlowPart(sweep_rules=(rule,), warnings=fail))
    world.sign_up(PERSON, TIPS)
    world.join("carol@example.com", TIPS)
    world.wait(timedelta(days=3650))
    with caplog.at_level(logging.WARNING), pytest.raises(ZeroDivisionError):
        sweep(world.installation())
    assert world.count("request") == 0
    assert "the kind white-paper cannot report what waits for you: ZeroDivisionError" in caplog.text
    assert PERSON not in caplog.text


def test_an_audit_finds_that_a_kind_cannot_be_audited(world: World) -> None:
    """P4: that is a finding; everything else is looked at."""
    work_by(world, FlowPart(audit=fail, audit_confirmed=fail))
    world.join(PERSON, TIPS, PurposeId("follow-up-phone"))
    world.sign()
    audit = Audit(world.store.read, world.vault, world.kinds)
    assert sum(audit.run()) == audit.events > 0
    said = "what the kind white-paper keeps cannot be audited: ZeroDivisionError"
    assert audit.findings == [said, said]


def test_a_site_whose_kind_fails_is_refused_and_nothing_of_it_stored(world: World) -> None:
    """W10, S6: a sentence that names the kind, for whoever starts a server or reloads its site."""
    work_by(world, FlowPart(on_published=fail))
    kind = world.form.declaration.kind
    policy = replace(world.policy, magnets={"x": KnownMagnet(kind, Slug("x"), Details())})
    with pytest.raises(KindFailed, match=f"the kind {kind} failed: ZeroDivisionError"):
        world.do(notify_kinds, policy, world.kinds)


def test_a_removed_magnet_that_its_kind_cannot_read_is_left_out(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """S6: the others are there; the log names the kind."""
    work_by(world, FlowPart(read_kept=fail))
    kind = world.form.declaration.kind
    world.do(keep_details, PromisedDetails("gone", "gone", kind, "{}"))
    policy = world.do(with_removed, world.policy, world.kinds)
    assert policy.magnets == world.policy.magnets
    assert "a removed magnet is left out: " in caplog.text
    assert kind in caplog.text
    assert PERSON not in caplog.text
