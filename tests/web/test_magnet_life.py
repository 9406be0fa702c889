"""The life of a magnet: a draft, waiting for its day, open, over, archived (W10)."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import html5lib
import pytest
from PIL import Image
from starlette.requests import Request

from optin.consent.form_version import Slug
from optin.flows.consents.earlier_page_versions import view_form
from optin.flows.consents.sign_up import sign_up
from optin.flows.delivery.mail_order import MailKind
from optin.services.site_edition import Edition, keep_edition, load_edition
from optin.store.database_interface import bind
from optin.store.stored_forms import form_by_digest, last_declaration
from optin.web import landing_post
from optin.web.app_context import AppContext
from optin.web.page_cache import CachedPages, PageCache
from optin.web.static_site import static_files
from tests.installed import KINDS
from tests.web.conftest import PAPER, Visit

OPENS = datetime(2027, 3, 1, 8, tzinfo=UTC)  # nine o'clock on the site's clock
ENDS = datetime(2027, 3, 31, 22, tzinfo=UTC)  # midnight in summer time
TICK = timedelta(milliseconds=1)
LIFE = "from: 2027-03-01 09:00\nuntil: 2027-03-31\n"
HEADING = re.compile(r'<h2 id="form-title">(.*?)</h2>')


def write(visit: Visit, lines: str, slug: str = "paper", text: str = PAPER) -> Edition:
    """Write a magnet with more lines of front matter, and serve the site as it now is."""
    folder = visit.root / "magnets" / slug
    folder.mkdir(exist_ok=True)
    (folder / "index.md").write_text(text.replace("---\n", f"---\n{lines}", 1), "utf-8")
    (folder / "witboek.pdf").write_bytes(b"%PDF-1.4 the very file")
    edition, findings = load_edition(visit.root, KINDS)
    assert edition is not None
    assert [it for it in findings if it.severity == "error"] == []
    keep_edition(visit.installation.store, edition, visit.moment)
    visit.app_context.replace(edition)
    return edition


def heading(page: str) -> str:
    """Return the heading of the place where a form stands."""
    found = HEADING.search(page)
    assert found is not None
    return found[1]


def test_a_page_waits_opens_and_ends_at_the_very_moment(visit: Visit) -> None:
    """W10: by the clock at each request, and on the site's clock; no loading, no restart."""
    visit.moment = OPENS - timedelta(days=1)
    write(visit, LIFE)
    waiting = visit.client.get("/paper")
    assert waiting.status_code == 200
    assert heading(waiting.text) == "Nog even geduld"
    assert "1 maart 2027 om 09:00 uur" in waiting.text
    assert "<form" not in waiting.text
    html5lib.HTMLParser(strict=True).parse(waiting.text)
    visit.moment = OPENS - TICK
    assert visit.client.get("/paper").content == waiting.content
    visit.moment = OPENS
    assert 'name="email"' in visit.client.get("/paper").text
    visit.moment = ENDS - TICK
    visit.fill()
    assert visit.mails()[-1].recipient == "alice@example.com"
    visit.moment = ENDS
    over = visit.client.get("/paper")
    assert over.status_code == 200
    assert heading(over.text) == "Dit formulier is gesloten"
    assert "<form" not in over.text
    html5lib.HTMLParser(strict=True).parse(over.text)


def test_a_clock_that_is_set_back_takes_the_page_along(visit: Visit) -> None:
    """W10, O7: whatever the clock says, a page shows a form exactly when one is taken."""
    write(visit, LIFE)
    for moment in (ENDS, OPENS, ENDS - TICK, OPENS - TICK, ENDS, OPENS - TICK):
        visit.moment = moment
        is_open = OPENS <= moment < ENDS
        page = visit.client.get("/paper").text
        assert ('name="form"' in page) == is_open, moment
        assert ("/paper" in visit.client.get("/").text) == is_open, moment
        taken = visit.client.post("/paper", data={"form": "0", "email": "alice@example.com"}).status_code
        assert (taken == 409) == (moment < ENDS), moment  # waiting, or an unknown form


