"""Hostile, broken and too many: a clear page in the visitor's language, nothing stored."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import html5lib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from optin.consent.erasure_grounds import BY_PERSON
from optin.consent.retention_period import RetentionPeriod
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import RequestId
from optin.errors import StoreBusy, TooManyRequests
from optin.flows.delivery.mail_order import MailKind
from optin.flows.request_policy import ignore_limit
from optin.services.site_edition import Edition
from optin.settings.site import Limits, Unconfirmed
from optin.store.requests import erase_requests
from optin.web import limit_counts_in_memory
from optin.web.app import build_app
from optin.web.app_context import AppContext
from optin.web.post_limits import PostLimits, network_of
from tests.installed import INSTALLED
from tests.web.conftest import Visit

# the installation of a site that nobody posts to
NOBODY: Any = SimpleNamespace(store=None, vault=None, count_limit=ignore_limit)
FORM = {"content-type": "application/x-www-form-urlencoded"}


def refused(visit: Visit, answer: Any, status: int) -> None:
    """See that a refusal is a page of ours, and that nothing was stored."""
    assert answer.status_code == status
    assert '<html lang="nl">' in answer.text
    html5lib.HTMLParser(strict=True).parse(answer.text)
    assert visit.rows()["request"] == visit.rows()["event"] == 0


BAD_POSTS: dict[str, tuple[dict[str, Any], int]] = {
    "never-issued": ({"form": "0" * 32, "email": "a@example.com"}, 409),
    "no-form": ({"email": "a@example.com"}, 409),
    "form-of-another-page": ({"form": "OTHER", "email": "a@example.com"}, 409),
    "unknown-field": ({"form": "KEY", "email": "a@example.com", "admin": "1"}, 400),
    "unknown-consent": ({"form": "KEY", "email": "a@example.com", "consent": "sell-me"}, 400),
    "email-twice": ({"form": "KEY", "email": ["a@example.com", "b@example.com"]}, 400),
    "form-twice": ({"form": ["KEY", "KEY"], "email": "a@example.com"}, 400),
    "nul": ({"form": "KEY", "email": "a\x00@example.com"}, 400),
    "no-email": ({"form": "KEY", "email": ""}, 422),
    "email-without-at": ({"form": "KEY", "email": "alice.example.com"}, 422),
    "email-too-long": ({"form": "KEY", "email": "a" * 300 + "@example.com"}, 422),
    "email-smuggles-header": ({"form": "KEY", "email": "a@example.com\r\nBcc: b@example.com"}, 422),
    "phone-is-none": (
        {"form": "KEY", "email": "a@example.com", "phone": "12", "consent": "follow-up-phone"},
        422,
    ),
    "phone-needed": ({"form": "KEY", "email": "a@example.com", "consent": "follow-up-phone"}, 422),
    "name-too-long": ({"form": "KEY", "email": "a@example.com", "first_name": "x" * 201}, 422),
}


@pytest.mark.parametrize("defect", BAD_POSTS)
def test_a_bad_post_is_refused_and_nothing_is_stored(visit: Visit, defect: str) -> None:
    """S5, F4, F7: each with its status and a page in words (PEERS 7)."""
    data, status = BAD_POSTS[defect]
    keys = {"KEY": visit.form_key(), "OTHER": visit.form_key("tips")}

    def filled(value: Any) -> Any:
        return [keys.get(v, v) for v in value] if isinstance(value, list) else keys.get(value, value)

    posted = {name: filled(value) for name, value in data.items()}
    refused(visit, visit.client.post("/paper", data=posted), status)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x=" + b"a" * 20_000, FORM, 413),
        (b"&".join(b"a%d=b" % number for number in range(100)), FORM, 400),
        (b"email=%ff%fe", FORM, 400),
        (b"\xff\xfe", FORM, 400),
        (b"email", FORM, 400),
        (b"{}", {"content-type": "application/json"}, 400),
        (b"email=a", {}, 400),
        (b"--x\r\n", {"content-type": "multipart/form-data; boundary=x"}, 400),
        (b"", FORM, 409),
    ],
)
def test_what_no_browser_sends_is_refused(
    visit: Visit, body: bytes, headers: dict[str, str], status: int
) -> None:
    """S5: oversized, malformed, of another type."""
    refused(visit, visit.client.post("/paper", content=body, headers=headers), status)


def test_mistakes_keep_what_was_typed(visit: Visit) -> None:
    """F6: in the page's language, beside the field, nothing lost, nothing stored."""
    data = {
        "form": visit.form_key(),
        "email": "alice@",
        "first_name": "Alice <b>",
        "phone": "1",
        "consent": ["follow-up-phone"],
    }
    answer = visit.client.post("/paper", data=data)
    refused(visit, answer, 422)
    assert 'value="alice@"' in answer.text
    assert 'value="Alice &lt;b&gt;"' in answer.text
    assert 'value="follow-up-phone" checked' in answer.text
    assert 'value="tips-email">' in answer.text


