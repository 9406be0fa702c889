"""The audit trail as the desk shows it: the desk and the terminal in one list, over both databases."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from optin.consent.purpose import ConsentKey
from optin.consent.staff_role import Role
from optin.flows.context_with_kinds import SiteContext
from optin.flows.rights.breaches import FoundBreach, note_breach
from optin.flows.staff.accounts import list_accounts
from optin.flows.staff.trail import ActKind, Doing, note_act, recorded
from optin.flows.staff.whole_trail import TrailFilter, TrailPlace, WholeTrailLine, whole_trail
from optin.store.database_interface import Tx
from optin.store.export_records import ExportRun, record_export
from optin.store.officer_actions import RightsAction, record_action
from optin.theme.catalogue import texts_of
from optin.theme.languages import language_folder, languages
from tests.desk.conftest import Desk
from tests.desk.test_requests import MARKUP, in_english

SANNE = b"s" * 32


def words_of(lang: str) -> dict[str, str]:
    folder: Path = language_folder(lang) / "LC_MESSAGES" / "desk"
    return {key: text for path in folder.glob("*.po") for key, text in texts_of(path).items()}


@pytest.mark.parametrize("lang", languages())
def test_every_act_has_its_sentence(lang: str) -> None:
    """K1: whatever staff may do, the trail has words for it in each language."""
    known = words_of(lang)
    assert not [it for it in ActKind if f"trail.act.{it.value}" not in known]


def eva(desk: Desk) -> bytes:
    """Return the account that acts."""
    return next(it.id for it in desk.installation.view(list_accounts) if it.email == "eva@example.com")


def act(desk: Desk, kind: str = ActKind.SEARCHED, about: bytes = b"", why: str = "") -> None:
    desk.installation.run(note_act, Doing(eva(desk), kind, about, why), now=desk.moment)


def by_command(desk: Desk, kind: str, about: bytes = SANNE, why: str = "letter") -> None:
    context = desk.installation.context
    action = RightsAction(desk.moment, kind, "root", why)
    desk.installation.write(record_action, vault=context.vault, email_index=about, action=action)


def lines(desk: Desk, wanted: TrailFilter | None = None, most: int = 500) -> list[WholeTrailLine]:
    return desk.installation.view(whole_trail, wanted or TrailFilter(), None, most)


def test_desk_and_terminal_stand_in_one_list(desk: Desk) -> None:
    """K1: by moment, the newest first; each with who, what, about whom by number, and why."""
    browser = in_english(desk, "eva@example.com", Role.OFFICER)
    desk.wait(timedelta(minutes=1))
    by_command(desk, "erase", why=MARKUP)
    desk.wait(timedelta(minutes=1))
    act(desk, ActKind.LOOKED_AT_PERSON, SANNE, "request 31")
    found = [(it.kind, it.name) for it in lines(desk)][:3]
    assert found == [("looked-at-person", "eva"), ("erase", "root"), ("signed-in", "eva")]
    page = browser.get("/desk/trail").text
    assert "request 31" in page
    assert "erased a person" in page
    assert "(by a command)" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_an_act_at_the_desk_for_a_person_stands_there_once(desk: Desk) -> None:
    """K1: the row that every officer's act leaves is of the same transaction, and is left out."""
    in_english(desk, "eva@example.com", Role.OFFICER)
    desk.wait(timedelta(seconds=5))

    def erase(tx: Tx, context: SiteContext, now: datetime) -> None:
        record_action(tx, context.vault, SANNE, RightsAction(now, "erase", "eva", "asked"))

    doing = Doing(eva(desk), "looked-at-person", SANNE)
    desk.installation.run(recorded, erase, doing, desk.moment, now=desk.moment)
    kinds = [it.kind for it in lines(desk)]
    assert kinds.count("looked-at-person") == 1
    assert "erase" not in kinds
    desk.wait(timedelta(seconds=5))
    by_command(desk, "erase")
    assert [it.kind for it in lines(desk)].count("erase") == 1


