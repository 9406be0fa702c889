"""The one way in: the bytes of a message become what it means. Never raises. Pure."""

from __future__ import annotations

import re

from optin.bounces.delivery_status import PARTS, StatusOfRecipient, split_status, status_outside_its_part
from optin.bounces.feedback import feedback_fields, feedback_meaning, feedback_recipients, feedback_type
from optin.bounces.judge_reply import Reply, has_phrase, is_temporary, judge, plain_phrase, status_in
from optin.bounces.message_parts import (
    COPIES_OF_THE_ORIGINAL,
    Fields,
    Message,
    plain_words,
    read_fields,
    take_apart,
)
from optin.bounces.notice_signs import (
    AWAY_FIELDS,
    AWAY_SUBJECTS,
    FAILED_SENTENCES,
    FAILED_SUBJECTS,
    MACHINES,
    STILL_TRIED,
    SURELY_MACHINE,
)
from optin.bounces.returned_mail import DELIVERY_MEANINGS, Meaning, NamedRecipient, ReturnedMail
from optin.bounces.textual_notice import (
    ADDRESS,
    FIELD_ADDRESS,
    MOST_RECIPIENTS,
    Mention,
    before_the_original,
    mentions,
)

_MOST_ADDRESSES = 20  # of each sort
_MOST_DIAGNOSTIC = 500
# Who got the message; the first ones are written by the mail server that delivered it.
_ARRIVED_AT = ("x-original-to", "delivered-to", "envelope-to", "x-envelope-to", "to", "apparently-to", "cc")
_FOR = re.compile(r"\bfor <?([^\s<>;]{3,320}@[^\s<>;]{1,255})>?")
_MESSAGE_ID = re.compile(r"<([^<>\s]{3,500})>")
_ID_IN_TEXT = re.compile(r"^[> \t]*Message-ID:[ \t]*<?([^<>\s]{3,500})", re.IGNORECASE | re.MULTILINE)


def read_returned_mail(raw: bytes) -> ReturnedMail:
    """Return what a message means and whom it names. Of a long one, the first MOST_BYTES are looked at.

    A message that is broken is read as far as it goes; one that says nothing of a mail is ordinary.
    """
    return _Reading(take_apart(raw)).result()


