"""Invoices as evidence of a sale: what is read, what is kept unread, what is refused and how it is said."""

from __future__ import annotations

import io
import resource
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject

from optin.consent.purpose import Controller
from optin.errors import InvoiceRefused
from optin.invoices.invoice import Contact, Doubt, Invoice, PaperFormat, Syntax, UnreadInvoice
from optin.invoices.pdf_invoice import MOST_XML_BYTES
from optin.invoices.read_invoice import MOST_BYTES, customer_address, read_invoice, sold_by, verify_sale
from optin.invoices.xml_tree import MOST_ELEMENTS
from tests.invoices.samples import (
    ALICE,
    Sample,
    cii,
    pdf,
    shown,
    ubl,
    with_attachment,
    with_attachments,
    written,
    zugferd_1,
)

BOB = ("Bob de Vries", "", "bob@bakkerij.example")
FACTUR_X = with_attachment(shown(), cii())


def read(file: str | bytes) -> Invoice:
    found = read_invoice(file.encode() if isinstance(file, str) else file, "invoice.xml")
    assert isinstance(found, Invoice)
    return found


def refused(file: str | bytes, name: str = "invoice.xml") -> str:
    with pytest.raises(InvoiceRefused) as problem:
        read_invoice(file.encode() if isinstance(file, str) else file, name)
    assert problem.value.file == name
    assert problem.value.cure.endswith(".")
    assert problem.value.log_line == "internal status=500"
    return problem.value.problem


@pytest.mark.parametrize(("write", "syntax"), [(ubl, Syntax.UBL), (cii, Syntax.CII), (zugferd_1, Syntax.CII)])
def test_an_invoice_says_who_bought_what_and_when(write: object, syntax: Syntax) -> None:
    """L2: number, day, seller, customer and contact are read from every syntax of EN 16931."""
    found = read(write())  # type: ignore[operator]  # one of the three writers
    assert (found.number, found.issued, found.type_code) == (ALICE.number, ALICE.day, "380")
    assert (found.amount, found.currency, found.syntax) == (Decimal("1234.50"), "EUR", syntax)
    assert (found.seller.name, found.seller.company_id) == (ALICE.seller, "12345678")
    assert found.seller.vat_id == "NL001234567B01"
    assert (found.buyer.name, found.buyer.ids) == (ALICE.buyer, ("K-41",))
    assert (found.buyer.company_id, found.buyer.vat_id) == ("87654321", "NL009999999B01")
    assert found.buyer.endpoint == "facturen@bakkerij.example"
    assert [(it.name, it.telephone, it.email) for it in found.buyer.contacts] == [*ALICE.contacts]
    assert (found.is_credit, found.doubts) == (False, ())
    assert customer_address(found, "invoice.xml") == "alice@bakkerij.example"
    verify_sale(found, "invoice.xml", ALICE.day)


def test_an_invoice_shows_no_person_in_a_log() -> None:
    """S4: what a program prints of the value names nobody."""
    assert "alice" not in repr(read(ubl())).lower()
    assert "Bakkerij" not in repr(read(cii()))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"])
def test_every_usual_encoding_is_read(encoding: str) -> None:
    """L2: programs write in the encoding of their time."""
    named = encoding.removesuffix("-sig").removesuffix("-le").removesuffix("-be").upper()
    text = ubl(replace(ALICE, buyer="Bäckerei Kronæ")).replace('encoding="UTF-8"', f'encoding="{named}"')
    assert read(text.encode(encoding)).buyer.name == "Bäckerei Kronæ"


@pytest.mark.parametrize("write", [ubl, cii])
def test_of_several_contacts_the_user_names_one(write: object) -> None:
    """L2: a program does not guess which person is the customer."""
    found = read(write(replace(ALICE, contacts=(*ALICE.contacts, BOB, BOB))))  # type: ignore[operator]  # as above
    assert found.buyer.emails == ("alice@bakkerij.example", "bob@bakkerij.example")
    with pytest.raises(InvoiceRefused, match="2 e-mail addresses"):
        customer_address(found, "invoice.xml")


@pytest.mark.parametrize("write", [ubl, cii])
def test_an_invoice_without_the_customers_address_says_so(write: object) -> None:
    """L2: the address where invoices are received names no person."""
    found = read(write(replace(ALICE, contacts=())))  # type: ignore[operator]  # as above
    assert found.buyer.contacts == ()
    with pytest.raises(InvoiceRefused, match=r"invoice\.xml gives no e-mail address .* Name it yourself\."):
        customer_address(found, "invoice.xml")


