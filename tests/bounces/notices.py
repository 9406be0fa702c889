"""Messages as mail servers write them, with people and hosts of example domains."""

from __future__ import annotations

import base64
from dataclasses import dataclass

READER = "anna@reader.example"
VERP = "bounces+k7=tq@tips.example"
MESSAGE_ID = "optin.17@tips.example"
ORIGINAL = f"""\
Return-Path: <{VERP}>
Received: from tips.example (tips.example [192.0.2.7])
	by relay.example (Postfix) with ESMTPS id 3F2A for <{READER}>
From: Tips <tips@tips.example>
To: {READER}
Subject: Your white paper
Message-ID: <{MESSAGE_ID}>
"""


@dataclass(frozen=True)
class Answer:
    """What the fields of a delivery report say of one recipient."""

    diagnostic: str = ""
    status: str = "5.0.0"
    action: str = "failed"
    address: str = READER

    def block(self) -> str:
        """Return the fields (RFC 3464, section 2.3)."""
        lines = [
            f"Final-Recipient: rfc822; {self.address}",
            f"Original-Recipient: rfc822;{self.address}",
            f"Action: {self.action}",
        ]
        lines += [f"Status: {self.status}"] if self.status else []
        lines += ["Remote-MTA: dns; mx.reader.example"]
        lines += [f"Diagnostic-Code: smtp; {self.diagnostic}"] if self.diagnostic else []
        return "\n".join(lines) + "\n"


def report(
    *answers: Answer, words: str = "Your mail is attached.", boundary: str = "b1/relay.example"
) -> bytes:
    """Return a delivery report (RFC 3464), as Postfix sends it."""
    blocks = "\n".join(answer.block() for answer in answers)
    return f"""\
Return-Path: <>
X-Original-To: {VERP}
Delivered-To: {VERP}
Received: by relay.example (Postfix)
	id 43C5; Sun, 29 Nov 2026 05:59:13 +0000 (UTC)
Date: Sun, 29 Nov 2026 05:59:13 +0000 (UTC)
From: MAILER-DAEMON@relay.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {VERP}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="b1/relay.example"
Message-Id: <20261129.43C5@relay.example>

This is a MIME-encapsulated message.

--{boundary}
Content-Description: Notification
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

{words}

--{boundary}
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example
Original-Envelope-Id: e17
X-Postfix-Sender: rfc822; {VERP}
Arrival-Date: Sun, 29 Nov 2026 05:59:12 +0000 (UTC)

{blocks}
--{boundary}
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

{ORIGINAL}
--{boundary}--
""".encode()


@dataclass(frozen=True)
class Letter:
    """The header fields of a message that is all text."""

    sender: str = "MAILER-DAEMON@mail.example"
    subject: str = "failure notice"
    more: str = ""
    return_path: str = "<>"

    def with_text(self, text: str) -> bytes:
        """Return the message."""
        head = (
            f"Return-Path: {self.return_path}\nDelivered-To: {VERP}\nFrom: {self.sender}\nTo: {VERP}\n"
            f"Subject: {self.subject}\n{self.more}"
        )
        return f"{head}\n{text}".encode()


QMAIL = Letter()
EXIM = Letter(
    "Mail Delivery System <Mailer-Daemon@exim.example>",
    "Mail delivery failed: returning message to sender",
    f"X-Failed-Recipients: {READER}\nAuto-Submitted: auto-replied\n",
)
GMAIL = Letter(
    "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
    "Delivery Status Notification (Failure)",
    f"X-Failed-Recipients: {READER}\n",
)


def qmail(said: str) -> bytes:
    """Return a notice of qmail."""
    return QMAIL.with_text(
        "Hi. This is the qmail-send program at mail.example.\n"
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        f"<{READER}>:\n{said}\n\n--- Below this line is a copy of the message.\n\n{ORIGINAL}"
    )


def exim(said: str) -> bytes:
    """Return a notice of Exim."""
    return EXIM.with_text(
        "This message was created automatically by mail delivery software.\n\n"
        "A message that you sent could not be delivered to one or more of its\n"
        "recipients. This is a permanent error. The following address(es) failed:\n\n"
        f"  {READER}\n    {said}\n\n"
        f"------ This is a copy of the message, including all the headers. ------\n\n{ORIGINAL}"
    )


def gmail(said: str) -> bytes:
    """Return a notice of Gmail from before it sent reports."""
    return GMAIL.with_text(
        f"Delivery to the following recipient failed permanently:\n\n     {READER}\n\n"
        "Technical details of permanent failure:\n"
        "Google tried to deliver your message, but it was rejected by the server for the recipient domain "
        "reader.example by mx.reader.example. [192.0.2.9].\n\n"
        f"The error that the other server returned was:\n{said}\n\n"
        f"----- Original message -----\n\n{ORIGINAL}"
    )


def exchange(status: str, said: str, words: str) -> bytes:
    """Return a report of Exchange, with the words for people as a page in base64."""
    page = base64.encodebytes(
        f"<html><head><style>p {{ color: black }}</style></head><body><p>{words}</p></body></html>".encode()
    ).decode()
    return f"""\
From: Microsoft Outlook
	<MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@reader.example>
To: <{VERP}>
Date: Mon, 30 Nov 2026 08:00:00 +0000
Subject: =?utf-8?Q?Undeliverable=3A_Your_white_paper?=
Content-Type: multipart/report; report-type=delivery-status;
	boundary="m1"
In-Reply-To: <{MESSAGE_ID}>
Auto-Submitted: auto-replied
Return-Path: <>
MIME-Version: 1.0

--m1
Content-Type: multipart/alternative; boundary="m12"

--m12
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: base64

{page}
--m12--

--m1
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR01.eurprd01.prod.outlook.com
Arrival-Date: Mon, 30 Nov 2026 07:59:58 +0000

Final-Recipient: rfc822;{READER}
Action: failed
Status: {status}
Diagnostic-Code: smtp;{said}

--m1
Content-Type: message/rfc822

{ORIGINAL}
The text.
--m1--
""".encode()


def feedback(kind: str, more: str = f"Original-Rcpt-To: {READER}\n") -> bytes:
    """Return a report of feedback (RFC 5965)."""
    return f"""\
From: <abusedesk@provider.example>
To: <abuse@tips.example>
Date: Mon, 30 Nov 2026 08:00:00 +0000
Subject: FW: Your white paper
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="f1"

--f1
Content-Type: text/plain; charset="US-ASCII"

This is an email abuse report for an email message received from IP 192.0.2.7.

--f1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <{VERP}>
{more}Source-IP: 192.0.2.7

--f1
Content-Type: message/rfc822
Content-Disposition: inline

{ORIGINAL}
The text.
--f1--
""".encode()


OUTLOOK_COMPLAINT = f"""\
From: staff@hotmail.com
To: abuse@tips.example
Subject: complaint about message from 192.0.2.7
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="o1"

--o1
Content-Type: message/rfc822

X-HmXmrOriginalRecipient: {READER}
{ORIGINAL}
The text.
--o1--
""".encode()

READ_RECEIPT = f"""\
From: Anna <{READER}>
To: {VERP}
Subject: Read: Your white paper
Content-Type: multipart/report; report-type=disposition-notification; boundary="d1"

--d1
Content-Type: text/plain

Your message was read on Monday.
--d1
Content-Type: message/disposition-notification

Final-Recipient: rfc822;{READER}
Original-Message-ID: <{MESSAGE_ID}>
Disposition: manual-action/MDN-sent-manually; displayed
--d1--
""".encode()
