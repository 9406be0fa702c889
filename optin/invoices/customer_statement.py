"""What is put on record about a customer: what staff states, held against what the invoice says (L2, L3).

Pure. Where both say something, they must agree; where neither does, the statement is refused. Nothing is
guessed: a condition of the exception for existing customers that nobody states is not met.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NoReturn

from optin.bases.basis_part import SUBSCRIBER
from optin.bases.contract import (
    BY_INVOICE,
    BY_STAFF,
    DOUBTS,
    LINKED,
    NUMBER,
    OWN_SALE,
    PART,
    PRODUCT,
    SELLER,
    TOLD,
    CustomerSale,
)
from optin.consent.channel import MAILBOX, TELEPHONE
from optin.consent.email_and_telephone import EmailAddress, address_key, parse_email, parse_phone
from optin.consent.held_basis import BasisStatement, BasisTerm
from optin.consent.purpose import Controller
from optin.errors import InvoiceRefused, RequestRefused
from optin.invoices.invoice import Contact, Doubt, Invoice, PaperFormat, UnreadInvoice
from optin.invoices.read_invoice import customer_address, sold_by, verify_sale
from optin.settings.bases import Product

# somebody must look at the file first; other doubts are noted
TO_LOOK_AT = frozenset({
    Doubt.CHANGED_AFTER_SIGNING, Doubt.TWO_INVOICES, Doubt.NUMBER_NOT_PRINTED, Doubt.NO_TEXT,
})  # fmt: skip
_MEDIA_TYPES = {
    PaperFormat.PDF: "application/pdf",
    PaperFormat.PNG: "image/png",
    PaperFormat.JPEG: "image/jpeg",
    PaperFormat.WEBP: "image/webp",
    PaperFormat.TIFF: "image/tiff",
}


@dataclass(frozen=True)
class StatedCustomer:
    """What staff states about a customer. Empty or None: left to the invoice, or not stated.

    `linked`: how it is known that the address is the customer's, where the invoice does not show it.
    `checked`: what somebody saw who looked at a doubtful file.
    """

    who: str
    product: str
    email: EmailAddress | None = field(default=None, repr=False)
    phone: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    number: str = ""
    day: date | None = None
    told_at_collection: str = ""
    own_sale: str = ""
    linked: str = ""
    checked: str = ""
    subscriber: str = ""
    lang: str = ""
    source: str = ""


@dataclass(frozen=True)
class SalesSetting:
    """What the site says of the sale: who sells, and the line of products that was bought."""

    controller: Controller
    country: str  # reads national telephone numbers
    line: Product


def customer_sale(
    stated: StatedCustomer, read: Invoice | UnreadInvoice, file: str, setting: SalesSetting, today: date
) -> CustomerSale:
    """Return what is put on record about a customer. Raises InvoiceRefused.

    `file`: the invoice's name, for the sentence of a refusal. `today`: the day (UTC).
    """
    # 1. The file is a sale, and nothing is wrong with it that somebody must look at first.
    invoice = read if isinstance(read, Invoice) else None
    if invoice is not None:
        verify_sale(invoice, file, today)
    doubts = _doubts(read, file, stated.checked)
    # 2. Whom it is about, which document, of which day: what was stated must be what is written.
    email, linked = _customer(stated, invoice, file)
    contact = _contact(invoice, email)
    number = _number(stated.number, invoice, file)
    addresses = {MAILBOX.field: email, TELEPHONE.field: _phone(stated.phone, contact, file, setting.country)}
    name = _name(stated.name, invoice, contact, file)
    # 3. What the file and the statements show.
    own = invoice is None or sold_by(invoice, setting.controller)
    seller = setting.controller.name if invoice is None or own else invoice.seller.name
    seen = (*(it.value for it in doubts), stated.checked) if doubts else ()
    statement = BasisStatement(
        basis=PART.name,
        at="",
        who=stated.who,
        addresses=_filled(addresses),
        term=BasisTerm(_day(stated.day, invoice, file), setting.line.life_cycle.text),
        source=stated.source,
        lang=stated.lang,
        person=_filled({"name": name, SUBSCRIBER: stated.subscriber}),
        facts=_filled({
            PRODUCT: stated.product,
            NUMBER: number,
            SELLER: "" if invoice is None else invoice.seller.name,
            LINKED: linked,
            DOUBTS: " ".join(seen),
        }),
        met=_filled({
            OWN_SALE: _own_sale(stated, invoice, setting.controller),
            TOLD: _by(stated.who, stated.told_at_collection),
        }),
    )  # fmt: skip
    reference = f"Invoice {number} of {seller}"
    return CustomerSale(statement, reference, f"invoice {number}")


def _doubts(read: Invoice | UnreadInvoice, file: str, checked: str) -> tuple[Doubt, ...]:
    """Return what is doubtful about a file. Raises InvoiceRefused where nobody looked at it who should."""
    to_look_at = [it for it in read.doubts if it in TO_LOOK_AT]
    if to_look_at and not checked:
        problem = f"must be looked at first: {' '.join(it.value for it in to_look_at)}".removesuffix(".")
        raise InvoiceRefused(file, problem, "If it is in order, state what you saw (checked).")
    return read.doubts


def _customer(stated: StatedCustomer, invoice: Invoice | None, file: str) -> tuple[EmailAddress, str]:
    """Return the customer's address, and what shows that it is theirs. Raises InvoiceRefused."""
    if invoice is None:
        if stated.email is None:
            raise InvoiceRefused(file, "cannot be read by a program", "Name the customer's e-mail address.")
        return stated.email, _by(stated.who, stated.linked) or BY_STAFF
    email = stated.email or customer_address(invoice, file)
    written = {address_key(it) for it in (*invoice.buyer.emails, *_endpoint(invoice))}
    if address_key(email) in written:
        return email, BY_INVOICE
    if stated.linked:
        return email, _by(stated.who, stated.linked)
    shown = ", ".join((*invoice.buyer.emails, *_endpoint(invoice))) or "no e-mail address"
    cure = "Correct the address, or state how you know that it is the customer's (linked)."
    raise InvoiceRefused(file, f"gives {shown} for the customer, and {email} was stated", cure)


