"""Find checkpoints in what somebody kept: a note, a proof, a receipt mail, its proof.zip, a bundle."""

from __future__ import annotations

from optin.proof.bundle_zip_file import unpack
from optin.proof.inclusion_proof import ENDING
from optin.proof.inclusion_proof import HEADER as PROOF_HEADER
from optin.proof.receipt_files import files_of_mail, is_receipt


def checkpoints_in(data: bytes) -> list[str]:
    """Return the checkpoints in a file from outside: a note, a proof, a receipt mail or file, a bundle.

    Raises BundleBroken.
    """
    if data.startswith(b"PK"):
        files = unpack(data)
        return _of_proofs(files) if is_receipt(files) else [_text(files.get("checkpoint.txt", b""))]
    text = _text(data)
    if text.startswith(PROOF_HEADER):
        return [text.partition("\n\n")[2]]
    return _of_proofs(files_of_mail(data)) or [text]


def _of_proofs(files: dict[str, bytes]) -> list[str]:
    return sorted({_text(data).partition("\n\n")[2] for name, data in files.items() if name.endswith(ENDING)})


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").replace("\r\n", "\n")
