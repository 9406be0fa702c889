"""The part of a report that machines read: message/delivery-status (RFC 3464, RFC 6533). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from optin.bounces.judge_reply import Reply, is_temporary, judge, status_in
from optin.bounces.message_parts import Fields, read_fields
from optin.bounces.returned_mail import Meaning

PARTS = frozenset({"message/delivery-status", "message/global-delivery-status", "text/delivery-status"})
_MOST_RECIPIENTS = 100
_NAMED_BY = re.compile(r"^(?:Final|Original)-Recipient:|^Reporting-MTA:", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?!\d)")
_TYPE = re.compile(r"\s*[\w.+-]{1,30}\s*;")
_GENERIC = re.compile(r"[45]\.0\.0")  # says only whether the failure lasts
_ACTIONS = {
    "delivered": Meaning.DELIVERED,
    "relayed": Meaning.DELIVERED,
    "expanded": Meaning.DELIVERED,
    "deliverable": Meaning.DELIVERED,
    "delayed": Meaning.DELAYED,
    "delay": Meaning.DELAYED,
}


@dataclass(frozen=True, slots=True)
class StatusOfRecipient:
    """The fields of one recipient, cleaned of their types."""

    address: str
    original_address: str
    action: str  # in lower case
    status: str
    diagnostic: str
    remote_mta: str

    def meaning(self, further_words: str, context: str) -> Meaning | None:
        """Return what they mean, by words outside of them where their own do not tell. None: nothing does."""
        if self.action in _ACTIONS:
            return _ACTIONS[self.action]
        if self.status.startswith("2") and not self.action.startswith("fail"):
            return Meaning.DELIVERED
        own = judge(Reply("", self.diagnostic, context))
        if own is None and further_words:
            own = judge(Reply("", further_words, context))
        if self._is_temporary and own in {None, Meaning.HARD}:
            return Meaning.SOFT
        return own if own is not None else judge(Reply(self.status, self.diagnostic, context))

    @property
    def _is_temporary(self) -> bool:
        """Whether the failure is one of those that time cures, though the server has given up (expired)."""
        return is_temporary(self.diagnostic) or self.status.startswith("4")


def split_status(text: str) -> tuple[Fields, list[StatusOfRecipient]]:
    """Return the fields about the message, and those of each recipient."""
    blocks = [
        read_fields(block) for block in re.split(r"\n[ \t]*\n", text.strip("\n"), maxsplit=_MOST_RECIPIENTS)
    ]
    about_message = next((fields for fields in blocks if "reporting-mta" in fields), blocks[0])
    named = [fields for fields in blocks if "final-recipient" in fields or "original-recipient" in fields]
    return about_message, [_recipient(fields) for fields in named[:_MOST_RECIPIENTS]]


def status_outside_its_part(text: str) -> str:
    """Return the fields of a status that stand in a text, where a boundary is wrong or a type is missing."""
    first = _NAMED_BY.search(text)
    return text[first.start() :] if first else ""


def _recipient(fields: Fields) -> StatusOfRecipient:
    told = fields.first("status")
    written = _STATUS.match(told)
    status = written[1] if written else ""
    remark = told[written.end() :].strip() if written else told
    code = _typed(fields.first("diagnostic-code", "x-supplementary-info", "x-display-name"))
    diagnostic = code or remark.strip("()")  # a remark beside a status is often only what RFC 3463 says of it
    if (not status or _GENERIC.fullmatch(status)) and (better := status_in(diagnostic)):
        status = better
    return StatusOfRecipient(
        _bare(fields.first("final-recipient", "x-actual-recipient")),
        _bare(fields.first("original-recipient")),
        fields.first("action").lower().partition(" ")[0].strip(";."),
        status,
        diagnostic,
        _typed(fields.first("remote-mta")),
    )


def _typed(value: str) -> str:
    """Return a value without its type, such as dns; or smtp;."""
    return _TYPE.sub("", value).strip()


def _bare(value: str) -> str:
    return (
        re.sub(r"^(?:rfc822|utf-8|smtp):", "", _typed(value), flags=re.IGNORECASE)
        .strip()
        .strip("<>\"'")[:320]
    )
