"""The files of a receipt: packed as proof.zip, and found again in a mail.

A mail of an earlier version has each file attached by itself; both are read.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Mapping

from optin.proof.bundle_zip_file import MAX_BYTES, BundleBroken, unpack
from optin.proof.inclusion_proof import ENDING

PROOF_FILE = "proof.zip"
OF_A_RECEIPT = frozenset(
    {"README.txt", "consent-receipt.jsonld", "declaration.json", "declaration.salt", "log-keys.txt"}
)


def is_receipt(files: Mapping[str, bytes]) -> bool:
    """Return whether files are those of a receipt, not of a bundle, which has its proofs in a folder."""
    return any(name.endswith(ENDING) and "/" not in name for name in files)


def files_of_receipt(data: bytes) -> dict[str, bytes]:
    """Return the files of proof.zip, of a bundle, or of a receipt mail. Raises BundleBroken."""
    if data.startswith(b"PK"):
        return _unpacked(data)
    files = files_of_mail(data)
    if not is_receipt(files):
        msg = "The file is no evidence: give a bundle (.zip), proof.zip, or a receipt mail (.eml)."
        raise BundleBroken(msg)
    return files


def files_of_mail(data: bytes) -> dict[str, bytes]:
    """Return the attached files of a receipt mail by name; empty for what is no mail. Raises BundleBroken."""
    files: dict[str, bytes] = {}
    for name, content in _attached(data):
        for inside, part in (_unpacked(content) if name == PROOF_FILE else {name: content}).items():
            if files.get(inside, part) != part:  # readers would differ in which one they believe
                msg = f"The mail has two different files named {inside}."
                raise BundleBroken(msg)
            files[inside] = part
        if sum(map(len, files.values())) > MAX_BYTES:
            msg = "The mail is larger inside than any receipt."
            raise BundleBroken(msg)
    return files


def _unpacked(data: bytes) -> dict[str, bytes]:
    """Return the files of an archive. Raises BundleBroken, also for a file of no receipt."""
    files = unpack(data)
    foreign = [name for name in files if name not in OF_A_RECEIPT and not name.endswith(ENDING)]
    if is_receipt(files) and foreign:
        msg = f"The archive has a file in it that no receipt has: {foreign[0]}."
        raise BundleBroken(msg)
    return files


def _attached(data: bytes) -> list[tuple[str, bytes]]:
    """Return the name and content of each attached file. Raises BundleBroken."""
    try:
        parts = email.message_from_bytes(data, policy=email.policy.default).walk()
        found = [(part.get_filename() or "", part.get_payload(decode=True)) for part in parts]
    except RecursionError:
        msg = "The mail is nested deeper than any receipt."
        raise BundleBroken(msg) from None
    return [(name, content) for name, content in found if name and isinstance(content, bytes)]
