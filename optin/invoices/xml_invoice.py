"""Read UBL 2.1 (Peppol, XRechnung) and CII (ZUGFeRD, Factur-X, XRechnung) into an invoice.

Namespaces of the parts are not looked at, only that of the root: ZUGFeRD 1.0 differs from 2 in little else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from optin.consent.email_and_telephone import EmailAddress, parse_email
from optin.invoices.invoice import CREDIT_CODES, REQUEST_CODES, Contact, Doubt, Invoice, Party, Syntax
from optin.invoices.xml_tree import XmlRefused, inside, local_name, namespace, parse_xml, text_at, text_of

MOST_CONTACTS = 50
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_CII = (
    "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:",
    "urn:ferd:CrossIndustryDocument:invoice:",
)
_KNOWN_CODES = CREDIT_CODES | REQUEST_CODES | frozenset({
    "80", "82", "84", "102", "130", "202", "203", "204", "211", "218", "219", "295", "326", "331", "380",
    "382", "383", "384", "385", "386", "387", "388", "389", "390", "393", "394", "395", "456", "457", "527",
    "553", "575", "623", "633", "751", "780", "817", "870", "875", "876", "877", "935",
})  # fmt: skip
_AMOUNT = re.compile(r"[+-]?\d{1,18}(\.\d{1,9})?", re.ASCII)
_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:\D.*|\d{4}|\d{6})?", re.ASCII)  # a zone or a time may follow


@dataclass(frozen=True)
class _Words:
    """The parts of an invoice in one of the syntaxes, as paths of local names."""

    number: tuple[str, ...]
    issued: tuple[str, ...]
    type_code: tuple[str, ...]
    seller: tuple[str, ...]
    buyer: tuple[str, ...]
    amount: tuple[str, ...]
    currency: tuple[str, ...]


_IN_UBL = _Words(
    number=("ID",),
    issued=("IssueDate",),
    type_code=("InvoiceTypeCode", "CreditNoteTypeCode"),
    seller=("AccountingSupplierParty",),
    buyer=("AccountingCustomerParty",),
    amount=("LegalMonetaryTotal/TaxInclusiveAmount", "LegalMonetaryTotal/PayableAmount"),
    currency=("DocumentCurrencyCode",),
)
_DEAL, _OLD = "SupplyChainTradeTransaction/", "SpecifiedSupplyChainTradeTransaction/"
_SETTLED, _OLD_SETTLED = (
    f"{_DEAL}ApplicableHeaderTradeSettlement/",
    f"{_OLD}ApplicableSupplyChainTradeSettlement/",
)
_SUM, _OLD_SUM = (
    f"{_SETTLED}SpecifiedTradeSettlementHeaderMonetarySummation/",
    f"{_OLD_SETTLED}SpecifiedTradeSettlementMonetarySummation/",
)
_AGREED, _OLD_AGREED = (
    f"{_DEAL}ApplicableHeaderTradeAgreement/",
    f"{_OLD}ApplicableSupplyChainTradeAgreement/",
)
_IN_CII = _Words(
    number=("ExchangedDocument/ID", "HeaderExchangedDocument/ID"),
    issued=(
        "ExchangedDocument/IssueDateTime/DateTimeString",
        "HeaderExchangedDocument/IssueDateTime/DateTimeString",
    ),
    type_code=("ExchangedDocument/TypeCode", "HeaderExchangedDocument/TypeCode"),
    seller=(f"{_AGREED}SellerTradeParty", f"{_OLD_AGREED}SellerTradeParty"),
    buyer=(f"{_AGREED}BuyerTradeParty", f"{_OLD_AGREED}BuyerTradeParty"),
    amount=(
        f"{_SUM}GrandTotalAmount",
        f"{_OLD_SUM}GrandTotalAmount",
        f"{_SUM}DuePayableAmount",
        f"{_OLD_SUM}DuePayableAmount",
    ),
    currency=(f"{_SETTLED}InvoiceCurrencyCode", f"{_OLD_SETTLED}InvoiceCurrencyCode"),
)


def read_xml_invoice(data: bytes) -> Invoice:
    """Return what an XML invoice says. Raises XmlRefused."""
    root = _invoice_in(parse_xml(data))
    if local_name(root) in {"Invoice", "CreditNote"} and namespace(root).startswith(_UBL):
        return _invoice(root, Syntax.UBL, _IN_UBL)
    if namespace(root).startswith(_CII):
        return _invoice(root, Syntax.CII, _IN_CII)
    msg = "is XML, but no invoice in UBL or CII"
    raise XmlRefused(msg)


def _invoice_in(root: Any) -> Any:
    """Return the invoice of an envelope as Peppol sends it (SBDH), else the root itself."""
    if local_name(root) != "StandardBusinessDocument":
        return root
    return next((it for name in ("Invoice", "CreditNote") for it in inside(root, name)), root)


def _invoice(root: Any, syntax: Syntax, words: _Words) -> Invoice:
    number = text_at(root, *words.number)
    if not number:
        msg = "is an invoice without a number"
        raise XmlRefused(msg)
    usual = "381" if local_name(root) == "CreditNote" else "380"
    type_code = text_at(root, *words.type_code) or usual
    doubts = [] if type_code in _KNOWN_CODES else [Doubt.UNKNOWN_TYPE]
    if usual in CREDIT_CODES and type_code not in CREDIT_CODES:
        type_code = usual  # the document's name is stronger: what it says costs the customer nothing
    party = _ubl_party if syntax is Syntax.UBL else _cii_party
    buyer = party(_first(root, words.buyer), doubts)
    return Invoice(
        number=number,
        issued=_day(text_at(root, *words.issued)),
        type_code=type_code,
        seller=party(_first(root, words.seller), []),
        buyer=buyer,
        amount=_amount(text_at(root, *words.amount)),
        currency=text_at(root, *words.currency),
        syntax=syntax,
        doubts=tuple(dict.fromkeys(doubts)),
    )


def _first(root: Any, paths: tuple[str, ...]) -> Any:
    return next((it for path in paths for it in inside(root, path)), None)


def _day(text: str) -> date:
    found = _DAY.fullmatch(text)
    try:
        if found is not None:
            return date(*map(int, found.groups()))
    except ValueError:
        pass
    msg = "is an invoice without the day on which it was made"
    raise XmlRefused(msg)


def _amount(text: str) -> Decimal | None:
    if not text:
        return None
    if not _AMOUNT.fullmatch(text):
        msg = "is an invoice with an amount that is no number"
        raise XmlRefused(msg)
    return Decimal(text)


def _ubl_party(around: Any, doubts: list[Doubt]) -> Party:
    """Read AccountingSupplierParty or AccountingCustomerParty; its contacts stand in it and in its Party."""
    party = None if around is None else _first(around, ("Party",))
    if party is None:
        return Party()
    person = " ".join(filter(None, (text_at(party, "Person/FirstName"), text_at(party, "Person/FamilyName"))))
    name = text_at(party, "PartyLegalEntity/RegistrationName", "PartyName/Name") or person
    vat = [it for it in inside(party, "PartyTaxScheme") if text_at(it, "TaxScheme/ID").upper() in {"VAT", ""}]
    found = [
        *inside(party, "Contact"),
        *inside(party, "Person/Contact"),
        *inside(around, "AccountingContact"),
        *inside(around, "BuyerContact"),
    ]
    contacts = (
        _contact(text_at(it, "Name"), text_at(it, "Telephone"), text_at(it, "ElectronicMail"), doubts)
        for it in found[:MOST_CONTACTS]
    )
    return Party(
        name=name,
        ids=_texts(inside(party, "PartyIdentification/ID")),
        company_id=text_at(party, "PartyLegalEntity/CompanyID"),
        vat_id=next(filter(None, (text_at(it, "CompanyID") for it in vat)), ""),
        endpoint=text_at(party, "EndpointID"),
        contacts=_told(contacts),
    )


def _cii_party(party: Any, doubts: list[Doubt]) -> Party:
    """Read SellerTradeParty or BuyerTradeParty."""
    if party is None:
        return Party()
    taxes = [it for it in inside(party, "SpecifiedTaxRegistration/ID") if it.get("schemeID", "VA") == "VA"]
    contacts = (
        _contact(
            text_at(it, "PersonName", "DepartmentName"),
            text_at(it, "TelephoneUniversalCommunication/CompleteNumber"),
            text_at(it, "EmailURIUniversalCommunication/URIID"),
            doubts,
        )
        for it in [*inside(party, "DefinedTradeContact")][:MOST_CONTACTS]
    )
    return Party(
        name=text_at(party, "Name"),
        ids=_texts([*inside(party, "ID"), *inside(party, "GlobalID")]),
        company_id=text_at(party, "SpecifiedLegalOrganization/ID"),
        vat_id=next(iter(_texts(taxes)), ""),
        endpoint=text_at(party, "URIUniversalCommunication/URIID"),
        contacts=_told(contacts),
    )


def _contact(name: str, telephone: str, email: str, doubts: list[Doubt]) -> Contact:
    return Contact(name, telephone, _email(email, doubts))


def _email(text: str, doubts: list[Doubt]) -> EmailAddress | None:
    if not text:
        return None
    try:
        return parse_email(text.removeprefix("mailto:"))
    except ValueError:
        doubts.append(Doubt.BAD_EMAIL)
        return None


def _told(contacts: Iterator[Contact]) -> tuple[Contact, ...]:
    """Return the contacts that say something, each once."""
    return tuple(it for it in dict.fromkeys(contacts) if it != Contact())


def _texts(elements: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for it in elements if (text := text_of(it))))