def test_exports_and_breaches_stand_there_once(desk: Desk) -> None:
    """K1: those of the terminal, and those of the desk, with the number to look at."""
    browser = in_english(desk, "eva@example.com", Role.OFFICER)
    zone = desk.app_context.edition.policy.zone
    found = FoundBreach(desk.moment, "lost", "root")
    desk.installation.run(note_breach, found=found, now=desk.moment)
    data = {"discovered": f"{desk.moment.astimezone(zone):%Y-%m-%dT%H:%M}", "what": "found", "people": ""}
    data |= {"effects": "", "measures": ""}
    assert browser.post("/desk/breaches/new", data).status_code == 303
    key = ConsentKey.parse("tips-email", "email")
    run = ExportRun(desk.moment, "root", "November", "crm", key, "csv", 3, {}, members=b"m" * 16)
    desk.installation.write(record_export, vault=desk.installation.vault, run=run)
    shown = [(it.kind, it.name, it.facts.get("breach", it.facts.get("export"))) for it in lines(desk)]
    assert shown.count(("breach-recorded", "root", 1)) == 1
    assert shown.count(("breach-recorded", "eva", 2)) == 1
    assert shown.count(("exported", "root", 1)) == 1
    assert len([it for it in shown if it[0] == "breach-recorded"]) == 2
    page = browser.get("/desk/trail").text
    assert 'href="/desk/exports/1"' in page
    assert 'href="/desk/breaches/2"' in page


def test_pages_hold_every_line_once(desk: Desk) -> None:
    """K1: also many of one moment, of both sources; the pages are in order and end."""
    browser = in_english(desk, "eva@example.com", Role.OFFICER)
    desk.wait(timedelta(minutes=1))
    for number in range(70):
        act(desk)
        by_command(desk, "show", bytes([number]) * 32)
        if number % 20 == 0:
            desk.wait(timedelta(seconds=1))
    whole = lines(desk)
    assert len(whole) >= 140
    keys = [(it.at, it.source, it.number) for it in whole]
    assert all(first > second for first, second in pairwise(keys))
    got: list[WholeTrailLine] = []
    place: TrailPlace | None = None
    while page := desk.installation.view(whole_trail, TrailFilter(), place, 17):
        got += page
        place = TrailPlace.parse(str(page[-1].place))
        assert place == page[-1].place
    assert got == whole
    seen, path = 0, "/desk/trail"
    while path:
        text = browser.get(path).text
        assert len(text) < 60_000
        seen += text.count("<time ")
        older = re.search(r'rel="next" href="([^"]+)"', text)
        path = older[1].replace("&amp;", "&") if older else ""
    assert seen == len(whole)


def test_the_trail_is_filtered(desk: Desk) -> None:
    """K1: by who, by what, by day; nonsense in the address finds what it can, and breaks nothing."""
    browser = in_english(desk, "eva@example.com", Role.OFFICER)
    other = desk.add("bob@example.com", Role.SALES)
    desk.wait(timedelta(minutes=1))
    by_command(desk, "show")
    act(desk)
    assert {it.name for it in lines(desk, TrailFilter(terminal=True))} == {"root", ""}
    assert {it.kind for it in lines(desk, TrailFilter(kind="show"))} == {"show"}
    assert lines(desk, TrailFilter(staff=other.id)) == []
    assert lines(desk, TrailFilter(since=desk.moment + timedelta(days=1))) == []
    assert lines(desk, TrailFilter(until=desk.moment - timedelta(days=1))) == []
    day = f"{desk.moment.astimezone(desk.app_context.edition.policy.zone):%Y-%m-%d}"
    assert "viewed a person" in browser.get(f"/desk/trail?from={day}&to={day}&kind=show").text
    assert "Nothing of that kind" in browser.get(f"/desk/trail?who={other.id.hex()}").text
    for bad in ("before=x", "before=1-z-2", "before=-1-a-2", "from=9999-99-99", "to=0001-01-01", "who=%00"):
        assert browser.get(f"/desk/trail?{bad}").status_code == 200


def test_an_administrator_sees_what_staff_did_about_staff(desk: Desk) -> None:
    """K1: no person, no reason, nothing of the terminal; others are refused."""
    desk.add("eva@example.com", Role.OFFICER)
    act(desk, ActKind.LOOKED_AT_PERSON, SANNE, "secret reason")
    by_command(desk, "erase", why="another reason")
    browser = in_english(desk, "admin@example.com", Role.ADMIN)
    page = browser.get("/desk/trail").text
    assert "signed in" in page
    assert "gave somebody an account" in page
    for word in ("reason", "erased a person</td>", "/desk/people/"):
        assert word not in page.partition("<table")[2].partition("</table>")[0]
    assert desk.signed_in(Role.MARKETER).get("/desk/trail").status_code == 403


def test_an_act_of_another_version_has_words(desk: Desk) -> None:
    """K1: a kind that this version does not know is shown as such, and the page stands."""
    browser = in_english(desk, "eva@example.com", Role.OFFICER)
    act(desk, "flew-to-the-moon")
    by_command(desk, "sang")
    assert browser.get("/desk/trail").text.count("this version has no words for") == 2
