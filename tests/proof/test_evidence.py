"""Evidence bundles: made for one person, verified by a stranger, refused when anything was touched."""

from __future__ import annotations

import base64
import io
import json
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import html5lib
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from optin.app.main import main
from optin.consent.email_and_telephone import parse_email
from optin.errors import RequestRefused
from optin.export.destination import write_whole
from optin.flows.evidence.live_links import refuse_live_confirmation
from optin.keys import KeyRing
from optin.proof.bundle_report import Report
from optin.proof.bundle_zip_file import MANIFEST, BundleBroken, pack, unpack
from optin.proof.canonical_json import canonical
from optin.proof.commitment import commit, digest, leaf_digest
from optin.proof.inclusion_proof import InclusionProof
from optin.proof.merkle_tree import Frontier, inclusion_proof
from optin.proof.signed_notes import Checkpoint
from optin.proof.verify_bundle import verify_bundle
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.site_edition import Edition, keep_edition, load_edition
from optin.services.steady_clock import utc_now
from optin.store.encryption import Vault
from tests.installed import KINDS
from tests.proof.published import check_document
from tests.proof.strangers import check_with_sigstore
from tests.stranger import past_triggers
from tests.web.conftest import Visit

PHONE = {"phone": "+31201234567", "consent": ["tips-email", "follow-up-phone"], "first_name": "Alice <b>"}


@dataclass
class Case:
    """A bundle about alice, who gave two consents and withdrew one."""

    data: bytes

    @property
    def files(self) -> dict[str, bytes]:
        return unpack(self.data)


@pytest.fixture(scope="module")
def case(shared_visit: Visit) -> Case:
    visit = shared_visit
    visit.join("bert@example.com", consent="tips-email")
    delivery = visit.join("alice@example.com", **PHONE)
    visit.wait(timedelta(days=1))
    visit.press(f"/unsubscribe/{delivery.unsubscribe_token}", purpose="tips-email")
    visit.mails()
    return Case(make_bundle(visit.app_context.edition, visit.installation, parse_email("alice@example.com")))


def test_a_bundle_is_proven_by_its_files_alone(case: Case) -> None:
    """P6, P7: every sentence holds; the number is told as declared, never as verified."""
    report = verify_bundle(case.files, utc_now())
    assert report.holds, report.lines
    told = "\n".join(sentence for _, sentence in report.lines)
    assert "Bel mij een keer hierover." in told
    assert "number declared: +31201234567" in told
    assert any("nobody verified the telephone number" in limit for limit in report.limits)
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
    assert "/unsubscribe/" not in files["record.jsonld"].decode()  # whoever reads it could withdraw by it
    assert '/me"' in files["record.jsonld"].decode()
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
    "a script that is not ours": lambda files: {**files, "evil.sh": b"rm -rf"},
    "a note beside a declaration": lambda files: {**files, "requests/zzz/note.txt": b"she phoned"},
    "a page beside the mails": lambda files: {**files, "mails/evil.html": b"<script>"},
    "a folder that no bundle has": lambda files: {**files, "event/0007-withdrawn.json": b"x"},
    "a salt too many": lambda files: {**files, "requests/00/declaration.salt": b"00" * 32},
    "a time-stamp that is none": lambda files: {**files, "timestamps/1.tsr": b"garbage"},
    "a time-stamp of another name": lambda files: {**files, "timestamps/notary.pdf": b"garbage"},
    **{
        f"no {name}": partial(without, begins=name)
        for name in ("index.html", "record.jsonld", "README.txt", "verify.sh")
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


@pytest.mark.parametrize("name", ["README.txt", "verify.sh"])
def test_instructions_of_somebody_else_are_told_apart(case: Case, tmp_path: Path, name: str) -> None:
    """P6: a stranger does what README.txt says, so it must be ours."""
    bundle = tmp_path / "alice.zip"
    told = f"{name} is not the one this version writes; do not run what it says"
    bundle.write_bytes(case.data)
    assert told not in CliRunner().invoke(main, ["verify", str(bundle)]).output
    bundle.write_bytes(pack({**case.files, name: b"echo OK"}))
    assert told in CliRunner().invoke(main, ["verify", str(bundle)]).output


def archive_of(files: dict[str, bytes], attributes: int = 0) -> bytes:
    """Return a bundle whose index.html has other attributes."""
    out = io.BytesIO()
    manifest = json.dumps({name: digest(data) for name, data in files.items()}).encode()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**files, MANIFEST: manifest}.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = attributes if name == "index.html" else 0
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def commented(data: bytes) -> bytes:
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a") as archive:
        archive.comment = b"she phoned"
    return out.getvalue()


