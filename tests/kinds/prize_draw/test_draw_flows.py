"""Prize draws: entering, fixing, drawing, telling, forgetting; and a stranger who works it all out again."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.consent.form_version import FormDeclaration, FormField, details_text
from optin.consent.retention_period import RetentionPeriod
from optin.consent.status_transitions import RequestId
from optin.errors import RequestRefused
from optin.flows.consents.confirm import view_confirmation
from optin.flows.delivery.mail_order import MailKind
from optin.flows.evidence.audit import Audit
from optin.flows.request_policy import KnownMagnet
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.personal_data import view_personal
from optin.jobs.sweep_runner import sweep
from optin.kinds.prize_draw.details import ANSWER_FIELD, Contest, PrizeDraw
from optin.kinds.prize_draw.draw_lots import canonical_seed, draw_order
from optin.kinds.prize_draw.draw_winners import DRAWN, draw_winners, fix_entries, publication_of, read_winners
from optin.kinds.prize_draw.participation import participation
from optin.kinds.prize_draw.stored_entries import DrawList, DrawResult, entry_of, load_list, load_result
from optin.services.event_log_signer import advance_log
from optin.store.database_interface import Tx
from optin.store.event_log import integrate, log_frontier, sign_checkpoint
from optin.store.latest_known_time import store_clock_mark
from tests.conftest import THOROUGH
from tests.installed import KINDS
from tests.stranger import past_triggers
from tests.world import DECLARATION, NOON, TIPS, World, about_requests, form_version

SLUG = "koud-bellen"
CLOSES = NOON.replace(microsecond=0) + timedelta(hours=8)
PROMISE = PrizeDraw(
    "Een boek", 20, 2, CLOSES, "Europe/Amsterdam", 18, "T.", "", "De slotkoers van de AEX",
    CLOSES + timedelta(days=2), RetentionPeriod.parse("3 months"), "Antwoord met uw adres.",
)  # fmt: skip
STRANGER = Path(__file__).parents[2] / "draw_again.py"


def declaration_of(promise: PrizeDraw) -> FormDeclaration:
    fields = (FormField(ANSWER_FIELD, "Hoeveel?", "Om mee te doen", required=True),)
    return replace(
        DECLARATION,
        kind="prize-draw",
        file="",
        fields=fields if promise.contest else (),
        details=details_text(promise.declared()),
    )


def hold(world: World, promise: PrizeDraw = PROMISE) -> None:
    """Serve the form of a draw."""
    world.policy = replace(world.policy, magnets={SLUG: KnownMagnet("prize-draw", SLUG, promise)})
    world.serve(form_version("draw", declaration_of(promise)))


def told(world: World, request: RequestId) -> Any:
    """Return how a person takes part, as the page after the confirmation tells it."""
    return world.view(view_confirmation, request=request, now=world.now).own


def ticket(world: World, request: RequestId) -> str:
    entry = world.store.read(entry_of, request=request)
    assert entry is not None
    return entry.ticket


def close(world: World) -> DrawList:
    """Let the draw close; the sweep fixes the entries."""
    world.now = CLOSES + timedelta(minutes=2)
    assert sweep(world.installation())["draws"] == 1
    fixed = world.store.read(load_list, magnet=SLUG)
    assert fixed is not None
    return fixed


def draw(world: World, seed: str = "912,34 18477,10") -> DrawResult:
    """Wait for the seed and draw."""
    world.now = max(world.now, PROMISE.seed_at + timedelta(hours=1))
    result = world.run(draw_winners, magnet=SLUG, typed=seed, now=world.now)
    advance_log(world.installation())
    return result


def test_a_stranger_works_out_the_same_winners(world: World, tmp_path: Path) -> None:
    """M2, P4: from the published file and log alone, by a script that knows nothing of optin."""
    hold(world)
    for number in range(9):
        world.join(f"p{number}@example.com", *((TIPS,) if number % 2 else ()))
    fixed = close(world)
    assert len(fixed.tickets) == 9
    result = draw(world)
    published = world.store.read(publication_of, magnet=SLUG)
    leaves = world.store.read(lambda tx: tx.all("SELECT leaf FROM log_leaf ORDER BY seq"))
    (tmp_path / "log").write_bytes(b"".join(bytes(row[0]) for row in leaves))

    def again(data: bytes) -> subprocess.CompletedProcess[str]:
        (tmp_path / "draw.json").write_bytes(data)
        command = [sys.executable, "-I", str(STRANGER), str(tmp_path / "draw.json"), str(tmp_path / "log")]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = again(published or b"")
    assert done.returncode == 0, done.stderr
    assert tuple(done.stdout.split()) == result.winners
    assert len(result.winners) == 2
    told = json.loads(published or b"")
    for lie in (
        {"winners": told["winners"][::-1]},
        {"seed": "912,35 18477,10"},
        {"order": told["order"][1:]},
        {"passed_over": told["winners"][:1]},
        {"drawn": told["fixed"]},
    ):
        assert again(json.dumps({**told, **lie}).encode()).returncode == 1, lie


def test_nothing_personal_is_published(world: World) -> None:
    """M2, S4: tickets and a seed, before and after; no name, no address."""
    hold(world)
    world.join("alice@example.com")
    assert world.store.read(publication_of, magnet=SLUG) is None
    close(world)
    before = json.loads(world.store.read(publication_of, magnet=SLUG) or b"")
    assert "winners" not in before
    assert len(before["tickets"]) == 1
    draw(world)
    after = world.store.read(publication_of, magnet=SLUG) or b""
    assert b"alice" not in after
    assert b"@" not in after.replace(b"\\n", b"")


def test_one_person_enters_once(world: World) -> None:
    """M2: capitals, a plus and the same form twice are one entry, the first; the others are told so."""
    hold(world)
    first = world.join("alice@example.com")
    second = world.join("Alice+more@example.com")
    third = world.join("alice@example.com", TIPS)
    for request, state in ((first, "in"), (second, "twice"), (third, "twice")):
        part = told(world, request)
        assert part is not None
        assert part.state == state
    assert close(world).tickets == (ticket(world, first),)


def test_a_ticket_is_the_leaf_of_the_confirmation_in_the_receipt(world: World) -> None:
    """M2, P5: the entrant holds the proof that the ticket is in the log."""
    hold(world)
    request = world.join("alice@example.com", TIPS)
    order = world.mail(MailKind.DELIVERY)
    assert order.own is not None
    assert order.own.ticket.full == ticket(world, request)
    leaves = world.store.read(
        lambda tx: tx.all(
            "SELECT leaf FROM event WHERE request_id = :r AND body LIKE '%confirmed%'", r=request
        )
    )
    assert [bytes(row[0]).hex() for row in leaves] == [order.own.ticket.full]


def test_who_gives_no_consent_has_the_same_chance(world: World) -> None:
    """M2, 7(4): both choices enter alike: the list tells them apart by nothing."""
    hold(world)
    with_, without = world.join("alice@example.com", TIPS), world.join("bob@example.com")
    assert set(close(world).tickets) == {ticket(world, with_), ticket(world, without)}


def test_a_confirmation_after_the_closing_enters_nothing_and_keeps_its_consents(world: World) -> None:
    """M2: the moment of the confirmation counts; what was ticked holds all the same."""
    hold(world)
    early = world.join("alice@example.com")
    late, later = world.sign_up("bob@example.com", TIPS), world.sign_up("carol@example.com", TIPS)
    world.now = CLOSES  # the list is fixed a minute later
    outcomes = [world.confirm(late)]
    fixed = close(world)
    for outcome in (*outcomes, world.confirm(later)):
        assert told(world, outcome.request).state == "late"
        assert [given.question.purpose for given in outcome.granted] == [TIPS]
    assert fixed.tickets == (ticket(world, early),)
    assert world.store.read(load_list, magnet=SLUG) == fixed


def test_the_list_is_fixed_and_signed_before_the_seed(world: World) -> None:
    """M2, P4: not while it is open, not when the seed may be known; the event is under a checkpoint."""
    hold(world)
    world.join("alice@example.com")
    fix = partial(fix_entries, context=world.context, magnet=SLUG, promise=PROMISE)
    with pytest.raises(RequestRefused, match="takes entries until"):
        world.do(fix, now=CLOSES)
    with pytest.raises(RequestRefused, match="not fixed before"):
        world.do(fix, now=PROMISE.seed_at)
    assert world.count("draw_list") == 0
    fixed = close(world)
    told = json.loads(world.store.read(publication_of, magnet=SLUG) or b"")
    assert told["checkpoint_at"] < told["seed_at"]
    assert world.do(fix, now=world.now) == fixed
    other = replace(PROMISE, closes=CLOSES + timedelta(days=365))
    with pytest.raises(RequestRefused, match="address of its own"):
        world.do(fix, promise=other, now=world.now)


def test_a_draw_is_done_once(world: World) -> None:
    """M2: not before its moment; the same seed shows the same result, another is refused."""
    hold(world)
    with pytest.raises(RequestRefused, match="not fixed"):
        draw(world)
    world.now = NOON
    for number in range(5):
        world.join(f"p{number}@example.com")
    close(world)
    again = partial(draw_winners, context=world.context, magnet=SLUG, now=world.now)
    with pytest.raises(RequestRefused, match="may be typed in from"):
        world.do(again, typed="912,34 18477,10")
    result = draw(world)
    events = world.count("event")
    assert draw(world, " 912.34 / 18477.10 ") == result
    assert world.count("event") == events
    with pytest.raises(RequestRefused, match="another seed"):
        draw(world, "912,34 18477,11")
    with pytest.raises(RequestRefused, match="letters"):
        draw(world, "1")


def test_who_was_erased_is_passed_over_and_the_list_stays(world: World) -> None:
    """M2, R5: an erasure takes nobody else's chance, and is seen in the result."""
    hold(world)
    people = [f"p{number}@example.com" for number in range(6)]
    requests = {ticket(world, world.join(email)): email for email in people}
    fixed = close(world)
    order = draw_order(canonical_seed("912,34 18477,10"), fixed.tickets)
    gone = world.vault.index(parse_email(requests[order[0]]))
    world.do(erase_person, context=world.context, email_index=gone, reason=BY_PERSON, now=world.now)
    result = draw(world)
    told = json.loads(result.transcript)
    assert told["passed_over"] == order[:1]
    assert list(result.winners) == order[1:3]
    assert sorted(told["order"]) == list(fixed.tickets)


