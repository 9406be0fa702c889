"""A prize draw over HTTP: the form, both buttons, the closed page, the published draw."""

from __future__ import annotations

import json
import quopri
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from optin.flows.delivery.mail_order import MailKind
from optin.jobs.sweep_runner import sweep
from optin.keys import KeyRing
from optin.kinds.prize_draw.draw_winners import draw_winners
from optin.services.event_log_signer import advance_log
from optin.services.installation import Installation
from optin.services.site_edition import keep_edition, load_edition
from optin.store.encryption import Vault
from optin.web.app import build_app
from optin.web.app_context import AppContext
from tests.installed import INSTALLED, KINDS
from tests.mail.orders import composer
from tests.stores import open_store
from tests.web.conftest import Visit, site_at
from tests.world import about_requests

CLOSES = datetime(2029, 3, 31, 21, 59, tzinfo=UTC)
WIN = """---
kind: prize-draw
lang: nl
title: Win een boek
description: Win.
purposes: [tips-email]
draw:
  prize: Een boek
  value: 20
  winners: 1
  closes: "2029-03-31 23:59"
  terms: terms.md
  seed: {source: de slotkoers van de AEX, at: "2029-04-02 18:00"}
  claim: Mail ons uw adres.
---
Win.
"""


def draw_at(root: Path) -> None:
    """Write a draw at /win."""
    (root / "magnets" / "win").mkdir()
    (root / "magnets" / "win" / "index.md").write_text(WIN)
    (root / "magnets" / "win" / "terms.md").write_text("## Voorwaarden\n\nEerlijk.\n")


@pytest.fixture
def win(store_url: str, tmp_path: Path) -> Iterator[Visit]:
    """Open a site with a draw, ten days before it closes."""
    root = tmp_path / "site"
    site_at(root)
    draw_at(root)
    edition, findings = load_edition(root, KINDS)
    assert findings == ()
    assert edition is not None
    vault = Vault(KeyRing.fresh("dev"))
    store = open_store(store_url, tmp_path, vault)
    moment = CLOSES - timedelta(days=1)
    installation = Installation(store, vault, edition.policy, KINDS, clock=lambda: moment)
    keep_edition(store, edition, moment)
    app_context = AppContext.of(edition, installation)
    with TestClient(
        build_app(app_context, INSTALLED.routes), follow_redirects=False, raise_server_exceptions=False
    ) as client:
        opened = Visit(client, app_context, root, moment)
        installation.clock = lambda: opened.moment
        yield opened
    store.close()


def test_the_form_asks_age_and_has_one_button(win: Visit) -> None:
    """M2, F2: the age box is no consent and not ticked; boxes decide about consents; the terms are there."""
    page = win.client.get("/win").text
    assert re.search(
        r'<input type="checkbox" id="field-age" name="age" value="yes" aria-required="true">', page
    )
    buttons = re.findall(r"<button ([^>]*)>", page)
    assert buttons == ['class="big"']
    assert "Eerlijk." in page
    assert "de slotkoers van de AEX" in page
    assert "23:59 uur (Amsterdam)" in page
    assert " checked" not in page


def test_without_the_age_nothing_is_taken_and_nothing_is_lost(win: Visit) -> None:
    """M2, F6: a kind sentence; what was typed stays; afterwards no age is kept anywhere."""
    data = {"form": win.form_key("win"), "email": "alice@example.com", "consent": "tips-email"}
    answer = win.client.post("/win", data={**data, "choice": "ticked"})
    assert answer.status_code == 422
    assert "Vink aan dat u oud genoeg bent" in answer.text
    assert 'href="#field-age"' in answer.text
    assert "alice@example.com" in answer.text
    assert win.rows()["request"] == 0
    win.fill(slug="win", age="yes")
    (declared,) = win.installation.store.read(lambda tx: tx.all("SELECT body FROM event"))
    assert "age" not in json.loads(declared[0])