def test_an_archive_is_its_files_and_nothing_else(case: Case) -> None:
    """P6, S5: no byte before, between and after them, no link, no folder, no device."""
    data = case.data
    assert unpack(archive_of(case.files)) == case.files
    link, folder, device = (
        archive_of({**case.files, "index.html": b"/etc/passwd"}, kind << 16)
        for kind in (stat.S_IFLNK | 0o777, stat.S_IFDIR | 0o755, stat.S_IFCHR | 0o600)
    )
    directory = data.index(b"PK\1\2")
    between = data[:directory] + b"junk" + data[directory:-6]
    between += (directory + 4).to_bytes(4, "little") + b"\0\0"
    for padded in (
        data + b"x" * 5_000, data + bytes(100), b"junk" * 100 + data, data + data, between, commented(data),
        link, folder, device,
    ):  # fmt: skip
        with pytest.raises(BundleBroken, match=r"belong to no file|not a plain file|not a complete ZIP"):
            unpack(padded)


def signed_by_a_hostile_log(files: dict[str, bytes], declared: dict[str, str]) -> dict[str, bytes]:
    """Return the bundle as its maker can write it in a log of his own: another declaration, all proven."""
    key = Vault(KeyRing.fresh("dev")).log_keys("evil\x9b2K\x9b5A\x7f\u202e.example/log")[0]
    path = next(name for name in files if name.endswith("declaration.json"))
    salt = bytes.fromhex(files[path.replace(".json", ".salt")].decode())
    declaration = json.dumps({**json.loads(files[path]), **declared}).encode()
    forged = {
        name: data for name, data in files.items() if not name.startswith(("events/", "mails/", "proofs/"))
    }
    events = {
        name: canonical({**json.loads(data), "declaration": commit(salt, declaration)})
        for name, data in files.items()
        if name.startswith("events/") and "mailed" not in name
    }
    leaves = [leaf_digest(body) for body in events.values()]
    grown, done = Frontier().grow(leaves)
    nodes = {(0, place): leaf for place, leaf in enumerate(leaves)}
    nodes |= {(level, place): value for level, place, value in done}
    note = Checkpoint(key.name, len(leaves), grown.root).sign([key]).signed
    for index, (name, body) in enumerate(events.items()):
        path_up = tuple(inclusion_proof(index, len(leaves), lambda *at: nodes[at]))
        proof = InclusionProof(index, path_up, note, body).text
        forged |= {name: body, f"proofs/{Path(name).stem}.tlog-proof": proof.encode()}
    return {
        **forged, path: declaration, "checkpoint.txt": note.encode(),
        "log-keys.txt": key.verifier.text.encode(),
    }  # fmt: skip


def test_nothing_in_a_bundle_moves_the_cursor(case: Case, tmp_path: Path) -> None:
    """P6, S5: what a hostile log says is shown, and cannot write over the line with its key."""
    bundle = tmp_path / "evil.zip"
    declared = {"at": "2026-01-01\x1b[2K\r\x1b[5A  the true key\n\u2028"}
    bundle.write_bytes(pack(signed_by_a_hostile_log(case.files, declared)))
    done = CliRunner().invoke(main, ["verify", str(bundle)])
    assert "evil\\x9b2K" in done.output
    assert "2026-01-01\\x1b[2K\\r" in done.output
    assert all(sign.isprintable() or sign == "\n" for sign in done.output), ascii(done.output)


def test_a_file_without_end_is_refused() -> None:
    """S5: what says it has no size is read no further than a bundle may be long."""
    for arguments in (["verify", "/dev/zero"], ["verify", "--key", "/dev/zero", "/dev/null"]):
        done = CliRunner().invoke(main, arguments)
        assert (done.exit_code, "larger than" in done.output) == (1, True), done.output


def test_a_bundle_goes_through_a_pipe(case: Case) -> None:
    """P6: what `optin evidence --out -` writes, `optin verify -` reads."""
    done = CliRunner().invoke(main, ["verify", "-"], input=case.data)
    assert done.exit_code == 0, done.output
    assert done.output.rstrip().endswith("PROVEN")
    done = CliRunner().invoke(main, ["verify", "-"], input=case.data[:-1])
    assert (done.exit_code, "NOT PROVEN" in done.output) == (1, True)


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
    with pytest.raises(RequestRefused, match="Nothing is stored"):
        make_bundle(visit.app_context.edition, visit.installation, parse_email("nobody@example.com"))


def test_no_bundle_is_written_while_its_mail_confirms(visit: Visit) -> None:
    """P6, P8: nobody but the person gets a link that still confirms; once it has expired, anybody may."""
    address = parse_email("bob@example.com")
    visit.fill(address, consent="tips-email")
    visit.mails()
    now = visit.installation.clock()
    with pytest.raises(RequestRefused, match="waits for its confirmation"):
        visit.installation.view(refuse_live_confirmation, email=address, now=now)
    visit.installation.view(refuse_live_confirmation, email=address, now=now + timedelta(days=4))


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


