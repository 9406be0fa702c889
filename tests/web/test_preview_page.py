"""A link that shows a colleague a page that is not public yet (W10)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import html5lib
import pytest

from optin.consent.form_version import Slug
from optin.consent.preview_link import preview_payload
from optin.consent.signed_links import LinkKind
from optin.web.preview_page import as_preview
from tests.web.conftest import Visit
from tests.web.test_magnet_life import write

WEEK = timedelta(days=7)


def link(visit: Visit, slug: str = "plan") -> str:
    """Return a link as `optin preview` prints it, without the host."""
    payload = preview_payload(Slug(slug), visit.moment + WEEK)
    return f"/{slug}/preview/{visit.installation.vault.links.sign(LinkKind.PREVIEW, payload, visit.moment)}"


@pytest.mark.parametrize("lines", ["status: draft\n", "from: 2037-03-01\n"])
def test_whoever_has_the_link_sees_the_page_marked_as_a_preview(visit: Visit, lines: str) -> None:
    """W10: the whole page, in no cache and no search engine; its form leads back to the preview."""
    write(visit, lines, "plan")
    path = link(visit)
    answer = visit.client.get(path)
    assert answer.status_code == 200
    assert "Het witboek" in answer.text
    assert '<aside class="preview" aria-label="Voorvertoning.">' in answer.text
    assert (answer.headers["cache-control"], answer.headers["x-robots-tag"]) == ("no-store", "noindex")
    assert re.findall(r'<form[^>]*action="([^"]*)"', answer.text) == [path]
    html5lib.HTMLParser(strict=True).parse(answer.text)
    assert 'name="email"' not in visit.client.get("/plan").text


def test_a_form_on_a_preview_stores_nothing_and_says_so(visit: Visit) -> None:
    """W10, D1: the marked page says it before, the answer after."""
    write(visit, "status: draft\n", "plan")
    rows = visit.rows()
    answer = visit.client.post(link(visit), data={"email": "alice@example.com"})
    assert answer.status_code == 409
    assert "niets bewaard" in answer.text
    assert visit.rows() == rows


def test_a_link_shows_one_page_for_its_days(visit: Visit) -> None:
    """W10, S3: neither another draft, nor later, nor with another kind of token."""
    write(visit, "status: draft\n", "plan")
    write(visit, "status: draft\n", "other")
    path = link(visit)
    token = path.rpartition("/")[2]
    for wrong in (f"/other/preview/{token}", f"/plan/preview/{token[:-2]}"):
        assert visit.client.get(wrong).status_code == 404
        assert visit.client.post(wrong).status_code == 404
    assert visit.client.get(f"/confirm/{token}").status_code == 404
    visit.wait(WEEK - timedelta(seconds=1))
    assert visit.client.get(path).status_code == 200
    visit.wait(timedelta(seconds=1))
    assert visit.client.get(path).status_code == 410


def test_when_the_page_is_public_the_link_leads_to_it(visit: Visit) -> None:
    """W10: a colleague who kept the link finds the page."""
    visit.moment = datetime(2027, 2, 27, tzinfo=UTC)
    write(visit, "from: 2027-03-01\n", "plan")
    path = link(visit)
    assert visit.client.get(path).status_code == 200
    visit.moment = datetime(2027, 3, 1, tzinfo=UTC)
    answer = visit.client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/plan")


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        (b'<body class="a"><form action="/plan">', b'<body class="a">NOTE<form action="/p">'),
        (b"<BODY><FORM method=post ACTION='/plan'>", b'<BODY>NOTE<FORM method=post ACTION="/p">'),
        (b"<body>\n<form action = /plan novalidate>", b'<body>NOTE\n<form action = "/p" novalidate>'),
        (b'<p><button formaction="/a">', b'NOTE<p><button formaction="/p">'),
        (
            b'<body><form data-action="/a"><p action="/b">',
            b'<body>NOTE<form data-action="/a"><p action="/b">',
        ),
    ],
)
def test_a_page_is_marked_however_its_template_is_written(page: bytes, shown: bytes) -> None:
    """W10: HTML has several ways to write a tag; a template of the site's own may use each."""
    assert as_preview(page, b"NOTE", "/p") == shown


def test_an_address_is_put_into_a_form_as_it_is() -> None:
    r"""W10, S5: a backslash in it refers to nothing."""
    shown = as_preview(b'<body><form action="/plan">', b"", r'/p\g<1>"')
    assert shown == rb'<body><form action="/p\g&lt;1&gt;&quot;">'
