"""Invoices as bookkeeping programs write them: UBL, CII, and PDF with XML inside."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import date
from html import escape

from fpdf import FPDF
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, NameObject

UBL = "urn:oasis:names:specification:ubl:schema:xsd"
CII = "urn:un:unece:uncefact:data:standard"
OLD = "urn:ferd:CrossIndustryDocument:invoice:1p0"


@dataclass(frozen=True)
class Sample:
    """What a sample says."""

    number: str = "2026-0077"
    issued: str = "2026-11-02"
    code: str = "380"
    seller: str = "Voorbeeld Diensten B.V."
    seller_id: str = "12345678"
    buyer: str = "Bakkerij De Kråøn & Zn."
    contacts: tuple[tuple[str, str, str], ...] = (
        ("Alice Jansen", "+31 20 123 4567", "alice@bakkerij.example"),
    )
    amount: str = "1234.50"
    more: str = field(default="")  # further XML inside the root

    @property
    def day(self) -> date:
        return date.fromisoformat(self.issued)


ALICE = Sample()


def ubl(sample: Sample = ALICE, root: str = "Invoice") -> str:
    """Return a Peppol invoice or credit note."""
    name, phone, email = sample.contacts[0] if sample.contacts else ("", "", "")
    rest = "".join(
        f"<cac:BuyerContact><cbc:Name>{escape(it[0])}</cbc:Name><cbc:ElectronicMail>{it[2]}</cbc:ElectronicMail>"
        "</cac:BuyerContact>"
        for it in sample.contacts[1:]
    )
    contact = (
        f"""<cac:Contact>
        <cbc:Name>{escape(name)}</cbc:Name><cbc:Telephone>{phone}</cbc:Telephone>
        <cbc:ElectronicMail>
            {email}
        </cbc:ElectronicMail></cac:Contact>"""
        if sample.contacts
        else ""
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- made by a program -->
<{root} xmlns="{UBL}:{root}-2" xmlns:cbc="{UBL}:CommonBasicComponents-2"
  xmlns:cac="{UBL}:CommonAggregateComponents-2">
  <cbc:CustomizationID>urn:cen.eu:en16931:2017</cbc:CustomizationID>
  <cbc:ID> {escape(sample.number)}
  </cbc:ID>
  <cbc:IssueDate>{sample.issued}</cbc:IssueDate>
  <cbc:{root}TypeCode>{sample.code}</cbc:{root}TypeCode>
  <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
  <cac:AccountingSupplierParty><cac:Party>
    <cac:PartyName><cbc:Name>Voorbeeld</cbc:Name></cac:PartyName>
    <cac:PartyTaxScheme><cbc:CompanyID>NL001234567B01</cbc:CompanyID>
      <cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
    <cac:PartyLegalEntity><cbc:RegistrationName>{escape(sample.seller)}</cbc:RegistrationName>
      <cbc:CompanyID schemeID="0106">{sample.seller_id}</cbc:CompanyID></cac:PartyLegalEntity>
  </cac:Party></cac:AccountingSupplierParty>
  <cac:AccountingCustomerParty><cac:Party>
    <cbc:EndpointID schemeID="EM">facturen@bakkerij.example</cbc:EndpointID>
    <cac:PartyIdentification><cbc:ID>K-41</cbc:ID></cac:PartyIdentification>
    <cac:PartyTaxScheme><cbc:CompanyID>NL009999999B01</cbc:CompanyID>
      <cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
    <cac:PartyLegalEntity><cbc:RegistrationName>{escape(sample.buyer)}</cbc:RegistrationName>
      <cbc:CompanyID>87654321</cbc:CompanyID></cac:PartyLegalEntity>
    {contact}
  </cac:Party>{rest}</cac:AccountingCustomerParty>
  <cac:LegalMonetaryTotal>
    <cbc:TaxInclusiveAmount currencyID="EUR">{sample.amount}</cbc:TaxInclusiveAmount>
    <cbc:PayableAmount currencyID="EUR">0.00</cbc:PayableAmount>
  </cac:LegalMonetaryTotal>{sample.more}
</{root}>"""