def test_an_address_that_is_none_is_doubted_and_left_out() -> None:
    """L2: what cannot be an address is nobody's."""
    found = read(ubl(replace(ALICE, contacts=(("Alice", "", "alice at bakkerij"),))))
    assert found.buyer.contacts == (Contact("Alice"),)
    assert found.doubts == (Doubt.BAD_EMAIL,)


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (ubl(replace(ALICE, code="381"), "CreditNote"), "381"),
        (ubl(replace(ALICE, code="380"), "CreditNote"), "381"),  # the root is stronger
        (cii(replace(ALICE, code="381")), "381"),
        (ubl(replace(ALICE, amount="-1234.50")), "380"),
    ],
)
def test_a_credit_proves_no_sale(file: str, code: str) -> None:
    """L2: who got the money back is no customer by that paper."""
    found = read(file)
    assert (found.type_code, found.is_credit) == (code, True)
    with pytest.raises(InvoiceRefused, match="gives money back, so it proves no sale"):
        verify_sale(found, "invoice.xml", ALICE.day)


def test_a_proforma_proves_no_sale() -> None:
    """L2: it asks for money before anything was sold."""
    with pytest.raises(InvoiceRefused, match="before the sale"):
        verify_sale(read(cii(replace(ALICE, code="325"))), "invoice.xml", ALICE.day)


def test_an_invoice_of_the_future_proves_nothing_yet() -> None:
    """L2: tomorrow's invoice counts tomorrow."""
    with pytest.raises(InvoiceRefused, match="is of 2026-11-02, a day to come"):
        verify_sale(read(ubl()), "invoice.xml", date(2026, 11, 1))


def test_an_unknown_type_is_doubted() -> None:
    """L2: a code that nobody knows is for people to judge."""
    assert read(ubl(replace(ALICE, code="999"))).doubts == (Doubt.UNKNOWN_TYPE,)


@pytest.mark.parametrize(
    ("sample", "problem"),
    [
        (replace(ALICE, number=" "), "is an invoice without a number"),
        (replace(ALICE, number="1" * 301), "has a name or number of more than 300 characters"),
        (replace(ALICE, issued="2026-02-30"), "is an invoice without the day on which it was made"),
        (replace(ALICE, issued="gisteren"), "is an invoice without the day on which it was made"),
        (replace(ALICE, amount="1.234,50"), "is an invoice with an amount that is no number"),
        (replace(ALICE, amount="NaN"), "is an invoice with an amount that is no number"),
    ],
)
def test_an_invoice_that_lacks_what_proves_is_refused(sample: Sample, problem: str) -> None:
    """L2: evidence has a number and a day."""
    assert refused(ubl(sample)) == problem
    assert refused(cii(sample)) == problem


def test_marks_that_turn_a_text_around_are_dropped() -> None:
    """L2: a number reads in a log as it reads on paper."""
    assert read(ubl(replace(ALICE, number="7\N{RIGHT-TO-LEFT OVERRIDE}7"))).number == "77"


def test_a_day_may_have_a_zone_or_a_time() -> None:
    """L2: XML allows both."""
    assert read(ubl(replace(ALICE, issued="2026-11-02+01:00"))).issued == ALICE.day
    assert read(cii(replace(ALICE, issued="202611021530"))).issued == ALICE.day


def test_an_envelope_of_peppol_is_opened() -> None:
    """L2: what was sent over Peppol stands in an envelope."""
    inner = ubl().partition("?>")[2]
    assert read(f"<e:StandardBusinessDocument xmlns:e='urn:e'>{inner}</e:StandardBusinessDocument>").number


def test_the_seller_is_the_controller_or_it_is_no_own_sale() -> None:
    """L2: a sister company's customer is not ours."""
    own = Controller("Voorbeeld diensten BV", ("Straat 1",), "a@b.example", register="KvK 12345678")
    found = read(ubl())
    assert sold_by(found, own)
    assert sold_by(found, replace(own, name="Voorbeeld"))  # by its number
    assert not sold_by(found, replace(own, name="Zuster B.V.", register="KvK 11111111"))
    assert not sold_by(read(ubl(replace(ALICE, seller="", seller_id=""))), replace(own, name="", register=""))


