"""What each notice means: hard, soft, refused, delayed; a complaint, a withdrawal, an automatic answer."""

from __future__ import annotations

import pytest

from optin.bounces.read_returned_mail import read_returned_mail
from optin.bounces.returned_mail import Meaning
from tests.bounces.notices import (
    EXIM,
    MESSAGE_ID,
    ORIGINAL,
    OUTLOOK_COMPLAINT,
    QMAIL,
    READ_RECEIPT,
    READER,
    VERP,
    Answer,
    Letter,
    exchange,
    exim,
    feedback,
    gmail,
    qmail,
    report,
)

HARD_ANSWERS = [
    "The address anna@reader.example did not exactly match one of ours",
    "550 5.1.1 <anna@reader.example>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 5.1.1 <anna@reader.example>... User unknown",
    "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 double-checking"
    " the recipient's email address for typos. 550 5.1.1 https://support.google.com/mail/?p=NoSuchUser a1",
    "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [AM7EUR03FT012.eop-EUR03.example]",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    "554 delivery error: dd This user doesn't have a yahoo.com account (anna@reader.example) [0]",
    "550 5.1.1 <anna@reader.example>: inactive email address",
    "550 Requested action not taken: mailbox unavailable",
    "550 5.7.1 No such user here",
    "550 Message was not accepted -- invalid mailbox. Local mailbox anna@reader.example is unavailable:"
    " user not found",
    "550 5.1.1 anna@reader.example Empf\u00e4nger unbekannt",
    "550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_416 [416]",
    "550 5.1.1 L'adresse \u00ab anna@reader.example \u00bb n\u2019existe pas",
    "550 5.1.1 Gebruiker onbekend",
    "550 5.1.1 usuario inexistente",
    "550 sorry, no mailbox here by that name (#5.1.1 - chkuser)",
    "550 5.1.0 - Unknown address error 550-'No such person at this address'",
]
NOT_HARD_ANSWERS = [
    # Its time is over: no word about its length.
    ("No connection could be made; the mail was in the queue too long", Meaning.SOFT),
    ("The destination was not reachable within the allowed queue period", Meaning.SOFT),
    ("It was not delivered within 2 days because of its content, or of anything else", Meaning.SOFT),
    # Full, closed, for now.
    ("552 5.2.2 <anna@reader.example>: mailbox full", Meaning.SOFT),
    ("550 5.1.1 <anna@reader.example>: user is over quota", Meaning.SOFT),
    ("550 5.2.1 The email account that you tried to reach is disabled", Meaning.SOFT),
    ("452 4.2.2 The recipient's inbox is out of storage space", Meaning.SOFT),
    (
        "450 4.1.1 <anna@reader.example>: Recipient address rejected: User unknown in local recipient table",
        Meaning.SOFT,
    ),
    ("450 4.2.0 <anna@reader.example>: Recipient address rejected: Greylisted", Meaning.SOFT),
    ("connect to mx.reader.example[192.0.2.9]:25: Connection timed out", Meaning.SOFT),
    ("Name service error for name=reader.example type=MX: Host not found, try again", Meaning.SOFT),
    # The mail, its sender or a rule.
    ("554 5.7.1 Message rejected due to policy", Meaning.REFUSED),
    ("550 5.1.1 Message rejected, it looks like spam", Meaning.REFUSED),
    ("550 5.7.26 This mail has been blocked because the sender is unauthenticated.", Meaning.REFUSED),
    ("550 5.1.0 - Unknown address error 554-'5.7.1 blocked using zen.spamhaus.org'", Meaning.REFUSED),
    ("550 5.1.8 <bounces@tips.example>: Sender address rejected: Domain not found", Meaning.REFUSED),
    (
        "550 Verification failed for <bounces@tips.example> 550 unknown user 550 Sender verify failed",
        Meaning.REFUSED,
    ),
    ("554 5.7.1 <anna@reader.example>: Relay access denied", Meaning.REFUSED),
    ("552 5.3.4 Message size exceeds fixed limit", Meaning.REFUSED),
    ("550 5.7.1 Client host rejected: cannot find your hostname, [192.0.2.7]", Meaning.REFUSED),
    (
        "550 5.7.515 Access denied, sending domain does not meet the required authentication level",
        Meaning.REFUSED,
    ),
]


