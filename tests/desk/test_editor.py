"""The editor of the desk: it writes the file that a person would, and never over another's work."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from optin.consent.staff_role import Role
from optin.flows.staff.trail import ActKind
from optin.site.loading_cache import ReadingCache
from optin.web import site_reload
from optin.web.site_reload import ServedReload
from tests.desk.conftest import Browser, Desk, list_acts
from tests.site.test_edit_site import picture

EDIT = "/desk/magnets/paper/edit"


@pytest.fixture
def editing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Switch editing on, as an operator does; what `serve` asks for besides is held elsewhere."""
    monkeypatch.setattr(site_reload, "check_settings", lambda _: None)
    reload = ServedReload(desk.app_context, ReadingCache())
    settings = desk.root / "optin.toml"
    settings.write_text(f"{settings.read_text()}\n[desk]\nedit = true\n")
    assert asyncio.run(reload.reload_now()) == ()
    return desk


def file_of(desk: Desk, slug: str = "paper") -> Path:
    return desk.root / "magnets" / slug / "index.md"


def fields_of(page: str) -> dict[str, Any]:
    """Return what the form of the editor would send, as a browser fills it in."""
    form = page[page.index('<form id="editor"') : page.index("</form>", page.index('<form id="editor"'))]
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = (re.search(rf' {it}="([^"]*)"', tag) for it in ("name", "value"))
        if name is None or (' type="checkbox"' in tag and " checked" not in tag):
            continue
        found.setdefault(name[1], []).append(unescape(value[1]) if value else "")
    for name, text in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>\n?(.*?)</textarea>', form, re.DOTALL):
        found[name] = unescape(text).replace("\n", "\r\n")
    for name, choices in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected>', choices)
        found[name] = chosen[1] if chosen else ""
    return found


def send(browser: Browser, path: str = EDIT, do: str = "save", **changes: Any) -> Any:
    """Open the editor, change fields, press a button."""
    fields = fields_of(browser.get(EDIT).text)
    return browser.client.post(path, data={**fields, "do": do, **changes})


def test_without_the_setting_the_page_says_how(desk: Desk) -> None:
    """K3: editing is switched on in optin.toml."""
    browser = desk.signed_in(Role.MARKETER)
    page = browser.get(EDIT)
    assert page.status_code == 200
    assert "edit = true" in page.text
    token = browser.token("/desk")
    assert browser.client.post(EDIT, data={"token": token, "do": "save", "text": "x"}).status_code == 409
    assert "kind: white-paper" in file_of(desk).read_text()


def test_a_saved_edit_is_the_file_and_the_page(editing: Desk) -> None:
    """K3, W10: only the line of the title changes; visitors get the page at once."""
    browser = editing.signed_in(Role.MARKETER)
    before = file_of(editing).read_text()
    title = re.search(r"^title: (.*)$", before, re.MULTILINE)
    assert title is not None
    answer = send(browser, **{"key.title": "Heel nieuw"})
    assert answer.headers["location"] == f"{EDIT}?done=saved"
    assert file_of(editing).read_text() == before.replace(title[0], "title: Heel nieuw")
    assert "Heel nieuw" in editing.client.get("/paper").text
    assert "Heel nieuw" in browser.get(EDIT).text


def test_opening_and_saving_changes_nothing(editing: Desk) -> None:
    """K3: not a byte."""
    before = file_of(editing).read_bytes()
    assert send(editing.signed_in(Role.MARKETER)).status_code == 303
    assert file_of(editing).read_bytes() == before


def test_the_trail_says_that_a_file_is_about_to_be_written(editing: Desk) -> None:
    """K3, P9: before it is: whatever ends the server in between, the trail says who tried."""
    browser = editing.signed_in(Role.MARKETER)
    acts = (ActKind.FILE_BEGUN, ActKind.MAGNET_EDITED)
    assert send(browser, **{"key.until": "tomorrow"}).status_code == 422  # it got no further
    assert [it.kind for it in editing.installation.view(list_acts) if it.kind in acts] == [acts[0]]
    assert send(browser, **{"key.title": "Heel nieuw"}).status_code == 303
    kinds = [it.kind for it in editing.installation.view(list_acts) if it.kind in acts]
    assert kinds == [acts[1], acts[0], acts[0]]


def test_a_mistake_is_shown_at_its_field_and_not_saved(editing: Desk) -> None:
    """K3: what was typed is still there; what is served stays."""
    browser = editing.signed_in(Role.MARKETER)
    before = file_of(editing).read_bytes()
    answer = send(browser, **{"key.until": "tomorrow<b>", "body": "Mijn tekst\r\n"})
    assert answer.status_code == 422
    assert "Mijn tekst" in answer.text
    assert "tomorrow&lt;b&gt;" in answer.text
    assert "is no moment" in answer.text
    assert file_of(editing).read_bytes() == before
    assert editing.client.get("/paper").status_code == 200


