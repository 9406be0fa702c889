"""What a mail is, as the standard library's parser reads it."""

from __future__ import annotations

import email.policy
from dataclasses import replace
from email.message import EmailMessage
from email.parser import BytesParser

import pytest

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.kind_part_lookup import PartsByKind
from optin.flows.delivery.mail_order import (
    MailKind,
    MailOrder,
    NamedPerson,
    NoticeLine,
    StaffDigest,
    StaffOrder,
)
from optin.flows.evidence.receipt import Attachment
from optin.mail.compose_mails import Composer, greeting_name
from optin.mail.kind_mail_hooks import MailPart
from optin.theme.look import Look
from optin.theme.theme import Theme
from tests.mail.orders import SENDER, composer, confirmation, delivery
from tests.mail_words import mail_words
from tests.world import DECLARATION, NOON


def parsed(order: MailOrder | StaffOrder) -> EmailMessage:
    data = composer().compose(order, NOON)
    message = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(data)
    assert message.defects == []
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_confirmation_mail_is_a_machines_letter_with_link_and_code() -> None:
    """D5, D3: From, Message-ID, Auto-Submitted; the link and the code in both parts."""
    order = confirmation()
    message = parsed(order)
    assert message["From"] == "Voorbeeld & Dochter <tips@example.com>"
    assert message["To"] == "alice@example.com"
    assert message["Reply-To"] == "antwoord@example.com"
    assert message["Message-ID"] == order.message_id
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "nl"
    assert message["Date"].datetime == NOON.replace(microsecond=0)
    for kind in ("plain", "html"):
        assert "https://optin.example.com/confirm/tok.en" in body(message, kind)
        assert "1234 5678" in body(message, kind)