@pytest.mark.parametrize("said", HARD_ANSWERS)
def test_an_address_that_does_not_exist_is_hard(said: str) -> None:
    """In a report whose own status is generic, in a notice of qmail, of Exim, of Gmail: the words decide."""
    for raw in (report(Answer(said)), qmail(said), exim(said), gmail(said)):
        read = read_returned_mail(raw)
        assert read.meaning is Meaning.HARD
        assert [one.address for one in read.recipients] == [READER]


@pytest.mark.parametrize(("said", "meaning"), NOT_HARD_ANSWERS)
def test_a_refusal_that_is_not_about_the_address_is_never_hard(said: str, meaning: Meaning) -> None:
    """Though the report says failed, and even where its status is that of an unknown address."""
    for raw in (report(Answer(said)), report(Answer(said, "5.1.1")), qmail(said), exim(said), gmail(said)):
        assert read_returned_mail(raw).meaning is meaning


def test_a_report_tells_all_that_it_knows() -> None:
    """Recipient, status, words, server, envelope id, Message-ID; where it arrived, with = and +."""
    read = read_returned_mail(report(Answer(HARD_ANSWERS[0], "5.1.1")))
    (one,) = read.recipients
    assert (one.address, one.original_address, one.status) == (READER, READER, "5.1.1")
    assert one.diagnostic == HARD_ANSWERS[0]
    assert one.remote_mta == "mx.reader.example"
    assert (read.reporting_mta, read.original_envelope_id) == ("relay.example", "e17")
    assert read.original_message_id == MESSAGE_ID
    assert read.arrived_at[0] == VERP
    assert read.original_senders == (VERP,)


def test_a_report_about_several_recipients_judges_each() -> None:
    """One unknown, one full, one still tried: the worst is the message's meaning, each keeps its own."""
    read = read_returned_mail(
        report(
            Answer("552 5.2.2 over quota", "5.2.2", address="full@reader.example"),
            Answer("550 5.1.1 user unknown", "5.1.1"),
            Answer("", "4.4.1", "delayed", "slow@reader.example"),
            Answer("", "2.0.0", "delivered", "there@reader.example"),
        )
    )
    assert read.meaning is Meaning.HARD
    assert {one.address: one.meaning for one in read.recipients} == {
        "full@reader.example": Meaning.SOFT,
        READER: Meaning.HARD,
        "slow@reader.example": Meaning.DELAYED,
        "there@reader.example": Meaning.DELIVERED,
    }


@pytest.mark.parametrize("status", ["4.2.2", "4.4.7", "4.4.1"])
def test_a_temporary_failure_that_expired_is_soft(status: str) -> None:
    """`Action: failed` with a status of class 4, also where the last answer called the user unknown."""
    assert read_returned_mail(report(Answer("", status))).meaning is Meaning.SOFT
    assert read_returned_mail(report(Answer("550 5.1.1 user unknown", status))).meaning is Meaning.SOFT
    assert read_returned_mail(
        exim("retry time not reached for any host after a long failure period")
    ).meaning is (Meaning.SOFT)


@pytest.mark.parametrize("status", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"])
def test_a_status_about_the_address_decides_where_no_words_do(status: str) -> None:
    """RFC 3463; other permanent codes without words are soft or a refusal."""
    assert read_returned_mail(report(Answer("", status))).meaning is Meaning.HARD


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("5.0.0", Meaning.SOFT),
        ("5.2.1", Meaning.SOFT),
        ("5.4.4", Meaning.SOFT),
        ("5.7.1", Meaning.REFUSED),
        ("", Meaning.SOFT),
    ],
)
def test_a_generic_failure_is_not_hard(status: str, meaning: Meaning) -> None:
    """A failure of which nothing is told counts as soft."""
    assert read_returned_mail(report(Answer("", status))).meaning is meaning


