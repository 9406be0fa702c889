"""Witnesses at an address (C2SP tlog-witness), asked as the specification says; and what they may not do."""

from __future__ import annotations

import logging
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from optin.consent.email_and_telephone import parse_email
from optin.jobs import anchor_checkpoints as anchors_
from optin.jobs.anchor_checkpoints import anchor
from optin.proof.bundle_zip_file import unpack
from optin.proof.signed_notes import NoteBroken, Signature, SignedNote, VerifierKey
from optin.proof.verify_bundle import OutsideEvidence, verify_bundle
from optin.proof.witness_request import submission, submission_address
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.event_log_signer import advance_log
from optin.services.http_client import VettedClient
from optin.services.steady_clock import utc_now
from optin.settings.site import Anchors, Witness
from optin.store.event_log import (
    StoredCheckpoint,
    checkpoint_at,
    latest_checkpoint,
    prove_growth,
    verifier_keys,
)
from tests.ports import NOBODY
from tests.proof.witness import NAME, SIZE_TYPE, Said, SpecWitness, witnessing
from tests.receiver import Receiver, receiving
from tests.stores import ON_SQLITE
from tests.web.conftest import Visit

LOCAL = VettedClient(lambda _: True, schemes=("http",), seconds=30)


@pytest.fixture
def witness(visit: Visit) -> Iterator[SpecWitness]:
    """Run a witness that knows this log."""
    grow(visit, 0)
    key = visit.installation.store.read(verifier_keys)[0]
    with witnessing(SpecWitness({key.name: [key.text]})) as running:
        yield running


def grow(visit: Visit, people: int) -> StoredCheckpoint:
    """Let some people sign up and confirm; return the checkpoint after it."""
    for number in range(people):
        visit.join(f"p{visit.rows()['event']}-{number}@example.com", consent="tips-email")
    return advance_log(visit.installation)


def show(visit: Visit, witness: SpecWitness, **more: str) -> int:
    """Show the checkpoint to the witness as a server does that was just started."""
    key = VerifierKey.parse(more.get("key", witness.verifier))
    anchors = Anchors(witnesses={"one": Witness(to=more.get("to", witness.address), key=key)})
    return anchor(visit.installation, anchors, {}, LOCAL)


def kept(visit: Visit) -> list[tuple[int, str]]:
    rows = visit.installation.store.read(lambda tx: tx.all("SELECT size, value FROM attestation ORDER BY id"))
    return [(row[0], bytes(row[1]).decode()) for row in rows]


def test_a_witness_cosigns_a_log_as_it_grows(visit: Visit, witness: SpecWitness) -> None:
    """P5: from nothing, then with a proof from the size before; each time in one call, of every size."""
    sizes = []
    for people in (1, 1, 2, 3, 1):
        sizes.append(grow(visit, people).size)
        assert show(visit, witness) == 1
        assert show(visit, witness) == 0, "it has cosigned this one"
    assert [size for size, _ in kept(visit)] == sizes
    assert [body.split(b"\n")[0] for body in witness.asked] == [
        f"old {size}".encode() for size in [0, *sizes[:-1]]
    ]
    key = VerifierKey.parse(witness.verifier)
    for size, line in kept(visit):
        note = visit.installation.store.read(checkpoint_at, size=size).note
        assert SignedNote.parse(note + line).verify([key]) == (key,)


def test_a_witness_elsewhere_is_caught_up_with_once(visit: Visit, witness: SpecWitness) -> None:
    """P5: one that forgot, or that another server of ours showed more: its 409 says from where to prove."""
    (origin,) = witness.logs
    first = grow(visit, 2)
    assert show(visit, witness) == 1
    known = witness.seen[origin]
    second = grow(visit, 2)
    assert show(visit, witness) == 1
    witness.seen[origin] = known  # it was put back
    third = grow(visit, 1)
    assert show(visit, witness) == 1
    witness.seen.clear()
    last = grow(visit, 1)
    assert show(visit, witness) == 1
    asked = [int(body.split(b"\n")[0].removeprefix(b"old ")) for body in witness.asked]
    assert asked == [0, first.size, second.size, first.size, third.size, 0]
    assert witness.seen[origin][0] == last.size


