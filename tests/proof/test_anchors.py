"""Anchors against a real time-stamp authority (openssl) and real witnesses (a command, an address)."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.x509 import load_pem_x509_certificates

from optin.app.main import main
from optin.consent.email_and_telephone import parse_email
from optin.consent.retention_period import RetentionPeriod
from optin.jobs import anchor_checkpoints as anchors_
from optin.jobs.anchor_checkpoints import anchor as anchor_
from optin.jobs.anchor_checkpoints import anchor_job
from optin.keys import KeyRing, load_keys
from optin.proof.bundle_zip_file import unpack
from optin.proof.inclusion_proof import InclusionProof
from optin.proof.signed_notes import COSIGNATURE, Signature, SignedNote, SigningKey, VerifierKey
from optin.proof.trusted_time_stamp import StampBroken, read_stamp, vouches
from optin.proof.verify_bundle import OutsideEvidence, verify_bundle
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.event_log_signer import advance_log
from optin.services.http_client import VettedClient
from optin.services.steady_clock import utc_now
from optin.settings.site import Anchors, Witness
from optin.store.encryption import Vault
from tests.ports import NOBODY
from tests.stores import ON_SQLITE
from tests.web.conftest import Visit, site_at

# a client that may reach this machine, which only a test may
LOCAL = VettedClient(lambda _: True, schemes=("http",), seconds=30, most_bytes=anchors_.MAX_ANSWER_BYTES)
anchor = partial(anchor_, client=LOCAL)

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

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
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
    advance_log(visit.installation)
    anchors = Anchors(timestamp=authority.address, timestamp_every=RetentionPeriod.parse("24 hours"))
    authority.broken = True
    assert anchor(visit.installation, anchors, {}) == 0  # and tried again in the next round
    authority.broken = False
    assert anchor(visit.installation, anchors, {}) == 1
    assert anchor(visit.installation, anchors, {}) == 0  # not due
    visit.join("bert@example.com", consent="tips-email")
    advance_log(visit.installation)
    assert anchor(visit.installation, anchors, {}) == 0  # not due yet
    visit.wait(timedelta(hours=25))
    assert anchor(visit.installation, anchors, {}) == 1
    assert authority.asked == 3
    files = unpack(
        make_bundle(visit.app_context.edition, visit.installation, parse_email("alice@example.com"))
    )
    report = verify_bundle(files, utc_now())
    assert report.holds
    assert not any("time-stamp" in sentence for _, sentence in report.lines)
    (limit,) = (limit for limit in report.limits if "time-stamp authority saw" in limit)
    assert "signed by CN=Test authority; whether to trust that authority is yours to decide" in limit
    for name in ("checkpoint.txt", "timestamps/1.tsr"):
        (tmp_path / Path(name).name).write_bytes(files[name])
    done = openssl(
        tmp_path, "ts", "-verify", "-data", "checkpoint.txt", "-in", "1.tsr", "-CAfile", "tsa/cert.pem"
    )
    assert "Verification: OK" in done.stdout
    other = {**files, "timestamps/1.tsr": authority.reply((authority.folder / "query.tsq").read_bytes())[:-9]}
    assert not verify_bundle(other, utc_now()).holds


@ON_SQLITE
def test_a_time_stamp_holds_by_an_authority_that_the_reader_named(
    visit: Visit, authority: Authority, tmp_path: Path
) -> None:
    """P5, P6: with its certificate it holds, with another it fails, and so does a bundle without any."""
    visit.join("alice@example.com", consent="tips-email")
    advance_log(visit.installation)
    bare = make_bundle(visit.app_context.edition, visit.installation, parse_email("alice@example.com"))
    assert anchor(visit.installation, Anchors(timestamp=authority.address), {}) == 1
    data = make_bundle(visit.app_context.edition, visit.installation, parse_email("alice@example.com"))
    (tmp_path / "bare.zip").write_bytes(bare)
    (tmp_path / "alice.zip").write_bytes(data)
    other = ("-newkey", "ed25519", "-nodes", "-subj", "/CN=Other", "-keyout", "other.key")
    openssl(authority.folder, "req", "-x509", *other, "-out", "other.pem")
    run = CliRunner().invoke
    for bundle, certificate, code, told in (
        ("alice.zip", "cert.pem", 0, "signed by CN=Test authority, whom you trust"),
        ("alice.zip", "other.pem", 1, "whom nobody that you named vouches for"),
        ("bare.zip", "cert.pem", 1, "there is no time-stamp in it"),
        ("alice.zip", "serial", 1, "There is no certificate (PEM)"),
    ):
        options = ["--tsa-cert", str(authority.folder / certificate)]
        done = run(main, ["verify", str(tmp_path / bundle), *options])
        assert (done.exit_code, told in done.output) == (code, True), done.output
    done = run(main, ["verify", str(tmp_path / "alice.zip")])
    assert done.exit_code == 0
    assert "holds  timestamps" not in done.output


@ON_SQLITE
def test_a_time_stamp_that_was_touched_fails(visit: Visit, authority: Authority) -> None:
    """P5, P6: its moment, its signature, its certificate: whatever byte of the token is another one."""
    visit.join("alice@example.com", consent="tips-email")
    advance_log(visit.installation)
    assert anchor(visit.installation, Anchors(timestamp=authority.address), {}) == 1
    files = unpack(
        make_bundle(visit.app_context.edition, visit.installation, parse_email("alice@example.com"))
    )
    token = files["timestamps/1.tsr"]
    moment = read_stamp(token, files["checkpoint.txt"]).at.strftime("%Y%m%d%H%M%S").encode()
    earlier = token.replace(moment, b"2001" + moment[4:])
    assert earlier != token
    broken = bytearray(token)
    broken[-5] ^= 1
    for forged in (earlier, bytes(broken)):
        report = verify_bundle({**files, "timestamps/1.tsr": forged}, utc_now())
        assert (False, "timestamps/1.tsr is no time-stamp of this checkpoint, signed by who made it") in (
            report.lines
        )


def test_a_time_stamp_cannot_be_older_than_what_it_covers(visit: Visit, authority: Authority) -> None:
    """P5, P6: a checkpoint with an event of tomorrow was not seen today."""
    visit.wait(timedelta(hours=25))
    visit.join("alice@example.com", consent="tips-email")
    advance_log(visit.installation)
    assert anchor(visit.installation, Anchors(timestamp=authority.address), {}) == 1
    report = verify_bundle(
        unpack(make_bundle(visit.app_context.edition, visit.installation, parse_email("alice@example.com"))),
        utc_now(),
    )
    assert not report.holds
    assert any("which is before the last event in it" in sentence for _, sentence in report.lines)


@pytest.mark.parametrize("key", ["rsa:2048", "ec"])
@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_a_time_stamp_is_checked_without_its_root(tmp_path: Path, key: str, digest: str) -> None:
    """P5: the signature of each kind of key, by a certificate whose own authority is not in the token."""
    (tmp_path / "tsa.cnf").write_text(
        CONFIGURATION.replace("signer_digest = sha256", f"signer_digest = {digest}")
    )
    (tmp_path / "serial").write_text("01\n")
    (tmp_path / "ext").write_text("extendedKeyUsage = critical, timeStamping\n")
    (tmp_path / "data").write_bytes(b"a checkpoint\n")
    curve = ("-pkeyopt", "ec_paramgen_curve:P-256") if key == "ec" else ()
    made = ("-newkey", key, *curve, "-nodes")
    openssl(tmp_path, "req", "-x509", *made, "-subj", "/CN=Root", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(tmp_path, "req", *made, "-subj", "/CN=Signer", "-keyout", "s.key", "-out", "s.csr")
    openssl(
        tmp_path, "x509", "-req", "-in", "s.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-extfile", "ext", "-out", "s.pem",
    )  # fmt: skip
    openssl(tmp_path, "ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "q.tsq")
    openssl(
        tmp_path, "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa_config", "-queryfile", "q.tsq",
        "-signer", "s.pem", "-inkey", "s.key", "-out", "r.tsr",
    )  # fmt: skip
    token, data = (tmp_path / "r.tsr").read_bytes(), b"a checkpoint\n"
    assert read_stamp(token, data).authority == "CN=Signer"
    for name in ("ca.pem", "s.pem"):
        assert vouches(load_pem_x509_certificates((tmp_path / name).read_bytes()), token, data)
    for place in range(len(token)):
        changed = bytearray(token)
        changed[place] ^= 0x01
        with suppress(StampBroken):  # what is not signed may change: it says the same
            assert read_stamp(bytes(changed), data) == read_stamp(token, data)
    with pytest.raises(StampBroken):
        read_stamp(token, data + b"x")


def cosigned(note: str, name: str = "witness.example/w1") -> tuple[VerifierKey, str]:
    """Return the key of a witness, and its line below a note (C2SP tlog-cosignature)."""
    witness = SigningKey(name, bytes(range(32)))
    key = VerifierKey(witness.name, witness.verifier.public, COSIGNATURE)
    text, moment = SignedNote.parse(note).text, int(utc_now().timestamp()) // 60 * 60 + 60
    signed = witness.sign(f"cosignature/v1\ntime {moment}\n{text}").value
    return key, Signature(name, key.id, moment.to_bytes(8, "big") + signed).line


def kept(visit: Visit) -> list[bytes]:
    """Return what is stored of witnesses and authorities."""
    return [
        row[0] for row in visit.installation.store.read(lambda tx: tx.all("SELECT value FROM attestation"))
    ]


def test_a_witness_cosigns(visit: Visit, tmp_path: Path) -> None:
    """P5: a command that answers with a C2SP cosignature; one that fails is tried again."""
    visit.join("alice@example.com", consent="tips-email")
    latest = advance_log(visit.installation)
    key, line = cosigned(latest.note)
    script = tmp_path / "witness.sh"
    script.write_text(f"cat > {tmp_path}/seen.txt\nprintf '%s' '{line}'\n")
    shown: dict[str, int] = {}
    one = Witness(to=f"sh {script}", key=key)
    anchors = Anchors(
        witnesses={
            "one": one,
            "down": Witness(to=f"http://127.0.0.1:{NOBODY}/"),
            "fails": Witness(to="false"),
        }
    )
    assert anchor(visit.installation, anchors, shown) == 1
    assert (tmp_path / "seen.txt").read_text() == latest.note
    assert anchor(visit.installation, Anchors(witnesses={"one": one}), shown) == 0
    files = unpack(
        make_bundle(visit.app_context.edition, visit.installation, parse_email("alice@example.com"))
    )
    note = SignedNote.parse(files["witnessed-checkpoint.txt"].decode())
    assert note.verify([key]) == (key,)
    report = verify_bundle(files, utc_now())
    assert report.holds
    assert any(f"not checked, no key given for {key.name}" in limit for limit in report.limits)
    assert not any(key.name in sentence for _, sentence in report.lines)
    report = verify_bundle(files, utc_now(), (), OutsideEvidence([key]))
    signed = next(sentence for held, sentence in report.lines if held and key.name in sentence)
    assert re.fullmatch(rf"the witness {key.name} signed this checkpoint at 20\S+Z: verified", signed)
    assert report.holds


def commands(text: str) -> str:
    """Return every command that an explanation shows, word for word."""
    return "\n".join(line[4:] if line.startswith("    ") else "" for line in text.split("\n"))


def dash(folder: Path, script: str) -> str:
    """Run commands as a stranger would, one after the other; return what he reads."""
    done = subprocess.run(
        ["dash"], cwd=folder, input=script, capture_output=True, text=True, check=False, timeout=120
    )
    assert "not found" not in done.stderr, done.stderr
    return done.stdout + done.stderr


@ON_SQLITE
def test_the_readme_of_a_bundle_checks_all_of_it(visit: Visit, authority: Authority, tmp_path: Path) -> None:
    """P6: events, declaration, pages, mails, time-stamp, witness: by dash and openssl alone."""
    delivery = visit.join("alice@example.com", consent="tips-email")
    visit.press(f"/unsubscribe/{delivery.unsubscribe_token}", purpose="tips-email")
    visit.mails()
    key, line = cosigned(advance_log(visit.installation).note)
    (tmp_path / "said.txt").write_text(line)
    witness = Witness(to=f"cat {tmp_path}/said.txt", key=key)
    anchors = Anchors(timestamp=authority.address, witnesses={"one": witness})
    assert anchor(visit.installation, anchors, {}) == 2
    files = unpack(
        make_bundle(visit.app_context.edition, visit.installation, parse_email("alice@example.com"))
    )
    folder = tmp_path / "bundle"
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "authority.pem").write_bytes((authority.folder / "cert.pem").read_bytes())
    (folder / "witness.key").write_text(f"{key.text}\n")
    script = commands(files["README.txt"].decode())
    told = dash(folder, script)
    events = [name for name in files if name.startswith("events/")]
    assert told.count("OK: event ") == len(events)
    assert told.count(" is of checkpoint.txt") == len(events)
    assert told.count(" is in its proof") == len(events)
    for name in files:
        if name.startswith(("mails/", "forms/", "privacy/")) and not name.endswith(".json"):
            assert f"OK: {name} was" in told, told
        if name.endswith("declaration.json"):
            assert f"OK: {Path(name).parent} was declared" in told
        if name.startswith("assets/"):
            assert f"OK: {name} belongs to a page" in told, told
    assert "Verification: OK" in told
    assert "Signature Verified Successfully" in told
    assert "NOT PROVEN" not in told
    for name in files:  # and whatever was changed does not say so
        if name.startswith(("mails/", "forms/", "privacy/", "requests/", "witnessed", "checkpoint")):
            (folder / name).write_bytes(files[name].replace(b"a", b"b").replace(b"A", b"B"))
    told = dash(folder, script)
    assert told.count("OK:") == told.count("OK: event") == 2 * len(events)
    assert "Verification: FAILED" in told
    assert "Signature Verified Successfully" not in told


@ON_SQLITE
def test_the_published_explanation_checks_a_receipt(visit: Visit, tmp_path: Path) -> None:
    """P5: /log says how, and its commands run as they stand there."""
    delivery = visit.join("alice@example.com", consent="tips-email")
    for name, data in delivery.proof.items():
        (tmp_path / name).write_bytes(data)
    text, _, script = visit.client.get("/log").text.partition("--- verify.sh ---")
    (tmp_path / "verify.sh").write_text(script.partition("\n")[2])
    told = dash(tmp_path, commands(text))
    assert told.count("OK: event ") == sum(name.endswith(".tlog-proof") for name in delivery.proof)
    event = next(data for name, data in delivery.proof.items() if name.endswith(".tlog-proof"))
    declaration = json.loads(InclusionProof.parse(event.decode()).event)["declaration"]
    assert declaration in told


@ON_SQLITE
def test_a_witness_line_that_proves_nothing_fails(visit: Visit) -> None:
    """P5, P6: of another key, in the log's name, below another checkpoint, or not there at all."""
    visit.join("alice@example.com", consent="tips-email")
    note = advance_log(visit.installation).note
    files = unpack(
        make_bundle(visit.app_context.edition, visit.installation, parse_email("alice@example.com"))
    )
    key, line = cosigned(note)
    other = VerifierKey(key.name, bytes(range(1, 33)), COSIGNATURE)
    origin = note.partition("\n")[0]
    forged = line.replace("AA", "AB")
    for below, known in (
        (note + line, other),
        (note + forged, key),
        (note + line.replace(key.name, origin), None),
        (note.replace(origin, f"x{origin}") + line, None),
        (note.partition("\n\n")[0] + "\n\n" + line, None),
        (line, None),
        (None, key),
    ):
        touched = {**files} if below is None else {**files, "witnessed-checkpoint.txt": below.encode()}
        report = verify_bundle(touched, utc_now(), (), OutsideEvidence(() if known is None else [known]))
        assert not report.holds, below


