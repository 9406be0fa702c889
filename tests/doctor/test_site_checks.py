"""Checks of the address, against a real server behind a proxy that speaks TLS."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from optin.keys import KeyRing, load_keys
from optin.services.doctor.examination import Examination, Reach
from optin.services.doctor.finding import NotChecked, Seen, Verdict
from optin.services.doctor.site_answer import SPOOFED, Obstacle, Unreached, fetch
from optin.services.doctor.site_checks import (
    Arrival,
    check_address,
    check_certificate,
    check_hsts,
    check_jobs,
    check_plain_http,
    check_proxy,
    check_server,
    judge_certificate,
    judge_proxy,
)
from optin.services.doctor.site_proof import HOLDS_SECONDS, PATH, answer_to, is_question, make_question
from optin.services.site_edition import load_edition
from optin.store.encryption import Vault
from tests.doctor.conftest import reached_site, set_base
from tests.doctor.https_proxy import Forwarding, https_proxy
from tests.installed import KINDS
from tests.mail.server import certificate
from tests.own_site import own_site
from tests.ports import NOBODY
from tests.shell import shell

TRUSTED = '[proxy]\ntrusted = ["127.0.0.1"]'
OWN, NETS = "203.0.113.9", ["10.0.0.0/8"]
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def at(root: Path, base: str, **reach: Any) -> Examination:
    """Return an examination of a site that nobody serves, at this address."""
    if not root.exists():
        own_site(root)
    set_base(root, base)
    edition, _ = load_edition(root, KINDS)
    assert edition is not None
    return Examination(edition, datetime.now(UTC), Reach(**reach))


def verdict(seen: Seen | None) -> Verdict:
    assert seen is not None
    return seen.verdict


def test_the_doctor_of_a_sound_site(tmp_path: Path, free_port: int, trusted: ssl.SSLContext) -> None:
    """O3: this very installation, over TLS, through a trusted proxy; in text and JSON, with changes."""
    with reached_site(tmp_path, free_port, trusted, Forwarding(), TRUSTED) as site:
        begun = time.monotonic()
        done = shell(site.root, "doctor", "--json", SSL_CERT_FILE=str(tmp_path / "ca.pem"))
        assert time.monotonic() - begun < 10  # with the site's loading, on a busy machine
        found = {it["name"]: it for it in json.loads(done.stdout)["findings"]}
        for name in (
            "address",
            "certificate",
            "hsts",
            "proxy",
            "server",
            "jobs",
            "database",
            "sealed-data",
            "keys",
        ):
            assert found[name]["verdict"] == "passed", found[name]
        assert found["keys-copied"]["verdict"] == found["backup"]["verdict"] == "warning"
        assert done.exit_code in {1, 2}
        assert "plain-http" not in found  # on a port of its own nobody knows where that is
        again = shell(site.root, "doctor", "--changes")
        assert "WARNING" not in again.stdout
        shell(site.root, "doctor", "--keys-copied")
        assert shell(site.root, "backup", str(tmp_path / "copy")).exit_code == 0
        text = shell(site.root, "doctor", "--changes").stdout
        assert "WELL AGAIN  A copy of the keys lies elsewhere" in text
        assert "WELL AGAIN  There is a fresh backup" in text
        whole = shell(site.root, "doctor").stdout
        assert "PASSED      There is a fresh backup" in whole
        vault = Vault(ring_of(site.root))
        with httpx.Client(base_url=f"http://127.0.0.1:{site.port}") as client:
            question = make_question(vault, datetime.now(UTC))
            told = client.get(f"{PATH}{question}").json()
            assert told["site"] == answer_to(vault, question)
            for other in ("", "x", question[:-1] + "0" * (question[-1] != "0"), question + "0"):
                if other != question:
                    assert client.get(f"{PATH}{other}").status_code == 404, other
            old = make_question(vault, datetime.now(UTC) - timedelta(seconds=HOLDS_SECONDS + 60))
            assert client.get(f"{PATH}{old}").status_code == 404


def ring_of(root: Path) -> KeyRing:
    ring = load_keys("var/keys.json", root)
    assert ring is not None
    return ring


def test_only_who_has_the_keys_can_ask() -> None:
    """O3, S3: a question of other keys, of another time or of another form is none."""
    vault, other = Vault(KeyRing.fresh("serve")), Vault(KeyRing.fresh("serve"))
    question = make_question(vault, NOW)
    assert is_question(vault, question, NOW)
    assert is_question(vault, question, NOW + timedelta(seconds=HOLDS_SECONDS))
    assert not is_question(vault, question, NOW + timedelta(seconds=HOLDS_SECONDS + 1))
    assert not is_question(vault, question, NOW - timedelta(seconds=HOLDS_SECONDS + 1))
    assert not is_question(other, question, NOW)
    assert not is_question(vault, question.upper(), NOW)
    assert answer_to(vault, question) != answer_to(other, question)


@pytest.mark.parametrize(
    ("how", "tables", "proxy"),
    [
        (Forwarding("replace"), "", Verdict.WARNING),
        (Forwarding("no"), TRUSTED, Verdict.FAILED),
        (Forwarding("append"), TRUSTED, Verdict.NOT_CHECKED),  # asked from a trusted network itself
        (Forwarding("append"), '[proxy]\ntrusted = ["0.0.0.0/0"]', Verdict.FAILED),
    ],
)
def test_a_wrong_proxy_is_found(
    tmp_path: Path, free_port: int, trusted: ssl.SSLContext, how: Forwarding, tables: str, proxy: Verdict
) -> None:
    """O3, D8: seen by the request that arrives, whatever the proxy's files say."""
    with reached_site(tmp_path, free_port, trusted, how, tables) as site:
        examination = site.examination()
        assert verdict(check_address(examination)) is Verdict.PASSED
        assert verdict(check_proxy(examination)) is proxy
        examination.close()


