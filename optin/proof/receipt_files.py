"""The files of a receipt: packed as proof.zip, and found again in a mail.

A mail of an earlier version has each file attached by itself; both are read.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Mapping

from optin.proof.bundle_archive import BundleBroken, unpack
from optin.proof.inclusion import ENDING

PROOF_FILE = "proof.zip"


def is_receipt(files: Mapping[str, bytes]) -> bool:
    """Return whether files are those of a receipt, not of a bundle, which has its proofs in a folder."""
    return any(name.endswith(ENDING) and "/" not in name for name in files)


def files_of_receipt(data: bytes) -> dict[str, bytes]:
    """Return the files of proof.zip, of a bundle, or of a receipt mail. Raises BundleBroken."""
    if data.startswith(b"PK"):
        return unpack(data)
    files = files_of_mail(data)
    if not is_receipt(files):
        msg = "The file is no evidence: give a bundle (.zip), proof.zip, or a receipt mail (.eml)."
        raise BundleBroken(msg)
    return files


def files_of_mail(data: bytes) -> dict[str, bytes]:
    """Return the attached files of a receipt mail by name; empty for what is no mail. Raises BundleBroken."""
    files: dict[str, bytes] = {}
    for part in email.message_from_bytes(data, policy=email.policy.default).walk():
        content = part.get_payload(decode=True)
        name = part.get_filename() or ""
        if not isinstance(content, bytes) or not name:
            continue
        if name == PROOF_FILE:
            files |= unpack(content)
        else:
            files[name] = content
    return files
