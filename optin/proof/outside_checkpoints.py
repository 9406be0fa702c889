"""Find checkpoints in what somebody kept: a note, a proof, a receipt mail, a bundle."""

from __future__ import annotations

import email
import email.policy
from email.message import Message

from optin.proof.bundle_archive import unpack
from optin.proof.inclusion import ENDING
from optin.proof.inclusion import HEADER as PROOF_HEADER


def checkpoints_in(data: bytes) -> list[str]:
    """Return the checkpoints in a file from outside: a note, a proof, a receipt mail, a bundle."""
    if data.startswith(b"PK"):
        return [unpack(data).get("checkpoint.txt", b"").decode("utf-8", "replace")]
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    if text.startswith(PROOF_HEADER):
        return [text.partition("\n\n")[2]]
    mail = email.message_from_bytes(data, policy=email.policy.default)
    proofs = [part for part in mail.walk() if (part.get_filename() or "").endswith(ENDING)]
    notes = {_text_of(part).partition("\n\n")[2] for part in proofs}
    return sorted(notes) or [text]


def _text_of(part: Message) -> str:
    """Return an attached text as UTF-8, whatever encoding the mail names."""
    data = part.get_payload(decode=True)
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else ""
    return text.replace("\r\n", "\n")