def test_pages_of_a_moment_are_ready_before_it(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """W10: hundreds of forms that open at once keep no request waiting; an edit makes them anew."""
    app_context, prepare = visit.app_context, visit.app_context.prepare_upcoming
    made: list[datetime] = []
    whole = PageCache.pages

    def noted(self: PageCache, edition: Edition, now: datetime) -> Mapping[str, CachedPages]:
        made.append(now)
        return whole(self, edition, now)

    visit.moment = OPENS - timedelta(days=1)
    write(visit, LIFE)
    monkeypatch.setattr(PageCache, "pages", noted)
    asyncio.run(prepare())
    assert made == [], "it is a day away"
    visit.moment = OPENS - timedelta(seconds=30)
    for _ in range(2):
        asyncio.run(prepare())
    assert made == [OPENS]
    assert "<form" not in visit.client.get("/paper").text
    visit.moment = OPENS
    assert 'name="email"' in visit.client.get("/paper").text
    assert made == [OPENS], "nothing was rendered at the moment itself"
    visit.moment = ENDS - timedelta(seconds=30)
    asyncio.run(prepare())
    write(visit, f"{LIFE}headline: An edit\n")
    made.clear()
    visit.moment = ENDS
    assert "An edit" in visit.client.get("/paper").text
    assert made == [ENDS], "what was ready was of the earlier edition"
    assert app_context.pages


def test_pages_that_are_ready_give_way_when_a_later_moment_came(visit: Visit) -> None:
    """W10: a clock that was set, or a process that was stopped for a month."""
    visit.moment = OPENS - timedelta(seconds=30)
    write(visit, LIFE)
    asyncio.run(visit.app_context.prepare_upcoming())
    visit.moment = ENDS
    assert heading(visit.client.get("/paper").text) == "Dit formulier is gesloten"


def test_a_form_posted_too_early_or_too_late_is_refused_kindly(visit: Visit) -> None:
    """W10, S5: nothing is stored; the page says why, in the language of the page."""
    key = visit.form_key()
    visit.moment = OPENS - TICK
    write(visit, LIFE)
    rows = visit.rows()
    early = visit.client.post("/paper", data={"form": key, "email": "alice@example.com"})
    assert early.status_code == 409
    assert "Dit formulier is nog niet open" in early.text
    visit.moment = ENDS
    late = visit.client.post("/paper", data={"form": key, "email": "alice@example.com"})
    assert late.status_code == 410
    assert "Dit formulier is gesloten" in late.text
    assert visit.rows() == rows


def test_what_is_taken_in_the_last_moment_bears_a_moment_before_the_end(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W10: a request that is stored after the end would have no part in what closed."""
    visit.moment = ENDS - timedelta(seconds=1)
    write(visit, LIFE)
    key = visit.form_key()
    asked: list[datetime] = []

    def ticking() -> datetime:
        visit.moment += TICK
        return visit.moment

    def noted(*given: Any, **named: Any) -> Any:
        asked.append(named["now"])
        return sign_up(*given, **named)

    monkeypatch.setattr(visit.installation, "clock", ticking)
    monkeypatch.setattr(landing_post, "sign_up", noted)
    answers = set()
    for at in range(12):
        visit.moment = ENDS - at * TICK
        posted = {"form": key, "email": f"somebody{at}@example.com"}
        answers.add(visit.client.post("/paper", data=posted).status_code)
    assert answers == {303, 410}
    assert max(asked) == ENDS - TICK


def test_a_form_whose_magnet_goes_while_it_arrives_is_refused_kindly(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W10, S5: a site may be loaded again at any moment of a request."""
    key, count = visit.form_key(), visit.app_context.limits.count

    async def meanwhile(request: Request) -> None:
        (visit.root / "magnets" / "paper" / "index.md").unlink()
        edition, _ = load_edition(visit.root, KINDS)
        assert edition is not None
        visit.app_context.replace(edition)
        await count(request)

    monkeypatch.setattr(visit.app_context.limits, "count", meanwhile)
    rows = visit.rows()
    assert visit.client.post("/paper", data={"form": key, "email": "alice@example.com"}).status_code == 410
    assert visit.rows() == rows


@pytest.mark.parametrize("email", ["alice@example.com", "no address"])
def test_a_form_whose_magnet_goes_while_it_is_read_is_taken_or_shown_again(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, email: str
) -> None:
    """W10, S5: it was open when it came; what is stored is of the version that was shown."""
    key = visit.form_key()
    write(visit, "headline: Een andere kop\n")
    view = AppContext.view

    async def meanwhile(self: AppContext, flow: Any, /, *given: Any, **named: Any) -> Any:
        found = await view(self, flow, *given, **named)
        if flow is view_form:
            (visit.root / "magnets" / "paper" / "index.md").unlink()
            edition, _ = load_edition(visit.root, KINDS)
            assert edition is not None
            visit.app_context.replace(edition)
        return found

    monkeypatch.setattr(AppContext, "view", meanwhile)
    answer = visit.client.post("/paper", data={"form": key, "email": email, "consent": "tips-email"})
    assert answer.status_code == (303 if email == "alice@example.com" else 422)
    assert visit.client.get("/paper").status_code == 410


def test_the_waiting_page_is_no_form_version(visit: Visit) -> None:
    """W10, P2: what is stored as a form is the form, byte for byte, also before anybody saw it."""
    visit.moment = OPENS - TICK
    edition = write(visit, LIFE)
    waiting = visit.client.get("/paper").content
    visit.moment = OPENS
    shown = visit.client.get("/paper").content
    published = edition.publication.forms[Slug("paper")]
    stored = visit.installation.store.read(bind(form_by_digest, published.digest))
    assert stored is not None
    assert stored.version.page == shown
    assert waiting != shown


def test_index_and_sitemap_name_what_can_be_had_now(visit: Visit) -> None:
    """W10: neither what waits nor what is archived; the index leaves out what is over, too."""

    def named() -> tuple[bool, bool]:
        sitemap = visit.client.get("/sitemap.xml").text
        return 'href="/paper"' in visit.client.get("/").text, "/paper</loc>" in sitemap

    visit.moment = OPENS - TICK
    write(visit, LIFE)
    assert named() == (False, False)
    visit.moment = OPENS
    assert named() == (True, True)
    visit.moment = ENDS
    assert named() == (False, True)
    write(visit, "status: archived\n")
    assert named() == (False, False)


def test_a_page_without_a_form_says_what_else_there_is(visit: Visit) -> None:
    """W10: what is open now, in its own language; not itself, not what waits."""
    visit.moment = OPENS - TICK
    write(visit, "from: 2027-03-01 09:00\n", "later")
    write(visit, "status: archived\n")
    write(
        visit, "", "english", PAPER.replace("lang: nl", "lang: en").replace("Om u", "To").replace("Het", "A")
    )
    page = visit.client.get("/paper").text
    assert 'href="/tips"' in page
    assert "Dit is er nu al" in page
    assert not {'href="/later"', 'href="/english"', 'href="/paper"'} & set(re.findall(r'href="[^"]*"', page))
    visit.moment = OPENS
    assert 'href="/later"' in visit.client.get("/paper").text


def test_an_archived_magnet_keeps_what_it_promised(visit: Visit) -> None:
    """W10, M4, R1: the mail that is under way confirms, its link downloads, the person sees and withdraws."""
    visit.fill("bob@example.com", consent="tips-email")
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    write(visit, "status: archived\n")
    page = visit.client.get("/paper")
    assert page.status_code == 200
    assert heading(page.text) == "Dit is niet meer beschikbaar"
    assert '<meta name="robots" content="noindex">' in page.text
    assert visit.client.post("/paper", data={"email": "carol@example.com"}).status_code == 410
    assert visit.press(f"/confirm/{token}").status_code == 303
    visit.wait(timedelta(seconds=1))
    delivery = visit.mail(MailKind.DELIVERY)
    assert visit.client.get(f"/download/{delivery.download_token}").content == b"%PDF-1.4 the very file"


def test_a_draft_is_a_page_that_does_not_exist(visit: Visit) -> None:
    """W10: no page, no form, no version, no entry in index and sitemap."""
    write(visit, "status: draft\n", "plan")
    assert visit.client.get("/plan").status_code == 404
    assert visit.client.post("/plan", data={"email": "alice@example.com"}).status_code == 404
    assert visit.client.get("/plan/sent").status_code == 404
    for path in ("/", "/sitemap.xml", "/robots.txt"):
        assert "plan" not in visit.client.get(path).text
    assert visit.installation.store.read(bind(last_declaration, magnet="plan")) is None


def test_a_build_holds_no_picture_of_a_draft(visit: Visit) -> None:
    """W10, S8: a web host may list its folder; the server knows their addresses, for previews."""
    out = io.BytesIO()
    Image.effect_noise((300, 300), 40).save(out, "PNG")
    folder = visit.root / "magnets" / "plan"
    folder.mkdir()
    (folder / "plan.png").write_bytes(out.getvalue())
    more = "picture: {file: plan.png, alt: Een plan}\nnext: {text: B, picture: {file: plan.png, alt: C}}\n"
    write(visit, f"status: draft\n{more}", "plan")
    edition = visit.app_context.edition
    assert any("/plan-" in url for url in edition.theme.assets)
    assert [name for name in static_files(edition, visit.moment) if "plan" in name] == []
    assert not any("plan" in url for url in edition.publication.mail_pictures)  # these are stored for ever
    shown = next(url for url in edition.theme.assets if "/plan-" in url)
    assert visit.client.get(shown).status_code == 200


def test_a_magnet_that_becomes_a_draft_again_is_like_a_removed_one(visit: Visit) -> None:
    """W10, M4: whoever signed up still gets it; whoever comes now learns that it is over."""
    delivery = visit.join()
    write(visit, "status: draft\n")
    assert visit.client.get("/paper").status_code == 410
    assert visit.client.get(f"/download/{delivery.download_token}").status_code == 200


def test_a_build_writes_the_pages_of_its_moment(visit: Visit) -> None:
    """W10, M8: byte for byte as the app serves them then."""
    for moment in (OPENS - TICK, OPENS, ENDS):
        visit.moment = moment
        edition = write(visit, LIFE)
        files = static_files(edition, moment)
        assert files["paper/index.html"] == visit.client.get("/paper").content
        assert files["index.html"] == visit.client.get("/").content


def test_a_template_that_fails_at_the_moment_takes_no_page_away(
    visit: Visit, caplog: pytest.LogCaptureFixture
) -> None:
    """W10, S5: the pages of before go on, the log says so, and the form is refused all the same."""
    visit.moment = OPENS
    (visit.root / "templates" / "pages").mkdir(parents=True)
    tips = "view.others and view.others[0].url == '/tips'"  # as no sample has
    own = f"{{% if {tips} %}}{{{{ view.others[0].nothing.at_all }}}}{{% endif %}}"
    (visit.root / "templates" / "pages" / "closed.html").write_text(own)
    write(visit, LIFE)
    key = visit.form_key()
    visit.moment = ENDS
    assert visit.client.get("/tips").status_code == 200
    assert "pages not renewed" in caplog.text
    assert visit.client.post("/paper", data={"form": key, "email": "a@example.com"}).status_code == 410
