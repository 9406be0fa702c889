"""A command in a second shell works with what the server runs with, or is refused with both values."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from time import monotonic, sleep

import httpx2 as httpx
import pytest

from optin.consent.form_version import Slug
from optin.keys import UNUSED, load_keys
from optin.services.open_installation import open_installation
from optin.services.served_settings import store_without_password
from optin.services.site_edition import keep_edition, load_edition
from optin.settings.installation import Settings
from tests.installed import KINDS
from tests.mail.server import Script, mail_server
from tests.ports import reserved_port
from tests.serving import BASE_URL, answers, form_key, served
from tests.shell import shell
from tests.started import run_optin, start_optin
from tests.waiting import SECONDS
from tests.web.conftest import site_at
from tests.web.test_variants import VARIANTS
from tests.world import TIPS, World

OTHER = "https://elsewhere.example.com"
FORM = {"content-type": "application/x-www-form-urlencoded"}
DATA_COMMANDS = [
    ("export", "--purpose", "tips-email", "--channel", "email", "--to", "self", "--why", "try", "--out", "-"),
    ("stats",),
    ("evidence", "alice@example.com", "--out", "-"),
    ("draw", "prize"),
    ("sweep", "--dry-run"),
    ("subject", "show", "alice@example.com", "--why", "try"),
    ("audit",),
    ("exports",),
    ("checkpoint",),
    ("mail", "retry"),
    ("backup", "copy.db"),
    ("keys", "rotate"),
]


def new_process(site: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Give a command in a shell that has only these settings, in earnest."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OPTIN_")}
    return run_optin(*words, "--site", str(site), environment={**plain, **settings}, cwd=site.parent)


def confirmation(script: Script, address: str) -> str:
    """Wait for a mail; return the path of its link."""
    deadline = monotonic() + 120
    while monotonic() < deadline:
        for data in script.mails:
            mail = message_from_bytes(data, policy=default)
            if mail["To"] == address:
                text = mail.get_body(("plain",))
                assert text is not None
                found = re.search(r"/confirm/\S+", text.get_content())
                assert found is not None
                return found[0]
        sleep(0.05)
    raise AssertionError(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Serve a site under its public address until somebody has confirmed, then stop."""
    folder = tmp_path_factory.mktemp("shell")
    root = folder / "site"
    site_at(root)
    page = root / "magnets" / "paper" / "index.md"
    page.write_text(page.read_text().replace("fields:", VARIANTS + "fields:", 1))
    script = Script()
    with mail_server(script) as mail_port, reserved_port() as port:
        store, keys = f"sqlite:///{root}/var/optin.db", str(root / "var" / "keys.json")
        with (
            served(root, port, store, f"smtp://127.0.0.1:{mail_port}", keys) as server,
            httpx.Client(
                base_url=server.base, headers={"host": "optin.example.com"}, timeout=SECONDS
            ) as client,
        ):
            data = {"form": form_key(client), "email": "alice@example.com", "consent": "tips-email"}
            assert client.post("/paper", data=data).status_code == 303
            link = confirmation(script, "alice@example.com")
            assert client.post(link, headers=FORM).status_code == 303
    return root


def test_an_export_without_the_setting_has_the_servers_links(site: Path) -> None:
    """E2, R3: no dead link gets into a processor's file."""
    outcome = new_process(site, *DATA_COMMANDS[0])
    assert outcome.returncode == 0, outcome.stderr
    (row,) = csv.DictReader(io.StringIO(outcome.stdout.lstrip("\ufeff")))
    assert row["unsubscribe_url"].startswith(f"{BASE_URL}/unsubscribe/")


def test_statistics_without_the_setting_are_those_of_the_server(site: Path) -> None:
    """O4: the forms that are compared are those that the server shows."""
    without = shell(site, "stats", "--format", "json")
    like = shell(site, "stats", "--format", "json", OPTIN_BASE_URL=BASE_URL)
    assert json.loads(without.stdout)["comparisons"] == json.loads(like.stdout)["comparisons"] != []