def test_everybody_is_told_once_and_winners_how_to_claim(world: World) -> None:
    """M2: in a mail of its own, without advertisement; the officer reads who won, and that is recorded."""
    hold(world)
    for number in range(5):
        world.join(f"p{number}@example.com")
    world.send()
    close(world)
    result = draw(world)
    assert sweep(world.installation())["results"] == 5
    assert sweep(world.installation())["results"] == 0
    told = about_requests(world.send(), DRAWN)
    assert len(told) == 5
    won = [order.recipient for order in told if order.own.won]
    read = partial(read_winners, context=world.context, result=result, who="officer", why="prize draw")
    winners = world.do(read, now=world.now)
    assert {it.email for it in winners} == {*won}
    assert [it.place for it in winners] == [1, 2]
    index = world.vault.index(parse_email(won[0]))
    see = partial(view_personal, context=world.context, email_index=index, now=world.now)
    data = world.store.read(see)
    assert [it.what for it in data.handled] == ["draw"]
    assert data.requests[0].kept["ticket"] in result.winners


def test_entries_go_after_the_term_and_consents_stay(world: World) -> None:
    """M2, R8: whoever gave no consent is erased; with one, the request is its proof, and the ticket goes."""
    hold(world)
    world.join("alice@example.com", TIPS)
    world.join("bob@example.com")
    close(world)
    draw(world)
    sweep(world.installation())
    world.send()
    world.wait(timedelta(days=80))
    assert sweep(world.installation())["entries"] == 0
    world.wait(timedelta(days=20))
    assert sweep(world.installation())["entries"] == 2
    assert world.count("draw_entry") == 0
    assert world.count("subject") == world.count("request") == 1
    assert world.status("alice@example.com", TIPS) == "given"
    assert world.store.read(load_result, magnet=SLUG) is not None