def test_a_log_that_was_rewritten_is_cosigned_no_more(
    visit: Visit, witness: SpecWitness, caplog: pytest.LogCaptureFixture
) -> None:
    """P5, P4: another root before, at the same size, or more events than there are: it is said, loudly."""
    (origin,) = witness.logs
    first = grow(visit, 2)
    assert show(visit, witness) == 1
    witness.seen[origin] = (first.size, bytes(32))
    grow(visit, 1)
    assert show(visit, witness) == 0
    assert "the witness one contradicts this log: it says that this log does not begin with" in caplog.text
    assert "run optin audit" in caplog.text
    caplog.clear()
    latest = visit.installation.store.read(latest_checkpoint)
    assert latest is not None
    for size in (latest.size, latest.size + 9):
        witness.seen[origin] = (size, bytes(32))
        assert show(visit, witness) == 0
    assert f"it cosigned {latest.size + 9} events of this log, which has {latest.size}" in caplog.text
    assert caplog.text.count("contradicts this log") == 2
    assert all(record.levelno == logging.ERROR for record in caplog.records if record.name == "optin.log")
    assert len(kept(visit)) == 1


@ON_SQLITE
@pytest.mark.parametrize(
    ("said", "sentence", "calls"),
    [
        (Said(400), "it cannot read the request", 1),
        (Said(403), "it does not trust the key that signed the checkpoint", 1),
        (Said(404), "it does not know this log; give its operator", 1),
        (Said(429), "it was asked too often", 1),
        (Said(500), "it answered 500", 1),
        (Said(201), "it answered 201", 1),
        (Said(302, f"http://127.0.0.1:{NOBODY}/".encode()), "it answered 302", 1),
        (Said(409), "contradicts this log", 1),
        (Said(409, b"0\n"), "contradicts this log", 1),
        (Said(409, b"0\n", SIZE_TYPE), "it knows another size at each call", 2),
        (Said(409, b"", SIZE_TYPE), "a size that is none", 1),
        (Said(409, b"-1\n", SIZE_TYPE), "a size that is none", 1),
        (Said(409, b"007\n", SIZE_TYPE), "a size that is none", 1),
        (Said(409, "٣\n".encode(), SIZE_TYPE), "a size that is none", 1),
        (Said(409, b"9" * 5_000, SIZE_TYPE), "a size that is none", 1),
        (Said(409, b"999999\n", SIZE_TYPE), "it cosigned 999999 events of this log", 1),
        (Said(422), "contradicts this log", 1),
    ],
)
def test_each_refusal_has_its_sentence(
    visit: Visit,
    witness: SpecWitness,
    caplog: pytest.LogCaptureFixture,
    said: Said,
    sentence: str,
    calls: int,
) -> None:
    """P5, S5: nothing is kept, nobody is asked without end, the log says what to do."""
    grow(visit, 1)
    witness.instead = said
    assert show(visit, witness) == 0
    assert sentence in caplog.text
    assert len(witness.asked) == calls
    assert kept(visit) == []


def test_lines_of_unknown_keys_are_passed_over(visit: Visit, witness: SpecWitness) -> None:
    """P5: of another witness, of another moment than was signed, or that states no moment of this world."""
    latest = grow(visit, 1)
    body = b"".join([b"old 0\n\n", latest.note.encode()])
    line = witness.answer(body).body.decode()
    signature = SignedNote.parse(f"{SignedNote.parse(latest.note).text}\n{line}").signatures[0]
    later = (int.from_bytes(signature.value[:8], "big") + 1).to_bytes(8, "big")
    beyond = (2**63).to_bytes(8, "big")
    forged = [Signature(NAME, signature.id, moment + signature.value[8:]).line for moment in (later, beyond)]
    other = Signature("evil.example", signature.id, signature.value).line
    witness.instead = Said(200, "".join([other, *forged, "no line\n"]).encode())
    assert show(visit, witness) == 0
    assert kept(visit) == []
    witness.instead = Said(200, "".join([other, *forged, line]).encode())
    assert show(visit, witness) == 1
    assert kept(visit) == [(latest.size, line)]


