"""Exports at the desk: counted, confirmed, recorded before they can be fetched, gone after a quarter."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from optin.consent.staff_role import Role
from optin.flows.exports.recorded_exports import view_exports
from optin.flows.staff.trail import ActKind, TrailLine
from optin.services import export_jobs
from optin.services.export_jobs import FOLDER, LASTS, ExportJobs
from tests.desk.conftest import Browser, Desk, list_acts
from tests.waiting import wait_until

ORDER = {"purpose": "tips-email", "to": "crm", "why": "December tip", "format": "csv", "preset": ""}
FORM = "/desk/leads/export"


def english(browser: Browser) -> Browser:
    browser.client.headers["accept-language"] = "en"
    return browser


def lines(desk: Desk, kind: ActKind) -> list[TrailLine]:
    return [it for it in desk.installation.view(list_acts) if it.kind == kind]


def ended_agreement(desk: Desk) -> None:
    """Let the agreement with the processor have ended yesterday."""
    path = desk.root / "optin.toml"
    day = f"{desk.moment - timedelta(days=1):%Y-%m-%d}"
    text = path.read_text().replace('agreement = "2026-01-01"\n', f'agreement = "2026-01-01"\nends = {day}\n')
    path.write_text(text)
    desk.serve_again()


def counted(browser: Browser, **more: str) -> str:
    """Order an export; return the address at which it waits to be confirmed."""
    answer = browser.post(FORM, {**ORDER, **more})
    assert answer.status_code == 303, answer.text
    place: str = answer.headers["location"]
    wait_until(lambda: "http-equiv" not in browser.get(place).text)
    return place


def exported(browser: Browser, place: str) -> str:
    """Confirm an export; return the address of its record."""
    answer = browser.post(f"{place}/go", page=place)
    assert answer.status_code == 303, answer.text
    wait_until(lambda: browser.get(place).status_code == 303)
    record: str = browser.get(place).headers["location"]
    return record


def fetched(browser: Browser, place: str, record: str) -> Any:
    return browser.post(f"{place}/file", page=record)


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def files(desk: Desk) -> list[str]:
    return [it.name for it in (desk.root / FOLDER).glob("*")]


def test_a_marketer_exports_to_a_processor(desk: Desk) -> None:
    """K2, E1, E5: counted, then written as by the command; each step is in the trail."""
    desk.join("alice@example.com", consent=["tips-email"], first_name="=cmd()")
    desk.fill("bob@example.com", consent=["tips-email"])
    browser = english(desk.signed_in(Role.MARKETER))
    place = counted(browser)
    page = browser.get(place).text
    for words in ("1 lead would go", "Held back: 1", "Not confirmed", "December tip"):
        assert words in page
    assert desk.installation.view(view_exports).runs == []
    assert "CRM B.V." in page
    assert re.search(r'href="/desk/leads" aria-current="page"', page)
    record = exported(browser, place)
    (run,) = desk.installation.view(view_exports).runs
    assert (run.processor, run.why, run.who, run.exported) == ("crm", "December tip", "marketer", 1)
    assert record == f"/desk/exports/{run.number}"
    answer = fetched(browser, place, record)
    (row,) = rows(answer.content)
    assert (row["email"], row["first_name"]) == ("alice@example.com", "'=cmd()")
    assert "attachment" in answer.headers["content-disposition"]
    assert "no-store" in answer.headers["cache-control"]
    for kind in (ActKind.EXPORT_BEGUN, ActKind.EXPORTED, ActKind.EXPORT_FETCHED):
        (line,) = lines(desk, kind)
        assert line.name == "marketer"
        assert "alice" not in f"{line.facts}{line.texts}"
    assert "December tip" in browser.get("/desk/exports").text
    whole = english(desk.signed_in(Role.OFFICER)).get("/desk/trail").text
    assert whole.count(f'href="/desk/exports/{run.number}"') == 2, "made, and fetched"


@pytest.mark.parametrize("shape", ["xlsx", "jsonl", "excel"])
def test_every_format_of_the_command(desk: Desk, shape: str) -> None:
    """K2, E2: in a sealed file that holds no address, and without another one on the disk."""
    desk.join("alice@example.com", consent=["tips-email"])
    browser = desk.signed_in(Role.MARKETER)
    place = counted(browser, format=shape)
    record = exported(browser, place)
    for path in (desk.root / FOLDER).glob("*"):
        assert b"alice" not in path.read_bytes()
    data = fetched(browser, place, record).content
    if shape == "xlsx":
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            assert b"alice@example.com" in b"".join(book.read(it) for it in book.namelist())
    elif shape == "jsonl":
        assert json.loads(data)["email"] == "alice@example.com"
    else:
        assert data.decode("utf-8-sig").startswith('"email";')


def test_a_file_is_gone_after_a_quarter_of_an_hour(desk: Desk) -> None:
    """K2, S4: and before, when it is deleted by hand; its record stays."""
    desk.join("alice@example.com", consent=["tips-email"])
    browser = desk.signed_in(Role.MARKETER)
    first, second = counted(browser), counted(browser)
    record, other = exported(browser, first), exported(browser, second)
    assert browser.post(f"{second}/stop", page=other).status_code == 303
    assert browser.get(second).status_code == 404
    assert browser.get(other).status_code == 200
    token = browser.token("/desk/exports")
    desk.wait(LASTS)
    assert browser.client.post(f"{first}/file", data={"token": token}).status_code in {303, 404}
    assert browser.get(record).status_code == 200
    assert files(desk) == []


def test_nothing_goes_where_the_agreement_ended(desk: Desk) -> None:
    """K2, E1: it cannot be chosen, nor posted by hand, nor when it ends between count and run."""
    desk.join("alice@example.com", consent=["tips-email"])
    browser = english(desk.signed_in(Role.OFFICER))
    place = counted(browser)
    ended_agreement(desk)
    form = browser.get(FORM).text
    assert re.search(r'value="crm" disabled', form)
    assert "nothing may go there" in form
    answer = browser.post(FORM, ORDER)
    assert answer.status_code == 422
    assert "That agreement has ended" in answer.text
    assert browser.post(f"{place}/go", page=place).status_code == 409
    assert desk.installation.view(view_exports).runs == []


def test_only_an_officer_exports_to_self(desk: Desk) -> None:
    """K2, E1: a marketer who posts it by hand is refused, and does not see such records."""
    desk.join("alice@example.com", consent=["tips-email"])
    marketer, officer = english(desk.signed_in(Role.MARKETER)), english(desk.signed_in(Role.OFFICER))
    assert 'value="self"' not in marketer.get(FORM).text
    answer = marketer.post(FORM, {**ORDER, "to": "self"})
    assert answer.status_code == 422
    assert "Only a privacy officer" in answer.text
    record = exported(officer, counted(officer, to="self"))
    assert marketer.get(record).status_code == 404
    assert "December tip" not in marketer.get("/desk/exports").text
    assert "December tip" in officer.get("/desk/exports").text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"why": "  "}, "Say what it is for"),
        ({"to": "nobody"}, "Choose a processor"),
        ({"purpose": "gone"}, "Choose a purpose"),
        ({"format": "pdf"}, "Choose one of these"),
        ({"format": "jsonl", "preset": "mailchimp"}, "does not read this kind of file"),
        ({"why": "<script>alert(1)</script>", "to": ""}, "Choose a processor"),
    ],
)
def test_a_wrong_order_is_asked_again(desk: Desk, wrong: dict[str, str], words: str) -> None:
    """K2, K6: with the mistake at its field, and what was typed."""
    answer = english(desk.signed_in(Role.MARKETER)).post(FORM, {**ORDER, **wrong})
    assert answer.status_code == 422
    assert words in answer.text
    assert "<script>alert" not in answer.text
    assert files(desk) == []


def test_who_withdraws_between_count_and_run_stays(desk: Desk) -> None:
    """K2, E1: each proof is computed again while the file is written."""
    delivery = desk.join("alice@example.com", consent=["tips-email"])
    desk.join("bea@example.com", consent=["tips-email"])
    browser = desk.signed_in(Role.MARKETER)
    place = counted(browser)
    assert desk.press(f"/unsubscribe/{delivery.unsubscribe_token}").status_code < 400
    record = exported(browser, place)
    assert [it["email"] for it in rows(fetched(browser, place, record).content)] == ["bea@example.com"]
    (run,) = desk.installation.view(view_exports).runs
    assert run.refused == {"withdrawn": 1}


def test_two_exports_at_once_are_two_records(desk: Desk) -> None:
    """K2, E5: and one that is confirmed twice is one."""
    desk.join("alice@example.com", consent=["tips-email"])
    browser, colleague = desk.signed_in(Role.MARKETER), desk.signed_in(Role.OFFICER)
    first, second = counted(browser), counted(colleague)
    assert colleague.get(first).status_code == 404
    exported(browser, first)
    exported(colleague, second)
    token = browser.token("/desk/exports")
    assert browser.client.post(f"{first}/go", data={"token": token}).status_code == 409
    assert len(desk.installation.view(view_exports).runs) == 2


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every export find that somebody pressed Stop as soon as it writes."""
    pressed: list[str] = []
    write = ExportJobs._write  # noqa: SLF001 - to press between two steps

    def stopped(jobs: ExportJobs, job: export_jobs.ExportJob) -> export_jobs.ExportJob:
        jobs.stop(job)
        pressed.append(job.id)
        return write(jobs, job)

    monkeypatch.setattr(ExportJobs, "_write", stopped)
    return pressed


