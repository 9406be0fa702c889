"""An edited site is served without a restart, and never a broken one (W10)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from errno import EMFILE
from pathlib import Path
from typing import Any

import pytest
from jinja2 import FileSystemLoader

from optin.errors import StoreBusy
from optin.flows.delivery.mail_order import MailKind
from optin.flows.request_policy import RequestPolicy
from optin.jobs.background_job import Job
from optin.services.site_edition import keep_edition, load_edition
from optin.site.loading_cache import ReadingCache
from optin.theme.samples import delivery, frame_in, landing
from optin.theme.theme import OURS
from optin.web import site_reload
from optin.web.site_reload import ServedReload
from tests.installed import KINDS
from tests.web.conftest import Visit
from tests.world import about_requests


@pytest.fixture
def reload(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> ServedReload:
    """Return what loads the site of a visit again, as `optin serve` does."""
    monkeypatch.setenv("OPTIN_MAIL", "smtp://mail.example.com:587")
    monkeypatch.setattr(site_reload, "RETRY_SECONDS", 0.01)
    edition, _ = load_edition(visit.root, KINDS)
    assert edition is not None
    visit.app_context.replace(edition)
    return ServedReload(visit.app_context, ReadingCache())


def once(reload: ServedReload) -> None:
    """Ask for one loading, and wait for it."""

    async def asked() -> None:
        stop = asyncio.Event()
        reload.ask()
        await reload.run(stop, stop.set)

    asyncio.run(asked())


def edit(visit: Visit, before: str, after: str, name: str = "magnets/paper/index.md") -> None:
    path = visit.root / name
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), "utf-8")


def health(reload: ServedReload) -> dict[str, object]:
    result = asyncio.run(reload.check())
    assert result.ok, "an edit that waits makes no server unready"
    return dict(result.says)


def test_an_edit_is_served_and_its_form_version_stored_before(visit: Visit, reload: ServedReload) -> None:
    """W10, F7: the new page at once; a form that was open is taken with the words that it showed."""
    old = visit.form_key()
    edit(visit, "Het witboek", "Het nieuwe witboek")
    once(reload)
    assert "Het nieuwe witboek" in visit.client.get("/paper").text
    posted = visit.client.post("/paper", data={"form": old, "email": "alice@example.com"})
    assert posted.status_code == 303
    visit.fill("bob@example.com")
    orders = about_requests(visit.mails(), MailKind.CONFIRMATION)
    assert {order.form.title for order in orders} == {"Het witboek", "Het nieuwe witboek"}
    assert health(reload) == {}


@pytest.mark.parametrize("name", ["pages/confirm.html", "mails/delivery.html"])
def test_an_edited_template_of_no_public_page_is_served(
    visit: Visit, reload: ServedReload, name: str
) -> None:
    """W10: pages after a form, and mails, are no part of what is rendered when a site is loaded."""
    own = visit.root / "templates" / name
    own.parent.mkdir(parents=True)
    shutil.copy(OURS / name, own)
    once(reload)
    edit(visit, "{% block main %}", "{% block main %}<p>Met dank</p>", f"templates/{name}")
    once(reload)
    visit.fill("alice@example.com")
    page = visit.client.get(f"/confirm/{visit.mail(MailKind.CONFIRMATION).confirm_token}").text
    mail = visit.app_context.edition.theme.mail(delivery(landing(frame_in("nl"), "white-paper"))).html
    assert "Met dank" in (mail if name.startswith("mails") else page)


def test_a_file_that_was_replaced_is_kept_for_whom_it_was_promised(
    visit: Visit, reload: ServedReload
) -> None:
    """W10, S8: it is no part of a page, and what people get when the magnet goes."""
    promised = visit.join()
    (visit.root / "magnets" / "paper" / "witboek.pdf").write_bytes(b"%PDF-1.4 the second edition")
    once(reload)
    assert visit.client.get(f"/download/{promised.download_token}").content.endswith(b"second edition")
    shutil.rmtree(visit.root / "magnets" / "paper")
    once(reload)
    assert visit.client.get("/paper").status_code == 410
    assert visit.client.get(f"/download/{promised.download_token}").content.endswith(b"second edition")


@pytest.mark.parametrize(
    ("name", "before", "after", "told"),
    [
        ("magnets/paper/index.md", "kind: white-paper", "kind: red-paper", "magnets/paper/index.md:2:"),
        ("magnets/paper/index.md", "lang: nl", "lang: nl\nfrom: soon", "magnets/paper/index.md:4:"),
        ("optin.toml", "[controller]", "[controller", "optin.toml:"),
        ("optin.toml", "Voorbeeld B.V.", "Uw bedrijf B.V.", "still the example"),
        ("optin.toml", "https://optin.example.com", "https://elsewhere.example.com", "base_url changed"),
        ("optin.toml", "[look]", "[limits]\nmails_per_day = 7\n[look]", "limits changed"),
    ],
)
def test_a_mistake_leaves_the_earlier_site_and_is_logged(
    visit: Visit,
    reload: ServedReload,
    caplog: pytest.LogCaptureFixture,
    name: str,
    before: str,
    after: str,
    told: str,
) -> None:
    """W10, M4: with its file and line; health counts it and stays ready; a correction is served."""
    page, edition = visit.client.get("/paper").content, visit.app_context.edition
    whole = (visit.root / name).read_text("utf-8")
    edit(visit, before, after, name)
    once(reload)
    assert visit.app_context.edition is edition
    assert visit.client.get("/paper").content == page
    assert told in caplog.text
    assert health(reload) == {"mistakes": caplog.text.count("is not served")}
    (visit.root / name).write_text(whole, "utf-8")
    edit(visit, "Het witboek", "Het nieuwe witboek")
    once(reload)
    assert "Het nieuwe witboek" in visit.client.get("/paper").text
    assert health(reload) == {}


def test_a_draft_with_a_mistake_keeps_nobody_from_the_rest(visit: Visit, reload: ServedReload) -> None:
    """W10: nobody sees it, so it may wait."""
    (visit.root / "magnets" / "plan.md").write_text("---\nkind: nothing\nstatus: draft\n---\n", "utf-8")
    edit(visit, "Het witboek", "Het nieuwe witboek")
    once(reload)
    assert "Het nieuwe witboek" in visit.client.get("/paper").text


def test_while_the_store_is_away_the_earlier_site_goes_on(
    visit: Visit, reload: ServedReload, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """W10, P2: no page is served whose form version is not stored; it is tried again by itself."""
    tries: list[object] = []

    def away(*given: Any) -> Any:
        tries.append(given)
        if len(tries) < 3:
            raise StoreBusy("away")
        return keep_edition(*given)

    monkeypatch.setattr(site_reload, "keep_edition", away)
    edit(visit, "Het witboek", "Het nieuwe witboek")
    for served in (False, False, True):
        once(reload)
        assert ("Het nieuwe witboek" in visit.client.get("/paper").text) is served
    assert caplog.text.count("tried again") == 2


@pytest.mark.parametrize("problem", [StoreBusy("away"), OSError("no space left")])
def test_an_edition_that_cannot_be_served_takes_no_part_of_the_place(
    visit: Visit, reload: ServedReload, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    """W10: pages, policy and mails are of one edition; whatever failed, the edit is tried again by itself."""
    old, obey = visit.app_context.edition, visit.installation.obey
    tries: list[object] = []

    def obey_later(policy: RequestPolicy) -> None:
        tries.append(policy)
        if len(tries) == 1:
            raise problem
        obey(policy)

    monkeypatch.setattr(visit.installation, "obey", obey_later)
    edit(visit, "Het witboek", "Het nieuwe witboek")

    async def serve() -> None:
        stop = asyncio.Event()
        reload.ask()
        running = asyncio.ensure_future(Job("reload", reload.run).run(stop))
        while not tries:
            await asyncio.sleep(0.01)
        assert visit.app_context.edition is old
        while visit.app_context.edition is old:
            await asyncio.sleep(0.01)
        stop.set()
        await running

    asyncio.run(asyncio.wait_for(serve(), 60))
    assert "Het nieuwe witboek" in visit.client.get("/paper").text


@pytest.mark.usefixtures("reload")
def test_files_that_cannot_be_watched_any_more_are_watched_again(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W10: a watch that breaks is noticed at once, and what was edited meanwhile is served."""
    watching = ServedReload(visit.app_context, ReadingCache(), watch=True)
    began: list[Path] = []

    async def edits(root: Path, stop: asyncio.Event) -> AsyncIterator[None]:
        began.append(root)
        if len(began) == 1:
            raise OSError
        yield
        await stop.wait()

    monkeypatch.setattr(site_reload, "edits", edits)
    edit(visit, "Het witboek", "Het nieuwe witboek")

    async def serve() -> None:
        stop, old = asyncio.Event(), visit.app_context.edition
        running = [asyncio.ensure_future(job.run(stop)) for job in watching.jobs]
        while len(began) < 2 or visit.app_context.edition is old:
            await asyncio.sleep(0.01)
        stop.set()
        await asyncio.gather(*running)

    asyncio.run(asyncio.wait_for(serve(), 60))
    assert "Het nieuwe witboek" in visit.client.get("/paper").text