def test_two_people_do_not_overwrite_each_other(editing: Desk) -> None:
    """K3: the later one sees both versions by line, and nothing is lost."""
    first = editing.signed_in(Role.MARKETER, email="a@example.com")
    second = editing.signed_in(Role.MARKETER, email="b@example.com")
    theirs = fields_of(second.get(EDIT).text)
    assert send(first, **{"key.title": "Van de eerste"}).status_code == 303
    answer = second.client.post(EDIT, data={**theirs, "do": "save", "key.title": "Van de tweede"})
    assert answer.status_code == 409
    assert "Van de eerste" in answer.text
    assert "Van de tweede" in answer.text
    assert "title: Van de eerste" in file_of(editing).read_text()


def test_a_terminal_and_the_desk_do_not_overwrite_each_other(editing: Desk) -> None:
    """K3: an edit of the file while it is open in the desk."""
    browser = editing.signed_in(Role.MARKETER)
    fields = fields_of(browser.get(EDIT).text)
    file_of(editing).write_text(f"{file_of(editing).read_text()}\nUit de terminal.\n")
    answer = browser.client.post(EDIT, data={**fields, "do": "save", "key.title": "x"})
    assert answer.status_code == 409
    assert "Uit de terminal." in file_of(editing).read_text()


def test_the_last_save_is_undone_until_somebody_else_saves(editing: Desk) -> None:
    """K3: byte for byte."""
    browser = editing.signed_in(Role.MARKETER)
    before = file_of(editing).read_bytes()
    send(browser, **{"key.title": "Anders"})
    token = browser.token(EDIT)
    assert browser.client.post(EDIT, data={"token": token, "do": "undo"}).status_code == 303
    assert file_of(editing).read_bytes() == before
    send(browser, **{"key.title": "Anders"})
    file_of(editing).write_text(f"{file_of(editing).read_text()}Meer.\n")
    assert browser.client.post(EDIT, data={"token": token, "do": "undo"}).status_code == 409
    assert file_of(editing).read_text().endswith("Meer.\n")


def test_a_check_says_what_saving_would_do(editing: Desk) -> None:
    """K3, F7: a new version of the form, and nobody is asked anew; nothing is written."""
    browser = editing.signed_in(Role.MARKETER)
    before = file_of(editing).read_bytes()
    answer = send(browser, do="check", **{"key.title": "Met <em>teken</em>"})
    assert answer.status_code == 200
    assert "Nobody is asked anew" in answer.text or "Niemand wordt opnieuw gevraagd" in answer.text
    assert "Met &lt;em&gt;teken" in answer.text
    assert "<em>teken" not in answer.text
    assert file_of(editing).read_bytes() == before


def test_a_preview_is_the_page_as_it_would_be(editing: Desk) -> None:
    """K3, S1: for the frame of the editor alone, without a script or a form that leads anywhere."""
    browser = editing.signed_in(Role.MARKETER)
    answer = send(browser, f"{EDIT}/preview", body="Een heel nieuwe alinea.\r\n")
    assert "Een heel nieuwe alinea." in answer.text
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in policy
    assert "form-action 'none'" in policy
    assert "script-src" not in policy
    assert "x-frame-options" not in answer.headers
    assert "heel nieuwe alinea" not in editing.client.get("/paper").text
    broken = send(browser, f"{EDIT}/preview", **{"key.until": "never<"})
    assert "never&lt;" in broken.text


def test_a_file_that_no_form_can_show_is_edited_as_text(editing: Desk) -> None:
    """K3: anchors, tabs; and a mistake in them is not saved."""
    browser = editing.signed_in(Role.MARKETER)
    good = file_of(editing).read_text()
    file_of(editing).write_text(good.replace("---\n", "---\nx: &a y\n", 1))
    page = browser.get(EDIT).text
    fields = fields_of(page)
    assert "x: &amp;a y" in page
    assert "body" not in fields
    assert browser.client.post(EDIT, data={**fields, "do": "save"}).status_code == 422
    mended = {**fields, "do": "save", "text": good.replace("\n", "\r\n")}
    assert browser.client.post(EDIT, data=mended).status_code == 303
    assert file_of(editing).read_text() == good


