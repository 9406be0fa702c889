"""Read a mail server's refusal: is the recipient at fault, or are we? (RFC 5321, RFC 3463).

A refusal about the recipient ends a mail. One about us (no login, no relaying, a sender that is not verified,
a name in EHLO that is none) says nothing about the mail: it waits, and the operator is told the cure. Where a
server says neither, we are taken to be at fault: a mail that waits in vain costs less than one that is lost.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

PERMANENT = 500
NAME_REFUSED = 504
LOGIN_WANTED = frozenset({530, 534, 535, 538})
NOT_UNDERSTOOD = frozenset({500, 502, 503, NAME_REFUSED})  # a command, never a mailbox
ADDRESS, MAILBOX, SECURITY = 1, 2, 7  # the second number of an enhanced status
TOO_MUCH = (4, 5)  # X.4.5: more mail from us than the server takes
OF_SENDER = frozenset({7, 8})  # X.1.7 and X.1.8 are about the sender's address


class SmtpStage(StrEnum):
    """The step of a mail at which the server refused."""

    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    DATA = "DATA"


class MailTrouble(StrEnum):
    """A fault on our side, or between us and the server."""

    LOGIN = "login"
    RELAY = "relay"
    SENDER = "sender"
    NAME = "name"
    POLICY = "policy"
    ALIKE = "alike"  # the same words to everybody, whatever they say
    CERTIFICATE = "certificate"
    ENCRYPTION = "encryption"
    UNREACHABLE = "unreachable"


CURES = {
    MailTrouble.LOGIN: (
        "the mail server refuses our login, or requires one; correct user and password in OPTIN_MAIL"
    ),
    MailTrouble.RELAY: (
        "the mail server does not pass on mail from us; give OPTIN_MAIL a user and password, or let the"
        " server relay for this machine"
    ),
    MailTrouble.SENDER: (
        "the mail server does not accept our sender; have the address under [sender] in optin.toml, or its"
        " domain, verified by whoever runs the mail server"
    ),
    MailTrouble.NAME: (
        "the mail server does not accept the name in our EHLO; give base_url a full host name that the DNS"
        " knows"
    ),
    MailTrouble.POLICY: (
        "the mail server refuses our mail and does not say that the recipient is wrong; ask whoever runs it"
    ),
    MailTrouble.ALIKE: (
        "the mail server refuses several recipients in a row in the same words, so they are hardly all wrong;"
        " look at OPTIN_MAIL and [sender], and ask whoever runs the mail server"
    ),
    MailTrouble.CERTIFICATE: (
        "the certificate of the mail server is not trusted, or is for another host; correct the host in"
        " OPTIN_MAIL, or name your own authority with ?ca=FILE"
    ),
    MailTrouble.ENCRYPTION: (
        "the mail server offers no STARTTLS; correct the port in OPTIN_MAIL, or write smtps:// for TLS from"
        " the start"
    ),
    MailTrouble.UNREACHABLE: "the mail server cannot be reached",
}

_ABOUT_NAME = re.compile(r"\b(helo|ehlo|fully.qualified)\b")
_ABOUT_LOGIN = re.compile(r"authenticat|credential|log ?in\b|\bauth\b|username|password")
_ABOUT_RELAY = re.compile(r"\brelay(?! recipient)")
_ABOUT_SENDER = re.compile(
    r"sender (identity|address|verif|domain|rejected|denied|not|is not|must|unknown|policy)|from address"
    r"|verification failed for|(?<!recipient )(?<!recipient address )(is|are|was)? ?not (been )?verified"
    r"|(not (allowed|permitted|authori[sz]ed) to send)|\b(spf|dkim|dmarc)\b|return.path|envelope.from"
)
_ABOUT_MAILBOX = re.compile(
    r"mailbox|user unknown|unknown (user|recipient|address|local|account)"
    r"|no such (user|person|address|recipient|account|local)|no (user|account|recipient)\b"
    r"|does(n't| not) (exist|have)|not (a )?(known|valid|existing|found)|not found|invalid (user|address)"
    r"|recipient|address (unknown|rejected)|user (does|is|not|disabled|unknown)"
    r"|unrouteable|undeliverable"
)
# our account with the server, or how much we may send; whatever the enhanced status claims
_ABOUT_OUR_ACCOUNT = re.compile(
    r"\byour (\w+ )?(account|daily|sending|quota)\b|\byou(.ve| have)? (reached|exceeded)"
    r"|\b(sending|daily|submission) (\w+ )?(quota|limit|rate)|\bsending (\w+ )?(paused|suspended|disabled)"
)
# the same, unless the enhanced status says that it is the recipient's account
_ABOUT_OUR_SENDING = re.compile(r"\b(sending|daily|suspended|paused|disabled by)\b")
_ADDRESSES = re.compile(r"[^\s<>]+@[^\s<>:;,]+")  # may hold any word: they are not read
_TOO_MANY = re.compile(r"too many (recipients|mailboxes|accounts)")
_ENHANCED = re.compile(r"[245]\.(\d{1,3})\.(\d{1,3})(?=\s|$)")


@dataclass(frozen=True)
class SmtpRefusal:
    """A server's refusal. `words` may name people: they are read here and never logged (S4)."""

    stage: SmtpStage
    code: int
    words: str

    @property
    def is_final(self) -> bool:
        """Whether the server says that another attempt is useless (5xx)."""
        return self.code >= PERMANENT

    @property
    def reply(self) -> str:
        """The code and the enhanced status, without any text."""
        found = _ENHANCED.match(self.words)
        return f"{self.code} {found[0]}" if found else str(self.code)

    def trouble(self) -> MailTrouble | None:
        """Return the fault on our side; None when the recipient is at fault."""
        words = " ".join(_ADDRESSES.sub("", _TOO_MANY.sub("", self.words.lower())).split())
        found = _ENHANCED.match(words)
        about, detail = (int(found[1]), int(found[2])) if found else (0, 0)
        plain = _plain_trouble(self.code, words)
        if plain is None and self.stage is SmtpStage.SENDER:
            return MailTrouble.SENDER
        if about == SECURITY or plain is MailTrouble.LOGIN or self.code in NOT_UNDERSTOOD:
            return plain or MailTrouble.POLICY
        if (about, detail) == TOO_MUCH or _ABOUT_OUR_ACCOUNT.search(words):
            return plain or MailTrouble.POLICY
        if about == ADDRESS:
            return plain or (MailTrouble.SENDER if detail in OF_SENDER else None)
        if about == MAILBOX:
            return None
        is_recipient = _ABOUT_MAILBOX.search(words) and not _ABOUT_OUR_SENDING.search(words)
        return plain or (None if is_recipient else MailTrouble.POLICY)

    def likeness(self, recipient: str) -> bytes:
        """Return a digest of the refusal's text, without recipient and mail numbers."""
        name, _, domain = recipient.lower().rpartition("@")
        words = self.words.lower().replace(recipient.lower(), "")
        kept = [it for it in re.split(r"[\s<>:;,()\[\]\"']+", words) if it not in {name, domain}]
        plain = " ".join(
            it for it in kept if "@" not in it and not re.search(r"\d", it.replace(self._status, ""))
        )
        return hashlib.sha256(f"{self.reply} {plain}".encode()).digest()

    @property
    def _status(self) -> str:
        return self.reply.partition(" ")[2]


def _plain_trouble(code: int, words: str) -> MailTrouble | None:
    """Return the fault on our side by the code or the text, ignoring the enhanced status."""
    if code == NAME_REFUSED or _ABOUT_NAME.search(words):
        return MailTrouble.NAME
    if code in LOGIN_WANTED:
        return MailTrouble.LOGIN
    if _ABOUT_RELAY.search(words):
        return MailTrouble.RELAY
    if _ABOUT_SENDER.search(words):
        return MailTrouble.SENDER
    return MailTrouble.LOGIN if _ABOUT_LOGIN.search(words) else None