TOKENS = ["x", "a.b.c", "=" * 40, "A" * 400, "%00", "é", "a" * 22 + ".AAAAAA." + "b" * 43]


@pytest.mark.parametrize("kind", ["confirm", "download", "unsubscribe"])
@pytest.mark.parametrize("token", TOKENS)
def test_a_forged_token_is_refused(visit: Visit, kind: str, token: str) -> None:
    """S3, S5: whatever is in it; on looking and on pressing."""
    answer = visit.client.get(f"/{kind}/{token}")
    refused(visit, answer, 404)
    if kind != "download":
        refused(visit, visit.press(f"/{kind}/{token}"), 404)


def test_a_token_of_one_action_is_forged_for_every_other(visit: Visit) -> None:
    """S3: a forwarded newsletter gives its reader no more than the power to unsubscribe (PEERS 1)."""
    visit.fill(consent="tips-email")
    order = visit.mail(MailKind.CONFIRMATION)
    row = visit.installation.store.read(lambda tx: tx.one("SELECT id FROM request"))
    assert row is not None
    tokens = {kind: visit.installation.vault.links.sign(kind, row[0], visit.moment) for kind in LinkKind}
    paths = {
        LinkKind.CONFIRM: "/confirm/{}",
        LinkKind.DOWNLOAD: "/download/{}",
        LinkKind.UNSUBSCRIBE: "/unsubscribe/{}",
        LinkKind.SENT: "/paper/sent?to={}",
    }
    before = visit.rows()
    for kind, path in paths.items():
        for other, token in tokens.items():
            if other is not kind:
                assert visit.client.get(path.format(token)).status_code == 404
                if kind in {LinkKind.CONFIRM, LinkKind.UNSUBSCRIBE}:
                    assert visit.press(path.format(token)).status_code == 404
    assert visit.rows() == before
    assert order.confirm_token != tokens[LinkKind.CONFIRM] or order.confirm_token


def test_a_download_needs_a_confirmation(visit: Visit) -> None:
    """S8, D4: a link for a request that nobody confirmed opens nothing."""
    visit.fill()
    row = visit.installation.store.read(lambda tx: tx.one("SELECT id FROM request"))
    assert row is not None
    token = visit.installation.vault.links.sign(LinkKind.DOWNLOAD, row[0], visit.moment)
    assert visit.client.get(f"/download/{token}").status_code == 410


@pytest.mark.parametrize(
    "path", ["/nothing", "/paper/nothing", "/dev/mail", "/dev/reload.js", "/desk/", "/.env"]
)
def test_an_unknown_page_is_said_kindly(visit: Visit, path: str) -> None:
    """S5, O2: 404 in words; nothing of `optin dev` is reachable in serve."""
    answer = visit.client.get(path)
    assert answer.status_code == 404
    assert "<h1>" in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_a_method_that_no_page_has_is_refused(visit: Visit, method: str) -> None:
    """S5: 405, in words, saying what is allowed."""
    answer = visit.client.request(method, "/paper")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"] or "POST" in answer.headers["allow"]


def test_every_answer_has_the_security_headers(visit: Visit) -> None:
    """S1, F5: on pages, assets, errors and redirects; no cookie anywhere."""
    where = visit.fill()
    style = visit.app_context.edition.theme.asset_url("style.css")
    for path in ("/", "/paper", where, style, "/nothing", "/privacy", "/health", "/apple-touch-icon.png"):
        headers = visit.client.get(path).headers
        public = path.endswith(".png")  # a mail shows it within another site's page
        assert headers["cross-origin-resource-policy"] == ("cross-origin" if public else "same-origin")
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "connect-src 'self'" in headers["content-security-policy"], "Lighthouse asks for robots.txt so"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["strict-transport-security"].startswith("max-age=31536000")
        assert "set-cookie" not in headers