def test_a_proxy_that_hides_things_is_found(tmp_path: Path, free_port: int, trusted: ssl.SSLContext) -> None:
    """O3: HSTS that does not arrive; a health page that is not passed on is not checked."""
    how = Forwarding(hides=(b"strict-transport",), pages_alone=True)
    with reached_site(tmp_path, free_port, trusted, how) as site:
        examination = site.examination()
        seen = check_address(examination)
        assert (seen.verdict, seen.mark) == (Verdict.FAILED, "other")
        assert verdict(check_hsts(examination)) is Verdict.WARNING
        for look in (check_server, check_jobs, check_proxy):
            with pytest.raises(NotChecked):
                look(examination)


def test_another_site_is_not_taken_for_ours(tmp_path: Path, free_port: int, trusted: ssl.SSLContext) -> None:
    """O3: nor one of other keys."""
    with reached_site(tmp_path, free_port, trusted, Forwarding()) as site:
        (site.root / "var" / "keys.json").write_text(KeyRing.fresh("serve").as_json())
        seen = check_address(site.examination())
        assert (seen.verdict, seen.mark) == (Verdict.FAILED, "other")
        (site.root / "var" / "keys.json").unlink()
        assert verdict(check_address(site.examination())) is Verdict.NOT_CHECKED


@pytest.mark.parametrize("is_known", [False, True])
def test_a_certificate_that_nobody_trusts_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_known: bool
) -> None:
    """O3: and one for another name."""
    file, context = certificate(tmp_path)
    if is_known:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with https_proxy(NOBODY, context) as port:
        examination = at(tmp_path / "site", f"https://localhost:{port}")
        seen = check_address(examination)
        assert (seen.verdict, seen.mark) == (Verdict.FAILED, Obstacle.CERTIFICATE)
        assert verdict(check_certificate(examination)) is Verdict.FAILED
        with pytest.raises(NotChecked):
            check_hsts(examination)


def test_an_address_where_nobody_listens_fails(tmp_path: Path) -> None:
    """O3: nothing else about it is then a pass."""
    examination = at(tmp_path / "site", f"https://localhost:{NOBODY}")
    assert verdict(check_address(examination)) is Verdict.FAILED
    for look in (check_certificate, check_hsts, check_proxy, check_server, check_jobs):
        with pytest.raises(NotChecked):
            look(examination)
    plain = at(tmp_path / "site", f"http://localhost:{NOBODY}")
    assert check_certificate(plain) is check_hsts(plain) is check_plain_http(plain) is None


