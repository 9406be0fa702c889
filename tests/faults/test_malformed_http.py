"""Bytes that are no HTTP, or HTTP that nobody means, from a real socket to a real server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from optin.web.request_admission import MOST_DISCARDED_BYTES
from tests.ports import NOBODY
from tests.serving import Serving, served
from tests.web.conftest import site_at

POST = b"POST /paper HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
BREAKS_OFF = b"\r\nab"  # nothing comes after it

# what the HTTP server hands to us, so that the answer is a page of ours
OURS = {
    "connect": b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    "connect a path": b"CONNECT /paper HTTP/1.1\r\nHost: x\r\n\r\n",
    "connect a name": b"CONNECT a:b HTTP/1.1\r\nHost: x\r\n\r\n",
    "no path": b"GET paper HTTP/1.1\r\nHost: x\r\n\r\n",
    "options of everything": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "a star": b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET /paper HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "two hosts alike": b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    "a host with a space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a host with a path": b"POST /me/x HTTP/1.1\r\nHost: x//evil.example\r\nContent-Length: 0\r\n\r\n",
    "a host in no letters": b"GET /me HTTP/1.1\r\nHost: \xff\r\n\r\n",
    "an empty host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "chunks that are none": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "a chunk that ends": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "less than announced": POST + b"Content-Length: 50\r\n\r\nab",
    "two lengths of a kind": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk that is none, to a link": b"POST /unsubscribe/x HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "a method that is none": b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a method in small letters": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    "trace": b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path in no encoding": b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
    "a percent sign": b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    "another site": b"GET //evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long path": b"GET /" + b"a" * 30_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a type in no letters": b"POST /me HTTP/1.1\r\nHost: x\r\nContent-Type: \xff\r\n"
    b"Content-Length: 0\r\n\r\n",
}
# what it refuses itself: a 4xx, or a line that is closed
ITS_OWN = {
    "a name twice as long": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "too many headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 300 + b"\r\n",
    "headers without end": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n",
    "a length that is none": POST + b"Content-Length: abc\r\n\r\n",
    "a length below nothing": POST + b"Content-Length: -1\r\n\r\n",
    "a length beyond numbers": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "an unknown encoding": POST + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
    "nul in a path": b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "no letters in a path": b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "no letters in a query": b"GET /?a=\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    "a backslash": b"GET \\evil HTTP/1.1\r\nHost: x\r\n\r\n",
    "a query alone": b"GET ?x HTTP/1.1\r\nHost: x\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "a folded line": b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n",
    "a space before a colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "nul in a header": b"GET / HTTP/1.1\r\nHost: x\r\nA\x00B: y\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no http": b"hello\r\n\r\n",
}
# unusual, and right: answered as ever
RIGHT = {
    "an absolute address": b"GET http://x/paper HTTP/1.1\r\nHost: x\r\n\r\n",
    "an older version": b"GET /paper HTTP/1.0\r\n\r\n",
    "a host with a port": b"GET /paper HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    root = tmp_path_factory.mktemp("malformed")
    site_at(root / "site")
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    store, keys = f"sqlite:///{root}/optin.db", f"{root}/keys.json"
    with served(root / "site", port, store, f"smtp://127.0.0.1:{NOBODY}", keys) as serving:
        yield serving


def said(server: Serving, sent: bytes) -> bytes:
    """Return what is answered: the line of the status and the headers."""
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), 10) as line, suppress(ConnectionError):
        line.sendall(sent)
        if sent.endswith(BREAKS_OFF):
            line.shutdown(socket.SHUT_WR)
        while b"\r\n\r\n" not in answer and (piece := line.recv(65_536)):
            answer += piece
    return answer.partition(b"\r\n\r\n")[0].lower()


@pytest.mark.parametrize("name", OURS)
def test_what_reaches_us_is_refused_with_every_header(server: Serving, name: str) -> None:
    """S5, S1: a 4xx of ours, never a 500, and nothing in the log that looks like a fault."""
    logged = server.log.stat().st_size
    head = said(server, OURS[name])
    assert head.split(b" ")[1][:1] == b"4", head
    for header in (b"content-security-policy", b"x-content-type-options", b"strict-transport-security"):
        assert head.count(b"\r\n" + header + b":") == 1, head
    assert b"internal error" not in server.log.read_bytes()[logged:]


@pytest.mark.parametrize("name", ITS_OWN)
def test_what_cannot_be_parsed_is_no_fault_of_ours(server: Serving, name: str) -> None:
    """S5: a 4xx or a closed line, never a 500."""
    head = said(server, ITS_OWN[name])
    assert not head or head.split(b" ")[1][:1] == b"4", head


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_unusual_and_right_is_answered(server: Serving, name: str) -> None:
    """S5: no stricter than the specification."""
    assert said(server, RIGHT[name]).split(b"\r\n")[0].endswith(b" 200 ok")


def test_the_log_holds_no_traceback(server: Serving) -> None:
    """S4, S5: whatever was sent."""
    for sent in (*OURS.values(), *ITS_OWN.values()):
        said(server, sent)
    logged = server.log.read_text()
    assert "Traceback" not in logged
    assert "internal error" not in logged
    assert "panicked" not in logged


@pytest.mark.parametrize(
    ("path", "status"),
    [("/paper", b"413"), ("/bounces/none", b"404"), ("/desk/magnets/paper/edit/picture", b"303")],
)
def test_who_sends_megabytes_before_reading_is_answered(server: Serving, path: str, status: bytes) -> None:
    """O10, S5: as proxies and browsers do it; the line is good for the next request."""
    size = 3_000_000
    with socket.create_connection(("127.0.0.1", server.port), 30) as line, line.makefile("rb") as answers:
        head = POST.replace(b"/paper", path.encode()) + b"Content-Length: %d\r\n\r\n" % size
        line.sendall(head + b"a" * size)
        first = answers.readline()
        assert first.split()[1] == status
        length = 0
        while (header := answers.readline()) not in {b"\r\n", b""}:
            name, _, value = header.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        body = answers.read(length)
        assert path != "/paper" or b"<h1" in body
        line.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answers.readline().split()[1] == b"200"


def test_who_sends_without_end_is_let_go(server: Serving) -> None:
    """O8: after a bounded number of bytes, with the line closed."""
    size, sent, part = MOST_DISCARDED_BYTES * 2, 0, b"a" * 1_000_000
    with socket.create_connection(("127.0.0.1", server.port), 30) as line:
        line.sendall(POST + b"Content-Length: %d\r\n\r\n" % size)
        with suppress(ConnectionError):
            while sent < size:
                line.sendall(part)
                sent += len(part)
    assert MOST_DISCARDED_BYTES <= sent < size