DOCTYPE = "has a document type, which no invoice has"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><x>&l11;</x>', None),
        (f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><x y="&l11;"/>', None),
        ('<!DOCTYPE x SYSTEM "http://192.0.2.1/x.dtd"><x/>', DOCTYPE),
        ('<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>', DOCTYPE),
        ('<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]><x/>', DOCTYPE),
        (ubl().replace("?>", "?><!DOCTYPE Invoice>", 1), DOCTYPE),
        (ubl().replace("2026-0077", "&number;"), "is not well-formed XML"),
        ("<a>" * 100_000, "is not well-formed XML"),
        ("<a>" * 300 + "</a>" * 300, "is not well-formed XML"),
        (f"<a>{'<b/>' * MOST_ELEMENTS}</a>", "has more parts than any invoice"),
        (f"<a>{'b' * 11_000_000}</a>", "is not well-formed XML"),
        ("<html><body>Factuur</body></html>", "is XML, but no invoice in UBL or CII"),
        ("<Invoice><ID>7</ID></Invoice>", "is XML, but no invoice in UBL or CII"),
        ('<?xml version="1.0" encoding="none-such"?><a/>', "is not well-formed XML"),
        (ubl()[:-20], "is not well-formed XML"),
        (ubl().encode("latin-1"), "is not well-formed XML"),
    ],
)  # fmt: skip
def test_hostile_or_other_xml_is_refused_in_a_sentence(file: str | bytes, problem: str | None) -> None:
    """L2: no entity is resolved, nothing is fetched, no bomb goes off."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = refused(file)
    assert problem in {None, found}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


def test_an_invoice_in_a_pdf_is_read() -> None:
    """L2: Factur-X, ZUGFeRD and XRechnung put the XML inside the paper."""
    for name in ("factur-x.xml", "ZUGFeRD-invoice.xml", "xrechnung.xml", "2026-0077.xml"):
        found = read(with_attachment(shown(), cii(), name))
        assert (found.number, found.in_pdf, found.doubts) == (ALICE.number, True, ())
    assert read(with_attachment(shown(), ubl(), "invoice", "/Data")).syntax is Syntax.UBL


def test_an_attachment_that_is_only_tied_to_the_document_is_found() -> None:
    """L2: PDF 2.0 lets a file be tied without a list of names."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(FACTUR_X)))
    del writer.root_object["/Names"]
    assert read(written(writer)).number == ALICE.number


def test_an_attachment_of_another_kind_is_no_invoice() -> None:
    """L2: terms and timesheets travel along."""
    paper = with_attachments(shown(), [("terms.xml", "<terms/>"), ("broken.xml", "<"), ("hours.csv", "1")])
    assert read_invoice(paper, "a.pdf") == UnreadInvoice(PaperFormat.PDF)
    assert read_invoice(with_attachment(shown(), cii(), "plain", "/Unspecified"), "a.pdf") == UnreadInvoice(
        PaperFormat.PDF
    )


@pytest.mark.parametrize(
    ("paper", "doubts"),
    [
        (shown(replace(ALICE, number="2026-0078")), (Doubt.NUMBER_NOT_PRINTED,)),
        (shown(amount="12,34"), (Doubt.AMOUNT_NOT_PRINTED,)),
        (shown(replace(ALICE, contacts=(BOB,))), (Doubt.EMAIL_NOT_PRINTED,)),
        (pdf(), (Doubt.NO_TEXT,)),
        (shown(amount="1 234,50"), ()),
    ],
)
def test_xml_that_the_pages_do_not_show_is_doubted(paper: bytes, doubts: tuple[Doubt, ...]) -> None:
    """L2: a paper that says one thing to people and another to programs is for people to judge."""
    assert read(with_attachment(paper, cii())).doubts == doubts


def test_two_invoices_in_one_pdf_are_doubted() -> None:
    """L2: the first of a standard name is read, and the other one told."""
    other = cii(replace(ALICE, number="2026-0099"))
    found = read(with_attachments(shown(), [("other.xml", other), ("factur-x.xml", cii())]))
    assert (found.number, found.doubts) == (ALICE.number, (Doubt.TWO_INVOICES,))
    assert read(with_attachments(shown(), [("factur-x.xml", cii()), ("copy.xml", cii())])).doubts == ()


