"""`optin dev`: live reload, errors in the browser, a mailbox."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from optin.site.findings import Finding
from optin.web.site_reload import edits, load_or_report
from tests.serving import form_key
from tests.started import start_optin
from tests.waiting import SECONDS
from tests.web.conftest import site_at


@pytest.fixture
def bench(tmp_path: Path, free_port: int) -> Iterator[tuple[Path, httpx.Client]]:
    """Run `optin dev` over a site."""
    site_at(tmp_path / "site")
    words = ["dev", "--site", str(tmp_path / "site"), "--port", str(free_port)]
    process = start_optin(words, os.environ, tmp_path / "dev.log")
    client = httpx.Client(base_url=f"http://127.0.0.1:{free_port}", timeout=SECONDS)
    for _ in range(200):
        try:
            client.get("/health")
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            break
    yield tmp_path / "site", client
    client.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0


def shown(client: httpx.Client, path: str, words: str, status: int = 200) -> str:
    """Wait until the page at `path` shows `words`; return it."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        page = client.get(path)
        if words in page.text and page.status_code == status:
            return page.text
        time.sleep(0.05)
    raise AssertionError(page.text)


def test_an_edit_is_seen_at_once_and_a_mistake_in_the_browser(bench: tuple[Path, httpx.Client]) -> None:
    """M1, M4, O2: save, see; a broken file shows its errors while the others stay up."""
    site, client = bench
    seen = client.get("/dev/changes?since=-1").json()
    page = site / "magnets" / "paper" / "index.md"
    sound = page.read_text()
    page.write_text(sound.replace("Het witboek", "Een ander boek"))
    assert client.get(f"/dev/changes?since={seen}").json() > seen
    shown(client, "/paper", "Een ander boek")
    page.write_text(sound.replace("title:", "titel:"))
    broken = shown(client, "/paper", "magnets/paper/index.md:4:1", 500)
    assert "Did you mean &#39;title&#39;?" in broken
    assert client.get("/tips").status_code == 200
    (site / "magnets" / "new.md").write_text((site / "magnets" / "tips.md").read_text())
    shown(client, "/new", "<h1")
    (site / "optin.toml").write_text("broken")
    shown(client, "/tips", "optin.toml:1:", 500)


def test_an_edit_before_the_site_is_watched_is_not_missed(tmp_path: Path) -> None:
    """M1, O2: what is saved in the moment between loading a site and watching it; and in the moment after."""

    async def see() -> list[str]:
        file, stop, read = tmp_path / "magnet.md", asyncio.Event(), []
        file.write_text("before")
        async for _ in edits(tmp_path, stop):
            read.append(file.read_text())
            if read[-1] == "after":
                stop.set()
            elif len(read) == 1:
                file.write_text("after")
        return read

    read = asyncio.run(asyncio.wait_for(see(), 60))
    assert (read[0], read[-1]) == ("before", "after")


def test_live_reload_outlives_a_file_that_is_none(bench: tuple[Path, httpx.Client]) -> None:
    """O2, M4, S5: a broken stylesheet, a link in a circle: shown as errors; mended, the page is back."""
    site, client = bench
    style = site / "templates" / "style.css"
    file = site / "magnets" / "paper" / "witboek.pdf"
    seen = client.get("/dev/changes?since=-1").json()
    style.parent.mkdir()
    style.write_text("{% nonsense %}")
    for _ in range(20):
        seen = client.get(f"/dev/changes?since={seen}").json()
        if "templates/style.css:1:1" in client.get("/tips").text:
            break
    assert "templates/style.css:1:1" in client.get("/tips").text
    style.unlink()
    file.unlink()
    file.symlink_to(file)
    for _ in range(20):
        if "witboek.pdf" in client.get("/paper").text and client.get("/tips").status_code == 200:
            break
        seen = client.get(f"/dev/changes?since={seen}").json()
    assert "There is no file &#39;witboek.pdf&#39;" in client.get("/paper").text
    file.unlink()
    file.write_bytes(b"%PDF-1.4 again")
    for _ in range(20):
        if client.get("/paper").status_code == 200:
            break
        seen = client.get(f"/dev/changes?since={seen}").json()
    assert client.get("/paper").status_code == 200