def test_words_for_people_decide_where_the_fields_say_nothing() -> None:
    """Exchange's page in base64, Postfix's sentence; and a footer about scanning says nothing."""
    unknown = "The email address you entered couldn&#39;t be found. Please check the recipient&#39;s address."
    assert read_returned_mail(exchange("5.0.0", "", unknown)).meaning is Meaning.HARD
    full = "The recipient&#39;s mailbox is full and can&#39;t accept messages now."
    assert read_returned_mail(exchange("5.0.0", "", full)).meaning is Meaning.SOFT
    words = f"<{READER}>: host mx.reader.example said: 550 unknown user (in reply to RCPT TO command)"
    assert read_returned_mail(report(Answer(""), words=words)).meaning is Meaning.HARD
    scanned = f"Delivery failed.\n{READER}\n\nThis email has been scanned for viruses and offensive content."
    assert read_returned_mail(report(Answer("", "5.1.1"), words=scanned)).meaning is Meaning.HARD


def test_an_unknown_user_after_the_text_of_the_mail_is_not_hard() -> None:
    """The server had accepted the address: only an explicit 5.1.1 is about it then."""
    after = (
        f"<{READER}>: host mx.reader.example said: 550 user unknown (in reply to end of DATA\n    command)"
    )
    assert read_returned_mail(report(Answer("550 user unknown"), words=after)).meaning is Meaning.SOFT
    assert (
        read_returned_mail(report(Answer("550 5.1.1 user unknown", "5.1.1"), words=after)).meaning
        is Meaning.HARD
    )


def test_a_domain_that_does_not_exist_is_hard() -> None:
    """Postfix, sendmail and Exim say it in their own ways."""
    for said in (
        "Host or domain name not found. Name service error for name=reader.example type=AAAA: Host not found",
        "550 5.1.2 <anna@reader.example>... Host unknown (Name server: reader.example: host not found)",
        "Unrouteable address",
        "Domain reader.example does not accept mail (nullMX)",
    ):
        assert read_returned_mail(report(Answer(said, "5.4.4"))).meaning is Meaning.HARD


def test_boundaries_that_are_wrong_do_not_hide_the_report() -> None:
    """Another boundary than the one in the header, or none: the fields are found where they stand."""
    answer = Answer("550 5.1.1 user unknown", "5.1.1")
    other = read_returned_mail(report(answer, boundary="another"))
    assert (other.meaning, other.recipients[0].status) == (Meaning.HARD, "5.1.1")
    raw = report(answer).replace(b"--b1/relay.example", b"==")
    assert read_returned_mail(raw).recipients[0].address == READER
    for ending in (b"\r\n", b"\r"):
        assert read_returned_mail(report(answer).replace(b"\n", ending)).meaning is Meaning.HARD


def test_parts_are_found_behind_another_boundary() -> None:
    """The page for people, in base64 and in parts within a part, is read too."""
    unknown = exchange("5.0.0", "", "The email address you entered couldn&#39;t be found.")
    assert read_returned_mail(unknown.replace(b'boundary="m1"', b'boundary="z"')).meaning is Meaning.HARD


def test_a_recipient_that_is_no_address_is_not_hard() -> None:
    """X.400 and local names: nobody could be meant by them."""
    raw = report(Answer("550 5.1.1 user unknown", "5.1.1", address="/S=anna/OU=reader/C=NL"))
    assert read_returned_mail(raw).meaning is Meaning.SOFT


def test_our_own_address_is_no_recipient() -> None:
    """Notices name the sender too, with the = of its token."""
    read = read_returned_mail(
        QMAIL.with_text(
            f"A message of\n{VERP}\ncould not be delivered to one or more recipients.\n\n"
            f"{READER}: user unknown\n"
        )
    )
    assert [(one.address, one.meaning) for one in read.recipients] == [(READER, Meaning.HARD)]