def cii(sample: Sample = ALICE) -> str:
    """Return an XRechnung or Factur-X invoice."""
    contacts = "".join(
        f"""<ram:DefinedTradeContact><ram:PersonName>{escape(name)}</ram:PersonName>
        <ram:TelephoneUniversalCommunication><ram:CompleteNumber>{phone}</ram:CompleteNumber>
        </ram:TelephoneUniversalCommunication>
        <ram:EmailURIUniversalCommunication><ram:URIID schemeID="SMTP">{email}</ram:URIID>
        </ram:EmailURIUniversalCommunication></ram:DefinedTradeContact>"""
        for name, phone, email in sample.contacts
    )
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<rsm:CrossIndustryInvoice xmlns:rsm="{CII}:CrossIndustryInvoice:100"
  xmlns:ram="{CII}:ReusableAggregateBusinessInformationEntity:100"
  xmlns:udt="{CII}:UnqualifiedDataType:100">
  <rsm:ExchangedDocument><ram:ID>{escape(sample.number)}</ram:ID><ram:TypeCode>{sample.code}</ram:TypeCode>
    <ram:IssueDateTime><udt:DateTimeString format="102">{sample.issued.replace("-", "")}</udt:DateTimeString>
    </ram:IssueDateTime></rsm:ExchangedDocument>
  <rsm:SupplyChainTradeTransaction>
    <ram:ApplicableHeaderTradeAgreement>
      <ram:SellerTradeParty><ram:Name>{escape(sample.seller)}</ram:Name>
        <ram:SpecifiedLegalOrganization><ram:ID>{sample.seller_id}</ram:ID></ram:SpecifiedLegalOrganization>
        <ram:SpecifiedTaxRegistration><ram:ID schemeID="FC">1/2</ram:ID></ram:SpecifiedTaxRegistration>
        <ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">NL001234567B01</ram:ID>
        </ram:SpecifiedTaxRegistration></ram:SellerTradeParty>
      <ram:BuyerTradeParty><ram:ID>K-41</ram:ID><ram:Name>{escape(sample.buyer)}</ram:Name>
        <ram:SpecifiedLegalOrganization><ram:ID>87654321</ram:ID></ram:SpecifiedLegalOrganization>
        {contacts}
        <ram:URIUniversalCommunication><ram:URIID schemeID="EM">facturen@bakkerij.example</ram:URIID>
        </ram:URIUniversalCommunication>
        <ram:SpecifiedTaxRegistration><ram:ID schemeID="VA">NL009999999B01</ram:ID>
        </ram:SpecifiedTaxRegistration></ram:BuyerTradeParty>
    </ram:ApplicableHeaderTradeAgreement>
    <ram:ApplicableHeaderTradeSettlement><ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>
      <ram:SpecifiedTradeSettlementHeaderMonetarySummation>
        <ram:GrandTotalAmount>{sample.amount}</ram:GrandTotalAmount>
        <ram:DuePayableAmount>0.00</ram:DuePayableAmount>
      </ram:SpecifiedTradeSettlementHeaderMonetarySummation></ram:ApplicableHeaderTradeSettlement>
  </rsm:SupplyChainTradeTransaction>{sample.more}
</rsm:CrossIndustryInvoice>"""


def zugferd_1(sample: Sample = ALICE) -> str:
    """Return the same in the first version of ZUGFeRD."""
    text = cii(sample).replace(f"{CII}:CrossIndustryInvoice:100", OLD)
    for new, old in (
        ("CrossIndustryInvoice", "CrossIndustryDocument"),
        ("rsm:ExchangedDocument", "rsm:HeaderExchangedDocument"),
        ("rsm:SupplyChainTradeTransaction", "rsm:SpecifiedSupplyChainTradeTransaction"),
        ("ApplicableHeaderTrade", "ApplicableSupplyChainTrade"),
        ("SpecifiedTradeSettlementHeader", "SpecifiedTradeSettlement"),
    ):
        text = text.replace(new, old)
    return text


def pdf(text: str = "", pages: int = 1) -> bytes:
    """Return a PDF that shows a text."""
    made = FPDF()
    made.set_font("Helvetica")
    for _ in range(pages):
        made.add_page()
        if text:
            made.multi_cell(0, 8, text)
    return bytes(made.output())


def shown(sample: Sample = ALICE, amount: str = "1.234,50") -> bytes:
    """Return a PDF whose page says the same as the sample."""
    emails = " ".join(email for *_, email in sample.contacts)
    return pdf(f"Factuur {sample.number} van {sample.issued}\nTe betalen: EUR {amount}\nT.a.v. {emails}")


def with_attachment(
    paper: bytes, xml: str, name: str = "factur-x.xml", relation: str = "/Alternative"
) -> bytes:
    """Return a PDF with XML inside, tied to the document where `relation` says so."""
    return with_attachments(paper, [(name, xml)], relation)


def with_attachments(paper: bytes, files: list[tuple[str, str]], relation: str = "/Alternative") -> bytes:
    """Return a PDF with several attachments."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(paper)))
    tied = ArrayObject()
    for name, xml in files:
        attached = writer.add_attachment(name, xml.encode())
        attached.pdf_object[NameObject("/AFRelationship")] = NameObject(relation)
        tied.append(attached.pdf_object)
    writer.root_object[NameObject("/AF")] = tied
    return written(writer)


def written(writer: PdfWriter) -> bytes:
    """Return the bytes of a PDF."""
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