def test_of_a_witness_one_line_is_kept(visit: Visit, tmp_path: Path) -> None:
    """P5, S5: never thousands, never in the log's own name, never again after a restart."""
    visit.join("alice@example.com", consent="tips-email")
    latest = advance_log(visit.installation)
    own = latest.note.rpartition("\n\n")[2]
    lines = [cosigned(latest.note, f"evil{number}")[1] for number in range(300)]  # each holds its second
    (tmp_path / "said.txt").write_text(f"{own}hello\n— short AAAAAAAA\n{''.join(lines)}")
    talkative = Anchors(witnesses={"one": Witness(to=f"cat {tmp_path}/said.txt")})
    anchor(visit.installation, talkative, {})
    anchor(visit.installation, talkative, {})
    assert kept(visit) == [lines[0].encode()]


def test_a_witness_with_a_key_is_known_by_it(visit: Visit, tmp_path: Path) -> None:
    """P5: what its key did not sign is not kept."""
    visit.join("alice@example.com", consent="tips-email")
    latest = advance_log(visit.installation)
    key, line = cosigned(latest.note)
    said = tmp_path / "said.txt"
    said.write_text(cosigned(latest.note, "evil")[1] + line.replace("AA", "AB"))
    anchors = Anchors(witnesses={"one": Witness(to=f"cat {said}", key=key)})
    anchor(visit.installation, anchors, {})
    assert kept(visit) == []
    said.write_text(cosigned(latest.note, "evil")[1] + line)
    anchor(visit.installation, anchors, {})
    assert kept(visit) == [line.encode()]


