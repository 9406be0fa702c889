"""What providers of mail tell in their webhooks: Amazon SES, Postmark, Mailgun, SendGrid, Brevo. Pure.

Each says by words of its own what became of a mail. What it calls permanent is hard only if the words of
the mail server, where it passes them on, do not speak of the mail, its sender or a rule. What says nothing of
an address is left out, and so is whatever cannot be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from optin.bounces.judge_reply import Reply, judge
from optin.bounces.returned_mail import Meaning

MOST_EVENTS = 2000  # of one message
_MOST_CHARACTERS = 4000
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_MILLISECONDS_FROM = 100_000_000_000  # such a number of seconds is in the year 5138


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """What became of a mail to an address. `at`: when that was, or when the mail was sent; None: not told."""

    meaning: Meaning
    address: str = field(repr=False)
    status: str = ""  # RFC 3463
    at: datetime | None = None


Told: TypeAlias = Iterator[ProviderEvent]


def read_events(provider: str, content: Any) -> tuple[ProviderEvent, ...]:
    """Return the events of a message, as JSON; of SES, of the text within that of SNS. Never raises."""
    found: list[ProviderEvent] = []
    for each in (content if isinstance(content, list) else [content])[:MOST_EVENTS]:
        if isinstance(each, Mapping):
            found.extend(_READERS[provider](each))
    return tuple(it for it in found[:MOST_EVENTS] if it.address)


def _ses(event: Mapping[str, Any]) -> Told:
    kind = _text(event, "eventType") or _text(event, "notificationType")
    sent_at = _moment(_table(event, "mail").get("timestamp"))
    if kind == "Complaint":
        about = _table(event, "complaint")
        if _text(about, "complaintFeedbackType") in {"not-spam", "auth-failure"}:
            return
        for each in _tables(about, "complainedRecipients"):
            yield ProviderEvent(Meaning.COMPLAINT, _text(each, "emailAddress"), "", sent_at)
    if kind == "Bounce":
        about = _table(event, "bounce")
        for each in _tables(about, "bouncedRecipients"):
            status, words = _status(each.get("status")), _text(each, "diagnosticCode")
            meaning = _ses_bounce(_text(about, "bounceType"), _text(about, "bounceSubType"), status, words)
            if meaning is not None:
                yield ProviderEvent(meaning, _text(each, "emailAddress"), status, sent_at)


def _ses_bounce(kind: str, sub_type: str, status: str, words: str) -> Meaning | None:
    if sub_type in {"MessageTooLarge", "ContentRejected", "AttachmentRejected"}:
        return None
    if kind == "Permanent":
        return _permanent(status, words)
    if kind == "Transient" and sub_type != "MailboxFull" and not status and not words:
        return None  # it calls automatic answers so, too
    return _not_now(status, words)


def _postmark(event: Mapping[str, Any]) -> Told:
    kind, record = _text(event, "Type"), _text(event, "RecordType")
    address, at = _text(event, "Email"), _moment(event.get("BouncedAt"))
    words = _text(event, "Details") or _text(event, "Description")
    meaning: Meaning | None = None
    if record == "SpamComplaint" or kind == "SpamComplaint":
        meaning = Meaning.COMPLAINT
    elif kind == "Unsubscribe":
        meaning = Meaning.OPT_OUT
    elif kind == "BadEmailAddress":
        meaning = Meaning.HARD
    elif kind == "HardBounce":
        meaning = _permanent(_status(words), words)
    elif kind in {"SoftBounce", "DnsError", "Undeliverable"}:
        meaning = _not_now(_status(words), words)
    if meaning is not None:
        yield ProviderEvent(meaning, address, _status(words), at)


def _mailgun(content: Mapping[str, Any]) -> Told:
    event = _table(content, "event-data")
    kind, address, at = _text(event, "event"), _text(event, "recipient"), _moment(event.get("timestamp"))
    about = _table(event, "delivery-status")
    words = f"{_text(about, 'description')} {_text(about, 'message')}".strip()
    status = _status(about.get("enhanced-code")) or _status(words)
    if kind == "complained":
        yield ProviderEvent(Meaning.COMPLAINT, address, "", at)
    elif kind == "unsubscribed":
        yield ProviderEvent(Meaning.OPT_OUT, address, "", at)
    elif kind == "failed" and _text(event, "severity") == "permanent":
        why = _text(event, "reason")
        if why == "suppress-bounce":
            yield ProviderEvent(Meaning.HARD, address, status, at)
        elif not why.startswith("suppress-"):
            meaning = _not_now(status, words) if why == "old" else _permanent(status, words)
            if meaning is not None:
                yield ProviderEvent(meaning, address, status, at)


def _sendgrid(event: Mapping[str, Any]) -> Told:
    kind, address, at = _text(event, "event"), _text(event, "email"), _moment(event.get("timestamp"))
    words, status = _text(event, "reason"), _status(event.get("status"))
    meaning: Meaning | None = None
    if kind == "spamreport":
        meaning = Meaning.COMPLAINT
    elif kind in {"unsubscribe", "group_unsubscribe"}:
        meaning = Meaning.OPT_OUT
    elif kind == "dropped" and words.lower() in {"bounced address", "invalid"}:
        meaning = Meaning.HARD
    elif kind == "bounce":
        sort = _text(event, "bounce_classification").lower()
        if _text(event, "type") == "blocked" or sort in {"content", "reputation", "technical"}:
            told = judge(Reply(status, words))
            meaning = Meaning.SOFT if told is Meaning.SOFT else None
        else:
            meaning = Meaning.HARD if sort == "invalid address" else _permanent(status, words)
    if meaning is not None:
        yield ProviderEvent(meaning, address, status, at)


def _brevo(event: Mapping[str, Any]) -> Told:
    kind = _text(event, "event").lower().replace("_", "").replace("-", "")
    words = _text(event, "reason")
    status = _status(words)
    at = next((it for key in ("ts_epoch", "ts_event", "ts") if (it := _moment(event.get(key)))), None)
    meaning: Meaning | None = None
    if kind in {"spam", "complaint"}:
        meaning = Meaning.COMPLAINT
    elif kind in {"unsubscribe", "unsubscribed"}:
        meaning = Meaning.OPT_OUT
    elif kind in {"invalid", "invalidemail"}:
        meaning = Meaning.HARD
    elif kind == "hardbounce":
        meaning = _permanent(status, words)
    elif kind == "softbounce":
        meaning = _not_now(status, words)
    if meaning is not None:
        yield ProviderEvent(meaning, _text(event, "email"), status, at)


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Told]] = {
    "ses": _ses,
    "postmark": _postmark,
    "mailgun": _mailgun,
    "sendgrid": _sendgrid,
    "brevo": _brevo,
}
PROVIDERS = (*_READERS,)


def _permanent(status: str, words: str) -> Meaning | None:
    """Return what is meant by a failure that the provider calls permanent; None: it says nothing."""
    told = judge(Reply(status, words))
    if told is None:
        return Meaning.HARD
    return told if told in {Meaning.HARD, Meaning.SOFT} else None


def _not_now(status: str, words: str) -> Meaning | None:
    """Return what is meant by a failure that the provider does not call permanent."""
    return None if judge(Reply(status, words)) is Meaning.REFUSED else Meaning.SOFT


def _table(event: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = event.get(key)
    return value if isinstance(value, Mapping) else {}


def _tables(event: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = event.get(key)
    return [it for it in value if isinstance(it, Mapping)] if isinstance(value, list) else []


def _text(event: Mapping[str, Any], key: str) -> str:
    value = event.get(key)
    return value[:_MOST_CHARACTERS] if isinstance(value, str) else ""


def _status(value: Any) -> str:
    found = _STATUS.search(value) if isinstance(value, str) else None
    return found[0] if found else ""


def _moment(value: Any) -> datetime | None:
    """Return a moment that is written as ISO 8601, in seconds or in milliseconds; None for anything else."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None