def test_a_draw_that_nobody_wins_is_told_as_drawn(world: World) -> None:
    """M2: when no answer was right, nobody reads for ever that the draw is still to come."""
    promise = replace(PROMISE, contest=Contest("Hoeveel?", ("42",)))
    hold(world, promise)
    request = world.join("wrong@example.com", answer="41")
    see = partial(participation, request=RequestId(request), form=declaration_of(promise))
    assert close(world).tickets == ()
    before = world.store.read(see)
    assert draw(world).winners == ()
    after = world.store.read(see)
    assert before is not None
    assert after is not None
    assert (before.drawn, after.drawn, after.won, after.answer_counts) == (False, True, False, False)


@pytest.mark.parametrize("store_url", ["postgres"], indirect=True)  # SQLite has one writer at a time
def test_of_two_who_fix_or_draw_at_once_the_first_stands(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M2, P4: whoever looked before the other had written gets the other's list and result, logged once."""
    hold(world)
    world.join("alice@example.com")
    fixed = close(world)
    look = {"load_list": load_list, "load_result": load_result}

    def too_early(name: str) -> None:
        looked = [None]  # once
        monkeypatch.setattr(
            f"optin.kinds.prize_draw.draw_winners.{name}",
            lambda tx, magnet: looked.pop() if looked else look[name](tx, magnet),
        )

    too_early("load_list")
    assert world.run(fix_entries, magnet=SLUG, promise=PROMISE, now=world.now) == fixed
    result = draw(world)
    too_early("load_result")
    assert draw(world) == result
    too_early("load_result")
    with pytest.raises(RequestRefused, match="another seed"):
        draw(world, "1234567")
    audit = Audit(world.store.read, world.vault, KINDS.flows)
    list(audit.run())
    assert audit.findings == []


def test_only_right_answers_take_part_in_a_contest(world: World) -> None:
    """M2: a wrong answer looks the same until the draw, counts as the one entry, and is not in the list."""
    hold(world, replace(PROMISE, contest=Contest("Hoeveel?", ("42", "tweeënveertig"))))
    right = world.join("alice@example.com", answer="Tweeenveertig.")
    wrong = world.join("bob@example.com", answer="41")
    again = world.join("bob@example.com", answer="42")
    assert [told(world, request).state for request in (right, wrong, again)] == ["in", "in", "twice"]
    assert close(world).tickets == (ticket(world, right),)
    draw(world)
    sweep(world.installation())
    mailed = {it.recipient: it.own for it in about_requests(world.send(), DRAWN)}
    assert sorted(part.answer_counts for part in mailed.values()) == [False, True]
    index = world.vault.index(parse_email("bob@example.com"))
    see = partial(view_personal, context=world.context, email_index=index, now=world.now)
    assert "answer" not in world.store.read(see).contact


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE draw_list SET tickets = :other",
        "UPDATE draw_list SET event = 'torn'",
        "UPDATE draw_result SET transcript = :other",
        "UPDATE draw_result SET transcript = :torn",
        "UPDATE draw_result SET winners = '[]'",
        "DELETE FROM draw_result",
        "DELETE FROM draw_list",
    ],
)
def test_an_edited_draw_is_found(world: World, edit: str) -> None:
    """M2, P4: the audit works each draw out again, and holds it against the log."""
    hold(world)
    world.join("alice@example.com")
    close(world)
    draw(world)
    world.tampered = True
    values = {"other": b"{}", "torn": b"\xff"}
    past_triggers(world.store, edit, **{it: data for it, data in values.items() if f":{it}" in edit})
    world.do(integrate)
    audit = Audit(world.store.read, world.vault, KINDS.flows)
    list(audit.run())
    assert [finding for finding in audit.findings if "draw of koud-bellen" in finding], audit.findings


