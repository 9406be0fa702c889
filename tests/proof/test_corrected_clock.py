"""A clock that was wrong and was corrected: the evidence says so, and holds (O7, P4)."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.consent.wrong_clock import ClockSetBack, explained, set_back_over
from optin.flows.evidence.audit import Audit
from optin.flows.retention.clock_correction import note_set_back
from optin.proof.bundle_zip_file import unpack
from optin.proof.verify_bundle import verify_bundle
from optin.services import steady_clock as clock_module
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.steady_clock import SteadyClock
from optin.store.event_log import integrate, log_frontier, sign_checkpoint
from optin.store.latest_known_time import newest_event
from tests.installed import KINDS
from tests.web.conftest import Visit
from tests.world import NOON, TIPS, World

YEAR, HOUR = timedelta(days=365), timedelta(hours=1)


def audit_of(world: World) -> Audit:
    while world.do(integrate):
        pass
    audit = Audit(world.store.read, world.vault, KINDS.flows)
    for _ in audit.run():
        pass
    return audit


def set_back(world: World, by: timedelta) -> None:
    """Put the clock back, as a running server notices it."""
    was = world.now
    world.now -= by
    assert world.run(note_set_back, was=was, now=world.now)


def checkpoint(world: World) -> None:
    while world.do(integrate):
        pass
    world.do(lambda tx: sign_checkpoint(tx, world.vault, log_frontier(tx), world.now))


@pytest.mark.parametrize("ahead", [timedelta(minutes=20), HOUR, 10 * YEAR])
def test_an_audit_says_that_the_clock_went_back_and_finds_nothing(world: World, ahead: timedelta) -> None:
    """O7, P4: whoever signed up before, meanwhile and afterwards; checkpoints as well."""
    for email in ("before@example.com", "meanwhile@example.com"):
        world.join(email, TIPS)
        checkpoint(world)
        world.now += ahead
    set_back(world, 2 * ahead)
    world.join("afterwards@example.com", TIPS)
    checkpoint(world)
    audit = audit_of(world)
    assert audit.findings == []
    [note] = audit.notes
    assert "the clock went back from" in note


def test_what_is_back_dated_after_a_clock_was_put_back_is_found(world: World) -> None:
    """O7, P4: a noted correction is no licence for what comes later."""
    world.now += YEAR
    world.join("meanwhile@example.com", TIPS)
    set_back(world, YEAR)
    world.now += 30 * HOUR
    world.join("afterwards@example.com", TIPS)
    world.now -= 20 * HOUR
    world.join("back-dated@example.com", TIPS)
    assert any("back-dated" in finding for finding in audit_of(world).findings)
    world.tampered = True


def test_a_clock_that_goes_back_unsaid_is_found(world: World) -> None:
    """P4: as before; only the log itself can say that it went back."""
    world.join("alice@example.com", TIPS)
    world.now -= HOUR
    world.join("bob@example.com", TIPS)
    assert any("back-dated" in finding for finding in audit_of(world).findings)
    world.tampered = True


def test_nobody_without_the_keys_says_that_the_clock_went_back(world: World) -> None:
    """O7, P4: such an event is found, and explains nothing."""
    world.join("alice@example.com", TIPS)
    world.now += HOUR
    world.join("bob@example.com", TIPS)
    body = (
        f'{{"at":"{NOON:%Y-%m-%dT%H:%M:%S.000Z}","kind":"clock-set-back","version":1,'
        '"was":"2099-01-01T00:00:00.000Z"}'
    )
    world.do(
        lambda tx: tx.run(
            "INSERT INTO event(body, leaf, mac) SELECT :body, leaf, leaf FROM event WHERE id = 1", body=body
        )
    )
    audit = audit_of(world)
    assert audit.notes == []
    assert any("was not written by optin" in finding for finding in audit.findings)
    assert any("back-dated" in finding or "changed" in finding for finding in audit.findings)
    world.tampered = True


def test_a_process_may_note_it_a_moment_after_another_wrote(world: World) -> None:
    """O7, O1: several processes write; an event can slip in before the note, or a late one after it."""
    world.now += YEAR
    world.join("meanwhile@example.com", TIPS)
    was = world.now
    world.now -= YEAR
    world.join("quick@example.com", TIPS)
    world.run(note_set_back, was=was, now=world.now)
    right = world.now
    world.now = was + timedelta(minutes=2)  # a process whose clock is still ahead
    world.join("still-ahead@example.com", TIPS)
    world.now = right + timedelta(minutes=2)
    world.join("afterwards@example.com", TIPS)
    assert audit_of(world).findings == []


def test_clocks_that_differ_by_minutes_are_no_tampering(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O7, O1: two servers on one database, twelve minutes apart, in turns."""
    start, apart = world.now, timedelta(minutes=12)
    ahead, behind = SteadyClock(), SteadyClock()
    for step in range(12):
        right = start + step * timedelta(seconds=20)
        clock, offset = ((ahead, apart), (behind, timedelta()))[step % 2]
        monkeypatch.setattr(clock_module, "utc_now", lambda right=right, offset=offset: right + offset)
        clock.learn(world.store.read(newest_event, vault=world.vault))
        world.__dict__["now"] = clock()
        world.join(f"p{step}@example.com", TIPS)
    audit = audit_of(world)
    assert audit.findings == []
    assert audit.notes == []


def test_a_bundle_says_which_moments_are_of_a_clock_that_was_ahead(visit: Visit) -> None:
    """O7, P6: the event that says so stands in it, proven; without it the bundle is not."""
    visit.wait(YEAR)
    delivery = visit.join("alice@example.com", consent=["tips-email"])
    was = visit.moment
    visit.moment -= YEAR
    installation = visit.installation
    note = partial(note_set_back, context=installation.context, was=was, now=visit.moment)
    assert installation.write(note)
    visit.wait(timedelta(minutes=1))
    visit.press(f"/unsubscribe/{delivery.unsubscribe_token}", purpose="tips-email")
    files = unpack(make_bundle(visit.app_context.edition, installation, parse_email("alice@example.com")))
    [name] = [name for name in files if name.startswith("events/") and "clock-set-back" in name]
    report = verify_bundle(files, visit.moment)
    assert report.holds, report.lines
    told = "\n".join(sentence for _, sentence in report.lines)
    assert "by a clock that was ahead" in told
    assert "consent WITHDRAWN" in told
    proof = name.replace("events/", "proofs/").replace(".json", ".tlog-proof")
    fewer = {path: data for path, data in files.items() if path not in {name, proof}}
    without = verify_bundle(fewer, visit.moment)
    assert not without.holds
    assert any("back-dated" in sentence for held, sentence in without.lines if not held)


def test_a_note_explains_only_what_it_says() -> None:
    """O7: between the moments that it names, and near its place."""
    back = ClockSetBack(10, NOON, NOON + YEAR)
    hour = timedelta(hours=1)
    assert explained(9, NOON + hour, NOON + YEAR, [back])
    assert explained(11, NOON + hour, NOON + YEAR, [back])
    assert not explained(11, NOON + hour, NOON + YEAR / 2, [back])
    assert not explained(9, NOON - hour, NOON + YEAR, [back])
    assert not explained(9, NOON + hour, NOON + YEAR + hour, [back])
    assert set_back_over(9, NOON + YEAR, [back]) == back
    assert set_back_over(11, NOON + YEAR, [back]) is None
    assert set_back_over(9, NOON, [back]) is None
