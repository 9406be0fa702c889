"""Files that staff hands in as evidence, read from the disk."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from optin.errors import RequestRefused
from optin.flows.bases.record_basis import FILE_BYTES, EvidenceFile
from optin.invoices.customer_statement import media_type
from optin.invoices.invoice import Invoice, UnreadInvoice
from optin.invoices.read_invoice import MOST_BYTES, read_invoice


def evidence_file(path: Path) -> tuple[EvidenceFile, Invoice | UnreadInvoice]:
    """Return a file of evidence, and the invoice in it: XML, a PDF or a picture. Raises RequestRefused."""
    data = _read(path, MOST_BYTES)
    read = read_invoice(data, path.name)
    return EvidenceFile(path.name, data, media_type(read)), read


def any_file(path: Path) -> EvidenceFile:
    """Return a file of evidence of whatever type, such as a mail. Raises RequestRefused."""
    return EvidenceFile(path.name, _read(path, FILE_BYTES), mimetypes.guess_type(path.name)[0] or "")


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most + 1)  # of a larger one so much that this is seen
    except OSError as problem:
        msg = f"{path.name} cannot be read ({problem.strerror})."
        raise RequestRefused(msg) from None
