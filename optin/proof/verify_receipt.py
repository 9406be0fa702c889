"""Verify the proof that a person got with a magnet: proof.zip, or a receipt mail.

1. Each event stands in the log under a signed root.
2. What the person declared opens with its salt, and is what each event names.
3. The times of the events increase.

Pages, statements and mails are not in it: an event names them by digest, and a bundle of evidence has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optin.consent.event_content import rfc3339
from optin.proof.bundle_report import Report
from optin.proof.bundle_zip_file import keys_in
from optin.proof.canonical_json import parse
from optin.proof.commitment import opens
from optin.proof.inclusion_proof import ENDING, InclusionProof
from optin.proof.merkle_tree import ProofBroken
from optin.proof.signed_notes import VerifierKey
from optin.proof.verify_event_times import Named, check_times, is_set_back, moment_of


def verify_receipt(files: Mapping[str, bytes], trusted: Sequence[VerifierKey] = ()) -> Report:
    """Return what a receipt proves. `trusted`: known keys of the log; without any, those in the receipt.

    Raises BundleBroken with one sentence when there is nothing to verify.
    """
    report = Report()
    keys = tuple(trusted) or keys_in(files)
    report.keys = tuple(key.text for key in keys)

    # 1. Each event stands in the log under a signed root.
    events = _logged(files, keys, report)

    # 2. What the person declared is what each event names.
    _check_declaration(files, events, report)

    # 3. The times of the events increase.
    check_times(events, report.say)

    report.limits += [
        "what happened afterwards: a later withdrawal stands in the log, not in this file",
        "that the key is the log's own: compare it with /log/key of the site, or another receipt",
        "what the page, statement and mails said: events name them by digest; a bundle of evidence has them",
        "that only the person reads the mailbox that confirmed",
        "what consent-receipt.jsonld says: it tells the same for programs; believe the events",
        "what README.txt and other attachments of the mail say: they explain; believe the events",
    ]
    return report


def _logged(files: Mapping[str, bytes], keys: Sequence[VerifierKey], report: Report) -> list[Named]:
    found: dict[int, Named] = {}
    for file in sorted(name for name in files if name.endswith(ENDING)):
        name = file.removesuffix(ENDING)
        try:
            proof = InclusionProof.parse(files[file].decode().replace("\r\n", "\n"))
            checkpoint = proof.verify(proof.event, keys)
            body: dict[str, object] = {**parse(proof.event)}
            at = moment_of(body)
            if is_set_back(body) or proof.index in found or report.origin not in {"", checkpoint.origin}:
                raise ProofBroken
        except (KeyError, TypeError, ValueError, RecursionError):
            report.say(f"{name} is not proven to stand in the log", held=False)
            continue
        found[proof.index], report.origin = (name, body), checkpoint.origin
        about = " ".join(str(body[key]) for key in ("kind", "purpose", "channel") if body.get(key))
        report.say(f"{rfc3339(at)} {about}: event {proof.index} of {checkpoint.size} in the log, unchanged")
    return [found[place] for place in sorted(found)]


def _check_declaration(files: Mapping[str, bytes], events: Sequence[Named], report: Report) -> None:
    """Report whether every event is about the declaration in the receipt."""
    declaration = files.get("declaration.json", b"")
    try:
        salt = bytes.fromhex(files.get("declaration.salt", b"").decode("ascii", "replace").strip())
        strange = [name for name, body in events if not opens(body.get("declaration"), salt, declaration)]
        who = str(parse(declaration).get("email", ""))
    except (AttributeError, ValueError, RecursionError):
        report.say("what the person declared does not open with the salt in here", held=False)
        return
    for name in strange:
        report.say(f"{name} is about another declaration than the one in here", held=False)
    if events and not strange:
        report.say(f"all of it is about the declaration in here, of {who}, opened with its salt")
