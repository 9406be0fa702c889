"""A walk through every page and mail of a served site, in a real browser, whichever kinds there are."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Error, Page, Response

from tests.mail.server import Script
from tests.serving import BASE_URL
from tests.waiting import wait_until

MOST_STEPS = 30  # of a magnet that asks before its form
FAILED = 400
ADDRESS = "#field-email"


@dataclass(frozen=True)
class Seen:
    """A page as it was served, or the HTML of a mail. `address`: where it can be asked for again."""

    name: str
    html: str
    address: str = ""
    is_mail: bool = False


@dataclass
class Walk:
    """A visitor with a browser and a mailbox."""

    page: Page
    script: Script
    _answers: list[Response] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)  # kinds of magnets that were asked for

    def __post_init__(self) -> None:
        self.page.on("response", self._note)

    def _note(self, answer: Response) -> None:
        if answer.request.is_navigation_request() and not 300 <= answer.status < FAILED:
            self._answers.append(answer)

    def every_page(self, magnets: dict[str, str], closed: list[str]) -> Iterator[Seen]:
        """See every page. `magnets`: kinds by address; `closed`: what is at these addresses has no form."""
        for path in ("", *closed, "nothing", "confirm/forged", "me"):
            yield self._open(f"/{path}", f"/{path}")
        privacy = self.page.locator("footer a[href*='/privacy/']").first.get_attribute("href")
        yield self._open("/privacy", privacy or "")
        for slug, kind in magnets.items():
            yield self._open(f"/{slug}", f"/{slug}")
            if kind not in self._known:
                yield from self._sign_up(slug)
            self._known.add(kind)

    def _sign_up(self, slug: str) -> Iterator[Seen]:
        page, address = self.page, f"{uuid.uuid4().hex[:10]}@example.com"
        for step in range(MOST_STEPS):
            if page.locator(ADDRESS).count():
                break
            self._answer()
            if step == 0:
                yield self._seen(f"/{slug}, a step")
        yield self._seen(f"/{slug}, form")
        page.fill(ADDRESS, "nobody")
        self._submit()
        yield self._seen(f"/{slug}, a mistake")
        page.fill(ADDRESS, address)
        for box in page.locator("input[type=checkbox]").all():
            box.check()
        if page.locator("#field-phone").count():
            page.fill("#field-phone", "020 123 4567")
        self._submit()
        yield self._seen(f"/{slug}, sent")
        yield from self._confirm(slug, address)

    def _confirm(self, slug: str, address: str) -> Iterator[Seen]:
        asking = self._mail(address, 1)
        yield Seen(f"/{slug}, confirmation mail", asking, is_mail=True)
        (link,) = {it for it in _links(asking) if "/confirm/" in it}
        yield self._open(f"/{slug}, confirm", link)
        self.page.click("form.now button")
        self.page.wait_for_selector("form.now", state="detached")
        yield self._open(f"/{slug}, confirmed", link)
        delivery = self._mail(address, 2)
        yield Seen(f"/{slug}, delivery mail", delivery, is_mail=True)
        for at in sorted(_links(delivery)):
            what = urlsplit(at).path.split("/")[1]
            if what not in {"download", "privacy", slug} and urlsplit(at).path.count("/") > 1:
                yield self._open(f"/{slug}, {what}", at)
        if not self._known:
            yield from self._personal(slug, address)

    def _personal(self, slug: str, address: str) -> Iterator[Seen]:
        self.page.goto(f"{BASE_URL}/me")
        self.page.fill(ADDRESS, address)
        self._submit()
        yield self._seen("/me?sent")
        sent = self._mail(address, 3)
        yield Seen(f"/{slug}, personal mail", sent, is_mail=True)
        link = next(it for it in _links(sent) if "/me/" in it)
        yield self._open(f"/{slug}, personal page", link)
        yield self._open(f"/{slug}, personal page, erase", f"{link}?erase=1")

    def _answer(self) -> None:
        """Choose the first answer of each question, and go on."""
        radios = self.page.locator("input[type=radio]")
        for name in dict.fromkeys(it.get_attribute("name") for it in radios.all()):
            self.page.locator(f"input[type=radio][name='{name}']").first.check(force=True)
        self.page.locator("main form button").last.click()
        self.page.wait_for_load_state()

    def _submit(self) -> None:
        self.page.locator(f"form:has({ADDRESS}) button").first.click()
        self.page.wait_for_load_state()

    def _open(self, name: str, address: str) -> Seen:
        try:
            self.page.goto(urljoin(BASE_URL, address))
        except Error:  # a download that the page before begins just now takes its place
            self.page.goto(urljoin(BASE_URL, address))
        return self._seen(name)

    def _seen(self, name: str) -> Seen:
        answer = self._answers[-1]
        asked_again = answer.request.method == "GET" and answer.status < FAILED
        return Seen(name, answer.text(), self.page.url if asked_again else "")

    def _mail(self, recipient: str, number: int) -> str:
        """Wait until somebody has so many mails; return the HTML of the last."""

        def sent() -> list[str]:
            mails = [message_from_bytes(data, policy=default) for data in self.script.mails]
            parts = [it.get_body(("html",)) for it in mails if it["To"] == recipient]
            return [str(it.get_content()) for it in parts if it is not None]

        wait_until(lambda: len(sent()) >= number)
        return sent()[number - 1]


def _links(html: str) -> set[str]:
    """Return the addresses on the site itself to which a mail links."""
    return {it.replace("&amp;", "&") for it in re.findall(r'href="([^"]+)"', html) if it.startswith(BASE_URL)}
