"""After the confirmation: the download begins, and the author's next step is on the page and in the mail."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from optin.flows.delivery.mail_order import MailKind
from optin.services.site_edition import Edition, load_edition
from optin.site.findings import Finding
from tests.installed import INSTALLED, KINDS
from tests.mail.orders import composer
from tests.mail_words import mail_words
from tests.stores import ON_SQLITE
from tests.web.conftest import Visit, given_anew, site_at, visited
from tests.world import NOON

STARTS = "De download begint vanzelf."
FRONT = """next:
  title: Samen uw bellijst langs?
  text: Twintig minuten met Anna.
  link: {link}
  label: Kies een moment
  picture: {{file: anna.png, alt: Anna Voorbeeld}}
"""


def edited(root: Path, front: str, settings: str = "") -> tuple[Edition | None, tuple[Finding, ...]]:
    """Make the site with more front matter for its white paper, and more settings."""
    site_at(root)
    with (root / "optin.toml").open("a", encoding="utf-8") as file:
        file.write(settings)
    page = root / "magnets" / "paper" / "index.md"
    page.write_text(page.read_text("utf-8").replace("---\n", f"---\n{front}", 1), "utf-8")
    drawn = io.BytesIO()
    Image.new("RGB", (72, 72), "#0b5d4b").save(drawn, "PNG")
    (page.parent / "anna.png").write_bytes(drawn.getvalue())
    return load_edition(root, KINDS)


@pytest.fixture
def offering(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Visit]:
    """A site whose white paper has the next step `request.param`, or a link elsewhere."""
    front = getattr(request, "param", FRONT.format(link="https://calendar.example.com/anna"))
    root = tmp_path / "site"
    edition, wrong = edited(root, front)
    assert edition is not None, wrong
    with visited(edition, Visit, f"sqlite:///{tmp_path}/optin.db", root, INSTALLED) as visit:
        yield visit


def confirmed(visit: Visit, **more: str) -> str:
    """Ask and confirm; return the address that the button led to."""
    visit.fill("alice@example.com", **more)
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    answer = visit.press(f"/confirm/{token}")
    assert answer.status_code == 303
    return str(answer.headers["location"])


def test_the_next_step_is_on_the_page_and_in_the_mail(offering: Visit) -> None:
    """W4: with its picture, which the site serves, and its link, which tells nobody where it stood."""
    page = offering.client.get(confirmed(offering)).text
    assert "<h2>Samen uw bellijst langs?</h2>" in page
    link = '<a class="button plain" href="https://calendar.example.com/anna" rel="noreferrer">'
    assert f"{link}Kies een moment</a>" in page
    picture = re.search(r'<img src="(/static/[^"]+)" alt="Anna Voorbeeld" width="72" height="72">', page)
    assert picture is not None
    assert offering.client.get(picture[1]).headers["content-type"] == "image/webp"
    order = offering.mail(MailKind.DELIVERY)
    assert order.next_step is not None
    assert order.next_step.link == "https://calendar.example.com/anna"
    mail = mail_words(composer().compose(order, NOON))
    for words in ("Samen uw bellijst langs?", "Twintig minuten met Anna.", "Kies een moment"):
        assert mail.count(words) == 2, words  # as text, and as HTML
    mailed = re.search(r'<img src="https://optin\.example\.com(/static/anna-mail\.\w+\.jpg)"', mail)
    assert mailed is not None
    assert offering.client.get(mailed[1]).headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("offering", ["picture: {file: anna.png, alt: De omslag}\n"], indirect=True)
def test_a_magnets_cover_goes_along_on_every_page_of_a_request(offering: Visit) -> None:
    """W4: the cover that the landing page shows, before the heading: sent, to confirm, confirmed."""
    sent = offering.fill()
    token = offering.mail(MailKind.CONFIRMATION).confirm_token
    pages = [offering.client.get(path).text for path in (sent, f"/confirm/{token}")]
    pages.append(offering.client.get(offering.press(f"/confirm/{token}").headers["location"]).text)
    for page in pages:
        shown = page.partition('<div class="panel">')[2].partition("<h1>")[0]
        assert 'alt="De omslag"' in shown


def test_the_look_draws_the_cover_of_a_magnet_without_a_picture(offering: Visit) -> None:
    """W4: its kind and its title; once the magnet is removed, there is none."""
    drawn = '<div class="cover drawn" aria-hidden="true"><span>Whitepaper</span> Het witboek</div>'
    address = confirmed(offering)
    assert drawn in offering.client.get(address).text
    (offering.root / "magnets" / "paper" / "index.md").unlink()
    edition, wrong = load_edition(offering.root, KINDS)
    assert edition is not None, wrong
    offering.app_context.replace(edition)
    page = offering.client.get(address)
    assert page.status_code == 200
    assert "cover" not in page.text


@pytest.mark.parametrize("offering", ["picture: {file: anna.png, alt: De omslag}\n"], indirect=True)
def test_the_cover_stays_in_the_mail_when_it_is_gone_from_the_site(offering: Visit) -> None:
    """W4: a mail lies in a mailbox for years; its picture is kept, as those of pages are."""
    confirmed(offering)
    order = offering.mail(MailKind.DELIVERY)
    assert order.cover is not None
    assert order.cover.alt == "De omslag"
    mail = mail_words(composer().compose(order, NOON))
    assert f'src="https://optin.example.com{order.cover.url}" alt="De omslag" width="112"' in mail
    shown = offering.client.get(order.cover.url)
    page = offering.root / "magnets" / "paper" / "index.md"
    page.write_text(
        page.read_text("utf-8").replace("picture: {file: anna.png, alt: De omslag}\n", ""), "utf-8"
    )
    edition, wrong = load_edition(offering.root, KINDS)
    assert edition is not None, wrong
    offering.app_context.replace(edition)
    assert order.cover.url not in edition.theme.assets
    assert offering.client.get(order.cover.url).content == shown.content


def test_a_consent_that_is_only_given_anew_offers_no_next_step(offering: Visit) -> None:
    """W4: the mail that answers a renewal hands out nothing, and sells nothing."""
    token = given_anew(offering)
    page = offering.client.get(offering.press(f"/confirm/{token}").headers["location"])
    assert "bellijst" not in page.text
    assert "refresh" not in page.headers
    assert offering.mail(MailKind.DELIVERY).next_step is None


@pytest.mark.parametrize("offering", [FRONT.format(link="/paper")], indirect=True)
def test_a_link_to_this_site_is_complete_in_the_mail(offering: Visit) -> None:
    """W4: a mail has no site of its own."""
    confirmed(offering)
    step = offering.mail(MailKind.DELIVERY).next_step
    assert step is not None
    assert step.link == "https://optin.example.com/paper"


@ON_SQLITE
def test_the_button_that_says_download_downloads(visit: Visit) -> None:
    """W4, D2: by a header, without a script; the page stays. Whoever only looks downloads nothing."""
    where = confirmed(visit)
    page = visit.client.get(where)
    target = page.headers["refresh"].removeprefix("0; url=")
    assert f'href="{target}"' in page.text
    assert STARTS in page.text
    file = visit.client.get(target)
    assert file.headers["content-disposition"] == 'attachment; filename="witboek.pdf"'
    looked = visit.client.get(where.partition("?")[0])  # as the link in the mail
    assert "refresh" not in looked.headers
    assert STARTS not in looked.text


@ON_SQLITE
def test_a_code_confirms_and_downloads_as_well(visit: Visit) -> None:
    """W4, D3: typed on the page that is still open."""
    sent = visit.fill("alice@example.com")
    order = visit.mail(MailKind.CONFIRMATION)
    token = re.search(r'name="token" value="([^"]+)"', visit.client.get(sent).text)
    assert token is not None
    where = visit.press("/paper/sent", token=token[1], code=order.code, action="code").headers["location"]
    assert visit.client.get(where).headers["refresh"].startswith("0; url=/download/")