def test_nothing_can_be_withdrawn_before_it_was_confirmed() -> None:
    """R3: no List-Unsubscribe on the opt-in mail (PEERS 8); on everything after it, both headers."""
    assert parsed(confirmation())["List-Unsubscribe"] is None
    after = parsed(delivery())
    assert after["List-Unsubscribe"] == "<https://optin.example.com/unsubscribe/un.sub>"
    assert after["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_confirmation_mail_echoes_nothing_that_was_typed() -> None:
    """D5: no free spam through somebody else's form (PEERS 15)."""
    order = confirmation(first_name="Buy http://evil.example now")
    assert "evil" not in mail_words(composer().compose(order, NOON))


@pytest.mark.parametrize(
    ("typed", "greeted"),
    [
        ("Alice", "Alice"),
        ("Jean-Luc", "Jean-Luc"),
        ("d’Arcy O'Neil", "d’Arcy O'Neil"),
        ("Buy http://evil.example", ""),
        ("x" * 41, ""),
        ("<b>Alice</b>", ""),
        ("Alice\r\nBcc: all@example.com", ""),
        ("", ""),
    ],
)
def test_only_a_name_is_greeted(typed: str, greeted: str) -> None:
    """D5: a first name, after the confirmation, and only if it looks like one."""
    assert greeting_name(typed) == greeted


def test_no_header_can_be_smuggled_in() -> None:
    """S1: a title with line breaks is one line of text."""
    form = replace(DECLARATION, title="Titel\r\nBcc: all@example.com\r\n\r\nspam")
    message = parsed(confirmation(form=form))
    assert message["Bcc"] is None
    assert "Bcc: all@example.com" in str(message["Subject"])


def test_the_same_order_makes_the_same_bytes() -> None:
    """P2: the bytes are evidence; lines end in CRLF and are short."""
    order = delivery()
    data = composer().compose(order, NOON)
    assert data == composer().compose(order, NOON)
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(map(len, data.split(b"\r\n"))) <= 998


LONG = "Een lange titel met - streepjes en woorden " * 40


@pytest.mark.parametrize("recipient", ["alice@example.com", "jos\u00e9@example.com"])
@pytest.mark.parametrize("title", [LONG.strip(), "x" * 1_500, "\u00e9" * 1_500, f"{LONG}{'y' * 1_200} z"])
def test_a_title_of_any_length_is_a_subject_on_short_lines(title: str, recipient: str) -> None:
    """D1: no line is longer than a mail server takes (RFC 5322), and the words arrive as they are."""
    data = composer().compose(confirmation(recipient, form=replace(DECLARATION, title=title)), NOON)
    assert max(map(len, data.split(b"\r\n"))) <= 998
    message = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(data)
    assert str(message["Subject"]) == f"Bevestig: {title}"
    assert message["To"] == recipient


def test_a_header_is_folded_only_where_it_is_long() -> None:
    """R3, D1: a link stays whole on its line; long words do not."""
    head = composer().compose(delivery(), NOON).partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert "List-Unsubscribe: <https://optin.example.com/unsubscribe/un.sub>" in head
    assert all(len(line) <= 78 for line in head)
    form = replace(DECLARATION, title=LONG.strip())
    head = composer().compose(confirmation(form=form), NOON).partition(b"\r\n\r\n")[0].decode().split("\r\n")
    assert all(len(line) <= 78 for line in head)


def test_an_address_of_another_alphabet_is_written_for_every_server() -> None:
    """D1: the domain in ASCII; the mail needs no server that speaks UTF-8."""
    data = composer().compose(confirmation("jan@b\u00fccher.de"), NOON)
    assert data.isascii()
    assert b"\r\nTo: jan@xn--bcher-kva.de\r\n" in data


def test_an_order_that_is_incomplete_is_refused() -> None:
    """S5: no mail with a hole in it."""
    with pytest.raises(ValueError, match="confirmation"):
        composer().compose(confirmation(expires_at=None), NOON)
    with pytest.raises(ValueError, match="delivery"):
        composer().compose(delivery(confirmed_at=None), NOON)


def test_an_attached_text_says_in_which_signs_it_is_written() -> None:
    """P5, D5: a checkpoint has a dash in it, which US-ASCII has not (RFC 2046, 4.1.2)."""
    proof = Attachment("event.tlog-proof", "text/plain", "— log.example AAAA\n".encode())
    picture = Attachment("receipt.jsonld", "application/ld+json", b"{}")
    kind = PartsByKind(MailPart(attach=lambda *_: (proof, picture)))
    made = Composer(Theme(Look()), SENDER, "https://optin.example.com", DECLARATION.controller, kind)
    message = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(
        made.compose(delivery(), NOON)
    )
    text, other = message.iter_attachments()
    assert (text.get_content_type(), text.get_content_charset()) == ("text/plain", "utf-8")
    assert text.get_content() == "— log.example AAAA\n"
    assert other["Content-Type"] == "application/ld+json"


def test_a_newsletter_has_nothing_to_download() -> None:
    """R3: no file, no button; the receipt and the way out are there."""
    message = parsed(delivery(download_token="", expires_at=None, receipts=()))
    assert "/download/" not in message.as_string()


def to_staff(digest: StaffDigest) -> EmailMessage:
    """Return a mail to staff, as it is sent."""
    return parsed(
        StaffOrder(
            number=1,
            claim=b"claim",
            message_id="<1@example.com>",
            kind=MailKind.STAFF,
            recipient=EmailAddress("sales@example.com"),
            lang="en",
            digest=digest,
        )
    )


def test_staff_read_names_as_they_are_and_nothing_else_that_was_typed() -> None:
    """W12, S3: whoever types an address of a website or HTML as a first name is known by e-mail alone."""
    typed = ("Alice", "<b>Zoe</b>", "see https://evil.example", "")
    people = tuple(NamedPerson(f"p{at}@example.com", it, ("tips-email",)) for at, it in enumerate(typed))
    line = NoticeLine("White <paper>", "https://optin.example.com/paper", 5, 4, people)
    message = to_staff(StaffDigest((line,), NOON, why="So that we call <back>."))
    assert message["Subject"] == "New confirmed requests: 5"
    for kind in ("plain", "html"):
        words = body(message, kind)
        for said in (
            "Alice p0@example.com (tips-email)",
            "p1@example.com",
            "p2@example.com",
            "p3@example.com",
        ):
            assert said in words, (kind, said)
        for refused in ("Zoe", "evil.example"):
            assert refused not in words
    assert "call &lt;back&gt;." in body(message, "html")
    assert "names nobody" not in body(message, "plain")


def test_staff_read_what_waits_with_its_cure() -> None:
    """W12: alone it has a subject of its own; nothing in it says who confirmed."""
    waiting = ("Mails that were given up: 3. See: optin mail retry --dry-run",)
    message = to_staff(StaffDigest((), NOON, waiting))
    assert message["Subject"] == "Waiting for you: 1"
    for kind in ("plain", "html"):
        assert "optin mail retry --dry-run" in " ".join(body(message, kind).split())
        assert "onfirmed" not in body(message, kind)