def test_pages_are_cached_compressed_and_tagged(visit: Visit) -> None:
    """F5: landing pages as bytes with a tag; what is personal is never stored by anybody."""
    page = visit.client.get("/paper", headers={"accept-encoding": "identity"})
    packed = visit.client.get("/paper", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == page.text
    again = visit.client.get("/paper", headers={"if-none-match": packed.headers["etag"]})
    assert again.status_code == 304
    assert visit.client.head("/paper").headers["content-length"]
    style = visit.client.get(visit.app_context.edition.theme.asset_url("style.css"))
    assert "immutable" in style.headers["cache-control"]
    assert visit.client.get(visit.fill()).headers["cache-control"] == "no-store"


def test_the_page_that_is_served_is_the_form_version(visit: Visit) -> None:
    """P2: the digest of the page, byte for byte, is the version that is stored."""
    import hashlib  # noqa: PLC0415 - only here

    page = visit.client.get("/paper", headers={"accept-encoding": "identity"}).content
    visit.fill()
    row = visit.installation.store.read(lambda tx: tx.one("SELECT form FROM request"))
    assert row == (hashlib.sha256(page).hexdigest(),)
    kept = visit.installation.store.read(
        lambda tx: tx.one("SELECT page FROM form_version WHERE digest = :d", d=row[0])
    )
    assert kept == (page,)


def client_from(edition: Edition, visit: Visit, address: str, limits: Limits) -> TestClient:
    """Come from an address, to a server with these limits."""
    app_context = AppContext.of(edition, visit.installation)
    app_context.limits = PostLimits(limits, ("10.0.0.0/8",), visit.installation)
    return TestClient(build_app(app_context, INSTALLED.routes), client=(address, 1), follow_redirects=False)


def test_a_network_that_posts_too_much_is_refused_politely(visit: Visit) -> None:
    """D8: 429 with the seconds to wait; other networks go on; loopback is nobody's network."""
    limits = Limits(per_network_per_hour=3)
    data = {"form": visit.form_key(), "email": "a@example.com"}
    with client_from(visit.app_context.edition, visit, "2001:db8::1", limits) as client:
        statuses = [client.post("/paper", data=data).status_code for _ in range(5)]
        assert statuses == [303, 303, 303, 429, 429]
        answer = client.post("/paper", data=data)
        assert 1 <= int(answer.headers["retry-after"]) <= 3601
        assert client.get("/paper").status_code == 200
    with client_from(visit.app_context.edition, visit, "127.0.0.1", limits) as client:
        assert {client.post("/paper", data=data).status_code for _ in range(5)} == {303}


def test_an_office_behind_one_address_signs_up_within_the_hour(visit: Visit) -> None:
    """D8: 200 people, each with a form and every third with a code, by the limits as they come."""
    limits = PostLimits(Limits(per_site_per_minute=1_000_000), (), visit.installation)

    async def come(posts: int) -> None:
        for _ in range(posts):
            await limits.count(request_from("203.0.113.7"))

    visit.moment = visit.moment.replace(minute=0)
    asyncio.run(come(300))
    with pytest.raises(TooManyRequests):
        asyncio.run(come(1))


def test_one_customer_with_many_networks_does_not_shut_the_site(visit: Visit) -> None:
    """D8, O8: an IPv6 /48 has four times what a network has, in an hour; in a day five times that."""
    limits, taken = PostLimits(Limits(per_network_per_hour=3), (), visit.installation), []
    visit.moment = visit.moment.replace(hour=0, minute=0)

    async def post(address: str) -> bool:
        try:
            await limits.count(request_from(address))
        except TooManyRequests:
            return False
        return True

    async def flood(hour: int) -> int:
        return sum([await post(f"2001:db8:7:{hour:x}{number:02x}::1") for number in range(20)])

    for hour in range(8):
        taken.append(asyncio.run(flood(hour)))
        visit.wait(timedelta(hours=1))
    assert taken == [12] * 5 + [0] * 3
    assert asyncio.run(post("2001:db8:8::1"))
    assert [asyncio.run(post("203.0.113.7")) for _ in range(5)] == [True] * 3 + [False] * 2
    visit.wait(timedelta(hours=16))
    assert asyncio.run(post("2001:db8:7::1"))


def test_one_network_has_no_more_in_a_day_than_in_five_hours(visit: Visit) -> None:
    """D8, O8: who goes on for a day does not use up the mails of the site."""
    limits, taken = PostLimits(Limits(per_network_per_hour=3), (), visit.installation), 0
    visit.moment = visit.moment.replace(hour=0, minute=0)
    for _ in range(24):
        for _ in range(4):
            with suppress(TooManyRequests):
                asyncio.run(limits.count(request_from("203.0.113.7")))
                taken += 1
        visit.wait(timedelta(hours=1))
    assert taken == 15


def test_networks_in_memory_have_a_bound(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """O8: whoever comes from ever new addresses fills no memory."""
    monkeypatch.setattr(limit_counts_in_memory, "MOST_NETWORKS", 10)
    limits = PostLimits(Limits(), (), visit.installation)
    for number in range(100):
        asyncio.run(limits.count(request_from(f"198.51.100.{number}")))
    assert all(len(seen.counts) <= 10 for seen in limits._clients._seen.values())  # noqa: SLF001 - nothing tells it


def test_a_site_that_is_flooded_refuses_politely(visit: Visit) -> None:
    """D8: per site, from many networks."""
    limits = PostLimits(Limits(per_site_per_minute=2), (), visit.installation)

    def post(address: str) -> None:
        asyncio.run(limits.count(request_from(address)))

    post("203.0.113.1")
    post("203.0.113.2")
    with pytest.raises(TooManyRequests):
        post("203.0.113.3")


def test_a_site_behind_a_proxy_of_its_own_machine_is_limited_as_a_whole(visit: Visit) -> None:
    """D8: where every visitor seems to come from loopback, the limit of the site holds."""

    async def post(limits: PostLimits, *visitors: int) -> None:
        for visitor in visitors:
            await limits.count(request_from("127.0.0.1", f"203.0.113.{visitor}"))

    limits = PostLimits(Limits(per_site_per_minute=2, per_network_per_hour=1), (), visit.installation)
    asyncio.run(post(limits, 1, 1))
    with pytest.raises(TooManyRequests):
        asyncio.run(post(limits, 2))
    visit.wait(timedelta(minutes=1))
    seen = PostLimits(Limits(per_network_per_hour=1), ("127.0.0.1",), visit.installation)
    asyncio.run(post(seen, 1, 2))
    with pytest.raises(TooManyRequests):
        asyncio.run(post(seen, 1))


BOMBS = [f"bomb+{number}@gmail.com" for number in range(40)]
BOMBS += ["b.o.m.b@gmail.com", "B.omb+x@googlemail.com", "bomb@gmail.com", "bomb@googlemail.com"]


def test_one_mailbox_is_not_bombed_by_its_many_addresses(visit: Visit) -> None:
    """D8: what follows a +, and Google's dots, are one mailbox for the limit; the pages say the same (D7)."""
    answers = set()
    for address in BOMBS:
        where = visit.fill(address)
        token = where.split("to=")[1]
        page = visit.client.get(where).text.replace(token, "TOKEN")
        answers.add((len(token), page.replace(f">{address}<", "><").replace(f" {address}.", " ADDRESS.")))
    assert len(visit.mails()) == visit.installation.policy.limits.per_address_per_day
    assert len(answers) == 1
    assert visit.rows()["request"] == len(BOMBS)
    visit.fill("bomb@example.com")
    assert len(visit.mails()) == 1
    visit.wait(timedelta(hours=25))
    visit.fill(BOMBS[7])
    assert len(visit.mails()) == 1


def test_mails_sent_again_count_for_the_mailbox(visit: Visit) -> None:
    """D8, D6: a few addresses of one mailbox, each sent again and again: no more mails than one address."""
    mailed = 0
    for address in BOMBS[:3]:
        token = visit.fill(address).split("to=")[1]
        mailed += len(visit.mails())
        for _ in range(4):
            answer = visit.press("/paper/sent", token=token, action="resend")
            assert answer.status_code == 303
            mailed += len(visit.mails())
    assert mailed == visit.installation.policy.limits.per_address_per_day
    visit.press("/paper/sent", token=token, action="resend")


def test_personal_links_count_for_the_mailbox_apart_from_forms(visit: Visit) -> None:
    """D8, R1: forms that somebody else fills in keep nobody from their own page."""
    visit.join("bomb@gmail.com")
    for address in BOMBS:
        visit.fill(address)
    visit.mails()
    for address in ["bomb@gmail.com"] * 4 + BOMBS:
        assert visit.client.post("/me", data={"email": address}).status_code == 303
    rows = visit.installation.store.read(lambda tx: tx.all("SELECT id FROM outbox WHERE kind = 'personal'"))
    assert len(rows) == visit.installation.policy.limits.per_address_per_day


def test_the_code_page_tells_nobody_who_signed_up_today(visit: Visit) -> None:
    """D7, D3: six sign-ups, a wrong code on each page: the same words, try by try."""
    seen = []
    for number in range(visit.installation.policy.limits.per_address_per_day + 1):
        token = visit.fill("alice@example.com").split("to=")[1]
        pages = [visit.press("/paper/sent", token=token, code="0", action="code") for _ in range(7)]
        again = visit.press("/paper/sent", token=token, action="resend")
        assert again.status_code == 303, number
        seen.append([(page.status_code, page.text.replace(token, "TOKEN")) for page in pages])
    assert all(pages == seen[0] for pages in seen)
    assert "vijf verkeerde codes" in seen[0][-1][1]


def test_an_erased_request_answers_like_any_other(visit: Visit) -> None:
    """D7, R5: another mail is asked for in the same words; a code is a wrong one."""
    where = visit.fill("bob@example.com")
    token = where.split("to=")[1]
    row = visit.installation.store.read(lambda tx: tx.one("SELECT id FROM request"))
    assert row is not None
    gone = [RequestId(row[0])]
    erase = partial(erase_requests, vault=visit.installation.vault, requests=gone, reason=BY_PERSON)
    visit.installation.write(erase, now=visit.moment)
    again = visit.press("/paper/sent", token=token, action="resend")
    assert (again.status_code, again.headers["location"]) == (303, f"{where}&again=1")
    assert visit.mails() == []
    assert "klopt niet" in visit.press("/paper/sent", token=token, code="0", action="code").text


def test_a_page_after_the_form_ends_before_its_request_may_be_gone(visit: Visit) -> None:
    """D7: else it would tell whether somebody confirmed, where requests are kept for a short time."""
    policy = replace(visit.installation.policy, unconfirmed=Unconfirmed(keep=RetentionPeriod.parse("1 day")))
    visit.installation.policy = policy
    where = visit.fill("bob@example.com")
    visit.wait(timedelta(hours=71))
    assert visit.client.get(where).status_code == 200
    visit.wait(timedelta(hours=2))
    assert visit.client.get(where).status_code == 410


def request_from(address: str, *forwarded: str) -> Any:
    """Make as much of a request as the limits look at."""
    headers = SimpleNamespace(getlist=lambda _name: list(forwarded))
    return SimpleNamespace(client=SimpleNamespace(host=address), headers=headers)


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.9"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("6.6.6.6, 198.51.100.1, 10.0.0.2",), "198.51.100.1"),
        ("10.0.0.1", ("198.51.100.1:4711",), "198.51.100.1"),
        ("10.0.0.1", ("[2001:db8::7]:443",), "2001:db8::7"),
        ("10.0.0.1", ("2001:db8::7",), "2001:db8::7"),
        ("::ffff:10.0.0.1", ("::ffff:198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("nonsense",), "10.0.0.1"),
        ("10.0.0.1", (), "10.0.0.1"),
    ],
)
def test_forwarded_addresses_are_believed_from_a_known_proxy_only(
    peer: str, forwarded: tuple[str, ...], seen: str
) -> None:
    """D8: X-Forwarded-For from the right, IPv6 whole (PEERS 16)."""
    limits = PostLimits(Limits(), ("10.0.0.0/8",), NOBODY)
    assert str(limits.client(request_from(peer, *forwarded))) == seen


def test_one_client_is_one_network() -> None:
    """D8: an IPv6 client has a /64 to play with."""
    from ipaddress import ip_address  # noqa: PLC0415 - only here

    assert network_of(ip_address("2001:db8::1")) == network_of(ip_address("2001:db8::ffff"))
    assert network_of(ip_address("::ffff:192.0.2.1")) == "192.0.2.1"
    nobody: Any = SimpleNamespace(client=None, headers=request_from("").headers)
    assert PostLimits(Limits(), (), NOBODY).client(nobody) is None


def test_a_full_store_is_503_with_a_time_to_come_back(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """S5, S6: busy is said as busy; nothing is stored."""

    def full(*_args: object, **_kwargs: object) -> None:
        raise StoreBusy

    key = visit.form_key()
    monkeypatch.setattr(visit.installation.store, "submit", full)
    answer = visit.client.post("/paper", data={"form": key, "email": "a@example.com"})
    monkeypatch.undo()
    refused(visit, answer, 503)
    assert answer.headers["retry-after"] == "5"


def test_what_nobody_foresaw_is_a_page_and_a_log_line_without_personal_data(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S4, S5: 500 in words; the log names the place, not the person."""

    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("alice@example.com")

    key = visit.form_key()
    monkeypatch.setattr(visit.installation.store, "submit", broken)
    with caplog.at_level(logging.INFO):
        answer = visit.client.post("/paper", data={"form": key, "email": "alice@example.com"})
    monkeypatch.undo()
    refused(visit, answer, 500)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("optin")]
    assert any("RuntimeError" in line for line in ours)
    assert "alice" not in answer.text + "".join(ours)


def test_addresses_are_in_no_link_and_no_log(visit: Visit, caplog: pytest.LogCaptureFixture) -> None:
    """S4: neither in what is mailed nor in what is redirected to (PEERS 17)."""
    with caplog.at_level(logging.DEBUG, logger="optin"):
        where = visit.fill("alice@example.com", consent="tips-email")
        order = visit.mail(MailKind.CONFIRMATION)
        visit.press(f"/confirm/{order.confirm_token}")
        delivery = visit.mail(MailKind.DELIVERY)
    links = where + order.confirm_token + delivery.unsubscribe_token + delivery.download_token
    assert "alice" not in links
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("optin")]
    assert "alice" not in "".join(ours)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.lists(
        st.tuples(
            st.sampled_from(["email", "phone", "first_name", "consent", "form", "x"]),
            st.text(max_size=40) | st.sampled_from(["a@example.com", "tips-email", "+31201234567"]),
        ),
        max_size=6,
    )
)
def test_any_post_is_an_answer_never_a_crash(visit: Visit, fields: list[tuple[str, str]]) -> None:
    """S5: hypothesis posts what it likes; it is taken whole or refused, never a 500."""
    from urllib.parse import urlencode  # noqa: PLC0415 - only here

    key = visit.form_key()
    body = urlencode([("form", key), *(pair for pair in fields if pair[0] != "form")], errors="replace")
    before = visit.rows()
    answer = visit.client.post("/paper", content=body, headers=FORM)
    assert answer.status_code in {303, 400, 422}
    if answer.status_code != 303:
        assert visit.rows() == before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(alphabet="ABCabc0123456789-_.=~!$&'()*+,;:@", min_size=1, max_size=90))
def test_any_token_is_refused_never_a_crash(visit: Visit, token: str) -> None:
    """S3, S5: no token that we did not sign opens anything."""
    if token.strip(".") == "":
        return
    assert visit.client.get(f"/confirm/{token}").status_code == 404


def test_a_tampered_token_never_verifies(visit: Visit) -> None:
    """D4, S3: one sign changed anywhere."""
    visit.fill(consent="tips-email")
    token = visit.mail(MailKind.CONFIRMATION).confirm_token
    for place in range(0, len(token) - 1, 3):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        assert visit.press(f"/confirm/{changed}").status_code == 404
    assert visit.rows()["consent"] == 0


def test_the_form_of_a_site_in_another_language_says_errors_in_it(visit: Visit) -> None:
    """M9, S5: a page of no magnet is in the browser's language, of the site's."""
    answer = visit.client.get("/nothing", headers={"accept-language": "en-GB,en;q=0.8"})
    assert '<html lang="en">' in answer.text
    settings = visit.app_context.edition.site.settings.model_copy(update={"languages": ("nl",)})
    site = replace(visit.app_context.edition.site, settings=settings)
    visit.app_context.edition = replace(visit.app_context.edition, site=site)
    answer = visit.client.get("/nothing", headers={"accept-language": "en-GB,en;q=0.8"})
    assert '<html lang="nl">' in answer.text