@pytest.mark.parametrize("words", DATA_COMMANDS, ids=lambda words: words[0])
def test_a_setting_that_differs_is_refused_with_both_values(site: Path, words: tuple[str, ...]) -> None:
    """E2, S7: whichever command it is, and whichever setting."""
    for name, server, here in (
        ("OPTIN_BASE_URL", BASE_URL, OTHER),
        ("OPTIN_JOURNAL", "var/journal.jsonl", "var/other.jsonl"),
        ("OPTIN_STORE", "sqlite:///var/optin.db", "sqlite:///var/new.db"),
    ):
        outcome = shell(site, *words, **{name: here})
        assert outcome.exit_code == 1
        assert server in outcome.stderr
        assert here in outcome.stderr
    assert not (site / "var" / "new.db").exists()
    assert not (site / "var" / "other.jsonl").exists()


def test_a_build_takes_the_servers_address_and_no_other(site: Path, tmp_path: Path) -> None:
    """M8: its forms post to where the server is."""
    assert shell(site, "build", "--out", str(tmp_path / "out")).exit_code == 0
    assert f'action="{BASE_URL}/paper"' in (tmp_path / "out" / "paper" / "index.html").read_text()
    outcome = shell(site, "build", "--out", str(tmp_path / "other"), OPTIN_BASE_URL=OTHER)
    assert outcome.exit_code == 1
    assert BASE_URL in outcome.stderr
    assert OTHER in outcome.stderr
    assert not (tmp_path / "other").exists()


def test_dev_never_takes_what_a_server_of_the_public_uses(site: Path, free_port: int) -> None:
    """P8: whatever address it is given."""
    for settings in ({}, {"OPTIN_BASE_URL": OTHER}, {"OPTIN_BASE_URL": BASE_URL}):
        outcome = new_process(site, "dev", "--port", str(free_port), **settings)
        assert outcome.returncode == 1
        assert "optin dev" in outcome.stderr


@pytest.mark.parametrize("words", DATA_COMMANDS, ids=lambda words: words[0])
def test_no_command_makes_data_of_its_own(tmp_path: Path, words: tuple[str, ...]) -> None:
    """E1: a shell that does not know where the data is must not answer from an empty store."""
    site_at(tmp_path / "site")
    outcome = shell(tmp_path / "site", *words)
    assert outcome.exit_code == 1
    assert "OPTIN_STORE" in outcome.stderr or words[0] in {"draw", "keys"}
    assert not (tmp_path / "site" / "var").exists()


def test_only_a_server_takes_the_keys(tmp_path: Path, free_port: int) -> None:
    """M8, O2: `build` before `dev` stands in nobody's way."""
    site = tmp_path / "site"
    site_at(site)
    settings = site / "optin.toml"
    settings.write_text(re.sub(r"(?m)^base_url = .*\n", "", settings.read_text()))
    assert shell(site, "build", "--out", str(tmp_path / "out")).exit_code == 0
    keys = load_keys("var/keys.json", site)
    assert keys is not None
    assert keys.use == UNUSED
    port = free_port
    plain = {name: value for name, value in os.environ.items() if not name.startswith("OPTIN_")}
    process = start_optin(["dev", "--site", str(site), "--port", str(port)], plain, tmp_path / "dev.log")
    try:
        assert answers(process, f"http://127.0.0.1:{port}")
        assert httpx.get(f"http://127.0.0.1:{port}/paper", timeout=SECONDS).status_code == 200
        assert process.poll() is None
        taken = load_keys("var/keys.json", site)
        assert taken is not None
        assert taken.use == "dev"
        assert taken.seal == keys.seal
        assert (
            f'action="http://127.0.0.1:{port}/paper"'
            in (_built(site, tmp_path / "again") / "paper" / "index.html").read_text()
        )
        settings.write_text(f'base_url = "{OTHER}"\n{settings.read_text()}')
        assert shell(site, *DATA_COMMANDS[0]).exit_code == 0  # dev has an address of its own
        assert OTHER in (_built(site, tmp_path / "own") / "paper" / "index.html").read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)
    public = shell(site, "build", "--out", str(tmp_path / "public"), OPTIN_BASE_URL=OTHER)
    assert public.exit_code == 0, public.stderr  # trying out says nothing of where the public's server is


