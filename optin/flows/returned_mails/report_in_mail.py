"""What a message that came back says of one person, told by the token of the return address (O6). Reads only.

1. The token decides whom it is about. It stands where the message arrived, in the id of the sent mail's
   envelope, or in the copy of that mail. Without a sound one, anybody may have written the message.
2. Of several recipients, the one whose mailbox the token names counts. A single one counts whatever its
   address: a mailbox that is passed on comes back by the address behind it, and is not reached all the same.
   Of several others nothing is known.
3. A complaint is about the mail, so its named recipients, which are often blotted out, do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from optin.bounces import returned_mail as read
from optin.bounces.read_returned_mail import read_returned_mail
from optin.consent.email_and_telephone import parse_email
from optin.consent.return_address import DIGEST_BYTES, MailOfToken
from optin.consent.returned_mail import WITHDRAWING, MailReport, ReportedMail
from optin.flows.returned_mails.doctors_mail import is_doctors
from optin.store.encryption import Vault

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")  # RFC 3463, section 2
REPORTS = {  # what a notice or a provider means that is a report; all else changes nothing
    read.Meaning.HARD: MailReport.HARD,
    read.Meaning.SOFT: MailReport.SOFT,
    read.Meaning.COMPLAINT: MailReport.COMPLAINT,
    read.Meaning.OPT_OUT: MailReport.OPT_OUT,
}


class Unreported(StrEnum):
    """Why a message is no report about anybody: it changes nothing."""

    FORGED = "no token of ours"
    NOTHING = "changes nothing"  # a delay, a refusal of the mail itself, an automatic answer
    OTHERS = "about several others"
    DOCTORS = "the test mail of optin doctor"


@dataclass(frozen=True)
class ReadMail:
    """A message, and its report, or why it is none. `meaning`: of the whole message.

    `mail`: what its token says; None for one without a sound one.
    """

    meaning: read.Meaning
    report: ReportedMail | Unreported
    mail: MailOfToken | None = None


def report_in_mail(vault: Vault, message: bytes, source: str) -> ReadMail:
    """Return the report in a message. `source`: how it came. Of a long one the first bytes are read."""
    found = read_returned_mail(message)
    # 1. The token.
    said = (vault.return_tokens.find(it) for it in _places_of_token(found))
    mail = next((it for it in said if it is not None), None)
    if mail is None:
        return ReadMail(found.meaning, Unreported.FORGED)
    if is_doctors(vault, mail):
        return ReadMail(found.meaning, Unreported.DOCTORS, mail)
    # 3. A complaint.
    report = REPORTS.get(found.meaning)
    if report in WITHDRAWING:
        return ReadMail(found.meaning, ReportedMail(report, source, mail))
    # 2. Whom it names.
    meaning, status = found.meaning, ""
    if found.recipients:
        named = _recipient(vault, found.recipients, mail)
        if named is None:
            return ReadMail(found.meaning, Unreported.OTHERS)
        meaning, status = named.meaning, named.status
    report = REPORTS.get(meaning)
    if report is None:
        return ReadMail(found.meaning, Unreported.NOTHING)
    plain = status if _STATUS.fullmatch(status) else ""
    return ReadMail(found.meaning, ReportedMail(report, source, mail, status=plain))


def _places_of_token(found: read.ReturnedMail) -> Iterator[str]:
    yield from found.arrived_at
    yield found.original_envelope_id
    yield from found.original_senders


def _recipient(
    vault: Vault, named: tuple[read.NamedRecipient, ...], mail: MailOfToken
) -> read.NamedRecipient | None:
    for one in named:
        if mail.mailbox in {_digest(vault, one.address), _digest(vault, one.original_address)}:
            return one
    return named[0] if len(named) == 1 else None


def _digest(vault: Vault, address: str) -> bytes:
    """Return what a token says of a mailbox; nothing for what is no address."""
    try:
        return vault.index(parse_email(address))[:DIGEST_BYTES]
    except ValueError:
        return b""