def test_a_cosignature_says_when(visit: Visit, witness: SpecWitness) -> None:
    """P5, P6: verify tells the moment; one before the last event of the checkpoint proves nothing."""
    latest = grow(visit, 1)
    assert show(visit, witness) == 1
    files = unpack(
        make_bundle(visit.app_context.edition, visit.installation, parse_email("p0-0@example.com"))
    )
    key = VerifierKey.parse(witness.verifier)
    report = verify_bundle(files, utc_now(), (), OutsideEvidence([key]))
    (said,) = (sentence for held, sentence in report.lines if held and NAME in sentence)
    signature = SignedNote.parse(files["witnessed-checkpoint.txt"].decode()).signatures[-1]
    at = datetime.fromtimestamp(int.from_bytes(signature.value[:8], "big"), UTC)
    assert at.strftime("%Y-%m-%dT%H:%M:%S") in said
    text = SignedNote.parse(latest.note).text
    signed = witness.key.sign(f"cosignature/v1\ntime 1600000000\n{text}".encode())
    early = Signature(NAME, key.id, (1_600_000_000).to_bytes(8, "big") + signed)
    files["witnessed-checkpoint.txt"] = latest.note.encode() + early.line.encode()
    report = verify_bundle(files, utc_now(), (), OutsideEvidence([key]))
    assert not report.holds
    assert any("which is before the last event in it" in sentence for _, sentence in report.lines)


@ON_SQLITE
def test_the_proof_that_is_sent_holds_for_every_pair_of_sizes(visit: Visit, witness: SpecWitness) -> None:
    """P5: the code of the specification, not ours, follows it."""
    (origin,) = witness.logs
    sizes = [grow(visit, 1) for _ in range(6)]
    for old in sizes:
        for new in sizes:
            if old.size <= new.size:
                witness.seen[origin] = (old.size, _root(old))
                proof = visit.installation.store.read(prove_growth, old=old.size, new=new.size)
                assert witness.answer(submission(old.size, proof, new.note)).status == 200


def _root(checkpoint: StoredCheckpoint) -> bytes:
    return b64decode(checkpoint.note.split("\n")[2])


def test_the_address_may_be_the_prefix_or_the_whole() -> None:
    """P5: operators publish either."""
    whole = "https://witness.example/w/add-checkpoint"
    for text in (whole, "https://witness.example/w", "https://witness.example/w/"):
        assert submission_address(text) == whole


@ON_SQLITE
def test_neither_witness_nor_authority_leads_to_this_machine(
    visit: Visit, witness: SpecWitness, caplog: pytest.LogCaptureFixture
) -> None:
    """P5, E7: not by its address, and not by a redirect, which nobody follows."""
    grow(visit, 1)
    anchors = Anchors(timestamp=witness.address, witnesses={"one": Witness(to=witness.address)})
    assert anchor(visit.installation, anchors, {}) == 0  # the client of a real server
    assert witness.asked == []
    assert caplog.text.count("leads to an address that is not public") == 2
    with receiving(Receiver()) as inner:
        witness.instead = Said(302, inner.url().encode())
        assert anchor(visit.installation, anchors, {}, LOCAL) == 0
        assert inner.taken == []
    assert anchors_.CLIENT is not LOCAL


def test_a_key_that_is_none_is_none() -> None:
    """P5: of another kind or length."""
    with pytest.raises(NoteBroken):
        VerifierKey.parse("one+00000000+BQAA")