ANSWERS = (
    b"",
    b"\x15\x03\x01\x00\x02\x02\x28",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 999999 \xff\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{",
    b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nDate: never\r\nStrict-Transport-Security: max-age="
    + b"9" * 99
    + b"\r\n\r\n"
    + b"[" * 99_999,
    b"SSH-2.0-OpenSSH\r\n",
)


@contextmanager
def saying(answer: bytes) -> Iterator[int]:
    """Listen, and give everybody this answer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65_536)
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_server_that_answers_anything_ends_no_check(tmp_path: Path, answer: bytes) -> None:
    """O3, S1: whatever stands at the address, there is a finding and no traceback."""
    with saying(answer) as port:
        examination = at(tmp_path / "site", f"http://localhost:{port}", seconds=1.0)
        for look in (check_address, check_proxy, check_server, check_jobs):
            try:
                seen = look(examination)
            except NotChecked as problem:
                seen = problem.seen
            assert seen.verdict in {Verdict.FAILED, Verdict.NOT_CHECKED}
        secure = at(tmp_path / "site", f"https://localhost:{port}", seconds=1.0)
        assert verdict(check_address(secure)) is Verdict.FAILED


def test_a_server_that_hangs_is_given_up() -> None:
    """O3: by the time limit of the call."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(Unreached, match="in time"):
            fetch(f"http://127.0.0.1:{port}", "/", 0.2)


@pytest.mark.parametrize(
    ("location", "status", "expected"),
    [
        ("https://localhost/x", 308, Verdict.PASSED),
        ("https://localhost/x", 302, Verdict.PASSED),
        ("https://other.example.com/", 301, Verdict.FAILED),
        ("http://localhost/x", 301, Verdict.FAILED),
        ("", 200, Verdict.FAILED),
    ],
)
def test_unencrypted_http_must_lead_to_https(
    tmp_path: Path, location: str, status: int, expected: Verdict
) -> None:
    """O3, S1: to the same host."""
    with saying(f"HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()) as port:
        examination = at(tmp_path / "site", "https://localhost", http_port=port)
        assert verdict(check_plain_http(examination)) is expected


@pytest.mark.parametrize(
    ("whole", "left", "expected"),
    [
        (90, 40, Verdict.PASSED),
        (90, 13, Verdict.WARNING),
        (90, 1, Verdict.FAILED),  # it ends tomorrow
        (6, 4, Verdict.PASSED),  # a short one, renewed every few days
        (6, 1.5, Verdict.WARNING),
        (6, 0.9, Verdict.FAILED),
        (90, -1, Verdict.FAILED),
    ],
)
def test_a_certificate_that_ends_is_found_in_time(whole: float, left: float, expected: Verdict) -> None:
    """O3: by its own length."""
    ends = NOW + timedelta(days=left)
    assert judge_certificate(NOW, ends - timedelta(days=whole), ends).verdict is expected


@pytest.mark.parametrize(
    ("arrival", "trusted_nets", "own", "spoofed", "expected"),
    [
        (Arrival("10.0.0.1", OWN, forwarded=True), ["10.0.0.1"], OWN, OWN, Verdict.PASSED),
        (Arrival("10.0.0.1", OWN, forwarded=True), ["10.0.0.1"], OWN, SPOOFED, Verdict.FAILED),
        (Arrival("10.0.0.1", "10.0.0.2", forwarded=True), NETS, "10.0.0.2", SPOOFED, Verdict.NOT_CHECKED),
        (Arrival("10.0.0.1", "10.0.0.1", forwarded=False), ["10.0.0.1"], OWN, "", Verdict.FAILED),
        (Arrival("10.0.0.1", "10.0.0.1", forwarded=True), [], OWN, "", Verdict.WARNING),
        (Arrival("10.0.0.1", "10.0.0.1", forwarded=False), [], OWN, "", Verdict.WARNING),
        (Arrival("", "", forwarded=False), ["::/0"], OWN, "", Verdict.FAILED),
    ],
)
def test_a_proxy_is_judged_by_what_arrives(
    arrival: Arrival, trusted_nets: list[str], own: str, spoofed: str, expected: Verdict
) -> None:
    """O3, D8: a visitor must not be able to choose whose limit counts."""
    seen = judge_proxy(arrival, trusted_nets, own, lambda: spoofed, secure=True)
    assert seen.verdict is expected
    if not trusted_nets:
        assert 'trusted = ["10.0.0.1"]' in seen.cure
        plain = judge_proxy(replace(arrival, forwarded=False), [], own, lambda: spoofed, secure=False)
        assert plain.verdict is Verdict.PASSED