def test_a_stopped_export_leaves_nothing(desk: Desk, slow: list[str]) -> None:
    """K2, E5: no file, no record, and the trail says that it was stopped."""
    desk.join("alice@example.com", consent=["tips-email"])
    browser = english(desk.signed_in(Role.MARKETER))
    place = counted(browser)
    browser.post(f"{place}/go", page=place)
    wait_until(lambda: "http-equiv" not in browser.get(place).text)
    assert slow
    assert "It was stopped" in browser.get(place).text
    assert not [it for it in files(desk) if it.endswith(".data")]
    assert desk.installation.view(view_exports).runs == []
    (line,) = lines(desk, ActKind.EXPORT_ENDED)
    assert line.facts["result"] == "stopped"


def test_whom_the_processor_must_delete(desk: Desk) -> None:
    """K2, E5: who withdrew since, as a count and as a file for the processor, with safe cells."""
    delivery = desk.join("alice@example.com", consent=["tips-email"])
    browser = english(desk.signed_in(Role.OFFICER))
    record = exported(browser, counted(browser))
    assert "0 people must be deleted by CRM B.V." in browser.get(f"{record}/deletions").text
    assert desk.press(f"/unsubscribe/{delivery.unsubscribe_token}").status_code < 400
    page = browser.get(f"{record}/deletions").text
    assert "1 person must be deleted by CRM B.V." in page
    assert "alice@" not in page
    answer = browser.post(f"{record}/deletions")
    (row,) = rows(answer.content)
    assert (row["email"], row["what"]) == ("alice@example.com", "withdrawn")
    (line,) = lines(desk, ActKind.DELETIONS_FETCHED)
    assert line.facts["processor"] == "crm"


