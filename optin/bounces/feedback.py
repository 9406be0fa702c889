"""Complaints and other feedback of mailbox providers: ARF (RFC 5965), and two kinds from before it. Pure."""

from __future__ import annotations

import re

from optin.bounces.message_parts import COPIES_OF_THE_ORIGINAL, Fields, Message, read_fields
from optin.bounces.returned_mail import Meaning
from optin.bounces.textual_notice import FIELD_ADDRESS

REPORT = "message/feedback-report"
# RFC 5965, section 7.3; RFC 6430 (not-spam); RFC 6591 (auth-failure). What is not here is other feedback.
_MEANINGS = {
    "abuse": Meaning.COMPLAINT,
    "fraud": Meaning.COMPLAINT,
    "virus": Meaning.COMPLAINT,
    "miscategorized": Meaning.COMPLAINT,  # an early draft's word for a mail filed as wanted that was not
    "complaint": Meaning.COMPLAINT,
    "spam": Meaning.COMPLAINT,
    "opt-out": Meaning.OPT_OUT,
    "opt-out-list": Meaning.OPT_OUT,
    "unsubscribe": Meaning.OPT_OUT,
}
_TYPE = re.compile(r"^Feedback-Type:[ \t]*([\w-]{1,40})", re.IGNORECASE | re.MULTILINE)
# Outlook.com's Junk Mail Reporting Program: the mail itself, with the recipient in a field of its copy.
_OUTLOOK_SUBJECT = "complaint about message from"
_OUTLOOK_RECIPIENT = re.compile(r"^X-HmXmrOriginalRecipient:[ \t]*(\S{3,320})", re.IGNORECASE | re.MULTILINE)
_REDACTED = re.compile(r"redacted|undisclosed|^@|@$|^[x*.]+@", re.IGNORECASE)


def feedback_fields(message: Message) -> Fields | None:
    """Return the fields of a report of feedback; None when the message is none."""
    for part in message.parts:
        if part.media_type == REPORT:
            return read_fields(part.text.lstrip("\n"))
    is_report = message.report_type == "feedback-report" or message.media_type == REPORT
    for part in message.parts:
        found = (
            _TYPE.search(part.text) if is_report and part.media_type not in COPIES_OF_THE_ORIGINAL else None
        )
        if found:  # its parts could not be told apart
            return read_fields(part.text[found.start() :])
    if message.fields.first("subject").lower().startswith(_OUTLOOK_SUBJECT):
        for part in message.parts:
            if named := _OUTLOOK_RECIPIENT.search(part.text[:20_000]):
                return Fields([("Feedback-Type", "abuse"), ("Original-Rcpt-To", named[1].strip("<>"))])
    return None


def feedback_type(fields: Fields) -> str:
    """Return the type of feedback in lower case."""
    return fields.first("feedback-type").partition(";")[0].strip().lower()[:40]


def feedback_meaning(fields: Fields) -> Meaning:
    """Return whether feedback is a complaint, a withdrawal, or another that asks for nothing."""
    return _MEANINGS.get(feedback_type(fields), Meaning.OTHER_FEEDBACK)


def feedback_recipients(fields: Fields, original: Fields) -> list[str]:
    """Return who complains, where the provider did not hide it; else to whom the mail was, if that is one."""
    named = [
        value
        for name in ("original-rcpt-to", "removal-recipient", "x-hmxmroriginalrecipient")
        for value in fields.every(name)
    ] or [value for value in original.every("to") if "," not in value]
    addresses = [found[0] for value in named if (found := FIELD_ADDRESS.search(value)) is not None]
    return [address for address in dict.fromkeys(addresses) if not _REDACTED.search(address)]