class _Reading:
    """One message, while it is read."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self._fields = message.fields
        self._subject = plain_words(message.fields.first("subject")).strip()
        self._sender = plain_words(message.fields.first("from"))
        shown = [part for part in message.parts if part.media_type.startswith("text/")]
        words = [part for part in shown if part.media_type not in COPIES_OF_THE_ORIGINAL | PARTS]
        plain = [part for part in words if part.media_type == "text/plain" and part.text.strip()]
        self._text = "\n".join(part.text for part in (plain or words)[:4])
        self._notice = before_the_original(self._text)
        self._plain_notice = plain_phrase(self._notice)
        self._told: Meaning | None = None  # what the whole notice says, once it was asked

    def result(self) -> ReturnedMail:
        feedback = feedback_fields(self._message)
        if feedback is not None:
            return self._feedback(feedback)
        if status := self._status():
            about_message, named = split_status(status)
            if named:
                return self._report(about_message, named)
        if self._is_notice():
            return self._textual()
        return self._returned(Meaning.AUTO_REPLY if self._is_automatic() else Meaning.ORDINARY)

    def _feedback(self, feedback: Fields) -> ReturnedMail:
        meaning = feedback_meaning(feedback)
        original = self._original()
        named = tuple(
            NamedRecipient(address, "", meaning, "", "", "")
            for address in feedback_recipients(feedback, original)[:_MOST_ADDRESSES]
        )
        return self._returned(meaning, named, feedback, feedback_type(feedback))

    def _status(self) -> str:
        """Return the text of the delivery status, where the message has one."""
        for part in self._message.parts:
            if part.media_type in PARTS:
                return part.text
        is_report = self._message.report_type == "delivery-status"
        return status_outside_its_part(self._text) if is_report or self._from_machine() else ""

    def _report(self, about_message: Fields, named: list[StatusOfRecipient]) -> ReturnedMail:
        spoken = {mention.address.lower(): mention.words for mention in mentions(self._notice, self._ours())}
        recipients: dict[str, NamedRecipient] = {}
        for one in named:
            further = next(
                (spoken[key.lower()] for key in (one.original_address, one.address) if key.lower() in spoken),
                "" if len(named) > 1 else self._notice,
            )
            meaning = one.meaning(further, further or self._notice) or Meaning.SOFT
            address = one.address or one.original_address
            if meaning is Meaning.HARD and "@" not in f"{address}{one.original_address}":
                meaning = Meaning.SOFT  # a hard one needs an address that it is about
            known = recipients.get(address.lower())
            if known is None or known.diagnostic == "":
                recipients[address.lower()] = NamedRecipient(
                    address,
                    one.original_address,
                    meaning,
                    one.status or status_in(further),
                    _one_line(one.diagnostic),
                    one.remote_mta[:255],
                )
        return self._delivery(tuple(recipients.values()), about_message)

    def _textual(self) -> ReturnedMail:
        listed = ",".join(self._fields.every("x-failed-recipients"))
        failed = list(dict.fromkeys(found[0] for found in FIELD_ADDRESS.finditer(listed)))[:MOST_RECIPIENTS]
        found = mentions(self._notice, self._ours() - {address.lower() for address in failed})
        words = {mention.address.lower(): mention.words for mention in found}
        named = [Mention(address, words.get(address.lower(), "")) for address in failed] or found
        if not named:
            original = self._original().first("to", "x-original-to")
            named = [Mention(each[0], "") for each in ADDRESS.finditer(original[:1000])][:1]
        tried = self._is_delay()
        recipients = tuple(self._textual_recipient(each, len(named), tried=tried) for each in named)
        if not recipients:
            told = Meaning.DELAYED if tried else self._judge_notice()
            return self._returned(Meaning.SOFT if told is Meaning.HARD else told)
        return self._delivery(recipients, Fields([]))

    def _textual_recipient(self, mention: Mention, number: int, *, tried: bool) -> NamedRecipient:
        own = judge(Reply(status_in(mention.words), mention.words))
        if own is None:
            own = self._judge_notice()
        said = mention.words if mention.words.strip() else self._notice
        status = status_in(mention.words) or (status_in(self._notice) if number == 1 else "")
        if own is Meaning.HARD and is_temporary(said):
            own = Meaning.SOFT
        return NamedRecipient(
            mention.address, "", Meaning.DELAYED if tried else own, status, _one_line(said), ""
        )

    def _judge_notice(self) -> Meaning:
        if self._told is None:
            words = f"{self._notice}\n{self._subject}"
            self._told = judge(Reply(status_in(words), words)) or Meaning.SOFT
        return self._told

    def _delivery(self, recipients: tuple[NamedRecipient, ...], about_message: Fields) -> ReturnedMail:
        told = {recipient.meaning for recipient in recipients}
        meaning = next(each for each in DELIVERY_MEANINGS if each in told)
        return self._returned(meaning, recipients, about_message)

    def _is_notice(self) -> bool:
        """Tell whether a mail server speaks, and not a person or an automatic answer."""
        if (
            "x-failed-recipients" in self._fields
            or self._message.report_type == "delivery-status"
            or any(part.media_type in PARTS for part in self._message.parts)
            or SURELY_MACHINE.search(self._sender[:300])
        ):
            return True
        subject = FAILED_SUBJECTS.match(self._subject) is not None
        sentence = any(phrase in self._plain_notice for phrase in FAILED_SENTENCES)
        if self._from_machine():
            return subject or sentence or self._is_delay() or self._speaks_of_an_address()
        return subject and (sentence or self._has_empty_sender() or self._speaks_of_an_address())

    def _speaks_of_an_address(self) -> bool:
        told = judge(Reply(status_in(self._notice), self._notice))
        return told is Meaning.HARD or status_in(self._notice) != ""

    def _from_machine(self) -> bool:
        return MACHINES.search(self._sender[:300]) is not None or (
            self._has_empty_sender() and (not self._sender or "<>" in self._sender)
        )

    def _has_empty_sender(self) -> bool:
        return self._fields.first("return-path").strip().upper() in {"<>", "<MAILER-DAEMON>"}

    def _is_delay(self) -> bool:
        plain = f"{plain_phrase(self._subject)} {self._plain_notice}"
        return any(has_phrase(plain, phrase) for phrase in STILL_TRIED)

    def _is_automatic(self) -> bool:
        """Tell whether a machine answered for a person (RFC 3834), or says that it was read (RFC 8098)."""
        submitted = self._fields.first("auto-submitted").lower()
        return (
            submitted.startswith(("auto-replied", "auto-notified", "auto-generated"))
            or self._message.report_type == "disposition-notification"
            or self._fields.first("precedence").lower() in {"auto_reply", "auto-reply"}
            or any(name in self._fields for name in AWAY_FIELDS)
            or AWAY_SUBJECTS.match(self._subject) is not None
        )

    def _ours(self) -> set[str]:
        """Return the addresses of the message itself, which no notice means as the recipient."""
        values = [self._sender, *(value for name in _ARRIVED_AT for value in self._fields.every(name))]
        return {address.lower() for address in _addresses(values)}

    def _original(self) -> Fields:
        """Return the header fields of the mail that was sent, from its copy."""
        for part in self._message.parts:
            if part.media_type in COPIES_OF_THE_ORIGINAL:
                return read_fields(part.text.lstrip("\n").partition("\n\n")[0])
        rest = self._text[len(self._notice) :].lstrip("\n")
        named = re.search(
            r"^[> \t]*(?:Return-Path|Received|Message-ID|From|Date):",
            rest[:20_000],
            re.IGNORECASE | re.MULTILINE,
        )
        return read_fields(rest[named.start() :].lstrip().partition("\n\n")[0]) if named else Fields([])

    def _returned(
        self,
        meaning: Meaning,
        recipients: tuple[NamedRecipient, ...] = (),
        report: Fields | None = None,
        feedback: str = "",
    ) -> ReturnedMail:
        report = report or Fields([])
        original = self._original()
        senders = [
            report.first("original-mail-from"),
            report.first("x-postfix-sender").partition(";")[2],
            *original.every("return-path"),
            *original.every("x-envelope-from"),
        ]
        return ReturnedMail(
            meaning,
            recipients,
            arrived_at=self._arrived_at(),
            original_senders=_addresses(senders),
            original_message_id="" if meaning is Meaning.ORDINARY else self._original_id(original),
            original_envelope_id=report.first("original-envelope-id")[:200],
            reporting_mta=report.first("reporting-mta", "reporting-ua").rpartition(";")[2].strip()[:255],
            feedback_type=feedback,
        )

    def _arrived_at(self) -> tuple[str, ...]:
        values = [value for name in _ARRIVED_AT for value in self._fields.every(name)]
        passed = [found[1] for value in self._fields.every("received") if (found := _FOR.search(value))]
        return _addresses([*values, *passed])

    def _original_id(self, original: Fields) -> str:
        for value in (
            original.first("message-id"),
            self._fields.first("in-reply-to"),
            self._fields.first("references"),
        ):
            found = _MESSAGE_ID.findall(value)
            if found:
                return str(found[-1])
        found_in_text = _ID_IN_TEXT.search(self._text)
        return original.first("message-id")[:500] or (found_in_text[1] if found_in_text else "")


def _addresses(values: list[str]) -> tuple[str, ...]:
    found = (each[0] for value in values for each in FIELD_ADDRESS.finditer(value[:2000]))
    return tuple(dict.fromkeys(found))[:_MOST_ADDRESSES]


def _one_line(words: str) -> str:
    return " ".join(words[: _MOST_DIAGNOSTIC * 3].split())[:_MOST_DIAGNOSTIC]
