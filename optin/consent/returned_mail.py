"""What comes of a mail after it was sent: it came back, it waits, or its reader complained (O6). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from optin.consent.return_address import MailOfToken


class MailReport(StrEnum):
    """A report about a sent mail.

    A refusal that is not about the address (policy, content, reputation) is no report: it says nothing about
    the person.
    """

    HARD = "hard"  # the address does not exist, or takes no mail any more
    SOFT = "soft"  # not now: the mailbox is full, the server is away, also when the sender gave up in the end
    COMPLAINT = "complaint"  # the reader called it spam
    OPT_OUT = "opt-out"  # the reader wants no more of them, by the button of a mail program


WITHDRAWING = frozenset({MailReport.COMPLAINT, MailReport.OPT_OUT})


@dataclass(frozen=True)
class ReportedMail:
    """A report, how it came, and whom it is about.

    `mail`: what the token of the return address says; only who had the mail can know it. `email`: the
    address, where a program reports that signs what it says. One of the two is given.
    `status`: by RFC 3463, such as 5.1.1; empty when none was told.
    """

    report: MailReport
    source: str
    mail: MailOfToken | None = None
    email: str = field(default="", repr=False)
    status: str = ""
    sent_at: datetime | None = None  # of the mail, where `mail` does not say it


class ReportEffect(StrEnum):
    """What a report changed."""

    UNREACHABLE = "unreachable"  # from now on
    NOTED = "noted"  # one of those after which an address is unreachable
    WITHDRAWN = "withdrawn"
    KNOWN = "known"  # it was told before, or changes nothing
    OVERTAKEN = "overtaken"  # the mailbox was read since
    NOBODY = "nobody"  # nobody of that address is on file
    TOO_OLD = "too old"
