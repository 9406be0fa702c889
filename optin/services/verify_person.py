"""Verify the evidence about one person on the spot, as `optin evidence` and `optin verify` do (K4)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from optin.consent.email_and_telephone import EmailAddress
from optin.proof.bundle_report import Report
from optin.proof.bundle_zip_file import BundleBroken, unpack
from optin.proof.signed_notes import Checkpoint, SignedNote
from optin.proof.verify_bundle import OutsideEvidence, verify_bundle
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.installation import Installation
from optin.services.site_edition import Edition
from optin.theme.verification_guide import instruction_files


@dataclass(frozen=True)
class VerifiedPerson:
    """What a verification found. `lines`: each sentence (English) with whether it holds.

    `checkpoint`: how many events the signed total of the log is about; `digest`: SHA-256 of the bundle.
    """

    lines: tuple[tuple[bool, str], ...]
    limits: tuple[str, ...]
    checkpoint: int
    digest: str
    bundle: bytes

    @property
    def held(self) -> int:
        """How many sentences hold."""
        return sum(held for held, _ in self.lines)

    @property
    def faults(self) -> tuple[str, ...]:
        """The sentences that do not hold."""
        return tuple(sentence for held, sentence in self.lines if not held)

    @property
    def holds(self) -> bool:
        """Whether there is evidence, and every sentence holds."""
        return bool(self.lines) and not self.faults


def verify_person(edition: Edition, installation: Installation, address: EmailAddress) -> VerifiedPerson:
    """Make the bundle of an address, and verify it from its files alone. Takes a moment: run it in a thread.

    Raises RequestRefused when no evidence is kept about it.
    """
    bundle = make_bundle(edition, installation, address)
    checkpoint = 0
    try:
        files = unpack(bundle)
        checkpoint = Checkpoint.read(SignedNote.parse(files["checkpoint.txt"].decode())).size
        outside = OutsideEvidence(written=instruction_files())
        report = verify_bundle(files, installation.clock(), (), outside)
    except BundleBroken as problem:
        report = Report(lines=[(False, str(problem))])
    return VerifiedPerson(
        tuple(report.lines),
        tuple(dict.fromkeys(report.limits)),
        checkpoint,
        hashlib.sha256(bundle).hexdigest(),
        bundle,
    )
