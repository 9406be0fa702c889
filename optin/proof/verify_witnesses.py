"""Check who else saw the checkpoint of a bundle: time-stamp authorities and witnesses.

What others signed holds only by their own key or certificate, which the reader must have from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography.x509 import Certificate

from optin.consent.event_content import rfc3339
from optin.proof.bundle_report import Report
from optin.proof.signed_notes import (
    Checkpoint,
    NoteBroken,
    Signature,
    SignedNote,
    VerifierKey,
    cosigned_at,
    open_checkpoint,
)
from optin.proof.trusted_time_stamp import StampBroken, read_stamp, vouches
from optin.proof.verify_event_times import Named, latest_moment

CLOCKS_APART = timedelta(minutes=1)  # a time-stamp has whole seconds, and two clocks never agree


def check_stamps(
    files: dict[str, bytes], events: Sequence[Named], authorities: Sequence[Certificate], report: Report
) -> None:
    """Report time-stamps of this checkpoint. They count only for an authority that the reader named."""
    data = files["checkpoint.txt"]
    latest = latest_moment(events)
    for name in sorted(path for path in files if path.startswith("timestamps/")):
        try:
            stamp = read_stamp(files[name], data)
        except StampBroken:
            report.say(f"{name} is no time-stamp of this checkpoint, signed by who made it", held=False)
            continue
        told = f"{name}: a time-stamp authority saw this checkpoint at {rfc3339(stamp.at)}"
        if latest is not None and stamp.at + CLOCKS_APART < latest:
            report.say(f"{told}, which is before the last event in it", held=False)
        elif not authorities:
            report.limits.append(
                f"{told}: signed by {stamp.authority}; whether to trust that authority is yours to decide"
                " (openssl ts -verify, or --tsa-cert with its certificate)"
            )
        elif vouches(authorities, files[name], data):
            report.say(f"{told}: signed by {stamp.authority}, whom you trust")
        else:
            report.say(
                f"{told}: signed by {stamp.authority}, whom nobody that you named vouches for", held=False
            )
    if authorities and not any(path.startswith("timestamps/") for path in files):
        report.say("there is no time-stamp in it", held=False)


def check_witnesses(
    files: dict[str, bytes],
    events: Sequence[Named],
    keys: Sequence[VerifierKey],
    checkpoint: Checkpoint,
    witnesses: Sequence[VerifierKey],
    report: Report,
) -> None:
    """Report cosignatures of this checkpoint. They count only for a key that the reader already had."""
    note = _witnessed(files, keys, checkpoint, report)
    signatures = () if note is None else note.signatures
    own = SignedNote.parse(files["checkpoint.txt"].decode()).signatures
    for signature in (it for it in signatures if it not in own):
        known = [key for key in witnesses if key.name == signature.name]
        if signature.name == checkpoint.origin:
            report.say("a witness's line has the log's own name", held=False)
        elif not known:
            report.limits.append(
                f"that the witness {signature.name} saw this checkpoint: not checked, no key given for"
                f" {signature.name} (--witness-key)"
            )
        elif note is not None and any(
            key.id == signature.id and key.verifies(signature.value, note.text.encode()) for key in known
        ):
            _say_cosigned(signature, latest_moment(events), report)
        else:
            report.say(f"the line of the witness {signature.name} does not verify", held=False)
    for name in sorted({key.name for key in witnesses} - {it.name for it in signatures}):
        report.say(f"there is no line of the witness {name} in it", held=False)


def _say_cosigned(signature: Signature, latest: datetime | None, report: Report) -> None:
    """Report the time in a witness's verified signature (C2SP tlog-cosignature)."""
    told, moment = f"the witness {signature.name} signed this checkpoint", cosigned_at(signature.value)
    if moment is None:  # by an ordinary key, which states none
        report.say(f"{told}: verified")
        return
    at = datetime.fromtimestamp(moment, UTC)
    if latest is not None and at + CLOCKS_APART < latest:
        report.say(f"{told} at {rfc3339(at)}, which is before the last event in it", held=False)
    else:
        report.say(f"{told} at {rfc3339(at)}: verified")


def _witnessed(
    files: dict[str, bytes], keys: Sequence[VerifierKey], checkpoint: Checkpoint, report: Report
) -> SignedNote | None:
    data = files.get("witnessed-checkpoint.txt")
    if data is None:
        return None
    try:
        if open_checkpoint(data.decode(), keys) == checkpoint:
            return SignedNote.parse(data.decode())
    except (NoteBroken, UnicodeDecodeError):
        pass
    report.say("witnessed-checkpoint.txt is not this checkpoint, signed by the log", held=False)
    return None