@pytest.mark.parametrize(
    ("sent", "granted"),
    [
        ({"consent": "tips-email"}, 1),
        ({}, 0),
        ({"consent": "tips-email", "choice": "ticked"}, 1),
        ({"consent": "tips-email", "choice": "none"}, 0),
    ],
)
def test_whoever_ticks_nothing_enters_alike(win: Visit, sent: dict[str, str], granted: int) -> None:
    """M2, 7(4): one button, with a tick or without; older pages had two, and one dropped the ticks."""
    order = win.join("alice@example.com", slug="win", age="yes", **sent)
    assert order.own is not None
    assert order.own.state == "in"
    assert len(order.receipts) == granted
    assert win.rows()["consent"] == granted


def test_a_foreign_value_of_the_form_is_refused_elsewhere(win: Visit) -> None:
    """F7: age and choice belong to draws alone."""
    for name in ("age", "choice"):
        data = {"form": win.form_key(), "email": "alice@example.com", name: "yes"}
        assert win.client.post("/paper", data=data).status_code == 400


def test_the_whole_course_of_a_draw(win: Visit) -> None:
    """M2, D4: open, closed, fixed, drawn; whoever is late is told so kindly; the draw is there for all."""
    win.join("alice@example.com", slug="win", age="yes", choice="none")
    win.fill("late@example.com", "win", age="yes", choice="ticked", consent="tips-email")
    late = win.mail(MailKind.CONFIRMATION).confirm_token
    win.fill("bob@example.com", "win", age="yes", choice="none")
    early = win.mail(MailKind.CONFIRMATION).confirm_token
    win.press(f"/confirm/{early}")
    assert "alleen nog de uitslag" in win.client.get(f"/confirm/{early}").text
    page = win.client.get("/win/draw")
    assert (page.status_code, "worden vastgelegd" in page.text) == (200, True)
    assert win.client.get("/win/draw.json").status_code == 404
    key = win.form_key("win")
    win.moment = CLOSES + timedelta(minutes=2)
    assert "/win/draw" in win.client.get("/win").text
    closed = win.client.post("/win", data={"form": key, "email": "x@example.com", "age": "yes"})
    assert closed.status_code == 410
    assert sweep(win.installation)["draws"] == 1
    assert win.press(f"/confirm/{late}").status_code == 303
    said = win.client.get(f"/confirm/{late}").text
    assert "U doet niet mee" in said
    assert "tip" in said
    assert "liggen vast" in win.client.get("/win/draw").text
    fixed = win.client.get("/win/draw.json").json()
    assert len(fixed["tickets"]) == fixed["entries"] == 2
    win.moment = CLOSES + timedelta(days=2)
    result = win.installation.run(draw_winners, magnet="win", typed="912,34 18477,10", now=win.moment)
    advance_log(win.installation)
    shown = win.client.get("/win/draw").text
    whole = result.winners[0]
    assert f'title="{whole}"><span>{whole[:5]}</span><span>{whole[5:10]}</span></code>' in shown
    assert whole not in re.sub(r'"[^"]*"', "", shown)
    assert "eerste tekens" in shown
    assert "912.34.18477.10/" in shown
    answer = win.client.get("/win/draw.json")
    assert answer.content == result.transcript
    assert answer.headers["content-type"] == "application/json"
    for path in ("/paper/draw", "/paper/draw.json", "/nowhere/draw"):
        assert win.client.get(path).status_code == 404


