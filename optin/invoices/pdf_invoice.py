"""Find the XML invoice in a PDF (Factur-X, ZUGFeRD), and hold it against what the pages show.

Nothing here proves a signature: only that a signed file was not continued after it was signed.
"""

from __future__ import annotations

import io
import logging
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from optin.invoices.invoice import Doubt, Invoice
from optin.invoices.xml_invoice import read_xml_invoice
from optin.invoices.xml_tree import XmlRefused

MOST_XML_BYTES = 10_000_000
MOST_ATTACHMENTS = 50
MOST_PAGES = 20  # the number stands on the first, the amount on the last
MOST_SIGNATURES = 50
_STANDARD_NAMES = ("factur-x.xml", "zugferd-invoice.xml", "xrechnung.xml")
_NOT_WORDS = re.compile(r"[\W_]+")
_HIDDEN = "\N{SOFT HYPHEN}\N{ZERO WIDTH SPACE}"


class PdfRefused(Exception):
    """The PDF cannot be opened. The message continues "The file …"; `cure` says what to do."""

    def __init__(self, problem: str, cure: str) -> None:
        """Take the problem and its cure."""
        super().__init__(problem)
        self.cure = cure


@dataclass(frozen=True)
class PdfContent:
    """What a PDF holds for us: its XML invoice, if any, and what is doubtful about it."""

    invoice: Invoice | None
    doubts: tuple[Doubt, ...]


def read_pdf_invoice(data: bytes) -> PdfContent:
    """Return the invoice inside a PDF. Raises PdfRefused, and XmlRefused for a damaged factur-x.xml.

    A PDF that only shows its pages, and none of its structure, is one without XML.
    """
    try:
        return _content(data)
    except (PdfRefused, XmlRefused):
        raise
    except Exception as problem:  # a broken PDF raises nearly everything in pypdf
        if _printed_text(data) is not None:
            return PdfContent(None, ())
        msg = "is a damaged PDF"
        raise PdfRefused(msg, "Save or scan it again.") from problem


def _content(data: bytes) -> PdfContent:
    from pypdf import PdfReader  # noqa: PLC0415 - heavy, and seldom needed

    # 1. open it
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it tells of each flaw; ours is one sentence
    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        msg = "is a PDF with a password"
        raise PdfRefused(msg, "Save it without one.")
    if not len(reader.pages):
        msg = "is a PDF without pages"
        raise PdfRefused(msg, "Save or scan it again.")
    # 2. look for what was added to a signed file, and for XML
    doubts = [Doubt.CHANGED_AFTER_SIGNING] if _changed_after_signing(reader, len(data)) else []
    invoices = [*_invoices(reader)]
    if not invoices:
        return PdfContent(None, tuple(doubts))
    first = replace(invoices[0], in_pdf=True)
    if any(replace(it, in_pdf=True) != first for it in invoices[1:]):
        doubts.append(Doubt.TWO_INVOICES)
    # 3. hold the XML against the pages
    doubts += [*first.doubts, *_not_printed(first, _printed_text(data) or "")]
    return PdfContent(replace(first, doubts=tuple(doubts)), tuple(doubts))


def _invoices(reader: Any) -> Iterator[Invoice]:
    """Yield the XML invoices among the attachments, those of a standard name first.

    Raises XmlRefused where an attachment of a standard name is none.
    """
    attached = sorted(_attachments(reader), key=lambda it: it[0].lower() not in _STANDARD_NAMES)
    for name, data in attached:
        try:
            yield read_xml_invoice(data)
        except XmlRefused:
            if name.lower() in _STANDARD_NAMES:
                raise


def _attachments(reader: Any) -> Iterator[tuple[str, bytes]]:
    """Yield names and bytes of what may be an invoice: by its name, or tied to the document (ISO 32000-2)."""
    from pypdf.generic import EmbeddedFile  # noqa: PLC0415 - as above

    root: Any = reader.root_object
    associated = [
        EmbeddedFile(str(it.get_object().get("/UF", it.get_object().get("/F", ""))), it.get_object())
        for it in root.get("/AF", ())
    ]
    seen = set()
    for file in [*reader.attachment_list, *associated][:MOST_ATTACHMENTS]:
        name = str(file.name)
        if not name.lower().endswith(".xml") and file.associated_file_relationship == "/Unspecified":
            continue
        data = file.content
        if len(data) > MOST_XML_BYTES:
            msg = "holds an XML invoice that is larger than any"
            raise XmlRefused(msg)
        if data not in seen:
            seen.add(data)
            yield name, data


def _changed_after_signing(reader: Any, size: int) -> bool:
    """Return whether bytes follow what the last signature covers (ISO 32000-2, 12.8.1: ByteRange)."""
    form = reader.root_object.get("/AcroForm")
    fields = [] if form is None else [*form.get_object().get("/Fields", ())][:MOST_SIGNATURES]
    ends = []
    for it in fields:
        signature = it.get_object().get("/V")  # of a text field, a text
        if hasattr(signature, "get_object") and hasattr(signature := signature.get_object(), "get"):
            covered = signature.get("/ByteRange") or (0, size)
            ends.append(int(covered[-2]) + int(covered[-1]))
    trailing_line_ends = 2
    return bool(ends) and max(ends) + trailing_line_ends < size


def _printed_text(data: bytes) -> str | None:
    """Return the text of the first and last pages; None for a PDF that cannot be shown."""
    import pypdfium2  # noqa: PLC0415 - as above

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError:
        return None
    try:
        count = len(document)
        numbers = sorted({*range(min(count, MOST_PAGES)), *range(max(0, count - MOST_PAGES), count)})
        return "\n".join(document[number].get_textpage().get_text_bounded() for number in numbers)
    except pypdfium2.PdfiumError:
        return None
    finally:
        document.close()


def _not_printed(invoice: Invoice, text: str) -> Iterator[Doubt]:
    """Yield a doubt for each thing that the XML says and the pages do not show."""
    printed = _plain(text)
    if not printed:
        yield Doubt.NO_TEXT
        return
    if _plain(invoice.number) not in printed:
        yield Doubt.NUMBER_NOT_PRINTED
    if invoice.amount is not None and _plain(f"{invoice.amount:.2f}") not in printed:
        yield Doubt.AMOUNT_NOT_PRINTED  # 1.234,50 and 1,234.50 are alike without their points
    if any(_plain(email) not in printed for email in invoice.buyer.emails):
        yield Doubt.EMAIL_NOT_PRINTED


def _plain(text: str) -> str:
    """Return letters and digits alone: pages break lines anywhere, and space their figures."""
    text = unicodedata.normalize("NFKC", text.translate({ord(it): None for it in _HIDDEN}))
    return _NOT_WORDS.sub("", text).casefold()