def test_a_large_file_is_edited(editing: Desk) -> None:
    """K3, S5: 300 kB; nobody who is not signed in sends as much."""
    browser = editing.signed_in(Role.MARKETER)
    body = "Een regel met één é.\n" * 14_000
    assert send(browser, body=body.replace("\n", "\r\n")).status_code == 303
    assert file_of(editing).stat().st_size > 300_000
    assert browser.get(EDIT).status_code == 200
    stranger = editing.browser().client.post(EDIT, data={"body": body})
    assert stranger.status_code == 303
    assert stranger.headers["location"] == "/desk/sign-in"
    assert (
        browser.client.post(EDIT, data={"token": browser.token("/desk"), "text": "x" * 4_000_000}).status_code
        == 413
    )


@pytest.mark.parametrize("data", [b"no picture", picture(30_000, 1), bytes(11_000_000)])
def test_what_is_no_picture_is_not_kept(editing: Desk, data: bytes) -> None:
    """K3, S5: said in a sentence."""
    browser = editing.signed_in(Role.MARKETER)
    before = sorted(it.name for it in file_of(editing).parent.iterdir())
    answer = browser.client.post(
        f"{EDIT}/picture", data={"token": browser.token("/desk")}, files={"picture": ("a.png", data)}
    )
    assert answer.status_code == 422
    assert sorted(it.name for it in file_of(editing).parent.iterdir()) == before


def test_a_picture_is_seen_in_the_preview_before_it_is_served(editing: Desk) -> None:
    """K3: it lies beside the text, under a name that any disk takes."""
    browser = editing.signed_in(Role.MARKETER)
    answer = browser.client.post(
        f"{EDIT}/picture",
        data={"token": browser.token("/desk")},
        files={"picture": ("Mijn kaart.png", picture(600, 400))},
        headers={"accept": "text/plain"},
    )
    assert answer.text == "mijn-kaart.png"
    assert (file_of(editing).parent / "mijn-kaart.png").read_bytes() == picture(600, 400)
    shown = send(browser, f"{EDIT}/preview", body="![Een kaart](mijn-kaart.png)\r\n")
    assert "data:image/" in shown.text
    assert send(browser, body="![Een kaart](mijn-kaart.png)\r\n").status_code == 303
    assert "Een kaart" in editing.client.get("/paper").text
    assert '<option value="mijn-kaart.png">' in browser.get(EDIT).text, "offered where a picture is named"
    too_large = browser.client.post(
        f"{EDIT}/picture",
        data={"token": browser.token("/desk")},
        files={"picture": ("a.png", bytes(40_000_000))},
    )
    assert too_large.status_code == 413


@pytest.mark.parametrize("kind", ["white-paper", "newsletter", "webinar", "quiz", "prize-draw", "checklist"])
def test_each_kind_begins_as_a_draft_and_opens_in_the_editor(editing: Desk, kind: str) -> None:
    """K3: nobody sees it; saving it unchanged changes nothing."""
    browser = editing.signed_in(Role.MARKETER)
    fields = {
        "kind": kind,
        "slug": "mine",
        "lang": "nl",
        "title": 'Van "mij" <b>',
        "description": "Kort: ja.",
    }
    answer = browser.post("/desk/magnets/new", fields)
    assert answer.headers["location"] == "/desk/magnets/mine/edit?done=made"
    assert editing.client.get("/mine").status_code == 404
    page = browser.get("/desk/magnets/mine/edit")
    assert page.status_code == 200
    path = next(it for it in (file_of(editing, "mine"), editing.root / "magnets" / "mine.md") if it.exists())
    before = path.read_bytes()
    assert b"status: draft" in before
    saved = browser.client.post("/desk/magnets/mine/edit", data={**fields_of(page.text), "do": "save"})
    assert saved.status_code == 303, saved.text
    assert path.read_bytes() == before


def test_a_copy_begins_as_a_draft_and_is_archived(editing: Desk) -> None:
    """K3: at an address of its own; a taken or impossible one is refused with a sentence."""
    browser = editing.signed_in(Role.MARKETER)
    page = "/desk/magnets/new?copy=paper"
    token = browser.token(page)
    for slug in ("paper", "../x", "desk", ""):
        data = {"token": token, "copied": "paper", "slug": slug}
        assert browser.client.post("/desk/magnets/new", data=data).status_code == 422
    data = {"token": token, "copied": "paper", "slug": "paper-two"}
    assert browser.client.post("/desk/magnets/new", data=data).status_code == 303
    assert editing.client.get("/paper-two").status_code == 404
    assert send(browser, **{"key.status": "archived"}).status_code == 303
    assert "status: archived" in file_of(editing).read_text()