def test_a_ticket_is_short_on_the_page_in_the_mail_and_in_the_data(win: Visit) -> None:
    """M2: ten characters where it is read, whole where it is copied; more when a twin came between."""
    mail = win.join("alice@example.com", slug="win", age="yes", choice="none")
    assert mail.own is not None
    whole = mail.own.ticket.full
    assert mail.own.ticket.short == whole[:10]
    words: Any = message_from_bytes(composer().compose(mail, win.moment), policy=default)
    text, html = (words.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert whole[:10] in text
    assert whole not in text
    assert f'title="{whole}">{whole[:10]}<' in html
    win.fill("twin@example.com", "win", age="yes", choice="none")
    confirm = win.mail(MailKind.CONFIRMATION).confirm_token
    win.press(f"/confirm/{confirm}")
    twin = whole[:10] + ("0" if whole[10] != "0" else "1") * 54
    change = "UPDATE draw_entry SET ticket = :twin WHERE ticket <> :whole"
    win.installation.write(lambda tx: tx.run(change, twin=twin, whole=whole))
    groups = f"<span>{twin[:5]}</span><span>{twin[5:10]}</span><span>{twin[10]}</span>"
    assert f'title="{twin}">{groups}</code>' in win.client.get(f"/confirm/{confirm}").text
    win.press("/me", email="alice@example.com")
    me = win.client.get(f"/me/{win.notice(MailKind.PERSONAL).token}").text
    assert f'<code class="ticket" title="{whole}">{whole[:11]}</code>' in me


def test_a_second_address_of_the_same_mailbox_is_told(win: Visit) -> None:
    """M2: the page says that the first entry counts."""
    win.join("alice@example.com", slug="win", age="yes", choice="none")
    win.fill("alice+2@example.com", "win", age="yes", choice="none")
    token = win.mail(MailKind.CONFIRMATION).confirm_token
    win.press(f"/confirm/{token}")
    assert "alleen nog de uitslag" not in win.client.get(f"/confirm/{token}").text
    assert "Iedereen doet één keer mee" in win.client.get(f"/confirm/{token}").text


SUBMIT = "templates/kinds/prize-draw/submit.html"
AGE = '<label for="a">18?</label><input type="checkbox" id="a" name="age" value="yes">'
ONE = '<button class="big" name="choice" value="ticked">Ja</button>'
NONE = '<button class="{}" name="choice" value="none">Nee</button>'


@pytest.mark.parametrize(
    ("template", "codes"),
    [
        (AGE + ONE + NONE.format("big"), set()),
        (ONE + NONE.format("big"), {"age"}),
        (AGE.replace("name=", "checked name=") + ONE + NONE.format("big"), {"age"}),
        (AGE + "<button>Ja</button>", set()),
        (AGE + ONE, {"choices"}),
        (AGE + ONE + NONE.format("plain"), {"choices"}),
    ],
)
def test_a_template_of_ones_own_with_two_buttons_shows_both_alike(
    tmp_path: Path, template: str, codes: set[str]
) -> None:
    """M2, M10: a louder yes, a missing no or an age ticked beforehand is not served (CNIL SAN-2023-025)."""
    root = tmp_path / "site"
    site_at(root)
    draw_at(root)
    own = root / SUBMIT
    own.parent.mkdir(parents=True)
    own.write_text(template)
    _, findings = load_edition(root, KINDS)
    assert {it.code for it in findings} == codes


def test_who_won_nothing_is_told_where_more_is(win: Visit) -> None:
    """M2, W4: by a link to the draw's page, which says what can be had now; the winner needs none."""
    for name in ("alice", "bob", "carol", "dave"):
        win.join(f"{name}@example.com", slug="win", age="yes", choice="none")
    win.moment = CLOSES + timedelta(minutes=2)
    sweep(win.installation)
    win.moment = CLOSES + timedelta(days=2)
    result = win.installation.run(draw_winners, magnet="win", typed="912,34 18477,10", now=win.moment)
    advance_log(win.installation)
    sweep(win.installation)
    told = about_requests(win.mails(), "drawn")
    assert len(told) == 4
    mails = (quopri.decodestring(composer().compose(it, win.moment)) for it in told)
    said = [b"pagina van de winactie" in mail for mail in mails]
    assert [it.own.won for it in told] == [not more for more in said]
    assert said.count(False) == len(result.winners)
