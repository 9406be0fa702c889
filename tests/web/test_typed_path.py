"""Addresses as people type them, and as mail programs glue them to what stands beside."""

from __future__ import annotations

from itertools import product
from urllib.parse import quote

import pytest

from optin.consent.signed_links import LinkKind
from optin.flows.delivery.mail_order import MailKind
from optin.web.mistyped_path import corrected_path
from tests.kinds.prize_draw.test_draw_pages import win as win  # noqa: PLC0414 - a site with a draw
from tests.kinds.webinar.test_webinar_pages import webinar as webinar  # noqa: PLC0414 - a site with a webinar
from tests.web.conftest import Visit

GLUED = ["/", ".", ",", ")", ";", ":", "!", "?", "'", '"', ">", "]", "*", ").", "…", "»", "”", " ", "\u00a0"]
UNSEEN = ["\u200b", "\ufeff", "\u2060", "\u00ad", "\u202c", "\r\n", "\u3000"]


def test_a_page_is_found_whatever_a_mail_program_glued_to_its_address(visit: Visit) -> None:
    """S5: one redirect to the page itself, with what stood in the query."""
    for method, end in product(("GET", "HEAD"), GLUED + UNSEEN):
        answer = visit.client.request(method, f"/paper{quote(end)}?von=mail")
        assert (answer.status_code, answer.headers["location"]) == (301, "/paper?von=mail")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert visit.client.get(answer.headers["location"]).status_code == 200


TYPED = [
    ("/Paper", "/paper"),
    ("/PAPER/", "/paper"),
    ("//paper", "/paper"),
    ("/paper//", "/paper"),
    ("/,", "/"),
    ("/%20", "/"),
    ("/Tips.", "/tips"),
    ("/robots.txt/", "/robots.txt"),
    ("/pa%C2%ADper", "/paper"),
]


def test_a_page_is_found_by_what_is_plainly_meant(visit: Visit) -> None:
    """S5: capitals, doubled slashes, what cannot be seen."""
    for typed, page in TYPED:
        answer = visit.client.get(f"https://optin.example.com{typed}")
        assert (answer.status_code, answer.headers.get("location")) == (301, page), typed


@pytest.mark.parametrize("first", ["Health", "HEALTH", "/health", "he\u200balth", " health", "health."])
def test_what_a_proxy_may_guard_is_answered_in_its_own_spelling_alone(visit: Visit, first: str) -> None:
    """S5, O10: no other spelling passes by a rule for addresses that begin with /health or /desk."""
    assert visit.client.get("/health/live").status_code == 200
    assert visit.client.get("/health/live.").status_code == 200
    base = f"https://optin.example.com/{quote(first)}"
    for method in ("GET", "POST"):
        assert visit.client.request(method, f"{base}/live").status_code in {404, 405}
    answer = visit.client.get(base)
    assert (answer.status_code, answer.headers.get("location")) == (301, "/health")


UNKNOWN = [
    "//evil.example", "//evil.example/", "/%2F%2Fevil.example/", "/\\evil.example", "/%5Cevil.example/",
    "///evil.example/paper", "/https://evil.example/", "/nothing/", "/Nothing.", "/paper/nothing/",
    "/confirm/", "/static/nothing.css/", "/log/tile/0/000/",
]  # fmt: skip


def test_nobody_is_sent_to_what_does_not_exist(visit: Visit) -> None:
    """S5: no other site, no circle: an unknown address stays unknown."""
    for path in UNKNOWN:
        answer = visit.client.get(f"https://optin.example.com{path}")
        assert answer.status_code == 404, path
        assert "location" not in answer.headers, path


def test_what_was_mended_is_not_mended_again() -> None:
    """S5: so a redirect never leads in a circle."""
    for path in [f"/Paper{end}" for end in GLUED + UNSEEN] + [
        "//a//B/",
        "/",
        "/.",
        "/a/.",
        "/ /",
        "/\u200b/x.",
    ]:
        assert corrected_path(corrected_path(path)) == corrected_path(path)
        assert not corrected_path(path).startswith("//")