def test_an_edited_site_opens_no_template_for_a_visitor(
    visit: Visit, reload: ServedReload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W10, S6: all are read before it is served, as at a start."""

    found = FileSystemLoader.get_source

    def none_left(*given: Any) -> None:
        found(*given)  # a template that is not there is not opened
        raise OSError(EMFILE, "Too many open files")

    edit(visit, "Het witboek", "Het nieuwe witboek")
    once(reload)
    monkeypatch.setattr(FileSystemLoader, "get_source", none_left)
    visit.fill()
    link = f"/confirm/{visit.mail(MailKind.CONFIRMATION).confirm_token}"
    assert "Het nieuwe witboek" in visit.client.get(link).text
    assert visit.press(link).status_code == 303
    assert visit.client.get(link).status_code == 200


def test_a_removed_magnet_keeps_its_promises_after_a_reload(visit: Visit, reload: ServedReload) -> None:
    """W10, M4: the link of a mail that was sent before."""
    delivery = visit.join()
    (visit.root / "magnets" / "paper" / "index.md").unlink()
    once(reload)
    assert visit.client.get("/paper").status_code == 410
    assert visit.client.get(f"/download/{delivery.download_token}").status_code == 200


def test_everybody_who_follows_is_told_of_the_new_edition(visit: Visit, reload: ServedReload) -> None:
    """W10: the courier writes in the words of the site that is served."""
    told: list[str] = []
    visit.app_context.followers.append(lambda edition: told.append(edition.site.settings.sender.name))
    edit(visit, 'name = "Uw bedrijf"', 'name = "Nieuwe naam"', "optin.toml")
    once(reload)
    assert told == ["Nieuwe naam"]
