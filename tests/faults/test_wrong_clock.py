"""Real servers whose clock is wrong: whoever confirmed is still there afterwards, and mail leaves (O7)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from operator import methodcaller
from pathlib import Path
from time import monotonic, sleep

import httpx2 as httpx
import pytest

from optin.consent.form_version import Slug
from optin.services.open_installation import open_installation
from optin.services.site_edition import keep_edition
from tests.faults.test_other_shell import FORM, confirmation
from tests.installed import KINDS
from tests.mail.server import Script, mail_server
from tests.serving import BASE_URL, Serving, form_key, served
from tests.shifted import ShiftedClock, shifted_clock
from tests.started import run_optin
from tests.waiting import SECONDS
from tests.web.conftest import site_at
from tests.world import TIPS, World

TEN_YEARS = timedelta(days=3_653)
CONFIRMED = 60


@dataclass
class House:
    """A site, its store, its mail server, and the clock of its machine."""

    site: Path
    clock: ShiftedClock
    store: str
    mail: str
    port: int
    script: Script = field(default_factory=Script)

    @property
    def keys(self) -> str:
        return str(self.site / "var" / "keys.json")

    def serve(self) -> AbstractContextManager[Serving]:
        return served(self.site, self.port, self.store, self.mail, self.keys)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Give a command on this machine."""
        return run_optin(*words, "--site", str(self.site))

    @property
    def log(self) -> str:
        return (self.site.parent / f"serve-{self.port}.log").read_text()

    def wait_for_log(self, words: str, times: int = 1) -> None:
        deadline = monotonic() + 120
        while self.log.count(words) < times and monotonic() < deadline:
            sleep(0.05)
        assert self.log.count(words) >= times, self.log

    def people(self) -> int:
        """Count whoever confirmed and is still there."""
        with open_installation(self.edition.site.settings, self.edition.policy, KINDS) as installation:
            return int(installation.store.read(methodcaller("one", "SELECT COUNT(*) FROM subject"))[0])

    def fill(self, count: int) -> None:
        """Let people confirm, half of them with a consent."""
        with open_installation(self.edition.site.settings, self.edition.policy, KINDS) as installation:
            keep_edition(installation.store, self.edition, installation.clock())
            form = self.edition.publication.forms[Slug("paper")]
            world = World(
                installation.store, installation.vault, installation.clock(), form, self.edition.policy
            )
            for number in range(count):
                world.join(f"p{number}@example.com", *([TIPS] if number % 2 else []))

    def __post_init__(self) -> None:
        self.edition = site_at(self.site)


