"""Where leads come from: sums by source, and nothing with a person."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from operator import methodcaller

import pytest

from optin.consent.form_version import Slug
from optin.errors import StoreBusy
from optin.services.installation import Installation
from optin.services.site_edition import load_edition
from optin.services.source_counts import MOST_NEW_BROWSERS, MOST_VIEWS, CountedPage, SourceCounts
from optin.settings.site import SourcesTable
from optin.store.source_sums import SIGNED_UP, VIEWED, SourceKey, all_source_sums
from optin.store.weekly_event_sums import monday_of
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.web.conftest import PAPER, Visit
from tests.web.test_journey import reload

BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
CRAWLERS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0)",
    "curl/8.14.1",
)
DECLARED = '\n[sources]\nnames = ["linkedin", "beurs-2027"]\n'


def declare(visit: Visit, table: str = DECLARED) -> None:
    add_settings(visit.root, table)
    reload(visit)


def sums(visit: Visit) -> dict[tuple[str, str, str, str], int]:
    """Write the counts as the server does; return them by magnet, variant, source and kind."""
    visit.installation.keep_counts()
    found: dict[tuple[str, str, str, str], int] = {}
    for key, count in visit.installation.store.read(all_source_sums).items():
        found[key[1:]] = found.get(key[1:], 0) + count
    return found


def everything_stored(visit: Visit) -> str:
    """Return all that stands in the database, decrypted columns aside."""
    found: list[object] = []
    for table in ("request", "event", "form_version", "source_sum", "tally", "outbox", "subject", "consent"):
        found += visit.installation.store.read(methodcaller("all", f"SELECT * FROM {table}"))
    return repr(found)


def test_views_and_sign_ups_are_sums_by_source(visit: Visit) -> None:
    """W8, W9: a link names a declared source; the form that it leads to says so when it is posted."""
    declare(visit)
    for query in ("?utm_source=LinkedIn&utm_medium=social", "?via=beurs-2027", ""):
        assert visit.client.get(f"/paper{query}", headers=BROWSER).status_code == 200
    data = {"form": visit.form_key(), "email": "alice@example.com"}
    answer = visit.client.post("/paper?utm_source=LinkedIn&utm_medium=social", data=data)
    assert answer.status_code == 303
    assert "linkedin" not in answer.headers["location"].lower()
    visit.client.post("/paper", data={**data, "email": "bob@example.com"})
    assert sums(visit) == {
        ("paper", "", "linkedin", VIEWED): 1,
        ("paper", "", "beurs-2027", VIEWED): 1,
        ("paper", "", "", VIEWED): 1,
        ("paper", "", "linkedin", SIGNED_UP): 1,
        ("paper", "", "", SIGNED_UP): 1,
    }
    assert sums(visit) == sums(visit), "what was written is not written again"
    (monday,) = {key.monday for key in visit.installation.store.read(all_source_sums)}
    assert monday == monday_of(visit.moment.date())


def test_the_page_is_the_same_whatever_its_source(visit: Visit) -> None:
    """W8: the same bytes and tag, no cookie, no redirect, nothing that lets another site know."""
    declare(visit)
    plain, named = visit.client.get("/paper"), visit.client.get("/paper?via=linkedin")
    assert (plain.status_code, named.status_code) == (200, 200)
    assert plain.content == named.content
    assert {**plain.headers} == {**named.headers}
    assert "set-cookie" not in named.headers
    assert named.headers["referrer-policy"] == "no-referrer"
    assert "<script" not in named.text
    key = visit.form_key()
    form_page = visit.app_context.edition.publication.form_page(Slug("paper"), key)
    assert form_page is not None
    assert form_page.form.page == plain.content


def test_a_form_that_comes_back_keeps_its_source(visit: Visit) -> None:
    """W8: a mistake is mended on the same address, without a second view."""
    declare(visit)
    key = visit.form_key()
    wrong = visit.client.post("/paper?via=linkedin", data={"form": key, "email": "nobody@"})
    assert wrong.status_code == 422
    assert "<form" in wrong.text
    assert "action=" not in wrong.text.partition("<form")[2].partition(">")[0]
    assert sums(visit) == {}
    visit.client.post("/paper?via=linkedin", data={"form": key, "email": "alice@example.com"})
    assert sums(visit) == {("paper", "", "linkedin", SIGNED_UP): 1}


@pytest.mark.parametrize(
    "query",
    [
        "utm_source=facebook",
        "utm_source=" + "x" * 10_000,
        "via=linkedin&x=" + "y" * 10_000,
        "&".join(f"a{number}=1" for number in range(1_000)) + "&via=linkedin",
        "via=%6cinked%69n%00",
        "via=%FF%FE",
        "via=%",
        "source=linkedin",
        "VIA=linkedin",
        "via=linkedin%20alice%40example.com",
        "utm_medium=linkedin",
        "=&;&&",
    ],
    ids=lambda query: query[:30],
)
def test_what_is_not_declared_is_not_stored(
    visit: Visit, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    """W8: nor is it logged; the view and the sign-up count without a source."""
    declare(visit)
    assert visit.client.get(f"/paper?{query}", headers=BROWSER).status_code == 200
    data = {"form": visit.form_key(), "email": "alice@example.com"}
    assert visit.client.post(f"/paper?{query}", data=data).status_code == 303
    assert sums(visit) == {("paper", "", "", VIEWED): 1, ("paper", "", "", SIGNED_UP): 1}
    stored = everything_stored(visit)
    for word in ("facebook", "xxxx", "yyyy", "linkedin", "utm_"):
        assert word not in stored
        assert word not in caplog.text


def test_the_referer_says_nothing(visit: Visit) -> None:
    """W8: neither another site's, nor one made up of another magnet's page."""
    declare(visit)
    for place, page in enumerate(
        (
            "https://www.linkedin.com/feed?utm_source=linkedin",
            "https://optin.example.com/other?via=linkedin",
            "https://optin.example.com/paper?via=linkedin",
        )
    ):
        visit.client.get("/paper", headers={**BROWSER, "referer": page})
        data = {"form": visit.form_key(), "email": f"alice{place}@example.com"}
        assert visit.client.post("/paper", data=data, headers={"referer": page}).status_code == 303
    assert sums(visit) == {("paper", "", "", VIEWED): 3, ("paper", "", "", SIGNED_UP): 3}


def test_only_pages_that_somebody_sees_are_views(visit: Visit) -> None:
    """W9: no crawler, no look ahead, no HEAD, no page that the browser has already, no other page."""
    first = visit.client.get("/paper", headers=BROWSER)
    for crawler in CRAWLERS:
        visit.client.get("/paper", headers={"user-agent": crawler})
    visit.client.get("/paper", headers={"user-agent": ""})
    for ahead in ("sec-purpose", "purpose"):
        visit.client.get("/paper", headers={**BROWSER, ahead: "prefetch;prerender"})
    for asked_as in ("image", "script", "empty"):
        visit.client.get("/paper", headers={**BROWSER, "sec-fetch-dest": asked_as})
    visit.client.head("/paper", headers=BROWSER)
    again = visit.client.get("/paper", headers={**BROWSER, "if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    for other in ("/", "/nothing", "/privacy", "/robots.txt", "/paper/sent"):
        visit.client.get(other, headers=BROWSER)
    assert sums(visit) == {("paper", "", "", VIEWED): 1}
    for seen_as in ("document", "iframe"):
        visit.client.get("/paper", headers={**BROWSER, "sec-fetch-dest": seen_as})
    assert sums(visit) == {("paper", "", "", VIEWED): 3}


def test_views_go_off_by_one_setting(visit: Visit) -> None:
    """W9: sign-ups are counted by source all the same."""
    declare(visit, DECLARED + "views = false\n")
    visit.client.get("/paper?via=linkedin", headers=BROWSER)
    visit.client.post("/paper?via=linkedin", data={"form": visit.form_key(), "email": "alice@example.com"})
    assert sums(visit) == {("paper", "", "linkedin", SIGNED_UP): 1}


def test_a_closed_page_has_no_views(visit: Visit) -> None:
    """W9: a view of a form that cannot be sent would make the funnel wrong."""
    page = visit.root / "magnets" / "paper" / "index.md"
    page.write_text(PAPER.replace("kind:", "status: archived\nkind:", 1))
    reload(visit)
    assert visit.client.get("/paper", headers=BROWSER).status_code == 200
    assert sums(visit) == {}


def test_each_wording_has_its_own_views(visit: Visit) -> None:
    """W9: by the name of the variant."""
    page = visit.root / "magnets" / "paper" / "index.md"
    page.write_text(
        PAPER.replace("title:", "variants:\n  short:\n    title: Kort\n  long:\n    title: Lang\ntitle:", 1)
    )
    declare(visit)
    for _ in range(60):
        visit.client.get("/paper?via=linkedin", headers=BROWSER)
    found = sums(visit)
    assert sum(found.values()) == 60
    assert {"short", "long"} <= {variant for _, variant, _, _ in found}
    assert {source for _, _, source, _ in found} == {"linkedin"}


def test_a_link_to_an_earlier_name_keeps_its_source(visit: Visit) -> None:
    """W8: the redirect names the declared source, and nothing else of the address."""
    (visit.root / "magnets" / "paper").rename(visit.root / "magnets" / "book")
    page = visit.root / "magnets" / "book" / "index.md"
    page.write_text(PAPER.replace("kind:", "was: [paper]\nkind:", 1))
    declare(visit)
    moved = visit.client.get("/paper?utm_source=linkedin&who=alice")
    assert (moved.status_code, moved.headers["location"]) == (301, "/book?via=linkedin")
    assert visit.client.get("/paper?who=alice").headers["location"] == "/book"


def test_a_form_in_a_frame_counts_the_same(visit: Visit) -> None:
    """W8, W9: its address in the snippet names the source; a pasted form has none."""
    declare(visit, DECLARED + '[embed]\nsites = ["https://www.example.com"]\n')
    framed = visit.client.get("/paper/embed?via=linkedin", headers=BROWSER)
    key = framed.text.partition('name="form" value="')[2].partition('"')[0]
    answer = visit.client.post("/paper/embed?via=linkedin", data={"form": key, "email": "alice@example.com"})
    assert answer.status_code == 303
    assert sums(visit) == {
        ("paper", "", "linkedin", VIEWED): 1,
        ("paper", "", "linkedin", SIGNED_UP): 1,
    }


def test_a_site_without_sources_has_the_same_pages_as_before(visit: Visit) -> None:
    """W8: no form version becomes another by this version of optin."""
    assert 'action="https://optin.example.com/paper"' in visit.client.get("/paper").text
    visit.client.post("/paper?via=linkedin", data={"form": visit.form_key(), "email": "alice@example.com"})
    assert sums(visit) == {}


def test_pages_on_a_host_of_their_own_keep_the_address_of_the_app(visit: Visit) -> None:
    """W8, M8: a form without a target would be posted to a host that takes none."""
    path = visit.root / "optin.toml"
    path.write_text(f'pages_url = "https://pages.example.com"\n{path.read_text()}{DECLARED}')
    edition, [finding] = load_edition(visit.root, KINDS)
    assert edition is not None
    assert finding.severity == "warning"
    visit.app_context.replace(edition)
    assert 'action="https://optin.example.com/paper"' in visit.client.get("/paper").text


def test_a_store_that_takes_nothing_loses_nothing(visit: Visit) -> None:
    """W9: the counts wait for the next time; a week later they are in the sum of that week."""
    visit.client.get("/paper", headers=BROWSER)

    def fail(_counts: object) -> None:
        raise StoreBusy

    with pytest.raises(StoreBusy):
        visit.installation.sources.write(visit.moment, fail)
    assert sums(visit) == {("paper", "", "", VIEWED): 1}
    visit.wait(timedelta(days=7))
    visit.client.get("/paper", headers=BROWSER)
    assert sums(visit) == {("paper", "", "", VIEWED): 2}
    assert len(visit.installation.store.read(all_source_sums)) == 2


def test_processes_add_up(visit: Visit) -> None:
    """W9: several write at once, each what it counted; no view of one is lost to another."""
    servers = [replace(visit.installation, sources=SourceCounts()) for _ in range(3)]
    for server in servers:
        server.sources.follow(SourcesTable(names=("linkedin",)))

    def serve(server: Installation) -> None:
        for _ in range(20):
            server.sources.add_view(CountedPage("paper"), b"via=linkedin", BROWSER["user-agent"].encode())
            server.sources.add_view(CountedPage("book"), b"", BROWSER["user-agent"].encode())
            server.keep_counts()

    with ThreadPoolExecutor(len(servers)) as pool:
        list(pool.map(serve, servers))
    assert sums(visit) == {("paper", "", "linkedin", VIEWED): 60, ("book", "", "", VIEWED): 60}


def test_a_flood_of_invented_browsers_takes_no_memory_and_no_time(visit: Visit) -> None:
    """W9, O8: what is counted between two writes has a bound; a view like one before the flood counts."""
    declare(visit)
    counts, page = visit.installation.sources, CountedPage("paper")
    counts.add_view(page, b"", BROWSER["user-agent"].encode())
    assert sums(visit) == {("paper", "", "", VIEWED): 1}
    counts.add_view(page, b"via=linkedin", BROWSER["user-agent"].encode())
    for number in range(3 * MOST_VIEWS):
        counts.add_view(page, b"x=%d" % number, b"Mozilla/5.0 Invented/%d" % number)
    for number in range(1_000):
        counts.add_view(page, b"fbclid=%d&via=linkedin" % number, BROWSER["user-agent"].encode())
    assert len(counts._views) <= 2 * MOST_VIEWS  # noqa: SLF001 - its bound has no other sign
    found = sums(visit)
    assert found["paper", "", "", VIEWED] <= 1 + MOST_NEW_BROWSERS
    assert found["paper", "", "linkedin", VIEWED] == 1_001


def test_other_counts_go_on_while_counts_are_written(visit: Visit) -> None:
    """W9: no page fails and no view counts twice; a view at the very moment of a write may be missed."""
    declare(visit)
    counts, page, written = visit.installation.sources, CountedPage("paper"), Counter[SourceKey]()
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            counts.write(visit.moment, written.update)

    writer = threading.Thread(target=write)
    writer.start()
    for number in range(50_000):
        counts.add_view(page, b"via=linkedin&x=%d" % (number % 7), BROWSER["user-agent"].encode())
    done.set()
    writer.join(60)
    counts.write(visit.moment, written.update)
    assert 49_900 <= written.total() <= 50_000