def test_a_restore_is_told_by_the_journal_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S7, R7: who withdrew after the journal went to another disk does not come back from a backup."""
    site, elsewhere = tmp_path / "site", tmp_path / "disk" / "journal.jsonl"
    elsewhere.parent.mkdir()
    edition = site_at(site)
    _served_in_process(site, "alice@example.com")
    (site / "var" / "journal.jsonl").rename(elsewhere)
    monkeypatch.setenv("OPTIN_JOURNAL", str(elsewhere))
    _served_in_process(site, "bob@example.com")
    monkeypatch.delenv("OPTIN_JOURNAL")
    assert shell(site, "backup", str(tmp_path / "copy.db")).exit_code == 0
    assert shell(site, "subject", "withdraw", "alice@example.com", "--why", "letter").exit_code == 0
    for file in (site / "var").glob("optin.db*"):
        file.rename(tmp_path / file.name)

    wrong = shell(site, "restore", str(tmp_path / "copy.db"), OPTIN_JOURNAL="var/journal.jsonl")
    assert wrong.exit_code == 1
    assert str(elsewhere) in wrong.stderr
    other = shell(site, "restore", str(tmp_path / "copy.db"), OPTIN_STORE="sqlite:///var/new.db")
    assert other.exit_code == 1
    assert "--new-store" in other.stderr
    assert not (site / "var" / "new.db").exists()

    done = shell(site, "restore", str(tmp_path / "copy.db"))
    assert done.exit_code == 0, done.stderr
    assert "1 withdrawn" in done.stdout
    exported = shell(site, *DATA_COMMANDS[0])
    assert "alice@example.com" not in exported.stdout
    assert "bob@example.com" in exported.stdout
    assert edition.site.settings.journal == "var/journal.jsonl"


def _served_in_process(site: Path, email: str) -> None:
    """Open the site as its server does; let somebody sign up and confirm."""
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    with open_installation(edition.site.settings, edition.policy, KINDS, "serve") as installation:
        keep_edition(installation.store, edition, installation.clock())
        form = edition.publication.forms[Slug("paper")]
        world = World(installation.store, installation.vault, installation.clock(), form, edition.policy)
        world.join(email, TIPS)


def _built(site: Path, out: Path) -> Path:
    outcome = shell(site, "build", "--out", str(out))
    assert outcome.exit_code == 0, outcome.stderr
    return out


@pytest.mark.parametrize(
    ("store", "shown"),
    [
        ("postgresql://u:pa%23ss@db.example/x?sslmode=require", "postgresql://db.example/x?sslmode=require"),
        ("postgresql://u@/x?host=/run/pg&password=secret", "postgresql:///x?host=/run/pg"),
        ("postgresql://u:pa#ss@db/x", "postgresql://db/x"),
        ("postgresql://u:p[a@db/x", "postgresql://db/x"),
        ("postgresql://db/x?user=u&password=hush@db", "postgresql://db/x?user=u"),
        ("postgresql://u:hush@db:5432/x?password=hush@hush", "postgresql://db:5432/x"),
        ("postgresql://db?password=hush@hush", "postgresql://"),
        ("postgresql://u:hush?hush=hush@db/x", "postgresql://"),
        ("postgresql://u:hush/hush@db/x?sslmode=require", "postgresql://db/x?sslmode=require"),
        ("sqlite:///var/optin.db", "sqlite:///var/optin.db"),
        ("sqlite:////srv/site/var/optin.db", "sqlite:///var/optin.db"),
        ("sqlite:////srv/optin.db", "sqlite:////srv/optin.db"),
    ],
)
def test_the_address_of_a_store_is_noted_without_its_password(store: str, shown: str) -> None:
    """S4: no secret is written where it need not be."""
    assert store_without_password(Settings.at(Path("/srv/site"), store=store)) == shown
