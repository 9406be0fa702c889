"""A real Chromium before a real server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.browser.front_door import FrontDoor, front_door
from tests.chromium import ARGUMENTS, installed
from tests.conftest import THOROUGH
from tests.kinds.prize_draw.test_draw_pages import draw_at
from tests.kinds.quiz.quizzes import KEEP, write_quiz
from tests.kinds.webinar.test_webinar_pages import WEBINAR
from tests.mail.server import Script, certificate, mail_server
from tests.own_site import add_settings
from tests.ports import reserved_port
from tests.serving import BASE_URL, served
from tests.web.conftest import site_at
from tests.web.static_host import static_host

expect.set_options(timeout=60_000)  # a busy machine is slow; a page that never comes still fails


@pytest.fixture(scope="package")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    """Open the way by which Chromium reaches the site under its own address."""
    _, context = certificate(tmp_path_factory.mktemp("door"))
    with front_door(context) as opened:
        yield opened


@pytest.fixture(scope="package")
def browser(door: FrontDoor) -> Iterator[Browser]:
    """Start Chromium, for the tests in this folder: its driver keeps the thread's event loop.

    Without a Chromium the tests fail, they do not skip.
    """
    path = installed()
    assert path is not None, "the browser tests need Chromium; make test installs it"
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=[*ARGUMENTS, *door.arguments])
        yield chromium
        chromium.close()


@dataclass
class House:
    """A served site and the mail that left it."""

    site: Path
    store: str
    keys: str
    mail: str = ""
    script: Script = field(default_factory=Script)
    base: str = BASE_URL
    company: str = ""  # the company's own website, and the folder of its pages
    company_folder: Path = Path()

    def count(self, recipient: str) -> int:
        """Count the mails to somebody so far."""
        mails = [message_from_bytes(data, policy=default) for data in self.script.mails]
        return sum(mail["To"] == recipient for mail in mails)

    def last_words(self, recipient: str, subject: str) -> str:
        """Wait for a mail without a link; return its text."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            for data in reversed(self.script.mails):
                mail = message_from_bytes(data, policy=default)
                if mail["To"] == recipient and mail["Subject"].startswith(subject):
                    text = mail.get_body(("plain",))
                    assert text is not None
                    return str(text.get_content())
            time.sleep(0.05)
        raise AssertionError(recipient)

    def letter(self, recipient: str, subject: str, after: int = 0) -> tuple[str, str, str]:
        """Wait for a mail, past the first `after` to somebody; return text, HTML and the link in it."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            for data in reversed(self.script.mails if self.count(recipient) > after else []):
                mail = message_from_bytes(data, policy=default)
                if mail["To"] == recipient and mail["Subject"].startswith(subject):
                    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
                    assert text is not None
                    assert html is not None
                    words = text.get_content()
                    found = re.search(r"https://\S+/(confirm|download|me)/\S+", words)
                    assert found is not None
                    return words, html.get_content(), found[0]
            time.sleep(0.05)
        raise AssertionError(recipient)


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory, door: FrontDoor) -> Iterator[House]:
    """Serve a site for all browser tests."""
    folder = tmp_path_factory.mktemp("house")
    site_at(folder / "site")
    write_quiz(folder / "site", keep=KEEP)
    write_quiz(folder / "site", "stap-voor-stap", "each")
    draw_at(folder / "site")
    (folder / "site" / "magnets" / "bellen.md").write_text(WEBINAR.replace("2027", "2077"))
    store, keys = f"sqlite:///{folder}/optin.db", str(folder / "keys.json")
    (folder / "company").mkdir()
    opened = House(folder / "site", store, keys, company_folder=folder / "company")
    policy = ("content-security-policy", f"default-src 'none'; frame-src {BASE_URL}; script-src {BASE_URL}")
    with (
        reserved_port() as port,
        mail_server(opened.script) as mail_port,
        static_host(folder / "company", (policy,)) as opened.company,
    ):
        add_settings(folder / "site", f'\n[embed]\nsites = ["{opened.company}"]\n')
        door.inward = port
        opened.mail = f"smtp://127.0.0.1:{mail_port}"
        with served(folder / "site", port, store, opened.mail, keys):
            yield opened


# What people do is the same by day and by night: each width and each scheme once
WINDOWS = [(360, "light"), (1280, "dark")]
ALL_WINDOWS = [*WINDOWS, (360, "dark"), (1280, "light")]


@pytest.fixture(params=ALL_WINDOWS if THOROUGH else WINDOWS, ids=str)
def window(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    """Open a window of a phone or a desk, by day and by night, with scripts off."""
    width, scheme = request.param
    height = 640 if width == 360 else 860
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        java_script_enabled=False,
    )
    yield context
    context.close()
