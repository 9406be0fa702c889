"""A webinar from the page to the recording: seats, calendar, reminders, changes (M2)."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from functools import partial

import html5lib
import pytest
from icalendar import Calendar

from optin.consent.form_version import Slug
from optin.consent.status_transitions import RequestId
from optin.flows.consents.confirm import confirm
from optin.flows.delivery.deliver_mails import Attempt, claim_orders, record_result
from optin.flows.delivery.mail_order import MailKind, MailOrder, Verdict
from optin.flows.evidence.audit import Audit
from optin.flows.retention.sweep_rules import plan
from optin.flows.sweep_context import SweepContext
from optin.jobs.sweep_runner import sweep
from optin.kinds.webinar.mail_schedule import WebinarMail, has_use
from optin.kinds.webinar.seat_status import SeatStatus
from optin.kinds.webinar.sweep_rules import RULES
from optin.mail.compose_mails import Composer
from optin.mail.kind_mail_hooks import MailSender
from optin.services.site_edition import keep_edition, load_edition
from optin.store.database_interface import Tx
from optin.store.sending_claims import ClaimBatch
from tests.installed import KINDS
from tests.stranger import past_optin, past_triggers
from tests.web.conftest import Visit
from tests.world import about_requests

START = datetime(2027, 3, 30, 12, tzinfo=UTC)  # two days after the clock went forward
PLACE = "https://meet.example.com/bellen"
WEBINAR = """---
kind: webinar
lang: nl
title: Bellen, mag dat nog?
description: Wat u nog mag.
purposes: [tips-email]
webinar:
  start: 2027-03-30 14:00
  duration: 60 minutes
  zone: Europe/Amsterdam
  host: Anna de Vries
  place: https://meet.example.com/bellen