def _endpoint(invoice: Invoice) -> Iterator[EmailAddress]:
    """Yield where the buyer receives invoices, if that is an e-mail address (BT-49)."""
    try:
        yield parse_email(invoice.buyer.endpoint)
    except ValueError:
        return


def _contact(invoice: Invoice | None, email: EmailAddress) -> Contact:
    contacts = () if invoice is None else invoice.buyer.contacts
    known = (it for it in contacts if it.email is not None and address_key(it.email) == address_key(email))
    return next(known, Contact())


def _number(stated: str, invoice: Invoice | None, file: str) -> str:
    stated = " ".join(stated.split())
    if invoice is None and not stated:
        raise InvoiceRefused(file, "cannot be read by a program", "State the invoice's number (number).")
    if invoice is not None and stated and stated != invoice.number:
        _differs(file, "number", invoice.number, stated)
    return stated if invoice is None else invoice.number


def _day(stated: date | None, invoice: Invoice | None, file: str) -> date:
    if invoice is None:
        if stated is None:
            raise InvoiceRefused(file, "cannot be read by a program", "State the day of the invoice (on).")
        return stated
    if stated not in {None, invoice.issued}:
        _differs(file, "day", str(invoice.issued), str(stated))
    return invoice.issued


def _phone(stated: str, contact: Contact, file: str, country: str) -> str:
    """Return the stated number. One that only the invoice gives is not taken over: nobody needs it."""
    if not stated.strip():
        return ""
    try:
        number = parse_phone(stated, country)
    except ValueError as problem:
        msg = f"{stated!r} is {problem}; leave it out or correct it."
        raise RequestRefused(msg) from None
    try:
        written = parse_phone(contact.telephone, country)
    except ValueError:
        return number
    if written != number:
        _differs(file, "telephone number", written, number)
    return number


def _name(stated: str, invoice: Invoice | None, contact: Contact, file: str) -> str:
    stated = " ".join(stated.split())
    if invoice is None:
        return stated
    written = [it for it in (contact.name, invoice.buyer.name) if it]
    if stated and written and stated.casefold() not in {it.casefold() for it in written}:
        _differs(file, "name", " and ".join(dict.fromkeys(written)), stated)
    return stated or next(iter(written), "")


def _differs(file: str, what: str, written: str, stated: str) -> NoReturn:
    problem = f"gives {written} as {what}, and {stated} was stated"
    raise InvoiceRefused(file, problem, "Correct what was stated, or add the right file.")


def _own_sale(stated: StatedCustomer, invoice: Invoice | None, controller: Controller) -> str:
    if stated.own_sale:
        return _by(stated.who, stated.own_sale)
    if invoice is not None and sold_by(invoice, controller):
        return BY_INVOICE
    return ""


def _by(who: str, text: str) -> str:
    return f"{text} ({who})" if text else ""


def media_type(read: Invoice | UnreadInvoice) -> str:
    """Return the media type of an invoice's file."""
    if isinstance(read, UnreadInvoice):
        return _MEDIA_TYPES[read.format]
    return "application/pdf" if read.in_pdf else "application/xml"


def _filled(texts: Mapping[str, str]) -> Mapping[str, str]:
    return {name: text for name, text in texts.items() if text}