def drawing(colour: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20" fill="{colour}"></svg>'.encode()


def dressed(visit: Visit, colour: str) -> Edition:
    """Publish the site with pictures, logo and stylesheet in one colour."""
    toml, folder = visit.root / "optin.toml", visit.root / "magnets" / "paper"
    (visit.root / "logo.svg").write_bytes(drawing(colour))
    (folder / "cover.svg").write_bytes(drawing(f"dark{colour}"))
    (folder / "inside.svg").write_bytes(drawing(f"light{colour}"))
    templates = visit.root / "templates"
    templates.mkdir(exist_ok=True)
    (templates / "style.css").write_text(f'body {{ color: {colour}; }} i {{ content: "</style>"; }}')
    if "logo" not in toml.read_text():
        toml.write_text(toml.read_text().replace("[look]", '[look]\nlogo = "logo.svg"'))
        page = (folder / "index.md").read_text()
        page = page.replace("lang: nl\n", "lang: nl\npicture: {file: cover.svg, alt: Een kaft}\n")
        (folder / "index.md").write_text(page.replace("Tekst.", "Tekst. ![Een lijn](inside.svg)"))
    edition, findings = load_edition(visit.root, KINDS)
    assert edition is not None, findings
    keep_edition(visit.installation.store, edition, visit.moment)
    visit.app_context.replace(edition)
    return edition


def shown_page(data: bytes) -> str:
    """Return the landing page as a bundle shows it."""
    tree = html5lib.parse(unpack(data)["index.html"].decode(), namespaceHTMLElements=False)
    return str(tree.find(".//iframe").get("srcdoc"))


def test_a_page_shows_as_it_was_shown_after_the_theme_changed(visit: Visit) -> None:
    """P2, P6: its own stylesheet, logo and pictures, all inside, although the site has others now."""
    edition = dressed(visit, "red")
    visit.join("alice@example.com", consent="tips-email")
    address = parse_email("alice@example.com")
    before = shown_page(make_bundle(edition, visit.installation, address))
    for colour in ("red", "darkred", "lightred"):
        packed = base64.b64encode(drawing(colour)).decode()
        assert f'src="data:image/svg+xml;base64,{packed}"' in before
    assert '<style>body { color: red; } i { content: "<\\/style>"; }' in before
    assert '="/static/' not in before
    later = dressed(visit, "blue")
    visit.join("bert@example.com", consent="tips-email")
    assert "color: blue" in shown_page(
        make_bundle(later, visit.installation, parse_email("bert@example.com"))
    )
    data = make_bundle(later, visit.installation, address)
    assert shown_page(data) == before
    assert "img-src data:" in unpack(data)["index.html"].decode()
    assert verify_bundle(unpack(data), utc_now()).holds


def test_an_asset_that_was_touched_is_not_shown(visit: Visit) -> None:
    """P2, P6: an asset has the digest that stands in its address, or it is left out."""
    dressed(visit, "red")
    visit.join("alice@example.com", consent="tips-email")
    later = dressed(visit, "blue")
    past_triggers(visit.installation.store, "UPDATE asset SET data = :data", data=b"touched")
    shown = shown_page(make_bundle(later, visit.installation, parse_email("alice@example.com")))
    assert base64.b64encode(b"touched").decode() not in shown
    assert "touched" not in shown
    assert '="/static/' in shown


HALF = """
import sys
from optin.export.destination import destination
with destination(sys.argv[1]) as draft:
    draft.file.write("half of it")
    draft.file.flush()
    print("there", flush=True)
    sys.stdin.read()
"""
FULL = """
import resource, signal, sys
from optin.errors import RequestRefused
from optin.export.destination import write_whole
from optin.export.destination import write_whole
from tests.installed import KINDS
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
try:
    write_whole(sys.argv[1], bytes(50_000))
except RequestRefused as problem:
    print(problem)
"""


def test_a_killed_writer_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    """P6, E5: kill -9 in the middle; the name asked for never had half a file."""
    target = tmp_path / "alice.zip"
    with subprocess.Popen(
        [sys.executable, "-c", HALF, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"there\n"
        assert any(tmp_path.iterdir())
        writer.kill()
    assert not target.exists()
    write_whole(str(target), b"whole")
    assert target.read_bytes() == b"whole"


def test_a_full_disk_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    """P6, E5: what cannot be written to its end is refused in a sentence, and leaves no file at all."""
    command = [sys.executable, "-c", FULL, str(tmp_path / "alice.zip")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cannot be written" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_report_without_a_sentence_proves_nothing() -> None:
    """P6: an empty report is no proof."""
    assert not Report().holds
    with pytest.raises(BundleBroken):
        verify_bundle({}, utc_now())
    assert json.loads(b"{}") == {}