---
Tekst.
"""
FULL = WEBINAR.replace("---\nTekst", "  capacity: 2\n---\nTekst")


def write(visit: Visit, text: str, *, errors: bool = False) -> tuple[str, ...]:
    """Write the magnet and serve the site anew; return what is wrong with it."""
    (visit.root / "magnets" / "bellen.md").write_text(text)
    edition, findings = load_edition(visit.root, KINDS)
    told = tuple(f"{it.line}: {it.message} {it.cure}" for it in findings)
    assert bool(told) is errors, told
    assert edition is not None
    if not errors:
        keep_edition(visit.installation.store, edition, visit.moment)
        visit.app_context.replace(edition)
    return told


@pytest.fixture
def webinar(visit: Visit) -> Visit:
    visit.moment = datetime(2027, 3, 1, 9, tzinfo=UTC)
    write(visit, WEBINAR)
    return visit


def join(visit: Visit, name: str) -> MailOrder:
    return visit.join(f"{name}@example.com", slug="bellen")


def composed(visit: Visit, order: MailOrder) -> bytes:
    site = visit.app_context.edition.site
    sender = MailSender(site.settings.sender.name, site.settings.sender.address)
    composer = Composer(
        visit.app_context.edition.theme, sender, site.settings.base_url, site.controller, KINDS.mails
    )
    return composer.compose(order, visit.moment)


def calendar(message: bytes) -> Calendar:
    """Return the calendar entry of a mail, held against the rules of RFC 5545."""
    mail = message_from_bytes(message, policy=policy.default)
    (part,) = [it for it in mail.walk() if it.get_content_type() == "text/calendar"]
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    entry = strict(data)
    assert part.get_param("method") == str(entry["METHOD"])
    return entry


def strict(data: bytes) -> Calendar:
    assert data.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert all(len(line) <= 75 for line in data.split(b"\r\n")), "folded (3.1)"
    entry = Calendar.from_ical(data)
    assert isinstance(entry, Calendar)
    (event,) = entry.walk("VEVENT")
    zones = {str(zone["TZID"]) for zone in entry.walk("VTIMEZONE")}
    for name in ("UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "SUMMARY", "ORGANIZER"):
        assert name in event, name
    for name in ("DTSTART", "DTEND"):
        zone = event[name].params.get("TZID")
        assert zone in zones or "Z" in str(event[name].to_ical()), "with its rules (3.2.19)"
    for zone in entry.walk("VTIMEZONE"):
        assert zone.walk("STANDARD")
    return entry


def event(entry: Calendar):  # type: ignore[no-untyped-def]  # noqa: ANN201 - whatever the library makes of it
    (found,) = entry.walk("VEVENT")
    return found


def due(visit: Visit) -> int:
    """Return how many people a sweep would tell something: what --dry-run says."""
    context = SweepContext(visit.installation.vault, visit.installation.policy, visit.moment)
    lines = visit.installation.store.read(plan, context=context, rules=RULES)
    return sum(line.count for line in lines if line.rule.name == "webinars")


def kinds(visit: Visit) -> list[str]:
    return [order.kind for order in visit.mails()]


def test_the_place_is_told_to_whoever_confirmed_and_to_nobody_else(webinar: Visit) -> None:
    """M2: not on the page, not in its declaration, not in the first mail; then in mail, page and calendar."""
    page = webinar.client.get("/bellen").text
    assert "dinsdag 30 maart 2027 om 14:00 uur (Europe/Amsterdam, UTC+2)" in page
    assert PLACE not in page
    assert PLACE not in str(
        webinar.app_context.edition.publication.forms[Slug("bellen")].declaration.as_json()
    )
    webinar.fill(slug="bellen")
    first = webinar.mail(MailKind.CONFIRMATION)
    assert PLACE.encode() not in composed(webinar, first)
    webinar.press(f"/confirm/{first.confirm_token}")
    assert PLACE in webinar.client.get(f"/confirm/{first.confirm_token}").text
    delivery = webinar.mail(MailKind.DELIVERY)
    entry = calendar(composed(webinar, delivery))
    assert event(entry)["LOCATION"] == PLACE
    assert event(entry).decoded("DTSTART").astimezone(UTC) == START
    assert (str(entry["METHOD"]), int(event(entry)["SEQUENCE"])) == ("REQUEST", 0)
    place = webinar.client.get(delivery.own.place_path)
    assert PLACE in place.text
    html5lib.HTMLParser(strict=True).parse(place.text)
    for name in ("calendar.google.com", "outlook.live.com", "outlook.office.com"):
        assert name in place.text
    file = webinar.client.get(f"{delivery.own.place_path}/calendar.ics")
    assert file.headers["content-type"].startswith("text/calendar; method=PUBLISH")
    assert str(event(strict(file.content))["UID"]) == str(event(entry)["UID"])
    assert "alice" not in file.text


def test_reminders_come_a_day_and_an_hour_before(webinar: Visit) -> None:
    """M2: each once, at its moment, without advertisement; none after the beginning."""
    join(webinar, "alice")
    assert kinds(webinar) == []
    for moment, expected in (
        (START - timedelta(days=1, minutes=1), []),
        (START - timedelta(days=1), ["webinar-day"]),
        (START - timedelta(hours=2), []),
        (START - timedelta(hours=1), ["webinar-hour"]),
        (START + timedelta(hours=3), []),
    ):
        webinar.moment = moment
        orders = about_requests(webinar.mails(), WebinarMail.DAY) if "webinar-day" in expected else None
        assert [it.kind for it in orders] if orders else kinds(webinar) == expected
        for order in orders or ():
            text = composed(webinar, order)
            assert b"List-Unsubscribe" not in text
            assert PLACE.encode() in text.replace(b"=\r\n", b"").replace(b"=3D", b"=")


def test_whoever_registers_late_gets_only_what_is_still_ahead(webinar: Visit) -> None:
    """M2: two hours before there is no day before any more."""
    webinar.moment = START - timedelta(hours=2)
    join(webinar, "alice")
    webinar.moment = START - timedelta(minutes=59)
    assert kinds(webinar) == ["webinar-hour"]


def test_a_courier_that_was_down_sends_no_reminder_of_the_past(webinar: Visit) -> None:
    """M2: what began is not announced."""
    join(webinar, "alice")
    webinar.moment = START + timedelta(minutes=5)
    assert kinds(webinar) == []
    assert (
        webinar.installation.store.read(lambda tx: tx.all("SELECT id FROM outbox WHERE state = 'queued'"))
        == []
    )


def test_a_change_of_time_is_mailed_and_moves_the_entry(webinar: Visit) -> None:
    """M2: the same name, a higher number, reminders at the new time; told once."""
    before = event(calendar(composed(webinar, join(webinar, "alice"))))
    write(webinar, WEBINAR.replace("2027-03-30 14:00", "2027-04-06 15:30"))
    assert due(webinar) == 1
    sweep(webinar.installation)
    assert due(webinar) == 0
    (moved,) = about_requests(webinar.mails(), WebinarMail.MOVED)
    after = event(calendar(composed(webinar, moved)))
    assert (str(after["UID"]), int(after["SEQUENCE"])) == (str(before["UID"]), 1)
    assert after.decoded("DTSTART").astimezone(UTC) == datetime(2027, 4, 6, 13, 30, tzinfo=UTC)
    sweep(webinar.installation)
    assert kinds(webinar) == []
    webinar.moment = START - timedelta(hours=1)
    assert kinds(webinar) == []
    webinar.moment = datetime(2027, 4, 5, 13, 30, tzinfo=UTC)
    assert kinds(webinar) == ["webinar-day"]


def test_a_reminder_waits_when_the_time_moved_and_nobody_swept_yet(webinar: Visit) -> None:
    """M2: the plan of that moment counts, not the one of the registration."""
    join(webinar, "alice")
    write(webinar, WEBINAR.replace("2027-03-30 14:00", "2027-04-06 15:30"))
    webinar.moment = START - timedelta(days=1)
    assert kinds(webinar) == []


def test_a_cancellation_reaches_everybody_and_takes_the_entry_away(webinar: Visit) -> None:
    """M2: METHOD CANCEL for the same entry; no reminders; the page closes and says why."""
    before = event(calendar(composed(webinar, join(webinar, "alice"))))
    delivery = join(webinar, "bob")
    write(webinar, WEBINAR.replace("---\nTekst", "  cancelled: true\n---\nTekst"))
    sweep(webinar.installation)
    orders = about_requests(webinar.mails(), WebinarMail.CANCELLED)
    by_name = {str(order.recipient): order for order in orders}
    assert set(by_name) == {"alice@example.com", "bob@example.com"}
    entry = calendar(composed(webinar, by_name["alice@example.com"]))
    assert (str(entry["METHOD"]), str(event(entry)["STATUS"])) == ("CANCEL", "CANCELLED")
    assert int(event(entry)["SEQUENCE"]) == 1
    assert str(event(entry)["UID"]) == str(before["UID"])
    webinar.moment = START - timedelta(hours=1)
    assert kinds(webinar) == []
    assert "gaat niet door" in webinar.client.get("/bellen").text
    assert "gaat niet door" in webinar.client.get(delivery.own.place_path).text


def test_who_has_no_seat_any_more_is_told_what_there_is(webinar: Visit) -> None:
    """M2, W4: on the page of the seat, and by a link in the mail; what is over takes nobody any more."""
    alice, bob = join(webinar, "alice"), join(webinar, "bob")
    assert 'href="/tips"' not in webinar.client.get(bob.own.place_path).text
    webinar.press(bob.own.place_path, action="give-up")
    page = webinar.client.get(bob.own.place_path).text
    assert 'href="/tips"' in page
    assert 'href="/bellen"' not in page
    assert "Meld u opnieuw aan" in page
    step = "next:\n  text: Lees verder.\n  link: /tips\n  label: Naar de tips\n"
    write(
        webinar,
        WEBINAR.replace("webinar:\n", f"{step}webinar:\n").replace("---\nT", "  cancelled: true\n---\nT"),
    )
    page = webinar.client.get(alice.own.place_path).text
    assert "Naar de tips" in page
    assert "Meld u opnieuw aan" not in webinar.client.get(bob.own.place_path).text
    sweep(webinar.installation)
    (order, *_) = about_requests(webinar.mails(), WebinarMail.CANCELLED)
    mail = message_from_bytes(composed(webinar, order), policy=policy.default)
    text = mail.get_body(("plain",))
    assert text is not None
    words = text.get_content()
    assert "Wat u nu wel kunt krijgen" in words
    assert len(re.findall(r"/bellen\s", words)) == 1


@pytest.mark.parametrize("others", [False, True])
def test_whoever_confirms_after_a_cancellation_is_told_so(webinar: Visit, *, others: bool) -> None:
    """M2: on the page and in the one mail, with no entry; in line should it take place after all."""
    if others:
        join(webinar, "bob")
    webinar.fill(slug="bellen")
    first = webinar.mail(MailKind.CONFIRMATION)
    write(webinar, WEBINAR.replace("---\nTekst", "  cancelled: true\n---\nTekst"))
    webinar.press(f"/confirm/{first.confirm_token}")
    page = webinar.client.get(f"/confirm/{first.confirm_token}").text
    assert "gaat niet door" in page
    assert "/place/" not in page  # there is no seat to look at or to give up
    message = composed(webinar, webinar.mail(MailKind.DELIVERY))
    assert b"gaat niet door" in message
    assert b"text/calendar" not in message
    sweep(webinar.installation)
    told = [it.recipient for it in about_requests(webinar.mails(), WebinarMail.CANCELLED)] if others else []
    assert told == (["bob@example.com"] if others else [])
    assert kinds(webinar) == []
    write(webinar, WEBINAR)
    sweep(webinar.installation)
    sweep(webinar.installation)
    assert first.recipient in {it.recipient for it in webinar.mails()}


def test_it_closes_at_its_start_and_nothing_is_stored_after_it(webinar: Visit) -> None:
    """M2, S5: the page says so, also to whoever still has the form open."""
    key = webinar.form_key("bellen")
    webinar.moment = START
    rows = webinar.rows()
    assert 'name="email"' not in webinar.client.get("/bellen").text
    answer = webinar.client.post("/bellen", data={"form": key, "email": "alice@example.com"})
    assert answer.status_code == 410
    assert "gesloten" in answer.text
    assert webinar.rows() == rows


def test_a_recording_is_mailed_and_opens_the_page_again(webinar: Visit) -> None:
    """M2: to who registered, once; and to whoever registers afterwards, in the first mail."""
    join(webinar, "alice")
    webinar.moment = START + timedelta(hours=5)
    write(webinar, WEBINAR.replace("---\nTekst", "  replay: https://video.example.com/1\n---\nTekst"))
    sweep(webinar.installation)
    sweep(webinar.installation)
    (told,) = webinar.mails()
    assert told.kind == WebinarMail.REPLAY
    assert isinstance(told, MailOrder)
    assert b"video.example.com" in composed(webinar, told)
    delivery = join(webinar, "bob")
    assert delivery.own is not None
    assert delivery.own.standing is SeatStatus.REPLAY
    sweep(webinar.installation)
    assert kinds(webinar) == []


def test_whoever_comes_too_late_waits_and_moves_up(webinar: Visit) -> None:
    """M2: the first in line gets the seat that becomes free, by mail, with the entry."""
    write(webinar, FULL)
    seats = [join(webinar, name) for name in ("alice", "bob", "carol", "dave")]
    assert [it.own.standing.value for it in seats] == ["seat", "seat", "waiting", "waiting"]
    waiting = composed(webinar, seats[2])
    assert b"text/calendar" not in waiting
    assert PLACE.encode() not in waiting
    assert PLACE not in webinar.client.get(seats[2].own.place_path).text
    assert webinar.client.get(f"{seats[2].own.place_path}/calendar.ics").status_code == 410
    assert webinar.press(seats[0].own.place_path, action="give-up").status_code == 303
    (seated,) = webinar.mails()
    assert isinstance(seated, MailOrder)
    assert (seated.kind, seated.recipient) == (WebinarMail.SEATED, "carol@example.com")
    assert event(calendar(composed(webinar, seated)))["LOCATION"] == PLACE
    assert due(webinar) == 0
    assert "opgegeven" in webinar.client.get(seats[0].own.place_path).text
    webinar.moment = START - timedelta(days=1)
    told = {it.recipient for it in about_requests(webinar.mails(), WebinarMail.DAY)}
    assert told == {"bob@example.com", "carol@example.com"}


def test_more_seats_let_the_waiting_in(webinar: Visit) -> None:
    """M2: a larger room is noticed by itself."""
    write(webinar, FULL)
    for name in ("alice", "bob", "carol", "dave"):
        join(webinar, name)
    write(webinar, FULL.replace("capacity: 2", "capacity: 3"))
    sweep(webinar.installation)
    assert [it.recipient for it in webinar.mails()] == ["carol@example.com"]


def test_an_erasure_frees_the_seat_and_leaves_none(webinar: Visit) -> None:
    """M2, R5: nothing of the seat stays, and somebody who waits gets it."""
    write(webinar, FULL)
    for name in ("alice", "bob", "carol"):
        join(webinar, name)
    webinar.client.post("/me", data={"email": "alice@example.com"})
    link = f"/me/{webinar.notice(MailKind.PERSONAL).token}"
    assert "Geef mijn plaats op" in webinar.client.get(link).text
    assert webinar.press(link, action="erase").status_code == 303
    webinar.mails()
    sweep(webinar.installation)
    assert [it.recipient for it in webinar.mails()] == ["carol@example.com"]
    seats = webinar.installation.store.read(lambda tx: tx.all("SELECT state FROM seat"))
    assert [row[0] for row in seats] == ["seat", "seat"]


def test_one_person_has_one_seat(webinar: Visit) -> None:
    """M2: signing up twice takes no second seat; after giving up it does."""
    write(webinar, FULL)
    first = join(webinar, "alice")
    second = join(webinar, "alice")
    taken = "SELECT COUNT(*) FROM seat WHERE state = 'seat'"
    assert webinar.installation.store.read(lambda tx: tx.one(taken)) == (1,)
    webinar.press(second.own.place_path, action="give-up")
    assert webinar.installation.store.read(lambda tx: tx.one(taken)) == (0,)
    assert "opgegeven" in webinar.client.get(first.own.place_path).text
    again = join(webinar, "alice")
    assert again.own is not None
    assert again.own.standing is SeatStatus.SEATED


def test_looking_gives_no_seat_up(webinar: Visit) -> None:
    """M2, D2: neither a scanner nor a mistaken post does."""
    delivery = join(webinar, "alice")
    url = delivery.own.place_path
    for method in ("GET", "HEAD"):
        webinar.client.request(method, url)
    webinar.press(url)
    webinar.press(url, action="something")
    assert PLACE in webinar.client.get(url).text
    for wrong in (delivery.unsubscribe_token, "x"):
        assert webinar.client.get(f"/place/{wrong}").status_code == 404


def test_the_personal_page_shows_the_seat_and_gives_it_up(webinar: Visit) -> None:
    """M2, R1: what is kept about the person, the seat too; and in the download."""
    join(webinar, "alice")
    webinar.client.post("/me", data={"email": "alice@example.com"})
    link = f"/me/{webinar.notice(MailKind.PERSONAL).token}"
    assert "U hebt een plaats" in webinar.client.get(link).text
    assert '"seat": "seat"' in re.sub(r":\s*", ": ", webinar.press(link, action="json").text)
    assert (
        webinar.press(link, action="give-up", magnet="bellen").headers["location"].endswith("done=given-up")
    )
    assert "Opgegeven" in webinar.client.get(link).text
    webinar.moment = START - timedelta(days=1)
    assert kinds(webinar) == []


def test_a_room_is_never_overbooked_by_many_at_once(webinar: Visit) -> None:
    """M2: five confirm in the same moment, while the others are at it; two get a seat."""
    write(webinar, FULL)
    for number in range(5):
        webinar.fill(f"p{number}@example.com", slug="bellen")
    installation = webinar.installation
    requests = [row[0] for row in installation.store.read(lambda tx: tx.all("SELECT id FROM request"))]
    with_seats = partial(confirm, context=installation.context, now=webinar.moment)

    def slowly(tx: Tx, request: bytes) -> None:
        with_seats(tx, request=RequestId(request))
        time.sleep(0.1)  # before the commit: whoever does not wait counts the seats as they were

    def yes(request: bytes) -> None:
        installation.store.submit(slowly, request=request).result()

    with ThreadPoolExecutor(5) as people:
        list(people.map(yes, requests))
    rows = installation.store.read(lambda tx: tx.all("SELECT state, COUNT(*) FROM seat GROUP BY state"))
    assert dict(rows) == {"seat": 2, "waiting": 3}


def test_who_signs_up_again_keeps_the_seat_and_the_place_in_line(webinar: Visit) -> None:
    """M2: nobody loses a seat in a full room by it, nor falls behind others who wait."""
    write(webinar, FULL)
    for name in ("alice", "bob", "carol", "dave"):
        join(webinar, name)
    again = join(webinar, "alice")
    assert again.own is not None
    assert again.own.standing is SeatStatus.SEATED
    join(webinar, "carol")
    webinar.press(again.own.place_path, action="give-up")
    assert [it.recipient for it in webinar.mails()] == ["carol@example.com"]


def test_who_gave_up_has_nothing_waiting(webinar: Visit) -> None:
    """M2: no reminder stays behind, and one that is in hand just then says nothing any more."""
    delivery = join(webinar, "alice")
    assert delivery.own is not None
    webinar.press(delivery.own.place_path, action="give-up")
    queued = "SELECT kind FROM outbox WHERE state = 'queued'"
    assert webinar.installation.store.read(lambda tx: tx.all(queued)) == []
    told = delivery.own
    for kind in (WebinarMail.DAY, WebinarMail.HOUR):
        assert has_use(kind, told, webinar.moment)
        for standing in set(SeatStatus) - {SeatStatus.SEATED}:
            assert not has_use(kind, replace(told, standing=standing), webinar.moment)


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ("2027-03-30 14:00", "2027-03-28 02:30", "goes forward. Write 2027-03-28 03:30"),
        ("2027-03-30 14:00", "2027-10-31 02:30", "comes twice"),
        ("2027-03-30 14:00", "soon", "no moment"),
        ("2027-03-30 14:00", "2027-02-30 14:00", "no moment"),
        ("Europe/Amsterdam", "Europe/Amsterdm", "Europe/Amsterdam"),
        ("Europe/Amsterdam", "CET", "no time zone"),
        ("60 minutes", "an hour", "no duration"),
        ("60 minutes", "0 minutes", "no duration"),
        ("https://meet.example.com/bellen", "https://", "no address"),
        ("  host: Anna de Vries\n", "", "'host' is missing"),
        ("  zone", "  zne", "zone"),
        ("kind: webinar", "kind: newsletter", "has no webinar"),
    ],
)
def test_a_mistake_is_told_with_its_cure(visit: Visit, written: str, instead: str, told: str) -> None:
    """M2, M4: a time that does not exist, a zone that is none, and what else can be wrong."""
    assert written in WEBINAR
    found = write(visit, WEBINAR.replace(written, instead), errors=True)
    assert told in " ".join(found), found


def test_a_time_that_comes_twice_can_be_told_apart(visit: Visit) -> None:
    """M2: the first or the second half past two of that night."""
    visit.moment = datetime(2027, 3, 1, 9, tzinfo=UTC)
    twice = WEBINAR.replace("2027-03-30 14:00", "2027-10-31 02:30\n  which: second")
    write(visit, twice)
    assert "om 02:30 uur (Europe/Amsterdam, UTC+1)" in visit.client.get("/bellen").text
    write(visit, twice.replace("second", "first"))
    assert "om 02:30 uur (Europe/Amsterdam, UTC+2)" in visit.client.get("/bellen").text


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("America/New_York", "2027-03-13 20:00"), ("America/New_York", "2027-11-06 23:30"),
        ("Asia/Kolkata", "2027-06-01 10:00"), ("Australia/Lord_Howe", "2027-10-03 09:00"),
        ("UTC", "2027-06-01 10:00"), ("Asia/Tehran", "2027-06-01 10:00"),
    ],
)  # fmt: skip
def test_the_entry_is_right_in_every_zone(visit: Visit, zone: str, start: str) -> None:
    """M2: around changes of the clock, and in zones without them."""
    visit.moment = datetime(2027, 3, 1, 9, tzinfo=UTC)
    text = WEBINAR.replace("2027-03-30 14:00", start).replace("Europe/Amsterdam", zone)
    write(visit, text.replace("60 minutes", "10 hours"))
    delivery = join(visit, "alice")
    assert delivery.own is not None
    entry = event(calendar(composed(visit, delivery)))
    webinar = delivery.own.webinar
    assert entry.decoded("DTSTART").astimezone(UTC) == webinar.starts_at
    assert entry.decoded("DTEND").astimezone(UTC) == webinar.starts_at + timedelta(hours=10)


def test_the_same_order_makes_the_same_bytes(webinar: Visit) -> None:
    """M2, P2: calendar entry and all: what was sent is evidence."""
    delivery = join(webinar, "alice")
    assert composed(webinar, delivery) == composed(webinar, delivery)


def test_a_consent_given_anew_takes_no_seat(webinar: Visit) -> None:
    """M2, R2: who gave the seat up and wants the tips again asked for the tips, not for the seat."""
    delivery = webinar.join(slug="bellen", consent="tips-email")
    webinar.press(delivery.own.place_path, action="give-up")
    webinar.client.post("/me", data={"email": "alice@example.com"})
    link = f"/me/{webinar.notice(MailKind.PERSONAL).token}"
    assert webinar.press(link, action="withdraw", consent="tips-email email").status_code == 303
    webinar.wait(timedelta(seconds=1))
    assert webinar.press(link, action="give", consent="tips-email email").status_code == 303
    renewal = webinar.mail(MailKind.RENEWAL)
    webinar.wait(timedelta(seconds=1))
    assert webinar.press(f"/confirm/{renewal.confirm_token}").status_code == 303
    assert webinar.installation.store.read(lambda tx: tx.all("SELECT state FROM seat")) == [("given-up",)]
    webinar.mails()
    webinar.moment = START - timedelta(hours=1)
    assert kinds(webinar) == []


def test_a_server_with_the_plan_of_before_tells_nobody_of_it(webinar: Visit) -> None:
    """M2, O1: it neither takes the change back, nor sends or drops what another has queued of it."""
    join(webinar, "alice")
    before = webinar.app_context.edition
    write(webinar, WEBINAR.replace("---\nTekst", "  cancelled: true\n---\nTekst"))
    now = webinar.app_context.edition
    sweep(webinar.installation)
    webinar.app_context.replace(before)  # the process that runs on
    assert kinds(webinar) == []
    sweep(webinar.installation)
    webinar.wait(timedelta(minutes=2))
    assert kinds(webinar) == []
    webinar.app_context.replace(now)
    sweep(webinar.installation)
    webinar.wait(timedelta(minutes=2))
    assert kinds(webinar) == ["webinar-cancelled"]


def test_who_is_told_the_plan_of_before_hears_of_the_new_one(webinar: Visit) -> None:
    """M2, O1: registered by a server that was not started anew yet."""
    join(webinar, "alice")
    before = webinar.app_context.edition
    write(webinar, WEBINAR.replace("2027-03-30 14:00", "2027-04-06 15:30"))
    now = webinar.app_context.edition
    sweep(webinar.installation)
    webinar.mails()
    webinar.app_context.replace(before)
    join(webinar, "bob")
    webinar.app_context.replace(now)
    sweep(webinar.installation)
    webinar.wait(timedelta(minutes=2))
    assert [(it.kind, it.recipient) for it in webinar.mails()] == [(WebinarMail.MOVED, "bob@example.com")]


def test_a_reminder_in_hand_while_the_time_moves_comes_once(webinar: Visit) -> None:
    """M2, D1: the mail server put it off, the webinar moved; one reminder for the new time."""
    join(webinar, "alice")
    webinar.moment = START - timedelta(days=1)
    installation = webinar.installation
    claim = partial(claim_orders, context=installation.context, batch=ClaimBatch(9), now=webinar.moment)
    (order,) = installation.store.submit(claim, suspect=False).result()
    write(webinar, WEBINAR.replace("2027-03-30 14:00", "2027-04-06 15:30"))
    sweep(installation)
    installation.run(record_result, order, Attempt(Verdict.LATER, "451"), now=webinar.moment)
    webinar.wait(timedelta(hours=1))
    webinar.mails()
    webinar.moment = datetime(2027, 4, 5, 13, 30, tzinfo=UTC)
    assert kinds(webinar) == ["webinar-day"]


@pytest.mark.parametrize("start", ["0001-01-01 00:00", "9999-12-31 23:30", "0203-03-10 14:00"])
def test_a_year_that_is_a_slip_is_a_finding(visit: Visit, start: str) -> None:
    """M4: also at the ends of the calendar, where no clock can be read."""
    (told,) = write(visit, WEBINAR.replace("2027-03-30 14:00", start), errors=True)
    assert f"{start!r} is no moment. Write day and time like 2027-03-10 14:00." in told


def test_whoever_signs_up_again_under_its_new_address_keeps_one_seat(webinar: Visit) -> None:
    """M2, M4: one reminder each, and the page of the seat is found from both."""
    join(webinar, "alice")
    (webinar.root / "magnets" / "bellen.md").unlink()
    (webinar.root / "magnets" / "nieuw.md").write_text(
        WEBINAR.replace("purposes:", "was: [bellen]\npurposes:")
    )
    edition, _ = load_edition(webinar.root, KINDS)
    assert edition is not None
    keep_edition(webinar.installation.store, edition, webinar.moment)
    webinar.app_context.replace(edition)
    again = webinar.join("alice@example.com", slug="nieuw")
    assert again.own is not None
    assert again.own.standing is SeatStatus.SEATED
    assert found(webinar) == []
    webinar.moment = START - timedelta(hours=1)
    assert kinds(webinar) == ["webinar-hour"]
    assert webinar.press(again.own.place_path, action="give-up").status_code == 303
    assert webinar.installation.store.read(lambda tx: tx.all("SELECT state FROM seat")) == [("given-up",)]


def found(visit: Visit) -> list[str]:
    """Return what an audit finds, without the names of requests."""
    visit.installation.integrate()
    audit = Audit(visit.installation.store.read, visit.installation.vault, KINDS.flows)
    assert list(audit.run()) is not None
    return [it.split(" has ")[-1] for it in audit.findings]


@pytest.mark.parametrize(
    "forgery",
    ["DELETE FROM seat WHERE magnet = 'bellen'", "UPDATE seat SET magnet = 'elders' WHERE magnet = 'bellen'"],
)
def test_one_seat_hides_no_other_that_was_taken_away(webinar: Visit, forgery: str) -> None:
    """P4: alice registers for two webinars; whoever deletes one of her seats, or moves it, is found."""
    (webinar.root / "magnets" / "later.md").write_text(WEBINAR.replace("2027-03-30", "2027-04-30"))
    write(webinar, WEBINAR)
    join(webinar, "alice")
    webinar.join("alice@example.com", slug="later")
    assert found(webinar) == []
    past_optin(webinar.installation.store, forgery)
    assert found(webinar) == ["no seat at the webinar bellen, although it was confirmed"]


def test_a_forged_event_hides_no_seat_that_was_taken_away(webinar: Visit) -> None:
    """P4: neither the event of bob that optin did not write nor the seat of alice goes unnamed."""
    join(webinar, "alice")
    join(webinar, "bob")
    past_optin(webinar.installation.store, "DELETE FROM seat")
    newest = 'WHERE id = (SELECT max(id) FROM event WHERE body LIKE \'%"kind":"mailed"%\')'
    past_triggers(webinar.installation.store, f"UPDATE event SET mac = :mac {newest}", mac=b"forged")
    told = found(webinar)
    assert [it for it in told if it.endswith("was not written by optin") and it.startswith("event")]
    assert [it for it in told if it.startswith("what the kind webinar keeps cannot be audited")]
    assert "no seat at the webinar bellen, although it was confirmed" in told


def test_nobody_hears_that_what_took_place_is_cancelled(webinar: Visit) -> None:
    """M2: a marketer who tidies up afterwards mails nobody."""
    join(webinar, "alice")
    webinar.moment = START + timedelta(hours=2)
    write(webinar, WEBINAR.replace("---\nTekst", "  cancelled: true\n---\nTekst"))
    sweep(webinar.installation)
    assert kinds(webinar) == []
