"""Verify a bundle as a stranger would: from its files alone, in words, trusting nothing.

1. Each event stands in the log under a signed root.
2. Each event's declaration opens with its salt; its form, statement and mails are there by their digests.
3. The form's page shows the words and the box of each purpose that was ticked.
4. The consents follow from the events, in the order of the log, by the one transition table.
5. The copies to look at show the exact pages and mails, with the stylesheets and pictures that these name.
6. Time-stamps and witnesses, if there are any, are of this very checkpoint.

What others signed holds only by their own key or certificate, which the reader must have from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.x509 import Certificate

from optin.consent.consent_history import LoggedEvent
from optin.consent.status_transitions import EventKind
from optin.proof.bundle_report import Report, RequestReport
from optin.proof.bundle_zip_file import BundleBroken, keys_in
from optin.proof.canonical_json import parse
from optin.proof.commitment import commit, digest
from optin.proof.inclusion_proof import ENDING, InclusionProof
from optin.proof.merkle_tree import ProofBroken
from optin.proof.readable_copies import FOLDER, copy_names
from optin.proof.signed_notes import Checkpoint, NoteBroken, VerifierKey, open_checkpoint
from optin.proof.verify_consents import Cases, check_order, consent_summaries, unproven_surroundings
from optin.proof.verify_event_times import Named, check_times, is_set_back, moment_of
from optin.proof.verify_readable_copies import asset_faults, assets_named, copy_faults
from optin.proof.verify_witnesses import check_stamps, check_witnesses

MUST = frozenset({"README.txt", "checkpoint.txt", "index.html", "log-keys.txt", "record.jsonld", "verify.sh"})
MAY = frozenset({"witnessed-checkpoint.txt"})
_DECLARATION = re.compile(r"requests/[0-9a-f]{30}/declaration\.json")
_STAMP = re.compile(r"timestamps/[0-9]{1,4}\.tsr")


@dataclass(frozen=True)
class OutsideEvidence:
    """What the reader has from elsewhere: keys of witnesses and authorities, our own instructions."""

    witnesses: Sequence[VerifierKey] = ()
    authorities: Sequence[Certificate] = ()  # for time-stamps
    written: Mapping[str, bytes] = field(default_factory=dict)  # by file name


def verify_bundle(
    files: dict[str, bytes],
    now: datetime,
    trusted: Sequence[VerifierKey] = (),
    outside: OutsideEvidence | None = None,
) -> Report:
    """Return what a bundle proves as of `now`. `trusted`: known keys; without any, those in the bundle.

    Raises BundleBroken with one sentence when there is nothing to verify.
    """
    try:
        return _verify(files, now, trusted, outside or OutsideEvidence())
    except BundleBroken:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as problem:
        msg = f"Something in it is not as optin writes it ({type(problem).__name__})."
        raise BundleBroken(msg) from None


def _verify(
    files: dict[str, bytes], now: datetime, trusted: Sequence[VerifierKey], outside: OutsideEvidence
) -> Report:
    report = Report()
    keys = tuple(trusted) or keys_in(files)
    checkpoint = _checkpoint(files, keys)
    report.origin, report.keys = checkpoint.origin, tuple(key.text for key in keys)

    # 1. Each event stands in the log under a signed root.
    logged = _logged(files, keys, checkpoint, report)
    events = [it for it in logged if not is_set_back(it[1])]

    # 2. and 3. What the events refer to.
    cases = {commit(case.salt, case.declaration): case for case in _cases(files)}
    for name, body in events:
        _check_references(files, cases, name, body, report)

    _check_unnamed(files, cases, logged, report)

    # 4. The consents follow from the events.
    read = [LoggedEvent.read(body, place) for place, (_, body) in enumerate(events)]
    check_times(logged, report.say)
    check_order(cases, read, report.say)
    consent_summaries(files, cases, read, now, report)

    # 5. What is there to be looked at shows the exact files.
    faults = [*asset_faults(files), *copy_faults(files)]
    for fault in faults:
        report.say(fault, held=False)
    copies = sum(name.startswith(FOLDER) for name in files)
    if copies and not faults:
        report.say(f"{copies} copies to look at show the exact pages and mails: made again, the same")

    # 6. Time-stamps and witnesses are of this very checkpoint.
    check_stamps(files, logged, outside.authorities, report)
    check_witnesses(files, logged, keys, checkpoint, outside.witnesses, report)
    _check_written(files, outside.written, report)
    strange = {str(it.body["kind"]) for it in read if it.event.kind is EventKind.NOTED}
    report.limits += [
        f"what the event {kind!r} means: this version does not know it, and counts no consent by it"
        for kind in sorted(strange - {EventKind.NOTED})
    ]
    report.limits += unproven_surroundings(files)
    report.limits += [
        "that nothing was left out: a later withdrawal would stand in the log, not necessarily in this file",
        "that the key is the log's own: compare it with the one in a receipt mail, or published elsewhere",
        "that only the person reads the mailbox that confirmed",
        "what index.html and record.jsonld say: they tell the same for people and machines; believe this",
    ]
    return report


def _checkpoint(files: dict[str, bytes], keys: Sequence[VerifierKey]) -> Checkpoint:
    try:
        return open_checkpoint(files["checkpoint.txt"].decode(), keys)
    except KeyError:
        msg = "There is no checkpoint in it."
    except (NoteBroken, UnicodeDecodeError):
        msg = "The checkpoint is not signed by a key that is trusted here."
    raise BundleBroken(msg)


def _logged(
    files: dict[str, bytes], keys: Sequence[VerifierKey], checkpoint: Checkpoint, report: Report
) -> list[Named]:
    found: dict[int, Named] = {}
    for path in sorted(name for name in files if name.startswith("events/")):
        name = path.removeprefix("events/").removesuffix(".json")
        try:
            proof = InclusionProof.parse(files[f"proofs/{name}{ENDING}"].decode())
            root = proof.verify(files[path], keys)
            body: dict[str, object] = {**parse(files[path])}
            moment_of(body)
            if root != checkpoint or proof.index in found:
                raise ProofBroken
        except (KeyError, TypeError, ValueError, RecursionError):
            report.say(f"event {name} is not proven to stand in the log", held=False)
            continue
        found[proof.index] = (name, body)
    if not found:
        report.say("there is no event in it that is proven", held=False)
    else:
        report.say(
            f"{len(found)} events stand in the log {checkpoint.origin}, unchanged, under the signed root of"
            f" {checkpoint.size} events"
        )
    return [found[place] for place in sorted(found)]


def _cases(files: dict[str, bytes]) -> list[RequestReport]:
    cases: list[RequestReport] = []
    for path in sorted(files):
        if path.startswith("requests/") and path.endswith("/declaration.json"):
            salt = files.get(path.removesuffix(".json") + ".salt", b"").decode("ascii", "replace").strip()
            try:
                cases.append(RequestReport(files[path], bytes.fromhex(salt)))
                commit(cases[-1].salt, b"")
            except ValueError:
                msg = f"The salt beside {path} is none."
                raise BundleBroken(msg) from None
    return cases


def _check_references(
    files: dict[str, bytes], cases: Cases, name: str, body: dict[str, object], report: Report
) -> None:
    case = cases.get(str(body["declaration"]))
    if case is None:
        report.say(f"event {name}: what the person declared does not open with the salt in here", held=False)
        return
    for path, key in (
        (f"forms/{body.get('form')}.html", "form"),
        (f"forms/{body.get('form')}.json", "words"),
        (f"privacy/{body.get('privacy')}.html", "privacy"),
    ):
        data = files.get(path)
        if data is None or digest(data) != body.get(key):
            report.say(f"event {name}: {path} is not what its {key} says", held=False)
    if body["kind"] == EventKind.MAILED:
        mail = files.get(f"mails/{name}.eml")
        if mail is None or commit(case.salt, mail) != body.get("bytes"):
            report.say(f"event {name}: the mail is not the one that was sent", held=False)


def _check_unnamed(files: dict[str, bytes], cases: Cases, events: Sequence[Named], report: Report) -> None:
    """Check that the bundle has no unknown file, no file without an event, and no missing file."""
    known = {f"events/{name}.json" for name, _ in events} | {f"proofs/{name}{ENDING}" for name, _ in events}
    known |= {f"mails/{name}.eml" for name, body in events if body["kind"] == EventKind.MAILED}
    for body in (body for _, body in events if not is_set_back(body)):
        known |= {
            f"forms/{body['form']}.html",
            f"forms/{body['form']}.json",
            f"privacy/{body['privacy']}.html",
        }
    known |= assets_named(files, known)
    known |= set(copy_names({name: data for name, data in files.items() if name in known}))
    named = {str(body["declaration"]) for _, body in events if not is_set_back(body)}
    declared = {case.declaration for commitment, case in cases.items() if commitment in named}
    for name, data in files.items():
        if _DECLARATION.fullmatch(name) and data in declared:
            known |= {name, name.removesuffix(".json") + ".salt"}
    for name in sorted(set(files) - known - MUST - MAY):
        if not _STAMP.fullmatch(name):
            report.say(f"{name} is in here, but no bundle has it, or no event refers to it", held=False)
    for name in sorted(MUST - set(files)):
        report.say(f"{name} is not in here", held=False)


def _check_written(files: dict[str, bytes], written: Mapping[str, bytes], report: Report) -> None:
    """Warn of instructions that differ from ours: a reader follows them."""
    report.limits += [
        f"{name} is not the one this version writes; do not run what it says"
        for name, data in sorted(written.items())
        if name in files and files[name] != data
    ]
