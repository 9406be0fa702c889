"""A real server that loads an edited site: by a signal, by itself, in every worker (W10)."""

from __future__ import annotations

import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import httpx2 as httpx

from tests.ports import NO_MAIL
from tests.serving import BASE_URL, NO_TLS, Serving, served, settings, start
from tests.shell import shell
from tests.waiting import SECONDS, wait_until
from tests.web.conftest import site_at

PAPER = Path("magnets/paper/index.md")


def edit(site: Path, before: str, after: str) -> None:
    text = (site / PAPER).read_text("utf-8")
    (site / PAPER).write_text(text.replace(before, after, 1), "utf-8")


def page(serving: Serving) -> str:
    """Return the page as one worker shows it: each time on a connection of its own."""
    with httpx.Client(verify=NO_TLS, timeout=SECONDS) as client:
        return client.get(f"{serving.base}/paper").text


def health(serving: Serving) -> object:
    """Return what a ready server says of its site."""
    answer = httpx.get(f"{serving.base}/health", verify=NO_TLS, timeout=SECONDS)
    assert answer.status_code == 200
    return answer.json()["checks"]["site"]


def test_a_signal_loads_the_site_and_a_broken_one_waits(tmp_path: Path, free_port: int) -> None:
    """W10: SIGHUP ends nothing; a mistake is logged with its line, and counted in /health."""
    site = tmp_path / "site"
    site_at(site)
    store = f"sqlite:///{tmp_path / 'optin.db'}"
    serving = start(site, free_port, store, NO_MAIL, str(tmp_path / "keys.json"))
    try:
        edit(site, "title: Het witboek", "titel: Het gele witboek")
        serving.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "magnets/paper/index.md:4:1" in serving.log.read_text())
        assert "Het witboek" in page(serving)
        wait_until(lambda: health(serving) == {"ok": True, "mistakes": 2})  # an answer holds for a second
        edit(site, "titel:", "title:")
        serving.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "Het gele witboek" in page(serving))
        assert "the edited site is served: 2 magnets" in serving.log.read_text()
    finally:
        assert serving.stop() == 0


def test_a_server_that_stops_is_ended_by_no_further_signal(tmp_path: Path, free_port: int) -> None:
    """W10, O1: not by a reload that comes too late, and not by a second Ctrl-C: its store is closed whole."""
    site = tmp_path / "site"
    site_at(site)
    serving = start(site, free_port, f"sqlite:///{tmp_path}/optin.db", NO_MAIL, str(tmp_path / "keys.json"))
    process = serving.process
    process.send_signal(signal.SIGTERM)
    while process.poll() is None:
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.001)
    assert process.poll() == 0
    assert "Traceback" not in serving.log.read_text()


def test_a_command_prints_a_link_to_a_draft_that_the_server_shows(tmp_path: Path, free_port: int) -> None:
    """W10: with the keys and the address of the server; a page that is public needs none."""
    site, store, keys = tmp_path / "site", f"sqlite:///{tmp_path / 'optin.db'}", str(tmp_path / "keys.json")
    site_at(site)
    edit(site, "---\n", "---\nstatus: draft\n")
    names = settings(store, NO_MAIL, keys)
    with served(site, free_port, store, NO_MAIL, keys) as serving:
        printed = shell(site, "preview", "paper", "--days", "2", **names)
        assert printed.exit_code == 0, printed.stderr
        path = printed.stdout.strip().removeprefix(BASE_URL)
        assert path.startswith("/paper/preview/")
        shown = httpx.get(f"{serving.base}{path}", verify=NO_TLS, timeout=SECONDS)
        assert (shown.status_code, "Het witboek" in shown.text) == (200, True)
        assert httpx.get(f"{serving.base}/paper", verify=NO_TLS, timeout=SECONDS).status_code == 404
        public, unknown = (shell(site, "preview", slug, **names) for slug in ("tips", "papier"))
        assert (public.exit_code, unknown.exit_code) == (1, 1)
        assert f"/tips is public: {BASE_URL}/tips" in public.stderr
        assert "Did you mean 'paper'?" in unknown.stderr


def test_every_worker_loads_the_site_by_signal_and_by_itself(
    tmp_path: Path, free_port: int, postgres_url: str
) -> None:
    """W10, O1: the parent passes the signal on; with --reload each watches the files."""
    site = tmp_path / "site"
    site_at(site)
    keys = str(tmp_path / "keys.json")
    serving = start(site, free_port, postgres_url, NO_MAIL, keys, "--workers", "2", "--reload")

    def said(words: str) -> int:
        return serving.log.read_text().count(words)

    new, nothing_new = "the edited site is served", "nothing in it is new"
    try:
        wait_until(lambda: said(nothing_new) == 2)  # each watches the files, and has looked at them since
        edit(site, "Het witboek", "Het gele witboek")
        wait_until(lambda: said(new) == 2)
        assert all("Het gele witboek" in page(serving) for _ in range(8))
        serving.process.send_signal(signal.SIGHUP)
        wait_until(lambda: said(nothing_new) == 4)
    finally:
        assert serving.stop() == 0
