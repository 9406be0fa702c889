"""Read the file that proves a sale: XML, a PDF with or without XML inside, or a picture."""

from __future__ import annotations

import logging
import re
from datetime import date

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.purpose import Controller
from optin.errors import InvoiceRefused
from optin.invoices.invoice import Invoice, PaperFormat, UnreadInvoice
from optin.invoices.pdf_invoice import PdfRefused, read_pdf_invoice
from optin.invoices.xml_invoice import read_xml_invoice
from optin.invoices.xml_tree import XmlRefused

MOST_BYTES = 20_000_000
_PDF_WITHIN_BYTES = 1_024  # programs accept a PDF that begins a little later (ISO 32000-2, annex I)
_XML = re.compile(rb"(\xef\xbb\xbf)?\s*<|\xff\xfe<\0|\xfe\xff\0<|<\0|\0<")
_PICTURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), PaperFormat.PNG),
    (re.compile(rb"\xff\xd8\xff"), PaperFormat.JPEG),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), PaperFormat.WEBP),
    (re.compile(rb"II\*\0|MM\0\*"), PaperFormat.TIFF),
)
_AS_PDF = "Save it as PDF."
_MAIL = rb"(?:From|Received|Return-Path|Delivered-To|MIME-Version|Subject|Date|X-[\w-]+):? "
_OTHERS = (
    (rb".{4}ftyp(?:hei|hev|mif|avif)", "is a picture that few programs can show", "Save it as JPEG."),
    (rb"GIF8|BM", "is a picture of a format for screens", "Save it as PNG."),
    (rb"PK\x03\x04", "is packed, or of an office program", f"Unpack it. {_AS_PDF}"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is of an office program or a mailbox", _AS_PDF),
    (rb"\{\\rtf", "is of an office program", _AS_PDF),
    (_MAIL, "is a mail", "Save its attachment."),
)
_GET_AGAIN = "Get it again from where it was made."


def read_invoice(data: bytes, name: str) -> Invoice | UnreadInvoice:
    """Return what a file says about a sale; `UnreadInvoice` for one that only people can read.

    `name`: the file as the user knows it, for the sentence of a refusal; what a file is follows from its
    bytes. Raises InvoiceRefused.
    """
    if not data:
        raise InvoiceRefused(name, "is empty", _GET_AGAIN)
    if len(data) > MOST_BYTES:
        raise InvoiceRefused(name, f"is larger than {MOST_BYTES // 1_000_000} MB", "Save it smaller.")
    try:
        if b"%PDF-" in data[:_PDF_WITHIN_BYTES]:
            content = read_pdf_invoice(data)
            return content.invoice or UnreadInvoice(PaperFormat.PDF, content.doubts)
        if _XML.match(data):
            return read_xml_invoice(data)
    except PdfRefused as problem:
        raise InvoiceRefused(name, str(problem), problem.cure) from problem
    except XmlRefused as problem:
        cure = f"{_GET_AGAIN} An invoice of another kind is kept as a PDF."
        raise InvoiceRefused(name, str(problem), cure) from problem
    kind = next((kind for begin, kind in _PICTURES if begin.match(data)), None)
    if kind is not None:
        _require_picture(data, name)
        return UnreadInvoice(kind)
    for begin, problem_words, cure in _OTHERS:
        if re.match(begin, data, re.IGNORECASE | re.DOTALL):
            raise InvoiceRefused(name, problem_words, cure)
    raise InvoiceRefused(name, "is neither XML, nor a PDF, nor a picture", _AS_PDF)


def _require_picture(data: bytes, name: str) -> None:
    """Check that a picture can be opened and is whole. Raises InvoiceRefused."""
    import io  # noqa: PLC0415 - with the next one
    import warnings  # noqa: PLC0415 - with the next one

    from PIL import Image  # noqa: PLC0415 - heavy, and seldom needed

    try:
        logging.getLogger("PIL").setLevel(logging.CRITICAL)  # it tells of each flaw; ours is one sentence
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            Image.open(io.BytesIO(data)).verify()
    except Exception as problem:  # a broken picture raises nearly everything in Pillow
        raise InvoiceRefused(name, "is a damaged picture", "Scan or photograph it again.") from problem


def verify_sale(invoice: Invoice, name: str, today: date) -> None:
    """Check that an invoice proves a sale. Raises InvoiceRefused: a credit note, a proforma, a day to come.

    `today`: the day where the controller is.
    """
    if invoice.is_credit:
        problem = "gives money back, so it proves no sale"
        raise InvoiceRefused(name, problem, "Name the invoice that it corrects.")
    if invoice.is_request:
        problem = "asks for a payment before the sale"
        raise InvoiceRefused(name, problem, "Name the invoice that followed.")
    if invoice.issued > today:
        problem = f"is of {invoice.issued}, a day to come"
        raise InvoiceRefused(name, problem, "Check the day, or add it then.")


def customer_address(invoice: Invoice, name: str) -> EmailAddress:
    """Return the e-mail address of the customer's only contact that has one. Raises InvoiceRefused."""
    emails = invoice.buyer.emails
    if not emails:
        raise InvoiceRefused(
            name, "gives no e-mail address of a contact at the customer's", "Name it yourself."
        )
    if len(emails) > 1:
        problem = f"gives {len(emails)} e-mail addresses of contacts at the customer's"
        raise InvoiceRefused(name, problem, "Name the one that is meant.")
    return emails[0]


def sold_by(invoice: Invoice, controller: Controller) -> bool:
    """Return whether the seller is the controller: by name, or by a number in its register entry.

    The exception for existing customers takes own sales alone; a sister company is another seller.
    """
    if _same(invoice.seller.name) == _same(controller.name):
        return bool(_same(controller.name))
    register = _same(controller.register)
    fewest_digits = 6  # shorter ones stand in too many texts
    ids = (_same(it) for it in (invoice.seller.company_id, invoice.seller.vat_id))
    return any(len(it) >= fewest_digits and it in register for it in ids)


def _same(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()
