"""The site of a company whose staff works at its desk: real processes, a mailbox, a tool that is told.

The walks in `desk_walks.py` happen here, in tests and where the guide's pictures are made.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import httpx2 as httpx

from optin.site.scaffold import make_site
from tests.browser.front_door import FrontDoor
from tests.house.requirements_table import ROOT
from tests.mail.server import Script, certificate, mail_server
from tests.own_site import add_settings, own_statements
from tests.ports import reserved_port
from tests.receiver import Receiver, receiving
from tests.serving import Serving, answers, environment
from tests.shifted import SEAM, ShiftedClock
from tests.started import run_optin
from tests.waiting import SECONDS, wait_until

OWN = {  # in optin.toml
    "Your company Ltd": "Sample & Son Ltd",
    "1 Street": "7 Mill Lane",
    "Your company": "Sample & Son",
    '# colour = "#1d4ed8"': 'colour = "#0b5d4b"',
    "Send me a tip": "Mail me a tip",
}
SETTINGS = """
[purposes.follow-up-phone]
channel = "phone"
retention = "6 months"
text.en = "Sample & Son may call me once about this paper."

[processors.crm]
name = "Sample CRM Ltd"
agreement = "2026-02-01, reference DPA-3"
webhook = { url = "https://hooks.example.com/optin", purposes = ["tips-email"] }

[processors.mailer]
name = "Sample Mailings Ltd"
agreement = "2026-03-01, reference DPA-7"

[desk]
edit = true
"""
PAPER = """---
# Agreed with sales in March
kind: white-paper
lang: en
title: Calling without annoying anybody
headline: Be welcome when you call
description: Whom you may still call, how to ask for consent, and what to say in the first ten seconds.
texts:
  offer.white-paper: Free white paper, 6 pages
file: calling.pdf
purposes: [tips-email, follow-up-phone]
fields:
  - name: first_name
    why: So that we can greet you by name.
  - name: phone
    why: Only to call you, if you tick the box for that.
picture:
  file: cover.webp
  alt: "The cover: a telephone in rings of sound, with a tick."
---
Nobody likes to be called at dinner. This paper is for people who sell by telephone and want to be welcome.

## What is inside

- Whom you may call, on one page
- How to ask for consent in one sentence
- What to say in the first ten seconds
"""
SLUG = "calling"


@dataclass
class DeskSite:
    """A served site. `clock`: of every process of it, which a test may let run on."""

    site: Path
    base: str
    own: dict[str, str] = field(repr=False)  # the environment of its processes
    clock: ShiftedClock
    port: int
    script: Script = field(default_factory=Script)
    receiver: Receiver = field(default_factory=Receiver)
    passed: timedelta = timedelta()

    def optin(self, *words: str) -> str:
        """Run a command on the server, beside the running process; return what it printed."""
        done = run_optin(*words, "--site", str(self.site), environment=self.own)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def wait(self, period: timedelta) -> None:
        """Let time pass for every process of the site."""
        self.passed += period
        self.clock.shift(self.passed)

    def day(self, ago: int) -> str:
        """Return a day as commands take it, `ago` days from today."""
        return f"{datetime.now(UTC) + self.passed + timedelta(days=ago):%Y-%m-%d}"

    def mails_to(self, who: str) -> list[str]:
        """Return the text of each mail to somebody so far."""
        mails = [message_from_bytes(data, policy=default) for data in self.script.mails]
        bodies = [it.get_body(("plain",)) for it in mails if it["To"] == who]
        return [str(it.get_content()) for it in bodies if it is not None]

    def links_to(self, who: str, part: str) -> list[str]:
        """Return the links to a part of the site in the mails to somebody."""
        return [link for text in self.mails_to(who) for link in re.findall(rf"https://\S+/{part}/\S+", text)]

    def link_to(self, who: str, part: str, after: int = 0) -> str:
        """Wait for a mail with a link, past the first `after`; return the link."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if len(found := self.links_to(who, part)) > after:
                return found[-1]
            time.sleep(0.05)
        raise AssertionError((who, part))

    def told_of(self, who: str, count: int) -> list[str]:
        """Wait until the tool was told so often of somebody; return of what."""

        def told() -> list[str]:
            messages = [it.message for it in self.receiver.taken]
            return [str(it["type"]) for it in messages if it["data"].get("email") == who]

        wait_until(lambda: len(told()) >= count)
        return told()

    def status(self, path: str) -> int:
        """Ask for a public page as anybody would; return the status of the answer."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=SECONDS).status_code

    def git(self, *words: str) -> str:
        """Run git in the folder of the site; return what it printed."""
        command = ["git", "-c", "user.name=Ivo", "-c", "user.email=ivo@example.com", *words]
        return subprocess.run(command, cwd=self.site, check=True, capture_output=True, text=True).stdout


@contextmanager
def desk_site(folder: Path, door: FrontDoor) -> Iterator[DeskSite]:
    """Serve the site behind the door until the block ends."""
    site = folder / "site"
    write_site(site)
    (folder / "tls").mkdir()
    trusted, tls = certificate(folder / "tls", "hooks.example.com")
    clock = ShiftedClock(folder / "clock.txt")
    clock.shift(timedelta())
    script, before = Script(), door.inward
    with mail_server(script) as mail_port, reserved_port() as port, receiving(Receiver(), tls) as receiver:
        store, mail = f"sqlite:///{folder}/optin.db", f"smtp://127.0.0.1:{mail_port}"
        own = {
            **environment(store, mail, str(folder / "keys.json")),
            "PYTHONPATH": f"{SEAM}{os.pathsep}{ROOT}",
            "SHIFTED_CLOCK": str(clock.file),
            "SSL_CERT_FILE": str(trusted),
            "TOOLS_PORT": str(receiver.port),
        }
        opened = DeskSite(site, own["OPTIN_BASE_URL"], own, clock, port, script, receiver)
        opened.git("init", "-q", "-b", "main")
        opened.git("add", ".")
        opened.git("commit", "-q", "-m", "The site")
        opened.optin("keys", "webhook", "crm")
        serving = start(opened)
        door.inward = port
        try:
            yield opened
        finally:
            door.inward = before
            serving.stop()


def start(site: DeskSite) -> Serving:
    """Start the server; its calls to tools arrive at the receiver of this machine."""
    log = site.site.parent / "serve.log"
    words = ["-m", "tests.optin_reaching_tools", "serve", "--site", str(site.site), "--port", str(site.port)]
    with log.open("ab") as file:
        process = subprocess.Popen([sys.executable, *words], env=site.own, stdout=file, stderr=file)
    serving = Serving(process, site.port, log)
    if not answers(process, serving.base):
        process.kill()
        raise AssertionError(log.read_text())
    return serving


def write_site(site: Path) -> None:
    """Write the company's site, with one white paper."""
    make_site(site, ["en"])
    settings = site / "optin.toml"
    text = settings.read_text("utf-8")
    for example, own in OWN.items():
        assert example in text
        text = text.replace(example, own)
    settings.write_text(text, "utf-8")
    add_settings(site, SETTINGS)
    own_statements(site)
    (site / "magnets" / "tips.md").unlink()
    paper = site / "magnets" / SLUG
    paper.mkdir()
    (paper / "index.md").write_text(PAPER, "utf-8")
    for name, own in {"calling.pdf": "koud-bellen.pdf", "cover.webp": "cover.webp"}.items():
        shutil.copy(ROOT / "magnets" / "koud-bellen" / own, paper / name)
