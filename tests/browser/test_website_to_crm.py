"""The walk from a page of the company's website to its CRM, as the guide tells it, by real processes."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from functools import partial
from pathlib import Path

import httpx2 as httpx
import pytest
from playwright.sync_api import Browser, FrameLocator, Page

from optin.consent.purpose import PurposeId
from optin.services.site_edition import load_edition
from tests.browser.front_door import FrontDoor
from tests.house.guide import GUIDE
from tests.house.requirements_table import ROOT
from tests.house.test_guide import BLOCK, Walk, all_is_well, say_all_in_own_words
from tests.installed import KINDS
from tests.listmonk import FakeListmonk, listmonk
from tests.mail.server import Script, mail_server
from tests.serving import BASE_URL
from tests.shifted import SEAM
from tests.waiting import SECONDS, wait_until
from tests.web.static_host import static_host

TIPS_LIST = 36
ANN, BOB = "ann@example.com", "bob@example.com"
PERSON = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/131.0.0.0 Mobile Safari/537.36"
LETTER = "The one question to ask before you call"


@dataclass
class Company:
    """A company with a website, a mail server and a tool, and who walks."""

    walk: Walk
    tool: FakeListmonk
    script: Script
    website: str
    folder: Path
    clock: Path
    browser: Browser

    def mail_to(self, who: str, subject: str) -> str:
        """Wait for a mail; return its text."""
        found: list[str] = []

        def look() -> bool:
            for data in self.script.mails:
                mail = message_from_bytes(data, policy=default)
                body = mail.get_body(("plain",))
                if mail["To"] == who and subject in mail["Subject"] and body is not None:
                    found.append(str(body.get_content()))
            return bool(found)

        wait_until(look)
        return found[-1]

    def count(self, who: str, subject: str) -> int:
        """Count the mails to somebody with a subject."""
        mails = [message_from_bytes(data, policy=default) for data in self.script.mails]
        return sum(it["To"] == who and subject in it["Subject"] for it in mails)

    def paste(self) -> None:
        """Put what `optin embed` printed into a page of the website, counted as a source."""
        lines = "\n".join(re.findall(r"^.*<(?:iframe|script).*$", self.walk.said[-1], re.MULTILINE))
        assert "/my-paper/embed" in lines
        lines = lines.replace("/my-paper/embed", "/my-paper/embed?via=website")
        html = f'<!doctype html><html lang="en"><title>Blog</title><h1>How we call</h1>{lines}'
        (self.folder / "blog.html").write_text(html, "utf-8")

    def is_connected(self) -> None:
        """The tool answered, and was told of nobody."""
        assert "mailing (listmonk): " in self.walk.said[-1]
        assert not self.tool.subscribers

    def leads_arrive(self) -> None:
        """One by the frame, one by a link: in the tool with their consent; sales has a mail."""
        phone = self.browser.new_context(viewport={"width": 360, "height": 740}, user_agent=PERSON)
        page = phone.new_page()
        page.goto(f"{self.website}/blog.html")
        self.sign_up(page.frame_locator("iframe"), ANN)
        page.goto(f"{BASE_URL}/my-paper?via=linkedin")
        self.sign_up(page, BOB)
        phone.close()
        for who in (ANN, BOB):
            self.tool.wait(partial(self.is_on_list, who))
            told = self.tool.by_email(who)
            assert told is not None
            assert self.words_of_the_consent() in str(told["attribs"])
        assert not any(who in self.mail_to("sales@example.com", "") for who in (ANN, BOB))

    def sign_up(self, place: Page | FrameLocator, who: str) -> None:
        """Fill in the form, tick the box, confirm by the link of the mail."""
        place.get_by_role("textbox").first.fill(who)
        place.get_by_role("checkbox").first.check()
        place.get_by_role("button").last.click()
        link = re.search(r"https://\S+/confirm/\S+", self.mail_to(who, ""))
        assert link is not None
        page = self.browser.new_context(java_script_enabled=False).new_page()
        page.goto(link[0])
        page.click("form.now button")
        page.context.close()

    def words_of_the_consent(self) -> str:
        """Return what the box says."""
        edition, _ = load_edition(self.walk.site, KINDS)
        assert edition is not None
        return edition.site.settings.purposes[PurposeId("tips-email")].text["en"]

    def is_on_list(self, who: str) -> bool:
        """Return whether the tool may mail somebody."""
        return self.tool.by_email(who) is not None and self.tool.status_of(who, TIPS_LIST) == "confirmed"

    def sources_are_counted(self) -> None:
        """Who came from the website, and who from the link; a server writes its sums now and then."""

        def counted() -> bool:
            self.walk.do("optin stats --site my-site")
            said = re.sub(r"[ \u2502]+", " ", self.walk.said[-1])
            return all(f"my-paper {source} 1 1 (100%)" in said for source in ("website", "linkedin"))

        wait_until(counted)

    def bob_leaves_in_the_tool(self) -> None:
        """He presses its unsubscribe link; serve is stopped."""
        self.tool.unsubscribe(BOB, TIPS_LIST)
        self.walk.stop()

    def bob_is_withdrawn(self) -> None:
        """Here, too; then hours pass."""
        assert "1 consents withdrawn" in self.walk.said[-1]
        self.clock.write_text(str(timedelta(hours=3).total_seconds()))

    def only_ann_gets_the_letter(self) -> None:
        """Then she leaves by the link under it, and is off the list."""
        letter = self.mail_to(ANN, LETTER)
        assert self.count(BOB, LETTER) == 0
        link = re.search(r"https://\S+(/unsubscribe/\S+)", letter)
        assert link is not None
        address = f"http://127.0.0.1:{self.walk.port}{link[1]}"
        answer = httpx.post(address, data={"List-Unsubscribe": "One-Click"}, timeout=SECONDS)
        assert answer.status_code < 400
        self.tool.wait(lambda: self.tool.status_of(ANN, TIPS_LIST) == "unsubscribed")
        for who in (ANN, BOB):
            self.walk.do(f"optin subject show {who} --why Test --site my-site")
            assert "withdrawn" in self.walk.said[-1]


@pytest.fixture
def company(tmp_path: Path, browser: Browser, door: FrontDoor, free_port: int) -> Iterator[Company]:
    """Go live as the first page of the guide says; then the company has a website and a tool."""
    programs, folder, clock = (tmp_path / it for it in ("programs", "website", "clock.txt"))
    programs.mkdir()
    folder.mkdir()
    clock.write_text("0")
    program = programs / "optin"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.optin_reaching_tools "$@"\n')
    program.chmod(0o755)
    script, before = Script(), door.inward
    with (
        mail_server(script) as mail_port,
        static_host(folder) as website,
        listmonk(tmp_path / "tls", host="lists.example.com") as tool,
    ):
        kept = {name: it for name, it in os.environ.items() if not name.startswith("OPTIN_")}
        own = {
            "PATH": f"{programs}{os.pathsep}{kept['PATH']}",
            "PYTHONPATH": f"{SEAM}{os.pathsep}{ROOT}",
            "SHIFTED_CLOCK": str(clock),
            "SSL_CERT_FILE": str(tmp_path / "tls" / "ca.pem"),
            "TOOLS_PORT": str(tool.port),
            "OPTIN_BASE_URL": BASE_URL,
            "OPTIN_MAIL": f"smtp://127.0.0.1:{mail_port}",
        }
        walk = Walk(tmp_path, free_port, {**kept, **own})
        door.inward = free_port
        go_live(walk)
        yield Company(walk, tool, script, website, folder, clock, browser)
        walk.stop()
        door.inward = before


def go_live(walk: Walk) -> None:
    """Make the site that the first page of the guide ends with."""
    walk.do("optin init my-site --lang en")
    walk.do("optin new white-paper my-paper --site my-site")
    for language, text in BLOCK.findall((GUIDE / "first-site.md").read_text("utf-8")):
        if language == "toml":
            walk.write(language, text)
    (walk.site / "magnets" / "tips.md").unlink()
    own = ROOT / "magnets" / "koud-bellen" / "koud-bellen.pdf"
    (walk.site / "magnets" / "my-paper" / "my-paper.pdf").write_bytes(own.read_bytes())
    walk.do("printf '\\nOur site runs on servers of Sample Hosting Ltd.\\n' >> my-site/privacy/en.md")
    say_all_in_own_words(walk.site)


def test_the_walk_from_a_website_to_a_crm(company: Company) -> None:
    """W6, W8, W9, W11, W12, W13: each line of the guide's page, by real processes."""
    looks: dict[str, Callable[[], None]] = {
        "optin embed": company.paste,
        "optin connect": company.is_connected,
        "optin check": lambda: all_is_well(company.walk),
        "optin stats": company.sources_are_counted,
        "optin pull": company.bob_is_withdrawn,
    }
    served = iter((company.leads_arrive, company.only_ann_gets_the_letter))
    for language, text in BLOCK.findall((GUIDE / "website-to-crm.md").read_text("utf-8")):
        if language == "text":
            letter = company.walk.site / "letters" / "en" / "first-tip.md"
            letter.parent.mkdir(parents=True)
            letter.write_text(text, "utf-8")
        elif language == "toml":
            company.walk.write(language, text.replace("https://www.example.com", company.website))
        else:
            for line in text.splitlines():
                if line.startswith("optin pull"):
                    company.bob_leaves_in_the_tool()
                company.walk.do(line)
                command = " ".join(line.split()[:2])
                look = next(served) if command == "optin serve" else looks.get(command)
                if look is not None:
                    look()
    assert next(served, None) is None
