"""Evidence bundles: made for one person, verified by a stranger, refused when anything was touched."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import html5lib
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from optin.bootstrap.evidence import make_bundle
from optin.bootstrap.office import utc_now
from optin.cli import main
from optin.consent.address import parse_email
from optin.errors import RequestRefused
from optin.flows.verify_bundle import Report, verify_bundle
from optin.keys import KeyRing
from optin.proof.bundle import MANIFEST, BundleBroken, pack, unpack
from optin.proof.commitment import leaf_digest
from optin.proof.inclusion import InclusionProof
from optin.proof.note import Checkpoint
from optin.store.vault import Vault
from tests.proof.published import check_document
from tests.proof.strangers import check_with_sigstore
from tests.web.conftest import Visit

PHONE = {"phone": "+31201234567", "consent": ["tips-email", "follow-up-phone"], "first_name": "Alice <b>"}


@dataclass
class Case:
    """A bundle about alice, who gave two consents and withdrew one."""

    data: bytes

    @property
    def files(self) -> dict[str, bytes]:
        return unpack(self.data)


@pytest.fixture
def case(visit: Visit) -> Case:
    visit.join("bert@example.com", consent="tips-email")
    delivery = visit.join("alice@example.com", **PHONE)
    visit.wait(timedelta(days=1))
    visit.press(f"/unsubscribe/{delivery.unsubscribe_token}", purpose="tips-email")
    visit.mails()
    return Case(make_bundle(visit.desk.edition, visit.office, parse_email("alice@example.com")))


def test_a_bundle_is_proven_by_its_files_alone(case: Case) -> None:
    """P6, P7: every sentence holds; the number is told as declared, never as verified."""
    report = verify_bundle(case.files, utc_now())
    assert report.holds, report.lines
    told = "\n".join(sentence for _, sentence in report.lines)
    assert "Bel mij een keer hierover." in told
    assert "number declared: +31201234567" in told
    assert any("nobody verified the number" in limit for limit in report.limits)
    assert "bert" not in told


def test_strangers_read_the_bundle(case: Case, tmp_path: Path) -> None:
    """P6: sigstore, a shell, PyLD and rdflib, and an HTML5 parser; nothing from elsewhere, no script."""
    files = case.files
    line = files["log-keys.txt"].decode().split("\n", 1)[0]
    for name, data in files.items():
        if name.startswith("proofs/"):
            event = check_with_sigstore(data.decode(), line)
            assert event == files[name.replace("proofs/", "events/").replace(".tlog-proof", ".json")]
    statuses = check_document(files["record.jsonld"].decode())
    assert statuses >= {"ConsentGiven", "ConsentRequested"}
    page = files["index.html"].decode()
    html5lib.HTMLParser(strict=True).parse(page)
    assert "<script" not in page
    assert "http://" not in page.replace("http://localhost", "")
    assert 'src="http' not in page
    assert 'href="http' not in page
    assert "Alice &lt;b&gt;" in page
    with zipfile.ZipFile(io.BytesIO(case.data)) as archive:
        archive.extractall(tmp_path)
    proof = next((tmp_path / "proofs").glob("*confirmed-follow-up-phone*"))
    command = ["sh", "verify.sh", "log-keys.txt", str(proof)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in (name for name in files if name.startswith("forms/") and name.endswith(".html")):
        sums = subprocess.run(
            ["openssl", "dgst", "-sha256", name], cwd=tmp_path, capture_output=True, check=True
        )
        assert Path(name).stem in sums.stdout.decode()


def replaced(files: dict[str, bytes], begins: str, old: bytes, new: bytes) -> dict[str, bytes]:
    """Return the files with a change in those whose name begins so; at least one must have changed."""
    changed = {
        name: data.replace(old, new) if name.startswith(begins) else data for name, data in files.items()
    }
    assert changed != files
    return changed


def without(files: dict[str, bytes], begins: str) -> dict[str, bytes]:
    kept = {name: data for name, data in files.items() if not name.startswith(begins)}
    assert len(kept) < len(files)
    return kept


def _swapped(files: dict[str, bytes]) -> dict[str, bytes]:
    first, second = sorted(name for name in files if name.startswith("events/"))[:2]
    return {**files, first: files[second], second: files[first]}


FORGERIES: dict[str, Callable[[dict[str, bytes]], dict[str, bytes]]] = {
    "a time": lambda files: replaced(files, "events/", b'"at":"20', b'"at":"19'),
    "a purpose": lambda files: replaced(files, "events/", b"tips-email", b"spam-email"),
    "an address": lambda files: replaced(files, "requests/", b"alice@", b"carol@"),
    "a ticked box": lambda files: replaced(files, "requests/", b'"tips-email"', b'"spam-email"'),
    "a wording in the declaration of the form": lambda files: replaced(
        files, "forms/", b"Bel mij een keer hierover.", b"Bel mij dagelijks overal over."
    ),
    "a page": lambda files: replaced(files, "forms/", b"</html>", b"<p>more</p></html>"),
    "a statement": lambda files: replaced(files, "privacy/", b"</html>", b"<p>more</p></html>"),
    "a mail": lambda files: replaced(files, "mails/", b"mail", b"male"),
    "a mail left out": lambda files: without(files, "mails/"),
    "the proofs left out": lambda files: without(files, "proofs/"),
    "the events left out": lambda files: without(files, "events/"),
    "a proof's index": lambda files: replaced(files, "proofs/", b"\nindex ", b"\nindex 1"),
    "the checkpoint's size": lambda files: replaced(files, "checkpoint", b"/log\n", b"/log\n1"),
    "no checkpoint": lambda files: without(files, "checkpoint"),
    "no keys": lambda files: without(files, "log-keys"),
    "no salt": lambda files: {name: b"" if name.endswith(".salt") else data for name, data in files.items()},
    "no form": lambda files: without(files, "forms/"),
    "events swapped": _swapped,
    "the words cut short": lambda files: replaced(
        files, "forms/", b'"wording":"Bel mij een keer hierover."', b'"wording":"Bel mij een keer"'
    ),
    "the words of two boxes swapped": lambda files: replaced(
        replaced(
            replaced(files, "forms/", b'"purpose":"tips-email"', b'"purpose":"x"'),
            "forms/",
            b'"purpose":"follow-up-phone"',
            b'"purpose":"tips-email"',
        ),
        "forms/",
        b'"purpose":"x"',
        b'"purpose":"follow-up-phone"',
    ),
    "a mail that nobody sent": lambda files: {**files, "mails/0009-mailed-delivery.eml": b"yes!"},
    "a form that nobody saw": lambda files: {**files, "forms/x.html": b"yes!"},
    "another declaration": lambda files: {
        **files,
        "requests/00/declaration.json": b'{"email":"x"}',
        "requests/00/declaration.salt": b"00" * 32,
    },
    "a declaration that is none": lambda files: {
        name: b"[1]" if name.endswith("declaration.json") else data for name, data in files.items()
    },
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_bundle_proves_nothing(case: Case, forgery: str) -> None:
    """P6: whatever was touched, also with a manifest made to fit, does not hold."""
    files = FORGERIES[forgery](case.files)
    assert not holds(pack(files)), forgery


def holds(data: bytes) -> bool:
    """Tell whether a bundle is proven; only a sentence may be the reason that it is not."""
    try:
        return verify_bundle(unpack(data), utc_now()).holds
    except BundleBroken as problem:
        assert str(problem)
        return False


@pytest.mark.parametrize(
    "event",
    [
        b"{}", b"[]", b"x", b"[" * 5_000, b'{"at":1}',
        b'{"at":"2026-01-01","channel":1,"declaration":"","form":"","kind":"confirmed","purpose":1,"request":""}',
        b'{"at":"2026-01-01","channel":"a","declaration":"b","form":"c","kind":"requested","purpose":"d",'
        b'"request":"00"}',
    ],
)  # fmt: skip
def test_another_log_may_say_anything(case: Case, event: bytes) -> None:
    """S5: events that a hostile log signed with its own key are refused in a sentence."""
    key = Vault(KeyRing.fresh("dev")).log_keys("hostile.example/log")[0]
    note = Checkpoint(key.name, 1, leaf_digest(event)).sign([key]).signed
    files = without(without(case.files, "events/"), "proofs/")
    files |= {
        "checkpoint.txt": note.encode(),
        "log-keys.txt": key.verifier.text.encode(),
        "events/0001-x.json": event,
        "proofs/0001-x.tlog-proof": InclusionProof(0, (), note, event).text.encode(),
    }
    assert not holds(pack(files))


def test_the_own_key_tells_another_log(case: Case) -> None:
    """P6: with a key from a receipt in hand, a log that was rebuilt under another key is refused."""
    stranger = Vault(KeyRing.fresh("dev")).log_keys("optin.example.com/log")[0].verifier
    with pytest.raises(BundleBroken, match="not signed by a key that is trusted"):
        verify_bundle(case.files, utc_now(), [stranger])


def test_hostile_archives_are_refused_in_a_sentence(case: Case) -> None:
    """S5: cut, padded, names that climb out, doubled names, a bomb, another size, no manifest."""
    data = case.data
    bomb, climbing, doubled = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("events/a.json", bytes(50_000_000))
    for name in ("../../evil", "/etc/passwd", "a/../../b", "C:\\x", ""):
        with zipfile.ZipFile(climbing, "w") as archive:
            archive.writestr(name or "x/", b"evil")
        with pytest.raises(BundleBroken):
            unpack(climbing.getvalue())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(doubled, "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("a", b"2")
    touched = {**case.files}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as whole, zipfile.ZipFile(out, "w") as archive:
        for member in whole.namelist():
            content = whole.read(member)
            archive.writestr(member, content + b" " if member == "README.txt" else content)
    for broken in (
        data[:-30], data[:1000], b"", b"PK", bomb.getvalue(), doubled.getvalue(), out.getvalue(),
        b"x" * 1000,
    ):  # fmt: skip
        with pytest.raises(BundleBroken) as refused:
            unpack(broken)
        assert len(str(refused.value)) > 10
    assert MANIFEST not in touched


@given(st.data())
def test_no_change_of_a_byte_survives(data: st.DataObject) -> None:
    """P6, S5: a flipped byte anywhere is refused, or changes nothing that is said."""
    files = {"README.txt": b"read me", "events/0001-x.json": b"{}"}
    packed = bytearray(pack(files))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    try:
        assert unpack(bytes(packed)) == files
    except BundleBroken as problem:
        assert str(problem)


def test_nobody_is_told_about_a_stranger(visit: Visit) -> None:
    """P6: an address that never signed up has no bundle."""
    with pytest.raises(RequestRefused, match="Nothing is kept"):
        make_bundle(visit.desk.edition, visit.office, parse_email("nobody@example.com"))


def test_the_command_says_what_is_proven(case: Case, tmp_path: Path) -> None:
    """P6: in one command, without a site; exit 1 and one sentence for whatever does not hold."""
    whole, broken, keys = tmp_path / "alice.zip", tmp_path / "broken.zip", tmp_path / "keys.txt"
    whole.write_bytes(case.data)
    broken.write_bytes(case.data[:500])
    keys.write_bytes(case.files["log-keys.txt"])
    run = CliRunner().invoke
    for arguments in ([str(whole)], [str(whole), "--key", str(keys)]):
        done = run(main, ["verify", *arguments])
        assert done.exit_code == 0, done.output
        assert done.output.rstrip().endswith("PROVEN")
        assert "WITHDRAWN" in done.output
    refused = run(main, ["verify", str(broken)])
    assert (refused.exit_code, "NOT PROVEN" in refused.output) == (1, True)
    forged = tmp_path / "forged.zip"
    forged.write_bytes(pack(FORGERIES["an address"](case.files)))
    done = run(main, ["verify", str(forged)])
    assert (done.exit_code, "FAILS" in done.output) == (1, True)
    done = run(main, ["verify", str(whole), "--key", str(whole)])
    assert (done.exit_code, "no key" in done.output) == (1, True)


def test_a_report_without_a_sentence_proves_nothing() -> None:
    """P6: an empty report is no proof."""
    assert not Report().holds
    with pytest.raises(BundleBroken):
        verify_bundle({}, utc_now())
    assert json.loads(b"{}") == {}
