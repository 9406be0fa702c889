"""Each proxy of docs/run, with the configuration that its page shows, before a real server."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2 as httpx
import pytest

from optin.consent.staff_role import Role
from tests.handed_over import small_manager
from tests.host.authority import HOST, trusting
from tests.host.proxied_site import (
    FILE,
    LOOPBACK,
    PER_HOUR,
    SECRET,
    ProxiedSite,
    Slow,
    own_address,
    picture,
    proxied_site,
    slow_crowd,
    visitor,
)
from tests.host.proxies import PROXIES, place_for, running
from tests.ports import reserved_port
from tests.serving import form_key

PAGES = ("caddy.md", "nginx.md", "haproxy.md")
FORM = "application/x-www-form-urlencoded"
SPOOFED = "198.51.100.7"
SPOOFS = {
    "x-forwarded-for": SPOOFED,
    "forwarded": f"for={SPOOFED}",
    "x-real-ip": SPOOFED,
    "cf-connecting-ip": SPOOFED,
}
OURS = "content-security-policy"
ONCE = (
    OURS,
    "strict-transport-security",
    "x-content-type-options",
    "referrer-policy",
    "cache-control",
    "date",
)


@dataclass
class Front:
    """A proxy before a site. `root`: the file of the authority to trust; `plain`: its port for http."""

    page: str
    site: ProxiedSite
    root: Path
    tls: int
    plain: int

    def visitor(self, source: str = LOOPBACK) -> httpx.Client:
        return visitor(self.site.base, self.root, source)

    def curl(self, path: str, *words: str) -> list[str]:
        """Return the version of HTTP, the status, and the address of an answer, as curl sees them."""
        command = ["curl", "-sS", "--cacert", str(self.root), "-o", "/dev/null", "-w"]
        told = "%{http_version} %{response_code} %{redirect_url}"
        done = subprocess.run(
            [*command, told, *words, f"{self.site.base}{path}"], capture_output=True, text=True, check=False
        )
        return [str(done.returncode), *done.stdout.split()]


@pytest.fixture(scope="module", params=PAGES)
def front(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """Serve a site behind each of them."""
    page: str = request.param
    with ExitStack() as stack:
        port = stack.enter_context(reserved_port())
        place = stack.enter_context(place_for(port))
        root = stack.enter_context(running(PROXIES[page], place))
        folder = tmp_path_factory.mktemp("proxied")
        site = stack.enter_context(proxied_site(folder, page, port, place.tls))
        yield Front(page, site, root, place.tls, place.plain)


def join(client: httpx.Client, email: str) -> int:
    """Send the form of the white paper; return the status of the answer."""
    data = {"form": form_key(client), "email": email, "consent": "tips-email"}
    return client.post("/paper", data=data).status_code


def test_visitors_come_by_tls_alone(front: Front) -> None:
    """O10: TLS 1.2 at least, http leads to https, HTTP/2 where the browser speaks it."""
    for newest in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with (
            socket.create_connection((LOOPBACK, front.tls), 10) as line,
            trusting(front.root, newest).wrap_socket(line, server_hostname=HOST) as secured,
        ):
            assert secured.version() == newest.name.replace("_", ".")
    refused = pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION")  # as the server says, not this side
    with socket.create_connection((LOOPBACK, front.tls), 10) as line, refused:
        trusting(front.root, ssl.TLSVersion.TLSv1_1).wrap_socket(line, server_hostname=HOST)
    plain = f"http://{HOST}:{front.plain}/paper?von=x"
    answer = httpx.get(plain, headers={"host": HOST}, follow_redirects=False)
    assert answer.status_code in {301, 308}
    assert re.fullmatch(rf"https://{HOST}(:{front.tls})?/paper\?von=x", answer.headers["location"])
    assert front.curl("/paper", "--http2") == ["0", "2", "200"]
    assert front.curl("/paper", "--http1.1") == ["0", "1.1", "200"]


def test_a_visitor_asks_and_confirms_and_downloads_in_parts(front: Front) -> None:
    """O10: sign-up, the link in the mail, the file whole, a part of it, and its size."""
    with front.visitor() as client:
        assert join(client, "alice@example.com") == 303
        link = front.site.mailed("alice@example.com", "confirm")
        client.post(link, headers={"content-type": FORM})
        found = re.search(r'href="(/download/[^"]+)"', client.get(link).text)
        assert found is not None
        whole = client.get(found[1])
        assert whole.content == FILE
        assert whole.headers["cache-control"] == "no-store"
        assert whole.headers["accept-ranges"] == "bytes"
        tag = whole.headers["etag"]
        part = client.get(found[1], headers={"range": "bytes=100-299", "if-range": tag})
        assert (part.status_code, part.content) == (206, FILE[100:300])
        assert part.headers["content-range"] == f"bytes 100-299/{len(FILE)}"
        changed = client.get(found[1], headers={"range": "bytes=100-299", "if-range": '"another"'})
        assert (changed.status_code, changed.content) == (200, FILE)
        assert client.get(found[1], headers={"range": f"bytes={len(FILE)}-"}).status_code == 416
        head = client.head(found[1])
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(FILE)))
        assert front.curl(found[1], "--http2", "-r", "0-9") == ["0", "2", "206"]


def test_pages_arrive_as_the_site_sent_them(front: Front) -> None:
    """O10, S1: packed, with their tags, and each header once."""
    with front.visitor() as client:
        direct = httpx.get(f"http://{LOOPBACK}:{front.site.port}/paper", headers={"accept-encoding": "gzip"})
        answer = client.get("/paper", headers={"accept-encoding": "gzip"})
        for name in (*ONCE[:-1], "content-encoding", "vary", "etag", "content-type"):
            assert answer.headers.get_list(name) == direct.headers.get_list(name), name
        assert answer.headers["content-encoding"] == "gzip"
        assert len(answer.headers.get_list("date")) == 1
        assert answer.text == direct.text
        again = client.get(
            "/paper", headers={"accept-encoding": "gzip", "if-none-match": answer.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
        unpacked = client.get("/paper", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in unpacked.headers
        assert unpacked.text == direct.text
        for path in ("/me", "/no/such/page", "/log/key"):
            for name in ONCE:
                assert len(client.get(path).headers.get_list(name)) <= 1, (path, name)
            assert client.get(path).headers.get_list(OURS) != []


def test_no_visitor_chooses_an_address(front: Front) -> None:
    """O10, D8: whatever a visitor writes, the site sees where he is."""
    here = own_address()
    for source in (LOOPBACK, here):
        with front.visitor(source) as client:
            for headers in ({}, SPOOFS, {"x-forwarded-for": f"{SPOOFED}, {LOOPBACK}, 10.0.0.1"}):
                told = client.get(front.site.question(), headers=headers).json()
                assert told["client"] == source, headers
                assert told["peer"] == LOOPBACK


def test_limits_count_real_addresses(front: Front) -> None:
    """O10, O8: who has had his share is refused, whatever he claims to be; others are not."""
    with front.visitor(own_address()) as client, front.visitor() as other:
        said = []
        for number in range(PER_HOUR + 2):
            client.headers["x-forwarded-for"] = f"198.51.100.{number}"
            said.append(join(client, f"many-{number}@example.com"))
        assert said == [303] * PER_HOUR + [429] * 2
        refused = client.post("/paper", data={"form": form_key(client), "email": "a@example.com"})
        assert int(refused.headers["retry-after"]) > 0
        assert join(other, "other@example.com") == 303


def test_what_is_too_large_is_refused_in_our_words(front: Front) -> None:
    """O10, S1: 413 of the site, with a sentence, not of the proxy; also a body of megabytes."""
    with front.visitor() as client:
        for size in (20_000, 300_000, 3_000_000, 15_000_000):
            answer = client.post("/paper", content=b"a" * size, headers={"content-type": FORM})
            assert (answer.status_code, OURS in answer.headers) == (413, True), size
            assert 'lang="nl"' in answer.text
        answer = client.post(f"/bounces/brevo?token={SECRET}", content=b" " * 3_000_000)
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
        assert client.get("/paper").status_code == 200


def test_providers_of_mail_are_heard(front: Front) -> None:
    """O10, O6: at /bounces/NAME."""
    with front.visitor() as client:
        event = {"event": "hard_bounce", "email": "nobody@example.com", "reason": "550 5.1.1 unknown"}
        answer = client.post(f"/bounces/brevo?token={SECRET}", json=[event] * 300)
        assert (answer.status_code, answer.json()) == (200, {"taken": 0})
        assert client.post("/bounces/brevo?token=another", json=[]).status_code == 403


def signed_in(front: Front, client: httpx.Client, who: str) -> None:
    """Sign a marketer in at the desk."""
    front.site.optin("staff", "add", who, "--role", Role.MARKETER.value)
    assert client.post("/desk/sign-in", data={"token": token(client), "email": who}).status_code == 303
    link = front.site.mailed(who, "desk/sign-in")
    assert client.post(link, data={"token": token(client, link)}).headers["location"] == "/desk"


def token(client: httpx.Client, path: str = "/desk/sign-in") -> str:
    """Return what a form on that page carries."""
    found = re.search(r'name="token" value="([0-9a-f]+)"', client.get(path).text)
    assert found is not None, path
    return found[1]


def test_a_picture_is_uploaded_at_the_desk(front: Front) -> None:
    """O10, K3: one of nearly two megabytes; of one that is too large the site itself says so."""
    with front.visitor() as client:
        signed_in(front, client, "mila@example.com")
        data = {"token": token(client, "/desk/magnets/paper/edit")}
        large = picture(600_000)
        assert 1_500_000 < len(large) < 2_000_000
        answer = client.post(
            "/desk/magnets/paper/edit/picture",
            data=data,
            files={"picture": ("Kaart.png", large)},
            headers={"accept": "text/plain"},
        )
        assert (answer.status_code, answer.text) == (200, "kaart.png")
        assert (front.site.root / "magnets" / "paper" / "kaart.png").read_bytes() == large
        answer = client.post(
            "/desk/magnets/paper/edit/picture", data=data, files={"picture": ("a.png", bytes(14_000_000))}
        )
        assert (answer.status_code, OURS in answer.headers) == (413, True)


def test_what_is_not_for_visitors_does_not_come_through(front: Front) -> None:
    """O10, O5: the numbers have a port of this machine alone; health says nothing of people."""
    with front.visitor() as client:
        answer = client.get("/metrics")
        assert answer.status_code == 404
        assert "optin_http" not in answer.text
        assert client.get("/health/ready").status_code == 200
        numbers = httpx.get(f"http://{LOOPBACK}:{front.site.metrics}/metrics").text
        assert "optin_http_requests_total" in numbers
    with socket.socket() as asking:
        assert asking.connect_ex((own_address(), front.site.metrics)) != 0
        assert asking.connect_ex((own_address(), front.site.port)) != 0


def test_slow_visitors_shut_nobody_out(front: Front) -> None:
    """O10, O8: 150 with slow headers and 150 with slow forms are sent away; others are served meanwhile."""
    start = f"POST /paper HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {FORM}\r\n".encode()
    kinds = [
        Slow(start + b"X-Slow: ", b"a"),
        Slow(start + b"Content-Length: 900\r\n\r\nemail=", b"a"),
        Slow(start + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        Slow(b""),
    ]
    longest = 0.0
    with front.visitor() as client, slow_crowd(front.tls, front.root, own_address(), kinds * 75) as got:
        begun = time.monotonic()
        number = 0
        while None in got and time.monotonic() - begun < 100:
            number += 1
            asked = time.monotonic()
            assert join(client, f"quick-{number}@example.com") == 303
            longest = max(longest, time.monotonic() - asked)
            time.sleep(0.2)
        assert None not in got, f"{sum(it is None for it in got)} are still there"
    assert longest < 5
    said = {it[9:12] for it in got if it}
    assert said <= {b"408", b"429", b"400", b"503"}, said


@pytest.mark.parametrize("page", ["haproxy.md"])
def test_a_restart_loses_no_request(page: str, tmp_path: Path, free_port: int) -> None:
    """O10: requests that come meanwhile wait for the next process; a form under way is taken."""
    with (
        place_for(free_port) as place,
        running(PROXIES[page], place) as root,
        proxied_site(tmp_path, page, free_port, place.tls) as site,
    ):
        assert lost_in_a_restart(site, root, place.tls, site.stop, site.start) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_restart_under_systemd_loses_no_request(page: str, tmp_path: Path) -> None:
    """O10: with a port that is held, as optin.socket says, whatever the proxy does by itself."""
    with (
        small_manager(tmp_path) as manager,
        place_for(manager.port) as place,
        running(PROXIES[page], place) as root,
        proxied_site(tmp_path, page, manager.port, place.tls, manager) as site,
    ):
        assert lost_in_a_restart(site, root, place.tls, site.stop, site.start) == []


def test_the_doctor_says_that_it_works(front: Front) -> None:
    """O10, O3: as the page says."""
    printed = front.site.optin("doctor", "--json", root=front.root)
    found = {it["name"]: it for it in json.loads(printed)["findings"]}
    for name in ("address", "certificate", "hsts", "proxy", "server", "jobs"):
        assert found[name]["verdict"] == "passed", found[name]


@pytest.mark.parametrize("page", ["nginx.md", "haproxy.md"])
def test_the_doctor_sees_a_certificate_that_ends_tomorrow(page: str, tmp_path: Path, free_port: int) -> None:
    """O10, O3: at the real proxy."""
    with (
        place_for(free_port, timedelta(days=1)) as place,
        running(PROXIES[page], place) as root,
        proxied_site(tmp_path, page, free_port, place.tls) as site,
    ):
        found = {it["name"]: it for it in json.loads(site.optin("doctor", "--json", root=root))["findings"]}
        assert found["certificate"]["verdict"] == "failed"
        assert "renew" in found["certificate"]["cure"]
        assert found["address"]["verdict"] == "passed"


SPELLINGS = (
    "/desk", "/desk/", "/desk/sign-in", "/Desk/sign-in", "/DESK", "//desk/sign-in", "/%64esk/sign-in",
    "/desk%2Fsign-in", "/de%E2%80%8Bsk/sign-in", "/%20desk/sign-in", "/./desk/sign-in", "/x/../desk/sign-in",
    "/desk.", "/health", "/health/ready", "/Health/ready", "//health/ready", "/%68ealth/ready",
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_the_desk_can_be_for_the_own_network_alone(page: str, tmp_path: Path, free_port: int) -> None:
    """O10: in no spelling does anybody else reach it; they see the page for an address that is not there."""
    with (
        place_for(free_port, inside=f"{own_address()}/32") as place,
        running(PROXIES[page], place) as root,
        proxied_site(tmp_path, page, free_port, place.tls) as site,
        visitor(site.base, root, own_address()) as staff,
        visitor(site.base, root) as other,
    ):
        assert staff.get("/desk/sign-in").status_code == 200
        assert staff.get("/health/ready").json()["status"] == "ready"
        for path in SPELLINGS:
            line = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
            answer = asked(place.tls, root, line.encode())
            status = int(answer[9:12])
            assert status in {301, 308, 400, 404}, (path, answer[:300])
            assert b'name="token"' not in answer, path
            assert b'"checks"' not in answer, path
        assert OURS in other.get("/desk").headers
        assert other.get("/paper").status_code == 200
        assert join(other, "bob@example.com") == 303


def lost_in_a_restart(
    site: ProxiedSite, root: Path, tls: int, stop: Callable[[], None], start: Callable[[], None]
) -> list[str]:
    """Restart the server twice while people visit; return what went wrong for them."""
    over = threading.Event()
    wrong: list[str] = []
    answered: list[int] = []

    def visit(number: int) -> None:
        with visitor(site.base, root) as client:
            key = form_key(client)
            while not over.is_set():
                try:
                    seen = client.get("/paper").status_code
                    data = {
                        "form": key,
                        "email": f"{number}-{len(answered)}@example.com",
                        "consent": "tips-email",
                    }
                    sent = client.post("/paper", data=data).status_code
                except httpx.HTTPError as problem:
                    wrong.append(repr(problem))
                else:
                    answered.append(number)
                    if (seen, sent) != (200, 303):
                        wrong.append(f"{seen} {sent}")
                time.sleep(0.01)

    visiting = [threading.Thread(target=visit, args=(number,)) for number in range(4)]
    for it in visiting:
        it.start()
    try:
        for _ in range(2):
            time.sleep(1)
            with slow_form(tls, root) as line:
                time.sleep(0.5)
                before = len(answered)
                stopping = threading.Thread(target=stop)
                stopping.start()
                time.sleep(2)
                line.sendall(LAST)
                stopping.join()
                start()
                if not (got := line.recv(65_536)).startswith((b"HTTP/1.1 303", b"HTTP/1.1 409")):
                    wrong.append(f"slow form: {got[:60]!r}")
            time.sleep(1)
            assert len(answered) > before
    finally:
        over.set()
        for it in visiting:
            it.join()
    return wrong


ALL_BUT, LAST = b"form=x&email=slow%40example.co", b"m"


@contextmanager
def slow_form(tls: int, root: Path) -> Iterator[ssl.SSLSocket]:
    """Send a form but for its last letter."""
    with (
        socket.create_connection((LOOPBACK, tls), 60) as line,
        trusting(root).wrap_socket(line, server_hostname=HOST) as secured,
    ):
        head = f"POST /paper HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {FORM}\r\n"
        length = f"Content-Length: {len(ALL_BUT + LAST)}\r\n\r\n"
        secured.sendall(f"{head}{length}".encode() + ALL_BUT)
        yield secured


def asked(tls: int, root: Path, request: bytes) -> bytes:
    """Send a request as it is; return the whole answer."""
    with (
        socket.create_connection((LOOPBACK, tls), 30) as line,
        trusting(root).wrap_socket(line, server_hostname=HOST) as secured,
    ):
        secured.sendall(request)
        got = b""
        try:
            while piece := secured.recv(65_536):
                got += piece
        except ssl.SSLError:
            pass
        return got