class Counting:
    """A transaction that counts what is asked of it."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        if name in {"run", "one", "all", "many", "each"}:
            self.asked += 1
        return getattr(self._tx, name)


def test_a_large_draw_asks_the_store_no_more_than_a_small_one(world: World) -> None:
    """M2: any number of entries is one list, fixed and drawn with as many statements as ten."""
    asked: list[int] = []

    def fill(tx: Tx, count: int) -> None:
        ids = [number.to_bytes(16, "big") for number in range(count)]
        tx.run("DELETE FROM draw_entry")
        tx.run("DELETE FROM request")
        tx.many(
            "INSERT INTO request(id, email_index, form, sealed, created_at, erase_at)"
            " VALUES (:id, :id, :form, :id, 1, 1)",
            [{"id": it, "form": world.form.digest} for it in ids],
        )
        tx.many(
            "INSERT INTO draw_entry(request_id, magnet, mailbox, ticket, state)"
            " VALUES (:id, 'koud-bellen', :id, :ticket, 'in')",
            [{"id": it, "ticket": 2 * it.hex()} for it in ids],
        )

    def whole(tx: Tx) -> None:
        counting = Counting(tx)
        store_clock_mark(tx, world.vault, CLOSES)
        fix = partial(fix_entries, context=world.context, magnet=SLUG, promise=PROMISE)
        fix(cast("Tx", counting), now=CLOSES + timedelta(minutes=2))
        integrate(tx)
        sign_checkpoint(tx, world.vault, log_frontier(tx), CLOSES + timedelta(minutes=2))
        seed, now = "912,34 18477,10", PROMISE.seed_at + timedelta(hours=1)
        store_clock_mark(tx, world.vault, now)
        result = draw_winners(cast("Tx", counting), world.context, SLUG, seed, now)
        assert len(result.winners) == PROMISE.winners
        asked.append(counting.asked)
        raise Undone

    hold(world)
    for count in (10, 100_000 if THOROUGH else 10_000):
        world.do(fill, count=count)
        with pytest.raises(Undone):
            world.do(whole)
    assert asked[0] == asked[1] < 30
    world.tampered = True  # these requests are nobody's


class Undone(Exception):
    """Rolls a transaction back."""


def test_a_promise_that_changed_after_people_entered_is_in_the_log(world: World) -> None:
    """M2: whoever turns prize, winners or seed after people entered says so to everybody, for ever."""
    hold(world)
    for name in ("alice", "bob"):
        world.join(f"{name}@example.com")
    other = replace(PROMISE, prize="Een pen", winners=1, seed_source="Mijn eigen dobbelsteen")
    hold(world, other)
    world.serve(form_version("draw, changed", declaration_of(other)))
    world.join("carol@example.com")
    fixed = close(world)
    assert json.loads(fixed.event)["changed"] == {"prize": 2, "seed": 2, "winners": 2}
    published = world.store.read(publication_of, magnet=SLUG)
    assert published is not None
    assert json.loads(published)["changed"] == {"prize": 2, "seed": 2, "winners": 2}


def test_a_promise_that_was_kept_says_nothing_of_a_change(world: World) -> None:
    """M2: the same words, nothing to tell."""
    hold(world)
    world.join("alice@example.com")
    assert json.loads(close(world).event)["changed"] == {}