def test_forms_and_links_stay_where_the_author_looks(bench: tuple[Path, httpx.Client]) -> None:
    """O2, M8: through a tunnel, or under another name; only the mail is what would have left."""
    _, client = bench
    page = client.get("/paper").text
    assert 'action="/paper"' in page
    assert '<a href="/me">' in page


def test_what_nobody_foresaw_is_told_and_the_watch_goes_on() -> None:
    """O2, S5: whatever loading a site raises becomes a page of errors, not the end of live reload."""

    def load() -> tuple[None, tuple[Finding, ...]]:
        msg = "of a kind that we do not know"
        raise RuntimeError(msg)

    edition, (finding,) = load_or_report(load)
    assert edition is None
    assert "RuntimeError: of a kind that we do not know" in finding.message


def test_a_form_leads_to_a_page_of_thanks_as_it_will_in_public(bench: tuple[Path, httpx.Client]) -> None:
    """O2, W4: the policy of the page stays, with our one script beside it."""
    site, client = bench
    with (site / "optin.toml").open("a", encoding="utf-8") as file:
        file.write('\n[links]\nhosts = ["www.example.com"]\n')
    page = site / "magnets" / "paper" / "index.md"
    front = "---\nthanks: https://www.example.com/bedankt\n"
    page.write_text(page.read_text().replace("---\n", front, 1).replace("Het witboek", "Een ander boek"))
    shown(client, "/paper", "Een ander boek")
    answer = client.post("/paper", data={"form": form_key(client), "email": "alice@example.com"})
    policy = client.get(answer.headers["location"]).headers["content-security-policy"]
    assert re.search(r"form-action 'self' http://\S+ https://www\.example\.com;", policy), policy
    assert policy.endswith("; script-src 'self'; frame-src 'self'")


def test_the_whole_double_opt_in_without_a_mail_server(bench: tuple[Path, httpx.Client]) -> None:
    """O2: form, mailbox, button, file; the mail as text, as HTML and with its headers."""
    _, client = bench
    data = {"form": form_key(client), "email": "alice@example.com", "consent": "tips-email"}
    assert client.post("/paper", data=data).status_code == 303
    for _ in range(100):
        mailbox = client.get("/dev/mail").text
        if "alice@example.com" in mailbox:
            break
        time.sleep(0.05)
    name = re.search(r'href="(/dev/mail/[^"]+)"', mailbox)
    assert name is not None
    mail = client.get(name[1])
    assert "Auto-Submitted" in mail.text
    assert "List-Unsubscribe" not in mail.text
    html = client.get(f"{name[1]}/html")
    assert "unsafe-inline" in html.headers["content-security-policy"]
    link = re.search(r'href="http://[^/]+(/confirm/[^"]+)"', html.text)
    assert link is not None
    assert client.get(link[1]).status_code == 200
    answer = client.post(link[1], headers={"content-type": "application/x-www-form-urlencoded"})
    assert "Bevestigd" in client.get(answer.headers["location"]).text
    for _ in range(100):
        names = set(re.findall(r'href="(/dev/mail/[^"]+)"', client.get("/dev/mail").text))
        if len(names) > 1:
            break
        time.sleep(0.05)
    (receipt,) = names - {name[1]}
    assert "<summary>proof.zip: consent-receipt.jsonld</summary>" in client.get(receipt).text
    assert client.get("/dev/mail/nothing.eml").status_code == 404
    assert client.get("/dev/mail/nothing.eml/html").status_code == 404
    assert "EventSource" not in client.get("/dev/reload.js").text


def test_a_style_comes_whole_every_time(bench: tuple[Path, httpx.Client]) -> None:
    """O2: what is no page goes through untouched, twice."""
    _, client = bench
    style = re.search(r'href="(/static/style[^"]+)"', client.get("/paper").text)
    assert style is not None
    first, second = client.get(style[1]), client.get(style[1])
    assert first.content == second.content
    assert first.headers["content-type"].startswith("text/css")