def test_other_notices_that_are_all_text() -> None:
    """Domino, sendmail of old, MDaemon, m-FILTER, mail.ru in Russian."""
    domino = Letter(
        "Postmaster@domino.example", f"DELIVERY FAILURE: User anna ({READER}) not listed in Domino Directory"
    )
    old = Letter("Mail Delivery Subsystem <MAILER-DAEMON@old.example>", "Returned mail: User unknown")
    mdaemon = Letter("MDaemon@md.example", "Permanent Delivery Failure", return_path="<MDaemon@md.example>")
    russian = Letter(
        "Mail Delivery System <mailer-daemon@corp.example>",
        "=?utf-8?b?0J3QtdC00L7RgdGC0LDQstC70LXQvdC90L7QtSDRgdC+0L7QsdGJ0LXQvdC40LU=?=",
    )
    for raw in (
        domino.with_text(
            f"Your message\n\n  Subject: Test\n\nwas not delivered to:\n\n  {READER}\n\nbecause:\n\n"
            f"  User anna ({READER}) not listed in Domino Directory\n"
        ),
        old.with_text(
            f"   ----- Transcript of session follows -----\n... while talking to mx.reader.example:\n"
            f">>> RCPT To:<{READER}>\n<<< 550 {READER}... User unknown\n550 {READER}... User unknown\n\n"
            f"   ----- Unsent message follows -----\n{ORIGINAL}"
        ),
        mdaemon.with_text(
            "The attached message had PERMANENT fatal delivery errors!\n\n"
            f"The following addresses did NOT receive a copy of your message:\n\n> {READER}\n\n"
            "--- Session Transcript ---\n"
            "EHLO md.example\n<-- 550 No such user here\n"
        ),
        russian.with_text(f"Не удалось доставить письмо:\n\n  {READER}\n    550 пользователь не найден\n"),
    ):
        read = read_returned_mail(raw)
        assert read.meaning is Meaning.HARD
        assert READER in {one.address for one in read.recipients}


def test_two_addresses_in_a_text_are_judged_apart() -> None:
    """The lines after an address are about it, up to the next one."""
    read = read_returned_mail(
        QMAIL.with_text(
            "I wasn't able to deliver your message to the following addresses.\n\n"
            f"<{READER}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
            "<full@reader.example>:\n552 mailbox full (#5.2.2)\n"
        )
    )
    assert [(one.address, one.meaning, one.status) for one in read.recipients] == [
        (READER, Meaning.HARD, "5.1.1"),
        ("full@reader.example", Meaning.SOFT, "5.2.2"),
    ]


def test_a_mail_that_is_still_tried_is_delayed() -> None:
    """By its action, by the sentences of Exim; also where an unknown user is the reason."""
    assert (
        read_returned_mail(report(Answer("450 4.1.1 user unknown", "4.1.1", "delayed"))).meaning
        is Meaning.DELAYED
    )
    exim_warning = EXIM.with_text(
        "A message that you sent has not yet been delivered to one or more of its recipients after more than"
        f" 24 hours on the queue on exim.example.\n\n  {READER}\n\nNo action is required on your part.\n"
    )
    assert read_returned_mail(exim_warning).meaning is Meaning.DELAYED


@pytest.mark.parametrize(
    ("kind", "meaning"),
    [
        ("abuse", Meaning.COMPLAINT),
        ("Fraud", Meaning.COMPLAINT),
        ("virus", Meaning.COMPLAINT),
        ("opt-out", Meaning.OPT_OUT),
        ("not-spam", Meaning.OTHER_FEEDBACK),
        ("auth-failure", Meaning.OTHER_FEEDBACK),
        ("other", Meaning.OTHER_FEEDBACK),
    ],
)
def test_feedback_is_told_apart_by_its_type(kind: str, meaning: Meaning) -> None:
    """RFC 5965: abuse is a complaint, opt-out a withdrawal, a signature that failed is neither."""
    read = read_returned_mail(feedback(kind))
    assert (read.meaning, read.feedback_type) == (meaning, kind.lower())
    assert [one.address for one in read.recipients] == [READER]
    assert read.original_message_id == MESSAGE_ID
    assert VERP in read.original_senders