@pytest.mark.parametrize("end", ["/", ").", "%20%E2%80%8B"])
def test_links_with_a_token_are_answered(visit: Visit, end: str) -> None:
    """D2, D4, R1, R3, S8: looking changes nothing, pressing does what the button says and loses no form."""
    visit.fill(consent="tips-email", first_name="Alice")
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    before = visit.rows()
    assert "Alice" not in visit.client.get(f"/confirm/{token}{end}").text
    assert visit.client.get(f"/Confirm/{token}{end}").status_code == 200
    assert visit.rows() == before
    pressed = visit.press(f"/confirm/{token}{end}")
    assert (pressed.status_code, pressed.headers["location"]) == (303, f"/confirm/{token}?now=1")
    delivery = visit.mail(MailKind.DELIVERY)
    assert visit.client.get(f"/download/{delivery.download_token}{end}").content.startswith(b"%PDF")
    index = visit.installation.vault.index(delivery.recipient)
    personal = visit.installation.vault.links.sign(LinkKind.PERSONAL, index, visit.moment)
    page = visit.client.get(f"/me/{personal}{end}")
    assert page.status_code == 200
    assert f'action="/me/{personal}"' in page.text
    corrected = visit.press(f"/me/{personal}{end}", action="correct", first_name="Aleid")
    assert corrected.headers["location"] == f"/me/{personal}?done=corrected"
    leave = f"/unsubscribe/{delivery.unsubscribe_token}{end}"
    before = visit.rows()
    assert visit.client.get(leave).status_code == 200
    assert visit.rows() == before
    assert visit.press(leave, **{"List-Unsubscribe": "One-Click"}).status_code == 200
    assert visit.rows()["suppression"] == before["suppression"] + 1


def test_a_token_keeps_its_letters(visit: Visit) -> None:
    """S3: what is signed is not guessed at."""
    visit.fill()
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    assert visit.client.get(f"/confirm/{token.upper()}/").status_code == 404
    assert visit.client.get(f"/confirm/{token[:-1]}.").status_code == 404


def test_the_other_pages_are_answered_with_a_slash(visit: Visit) -> None:
    """S5: the page after the form, the statement, the log, the page that asks for a personal link."""
    where = visit.fill()
    path, _, query = where.partition("?")
    assert visit.client.get(f"{path}/?{query}").status_code == 200
    assert visit.client.get(f"{path}.?{query}").status_code == 200
    assert visit.client.get("/me/").status_code == 200
    assert visit.client.get("/Me.").status_code == 200
    assert visit.client.post("/me/", data={"email": "alice@example.com"}).status_code == 303
    statement = visit.client.get("/privacy").headers["location"]
    assert visit.client.get("/privacy/").headers["location"] == statement
    assert visit.client.get(f"{statement}/").headers["location"] == statement
    assert visit.client.get("/log/").status_code == 200
    assert visit.client.get("/Log").status_code == 200


def test_a_form_that_is_posted_to_a_glued_address_is_taken_whole(visit: Visit) -> None:
    """D1: as at the address itself."""
    data = {"form": visit.form_key(), "email": "alice@example.com", "consent": "tips-email"}
    answer = visit.client.post("/Paper/", data=data)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/paper/sent?to=")
    assert visit.mail(MailKind.CONFIRMATION).recipient == "alice@example.com"


def test_the_pages_of_a_draw_are_answered(win: Visit) -> None:
    """M2: how it stands, for everybody."""
    assert win.client.get("/win/draw/").status_code == 200
    assert win.client.get("/Win/draw.").status_code == 200


def test_the_page_of_a_seat_is_answered(webinar: Visit) -> None:
    """M2: and its form goes to the address itself."""
    token = webinar.join("anna@example.com", slug="bellen").own.place_path.rpartition("/")[2]
    assert f'action="/place/{token}"' in webinar.client.get(f"/place/{token}/").text
    assert webinar.press(f"/place/{token}).", action="give-up").headers["location"] == f"/place/{token}"
