"""Anchors against a real time-stamp authority (openssl) and real witnesses (a command, an address)."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.bootstrap.anchors import anchor
from optin.bootstrap.evidence import make_bundle
from optin.bootstrap.office import advance_log, utc_now
from optin.cli import main
from optin.consent.address import parse_email
from optin.consent.purpose import RetentionPeriod
from optin.flows.verify_bundle import verify_bundle
from optin.keys import KeyRing, load_keys
from optin.proof.bundle import unpack
from optin.proof.note import COSIGNATURE, Note, Signature, SigningKey, VerifierKey
from optin.site.model import Anchors
from optin.store.vault import Vault
from tests.web.conftest import Visit, site_at

CONFIGURATION = """
[req]
distinguished_name = name
prompt = no
x509_extensions = tsa
[name]
CN = Test authority
[tsa]
extendedKeyUsage = critical, timeStamping
basicConstraints = critical, CA:true
[tsa_config]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


@dataclass
class Authority:
    """A time-stamp authority that answers over HTTP; `broken` makes it answer nonsense."""

    folder: Path
    port: int
    broken: bool = False
    asked: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/tsr"

    def reply(self, query: bytes) -> bytes:
        self.asked += 1
        if self.broken:
            return b"nonsense"
        (self.folder / "query.tsq").write_bytes(query)
        openssl(
            self.folder, "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa_config",
            "-queryfile", "query.tsq", "-signer", "cert.pem", "-inkey", "key.pem", "-out", "reply.tsr",
        )  # fmt: skip
        return (self.folder / "reply.tsr").read_bytes()


def openssl(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, text=True)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    folder = tmp_path / "tsa"
    folder.mkdir()
    (folder / "tsa.cnf").write_text(CONFIGURATION)
    (folder / "serial").write_text("01\n")
    openssl(
        folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-config", "tsa.cnf", "-keyout", "key.pem",
        "-out", "cert.pem", "-days", "30",
    )  # fmt: skip

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["content-length"]))
            body = told.reply(query)
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    server = HTTPServer(("127.0.0.1", 0), Handler)
    told = Authority(folder, server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_checkpoint_is_time_stamped(visit: Visit, authority: Authority, tmp_path: Path) -> None:
    """P5: asked when it is due, kept, part of the bundle, and verified by openssl ts."""
    visit.join("alice@example.com", consent="tips-email")
    advance_log(visit.office)
    anchors = Anchors(timestamp=authority.address, timestamp_every=RetentionPeriod.parse("24 hours"))
    authority.broken = True
    assert anchor(visit.office, anchors, {}) == 0  # and tried again in the next round
    authority.broken = False
    assert anchor(visit.office, anchors, {}) == 1
    assert anchor(visit.office, anchors, {}) == 0  # not due
    visit.join("bert@example.com", consent="tips-email")
    advance_log(visit.office)
    assert anchor(visit.office, anchors, {}) == 0  # not due yet
    visit.wait(timedelta(hours=25))
    assert anchor(visit.office, anchors, {}) == 1
    assert authority.asked == 3
    files = unpack(make_bundle(visit.desk.edition, visit.office, parse_email("alice@example.com")))
    report = verify_bundle(files, utc_now())
    assert report.holds
    assert any("time-stamp authority saw" in sentence for _, sentence in report.lines)
    for name in ("checkpoint.txt", "timestamps/1.tsr"):
        (tmp_path / Path(name).name).write_bytes(files[name])
    done = openssl(
        tmp_path, "ts", "-verify", "-data", "checkpoint.txt", "-in", "1.tsr", "-CAfile", "tsa/cert.pem"
    )
    assert "Verification: OK" in done.stdout
    other = {**files, "timestamps/1.tsr": authority.reply((authority.folder / "query.tsq").read_bytes())[:-9]}
    assert not verify_bundle(other, utc_now()).holds


def test_a_witness_cosigns(visit: Visit, tmp_path: Path) -> None:
    """P5: a command that answers with a C2SP cosignature; one that fails is tried again."""
    visit.join("alice@example.com", consent="tips-email")
    latest = advance_log(visit.office)
    witness = SigningKey("witness.example/w1", bytes(range(32)))
    key = VerifierKey(witness.name, witness.verifier.public, COSIGNATURE)
    text, moment = Note.parse(latest.note).text, 1_790_000_000
    signed = witness.sign(f"cosignature/v1\ntime {moment}\n{text}").value
    line = Signature(witness.name, key.id, moment.to_bytes(8, "big") + signed).line
    script = tmp_path / "witness.sh"
    script.write_text(f"cat > {tmp_path}/seen.txt\nprintf '%s' '{line}'\n")
    shown: dict[str, int] = {}
    anchors = Anchors(witnesses={"one": f"sh {script}", "down": "http://127.0.0.1:9/", "fails": "false"})
    assert anchor(visit.office, anchors, shown) == 1
    assert (tmp_path / "seen.txt").read_text() == latest.note
    assert anchor(visit.office, Anchors(witnesses={"one": f"sh {script}"}), shown) == 0
    files = unpack(make_bundle(visit.desk.edition, visit.office, parse_email("alice@example.com")))
    note = Note.parse(files["witnessed-checkpoint.txt"].decode())
    assert note.verify([key]) == (key,)


def test_keys_rotate_by_a_command(tmp_path: Path) -> None:
    """S2: data, links and log go on; the file stays the owner's; without a file there is nothing to do."""
    site_at(tmp_path / "site")
    run = CliRunner().invoke
    made = run(main, ["checkpoint", "--site", str(tmp_path / "site")])
    assert made.exit_code == 0, made.output
    before = load_keys("var/keys.json", tmp_path / "site")
    done = run(main, ["keys", "rotate", "--site", str(tmp_path / "site")])
    assert done.exit_code == 0, done.output
    after = load_keys("var/keys.json", tmp_path / "site")
    assert isinstance(before, KeyRing)
    assert isinstance(after, KeyRing)
    assert (len(after.log), len(after.seal), len(after.link)) == (2, 2, 2)
    assert after.index == before.index
    assert os.stat(tmp_path / "site" / "var" / "keys.json").st_mode & 0o777 == 0o600  # noqa: PTH116
    for file in (tmp_path / "site" / "var").glob("optin.db*"):
        assert file.stat().st_mode & 0o777 == 0o600
    assert Vault(after).log_keys("x")[0] == Vault(before).log_keys("x")[0]
    audited = run(main, ["audit", "--site", str(tmp_path / "site")])
    assert audited.exit_code == 0, audited.output


def test_a_file_without_a_checkpoint_raises_no_alarm(tmp_path: Path) -> None:
    """P4: the wrong file is a mistake, not a forgery."""
    run = CliRunner().invoke
    site_at(tmp_path / "site")
    (tmp_path / "letter.txt").write_text("Dear officer,\n\nnothing.\n")
    options = ["--site", str(tmp_path / "site"), "--checkpoint", str(tmp_path / "letter.txt")]
    audited = run(main, ["audit", *options])
    assert audited.exit_code == 1
    assert "holds no checkpoint" in audited.output
    assert "tampered" not in audited.output
