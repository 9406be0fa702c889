"""Files that staff hands in as evidence, read from the disk."""

from __future__ import annotations

from pathlib import Path

from optin.errors import RequestRefused
from optin.flows.bases.record_basis import EvidenceFile
from optin.invoices.customer_statement import media_type
from optin.invoices.invoice import Invoice, UnreadInvoice
from optin.invoices.read_invoice import MOST_BYTES, read_invoice


def evidence_file(path: Path) -> tuple[EvidenceFile, Invoice | UnreadInvoice]:
    """Return a file of evidence, and the invoice in it: XML, a PDF or a picture. Raises RequestRefused."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)  # of a larger one so much that this is seen
    except OSError as problem:
        msg = f"{path.name} cannot be read ({problem.strerror})."
        raise RequestRefused(msg) from None
    read = read_invoice(data, path.name)
    return EvidenceFile(path.name, data, media_type(read)), read