def test_an_export_asks_for_a_fresh_sign_in(desk: Desk) -> None:
    """K1, K2: to order, to confirm and to fetch."""
    desk.join("alice@example.com", consent=["tips-email"])
    browser = desk.signed_in(Role.MARKETER)
    desk.wait(timedelta(minutes=11))
    token = browser.token("/desk")
    assert browser.get(FORM).headers["location"] == "/desk/again"  # before anything is typed
    answer = browser.client.post(FORM, data={"token": token, **ORDER})
    assert answer.headers["location"] == "/desk/again"
    assert files(desk) == []


def test_a_killed_server_leaves_no_file(desk: Desk) -> None:
    """K2, S4, E5: what it wrote is sealed, and goes; the trail says that the export broke off."""
    desk.join("alice@example.com", consent=["tips-email"])
    browser = english(desk.signed_in(Role.MARKETER))
    place = counted(browser)
    folder, name = desk.root / FOLDER, place.rpartition("/")[2]
    jobs = ExportJobs(desk.installation, folder)
    account = desk.installation.view(list_acts)[0].name
    (job,) = [it for it in map(jobs._read, [name]) if it is not None]  # noqa: SLF001 - as another process left it
    assert job.who == account
    jobs._save(replace(job, phase="writing"))  # noqa: SLF001 - as another process left it
    (folder / f"{name}.data").write_bytes(b"sealed")
    hold = (
        "import fcntl, sys, time; f = open(sys.argv[1], 'ab'); fcntl.flock(f, 2); print(flush=True);"
        " time.sleep(99)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(folder / f"{name}.lock")], stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        server.stdout.readline()
        assert jobs.tidy() == 0
        assert "Writing the file" in browser.get(place).text
        server.kill()
        server.wait()
    assert browser.get(place).status_code == 404
    assert files(desk) == []
    assert desk.installation.view(view_exports).runs == []
    (line,) = lines(desk, ActKind.EXPORT_ENDED)
    assert (line.facts["result"], line.name) == ("broken", "marketer")
