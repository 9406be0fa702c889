"""What an invoice says that proves a sale, named after the terms of EN 16931 (BT-1 and so on)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from optin.consent.email_and_telephone import EmailAddress

# UNTDID 1001, as EN 16931 takes it
CREDIT_CODES = frozenset({
    "81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "502", "503", "532",
})  # fmt: skip
REQUEST_CODES = frozenset({"71", "325"})  # a request for payment, a proforma: nothing was sold yet


class Syntax(StrEnum):
    """The language that an invoice is written in."""

    UBL = "UBL"  # Peppol, XRechnung, the Belgian B2B invoices
    CII = "CII"  # ZUGFeRD, Factur-X, XRechnung


class PaperFormat(StrEnum):
    """A format that only people can read."""

    PDF = "PDF"
    PNG = "PNG"
    JPEG = "JPEG"
    WEBP = "WebP"
    TIFF = "TIFF"


class Doubt(StrEnum):
    """A reason to look at the file before it counts as evidence; the value is a sentence for staff."""

    NUMBER_NOT_PRINTED = "The pages of the PDF do not show the invoice number that its XML gives."
    AMOUNT_NOT_PRINTED = "The pages of the PDF do not show the amount that its XML gives."
    EMAIL_NOT_PRINTED = "The pages of the PDF do not show the customer's e-mail address that its XML gives."
    NO_TEXT = "The pages of the PDF hold no text, so nothing shows that its XML says the same."
    TWO_INVOICES = "The PDF holds two XML invoices that differ; the first one was read."
    CHANGED_AFTER_SIGNING = "The PDF was changed after it was signed."
    BAD_EMAIL = "The customer's e-mail address in the invoice is not a valid one."
    UNKNOWN_TYPE = "The type of the invoice is not a code that EN 16931 knows."


@dataclass(frozen=True)
class Contact:
    """A person or department at the customer's (BT-56, 57, 58). Empty or None where nothing is said."""

    name: str = field(default="", repr=False)
    telephone: str = field(default="", repr=False)  # as written: it may lack the country
    email: EmailAddress | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Party:
    """The seller or the buyer. Texts are as written; empty where nothing is said."""

    name: str = field(default="", repr=False)  # BT-27, BT-44
    ids: tuple[str, ...] = field(default=(), repr=False)  # BT-29, BT-46: such as a customer number
    company_id: str = field(default="", repr=False)  # BT-30, BT-47
    vat_id: str = field(default="", repr=False)  # BT-31, BT-48
    endpoint: str = field(default="", repr=False)  # BT-34, BT-49: where the party receives invoices
    contacts: tuple[Contact, ...] = ()

    @property
    def emails(self) -> tuple[EmailAddress, ...]:
        """The addresses of its contacts, each once. `endpoint` is for invoices, so it names no person."""
        return tuple(dict.fromkeys(it.email for it in self.contacts if it.email is not None))


@dataclass(frozen=True)
class Invoice:
    """An invoice that a program could read. `type_code`: UNTDID 1001 (380 invoice, 381 credit note)."""

    number: str  # BT-1
    issued: date  # BT-2
    type_code: str  # BT-3
    seller: Party
    buyer: Party
    amount: Decimal | None  # BT-112, with VAT; else BT-115; None where it is not said
    currency: str  # BT-5, ISO 4217
    syntax: Syntax
    in_pdf: bool = False
    doubts: tuple[Doubt, ...] = ()

    @property
    def is_credit(self) -> bool:
        """Whether it gives money back, by its type or by an amount below zero."""
        return self.type_code in CREDIT_CODES or (self.amount is not None and self.amount < 0)

    @property
    def is_request(self) -> bool:
        """Whether it asks for payment before anything was sold: a proforma invoice."""
        return self.type_code in REQUEST_CODES


@dataclass(frozen=True)
class UnreadInvoice:
    """A file that is kept as it is and read by people alone: a scan, a PDF without XML."""

    format: PaperFormat
    doubts: tuple[Doubt, ...] = ()