ANSWERS = {
    "garbage": b"garbage garbage\r\n\r\n",
    "another length": b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\nshort",
    "broken chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "a long line": b"HTTP/1.1 200 OK\r\nx-a: " + b"a" * 70_000 + b"\r\n\r\n",
    "a file": b"HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\n\r\n",
    "without end": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500_000,
    "nothing": b"",
}


@contextmanager
def answering(answer: bytes, release: threading.Event | None = None) -> Iterator[str]:
    """Answer every call with these very bytes; with `release`, keep the line open until it is set."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _ = server.accept()
                    with line, suppress(OSError):
                        line.settimeout(10)
                        line.recv(65_536)
                        line.sendall(answer)
                        if release is not None:
                            release.wait(60)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        server.shutdown(socket.SHUT_RDWR)
    thread.join(60)


@ON_SQLITE
@pytest.mark.parametrize("answer", ANSWERS)
def test_whatever_is_answered_is_no_more_than_a_refusal(visit: Visit, answer: str) -> None:
    """P5, S5: no answer of an authority or a witness ends the anchoring."""
    visit.join("alice@example.com", consent="tips-email")
    advance_log(visit.installation)
    with answering(ANSWERS[answer]) as address:
        assert anchor(visit.installation, Anchors(timestamp=address), {}) == 0
        assert anchor(visit.installation, Anchors(witnesses={"one": Witness(to=address)}), {}) == 0
    assert kept(visit) == []


@ON_SQLITE
@pytest.mark.parametrize(
    "to",
    ["no-such-command", "sh -c 'exit 3'", "'open", "yes", "http://[bad", "http://127.0.0.1:1/a b"],
)
def test_a_witness_that_cannot_be_asked_is_passed_over(visit: Visit, to: str) -> None:
    """P5, S5: no command and no address ends the anchoring."""
    visit.join("alice@example.com", consent="tips-email")
    advance_log(visit.installation)
    assert anchor(visit.installation, Anchors(witnesses={"one": Witness(to=to)}), {}) == 0


@ON_SQLITE
def test_anchoring_goes_on_after_a_round_that_broke(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """P5: whatever a round ends with, the next one comes."""
    monkeypatch.setattr(anchors_, "ROUND_SECONDS", 0.01)
    rounds: list[int] = []

    class Broken(Witness):
        @property
        def is_address(self) -> bool:
            rounds.append(1)
            raise RuntimeError

    async def watch() -> None:
        stop = asyncio.Event()
        anchors = Anchors(witnesses={"one": Broken(to="x")})
        running = asyncio.ensure_future(anchor_job(visit.installation, anchors, LOCAL).run(stop))
        async with asyncio.timeout(60):
            while len(rounds) < 3:
                await asyncio.sleep(0.01)
        assert not running.done()
        stop.set()
        await running

    visit.join("alice@example.com", consent="tips-email")
    asyncio.run(watch())


@ON_SQLITE
@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"]
)
def test_nobody_is_waited_for_beyond_the_deadline(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """P5: one that never finishes its answer costs the deadline, and is asked by one thread at most."""
    visit.join("alice@example.com", consent="tips-email")
    advance_log(visit.installation)
    release = threading.Event()
    with answering(answer, release) as address:
        anchors = Anchors(
            witnesses={"one": Witness(to=address), "two": Witness(to="sh -c 'sleep 600 & sleep 600'")}
        )
        monkeypatch.setattr(anchors_, "CALL_SECONDS", 0.2)
        for _ in range(3):
            assert anchor(visit.installation, anchors, {}) == 0
        left = [thread for thread in threading.enumerate() if thread.name.startswith("anchor ")]
        assert len(left) <= 2
        release.set()
    for thread in left:
        thread.join(60)
        assert not thread.is_alive()


@ON_SQLITE
def test_a_stop_does_not_wait_for_a_call(visit: Visit) -> None:
    """P5: shutting down is not for a witness to delay."""
    visit.join("alice@example.com", consent="tips-email")
    advance_log(visit.installation)
    release = threading.Event()

    async def stopped_while_asking(address: str) -> None:
        stop = asyncio.Event()
        anchors = Anchors(witnesses={"one": Witness(to=address)})
        running = asyncio.ensure_future(anchor_job(visit.installation, anchors, LOCAL).run(stop))
        async with asyncio.timeout(60):
            while not any(thread.name == "anchor one" for thread in threading.enumerate()):
                await asyncio.sleep(0.01)
            stop.set()
            await running
        assert any(thread.name == "anchor one" for thread in threading.enumerate())

    with answering(b"HTTP/1.1 200 OK\r\n", release) as address:
        asyncio.run(stopped_while_asking(address))
        release.set()
    for thread in threading.enumerate():
        if thread.name.startswith("anchor"):
            thread.join(60)


def test_keys_rotate_by_a_command(tmp_path: Path) -> None:
    """S2: data, links and log go on; the file stays the owner's; without a file there is nothing to do."""
    site_at(tmp_path / "site")
    run = CliRunner().invoke
    made = run(main, ["build", "--out", str(tmp_path / "out"), "--site", str(tmp_path / "site")])
    assert made.exit_code == 0, made.output
    before = load_keys("var/keys.json", tmp_path / "site")
    done = run(main, ["keys", "rotate", "--site", str(tmp_path / "site")])
    assert done.exit_code == 0, done.output
    after = load_keys("var/keys.json", tmp_path / "site")
    assert isinstance(before, KeyRing)
    assert isinstance(after, KeyRing)
    assert (len(after.log), len(after.seal), len(after.link)) == (2, 2, 2)
    assert after.index == before.index
    assert (tmp_path / "site" / "var" / "keys.json").stat().st_mode & 0o777 == 0o600
    for file in (tmp_path / "site" / "var").glob("optin.db*"):
        assert file.stat().st_mode & 0o777 == 0o600
    assert Vault(after).log_keys("x")[0] == Vault(before).log_keys("x")[0]
    audited = run(main, ["audit", "--site", str(tmp_path / "site")])
    assert audited.exit_code == 0, audited.output


def test_a_file_without_a_checkpoint_raises_no_alarm(tmp_path: Path) -> None:
    """P4: the wrong file is a mistake, not a forgery."""
    run = CliRunner().invoke
    site_at(tmp_path / "site")
    run(main, ["build", "--out", str(tmp_path / "out"), "--site", str(tmp_path / "site")])
    (tmp_path / "letter.txt").write_text("Dear officer,\n\nnothing.\n")
    options = ["--site", str(tmp_path / "site"), "--checkpoint", str(tmp_path / "letter.txt")]
    audited = run(main, ["audit", *options])
    assert audited.exit_code == 1
    assert "holds no checkpoint" in audited.output
    assert "tampered" not in audited.output