def test_a_complaint_whose_person_is_hidden_is_known_by_the_mail() -> None:
    """Providers redact the recipient; the Message-ID and our envelope sender remain."""
    hidden = feedback("abuse", "Original-Rcpt-To: <redacted@provider.example>\n")
    read = read_returned_mail(hidden.replace(f"To: {READER}".encode(), b"To: undisclosed-recipients:;"))
    assert (read.meaning, read.recipients) == (Meaning.COMPLAINT, ())
    assert (read.original_message_id, VERP in read.original_senders) == (MESSAGE_ID, True)


def test_the_junk_mail_reports_of_outlook_are_complaints() -> None:
    """They have no report for machines, but the recipient in a field of the copy."""
    read = read_returned_mail(OUTLOOK_COMPLAINT)
    assert (read.meaning, read.recipients[0].address) == (Meaning.COMPLAINT, READER)
    assert read.original_message_id == MESSAGE_ID


PERSON = f"Anna <{READER}>"
AUTO_REPLIES = [
    Letter(PERSON, "Out of office", "Auto-Submitted: auto-replied\n").with_text(
        "I am away. This address does not exist."
    ),
    Letter(PERSON, "Automatische Antwort: Ihr Whitepaper").with_text("Ich bin im Urlaub."),
    Letter(PERSON, "=?utf-8?q?R=C3=A9ponse_automatique_=3A_absence?=").with_text("De retour lundi."),
    Letter(PERSON, "Automatisch antwoord: uw bericht", "X-Autoreply: yes\n").with_text("Ik ben er niet."),
    Letter(PERSON, "I have moved", "Precedence: auto_reply\n").with_text(
        "I no longer work here; my mailbox will be deleted. 550 5.1.1 user unknown"
    ),
    READ_RECEIPT,
]
ORDINARY = [
    Letter(PERSON, "A question", return_path=f"<{READER}>").with_text("Is the white paper still there?"),
    Letter(PERSON, "Re: Undelivered Mail Returned to Sender", return_path=f"<{READER}>").with_text(
        "Hi, what does this mean?\n\n"
        "> I'm sorry to have to inform you that your message could not be\n> delivered.\n"
        f"> <{READER}>: host mx said: 550 5.1.1 user unknown\n"
    ),
    Letter(PERSON, "Fwd: failure notice", return_path=f"<{READER}>").with_text(
        f"Hi. This is the qmail-send program.\n<{READER}>:\nno mailbox here by that name (#5.1.1)\n"
    ),
    Letter(PERSON, "Complaint about your prices", return_path=f"<{READER}>").with_text(
        "Feedback-Type: abuse\n"
    ),
    Letter(
        "Postmaster <postmaster@reader.example>",
        "Planned work on Saturday",
        return_path="<postmaster@reader.example>",
    ).with_text("The mail server will be away from nine to ten.\n"),
]


@pytest.mark.parametrize("raw", AUTO_REPLIES)
def test_an_automatic_answer_is_no_bounce(raw: bytes) -> None:
    """Whatever its words say of an address (RFC 3834, RFC 8098)."""
    assert read_returned_mail(raw).meaning is Meaning.AUTO_REPLY


@pytest.mark.parametrize("raw", ORDINARY)
def test_an_ordinary_mail_is_no_bounce(raw: bytes) -> None:
    """Also one that quotes a bounce, and one of a postmaster."""
    read = read_returned_mail(raw)
    assert (read.meaning, read.recipients) == (Meaning.ORDINARY, ())