def signed(data: bytes, covered: int) -> bytes:
    """Return a PDF that says that its signature covers so many bytes; 0: all that are written here."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    ends = ArrayObject(map(NumberObject, (0, 10, 20, covered)))
    value = writer._add_object(DictionaryObject({NameObject("/ByteRange"): ends}))  # noqa: SLF001 - no other way
    field = DictionaryObject({NameObject("/FT"): NameObject("/Sig"), NameObject("/V"): value})
    form = DictionaryObject({NameObject("/Fields"): ArrayObject([writer._add_object(field)])})  # noqa: SLF001 - as above
    writer.root_object[NameObject("/AcroForm")] = form
    return written(writer)


def test_a_signed_pdf_that_was_continued_is_doubted() -> None:
    """L2: a signature covers what was there when it was set, and nothing later."""
    assert read(signed(FACTUR_X, 99_999_999)).doubts == ()
    assert read(signed(FACTUR_X, 100)).doubts == (Doubt.CHANGED_AFTER_SIGNING,)
    assert read_invoice(signed(shown(), 100), "a.pdf") == UnreadInvoice(
        PaperFormat.PDF, (Doubt.CHANGED_AFTER_SIGNING,)
    )


def test_a_pdf_with_a_broken_table_of_contents_is_still_read() -> None:
    """L2: programs that join files leave such ones."""
    start = FACTUR_X.rindex(b"startxref")
    assert read(FACTUR_X[:start] + b"startxref\n7\n%%EOF").number == ALICE.number
    assert read(b"\r\n" + FACTUR_X).number == ALICE.number


def encrypted(data: bytes, password: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt(password, "owner", algorithm="AES-256")
    return written(writer)


def test_a_pdf_with_a_password_is_refused_and_one_that_only_forbids_printing_is_read() -> None:
    """L2: without the password nobody can show the evidence later."""
    assert refused(encrypted(FACTUR_X, "secret")) == "is a PDF with a password"
    assert read(encrypted(FACTUR_X, "")).number == ALICE.number


def test_a_damaged_xml_in_a_pdf_is_told() -> None:
    """L2: a file that says factur-x and is not is what it says no more."""
    assert refused(with_attachment(shown(), "<a")) == "is not well-formed XML"
    assert refused(with_attachment(shown(), "<a/>")) == "is XML, but no invoice in UBL or CII"
    huge = with_attachment(shown(), " " * (MOST_XML_BYTES + 1))
    assert refused(huge) == "holds an XML invoice that is larger than any"


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 90), "white").save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", [PaperFormat.PNG, PaperFormat.JPEG, PaperFormat.WEBP, PaperFormat.TIFF])
def test_a_picture_is_kept_unread(kind: PaperFormat) -> None:
    """L2: a scan proves as well; people read it."""
    assert read_invoice(picture(kind.value), "scan") == UnreadInvoice(kind)
    assert refused(picture(kind.value)[:20]) == "is a damaged picture"


def test_a_plain_pdf_is_kept_unread() -> None:
    """L2: most invoices are paper."""
    assert read_invoice(shown(), "a.pdf") == UnreadInvoice(PaperFormat.PDF)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b"\0" * (MOST_BYTES + 1), "is larger than 20 MB"),
        (b"PK\x03\x04docx", "is packed, or of an office program"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is of an office program or a mailbox"),
        (b"{\\rtf1", "is of an office program"),
        (b"\0\0\0\x18ftypheic", "is a picture that few programs can show"),
        (b"GIF89a", "is a picture of a format for screens"),
        (b"Received: from a by b", "is a mail"),
        (b"number;day\n7;8", "is neither XML, nor a PDF, nor a picture"),
        (b"%PDF-1.7 nothing else", "is a damaged PDF"),
    ],
)
def test_any_other_file_is_refused_with_its_cure(data: bytes, problem: str) -> None:
    """L2: the sentence names the file, what is wrong and what to do."""
    assert refused(data) == problem


SAMPLES = [
    ubl().encode(),
    cii().encode(),
    zugferd_1().encode(),
    FACTUR_X,
    shown(),
    picture("PNG"),
    picture("TIFF"),
]


def answered(data: bytes) -> None:
    try:
        read_invoice(data, "fuzz")
    except InvoiceRefused as problem:
        assert str(problem).startswith("fuzz ")


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"<", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", b"\xff\xfe<\0"])
)
def test_random_bytes_are_answered(data: bytes, begin: bytes) -> None:
    """L2: whatever comes in, a sentence comes out."""
    answered(begin + data)


@settings(deadline=None)
@given(st.data())
def test_mutated_samples_are_answered(data: st.DataObject) -> None:
    """L2: bytes exchanged, cut out, doubled: an answer or a sentence, never a traceback."""
    file = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(file)))
        length = data.draw(st.sampled_from([0, 1, 3, 40, 2_000]))
        file[at : at + length] = data.draw(
            st.one_of(st.binary(max_size=8), st.just(bytes(file[at : at + 2 * length])))
        )
    answered(bytes(file))