@pytest.fixture
def house(store_url: str, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    clock, script = shifted_clock(tmp_path, monkeypatch), Script()
    with mail_server(script) as mail_port:
        mail, site = f"smtp://127.0.0.1:{mail_port}", tmp_path / "site"
        settings = {"STORE": store_url, "MAIL": mail, "KEYS": str(site / "var" / "keys.json")}
        for name, value in {**settings, "BASE_URL": BASE_URL}.items():
            monkeypatch.setenv(f"OPTIN_{name}", value)
        yield House(site, clock, store_url, mail, free_port, script)


def test_a_server_that_starts_ten_years_ahead_erases_nobody(house: House) -> None:
    """O7, R8: it erased 60 of 60 in ten seconds. Now it says so once, and what commands do is guarded too."""
    house.fill(CONFIRMED)
    house.clock.shift(TEN_YEARS)
    with house.serve():
        house.wait_for_log("--accept-clock")
        swept = house.run("sweep")
        assert swept.returncode == 1
        assert swept.stderr.count("--accept-clock") == 1
        assert "because no server ran for that long" in swept.stderr
        assert "Traceback" not in swept.stderr
        assert house.people() == CONFIRMED
        sleep(3)  # more rounds of the watch
        assert house.log.count("--accept-clock") == 1
        assert "--accept-clock" in house.run("sweep", "--dry-run").stderr
    house.clock.shift(timedelta())
    with house.serve():
        assert house.run("sweep").returncode == 0
        assert house.people() == CONFIRMED
    audited = house.run("audit")
    assert audited.returncode == 0, audited.stdout + audited.stderr
    assert "the clock went back" in audited.stdout


def test_after_an_officers_word_the_very_same_sweep_erases_them(house: House) -> None:
    """O7, R9: so the guard alone kept them. Without a reason there is no word."""
    house.fill(CONFIRMED)
    with house.serve():
        pass
    house.clock.shift(TEN_YEARS)
    assert house.run("sweep").returncode == 1
    assert house.run("sweep", "--accept-clock").returncode == 1
    swept = house.run("sweep", "--accept-clock", "--why", "the machine stood in a box")
    assert swept.returncode == 0, swept.stderr
    assert "accepted" in swept.stdout
    assert house.people() == 0
    assert house.run("sweep", "--accept-clock", "--why", "again").stdout.startswith(
        "The clock was not doubted"
    )
    audited = house.run("audit")
    assert audited.returncode == 0, audited.stdout + audited.stderr
    assert "an officer accepted" in audited.stdout
    house.clock.shift(timedelta())
    with house.serve():
        house.wait_for_log("--accept-clock")  # ten years behind


def join(house: House, server: Serving, email: str) -> None:
    """Sign up and confirm over HTTP, by the mail that came."""
    with httpx.Client(base_url=server.base, headers={"host": "optin.example.com"}, timeout=SECONDS) as client:
        data = {"form": form_key(client), "email": email, "consent": "tips-email"}
        assert client.post("/paper", data=data).status_code == 303
        assert client.post(confirmation(house.script, email), headers=FORM).status_code == 303


def test_a_clock_that_ran_ahead_once_leaves_no_trace_of_tampering(house: House) -> None:
    """O7, P4, P6: signed up before, meanwhile and afterwards; audit, bundles and exports tell how it was."""
    with house.serve() as server:
        join(house, server, "before@example.com")
        house.clock.shift(TEN_YEARS)
        house.wait_for_log("--accept-clock")
        join(house, server, "meanwhile@example.com")
        house.clock.shift(timedelta())
        house.wait_for_log("trusted again")
        join(house, server, "afterwards@example.com")
    audited = house.run("audit")
    assert audited.returncode == 0, audited.stdout + audited.stderr
    for words in ("moments after this may be wrong", "the clock went back from", "Everything matches"):
        assert words in audited.stdout
    for name in ("before", "meanwhile", "afterwards"):
        bundle = str(house.site.parent / f"{name}.zip")
        made = house.run("evidence", f"{name}@example.com", "--out", bundle)
        assert made.returncode == 0, made.stderr
        verified = run_optin("verify", bundle)
        assert verified.returncode == 0, verified.stdout
        said = "by a clock that was ahead" in verified.stdout
        assert said == (name == "meanwhile") or name == "before"  # whose mail may have left after the jump
    asked = ("--purpose", TIPS, "--channel", "email", "--to", "self", "--why", "tips", "--format", "jsonl")
    exported = house.run("export", *asked, "--out", "-")
    assert exported.returncode == 0, exported.stderr
    leads = {json.loads(line)["email"] for line in exported.stdout.splitlines()}
    assert leads == {"before@example.com", "afterwards@example.com"}
    assert "moment to come" in exported.stderr


def test_a_mail_that_waits_by_a_wrong_clock_leaves_when_it_is_corrected(house: House) -> None:
    """O7, D1: the mail server refused it while the clock was ten years ahead; the server runs on."""
    house.script.rcpt = lambda _address, _time: "451 4.3.0 later"
    house.clock.shift(TEN_YEARS)
    with (
        house.serve() as server,
        httpx.Client(base_url=server.base, headers={"host": "optin.example.com"}, timeout=SECONDS) as client,
    ):
        data = {"form": form_key(client), "email": "bob@example.com", "consent": "tips-email"}
        assert client.post("/paper", data=data).status_code == 303
        deadline = monotonic() + 120
        while not house.script.seen and monotonic() < deadline:
            sleep(0.05)
        assert house.script.seen
        house.script.rcpt = lambda _address, _time: "250 2.1.5 fine"
        house.clock.shift(timedelta())
        confirmation(house.script, "bob@example.com")
