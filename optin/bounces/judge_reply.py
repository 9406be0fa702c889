"""What a mail server's answer about one recipient means: hard, soft, or refused. Pure.

The words count for more than the code: many servers say 5.0.0 or 5.1.1 whatever happened. Never hard is what
a temporary code (4.x.x, RFC 3463) says, nor what speaks of the mail, its sender or a rule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from optin.bounces.phrases_about_addresses import CLOSED, FULL, NO_SUCH_DOMAIN, PROBABLY_UNKNOWN, UNKNOWN
from optin.bounces.phrases_about_mails import EXPIRED, FOR_NOW, REFUSAL, SENDER
from optin.bounces.returned_mail import Meaning

MOST_CHARACTERS = 4000  # of an answer that are judged
_GAP = 60  # characters that … stands for

_STATUS = re.compile(r"(?:(?<=[\s(#\[-])|^)#?([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_REPLY = re.compile(
    r"(?:(?<=[\s(#\[;:\"'<>])|^)([45][0-5]\d)(?=[\s#:;-])(?! +(?:seconds|minutes|hours|days|kb|bytes))"
)
_ADDRESS = re.compile(r"<?[^\s<>()\[\]{},;:\"'@]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}>?")
# Codes that begin each line of a reply; words of IronPort before whatever the other server said.
_NOISE = re.compile(
    r"- Unknown address error|- Other mail system problem|\b[45]\d\d-(?: ?[45]\.\d{1,3}\.\d{1,3})?"
    r"|\b[45]\d\d [45]\.\d{1,3}\.\d{1,3}"
)
_PUNCTUATION = re.compile(r"[\s<>()\[\]{}\"*|,;:=_?!#`“”„«»。，：]+")

# A notice's own words stop here, and the mail server's begin.
_ANSWER_BEGINS = re.compile(
    r"(?:other|remote) server returned was:|\bsaid:|the response (?:from the remote server )?was:"
    r"|\brejection message:"
    r"|server replied:|remote server returned:?|generated following response:|returned an error:"
    r"|following error was given:"
    r"|status code:|error message:",
    re.IGNORECASE,
)

# The mail itself was answered: the address had been accepted before. Postfix; Exim. (A transcript of sendmail
# does not tell: it writes the last command that it had sent, which was not yet answered.)
_AFTER_DATA = re.compile(
    r"in\s+reply\s+to\s+(?:end\s+of\s+)?DATA|after\s+(?:end\s+of\s+)?data\b", re.IGNORECASE
)

# What a status says when no words do (RFC 3463 and the IANA registry of enhanced status codes).
_HARD_STATUS = frozenset(
    {
        "5.1.1",  # bad destination mailbox address
        "5.1.2",  # bad destination system address
        "5.1.3",  # bad destination mailbox address syntax
        "5.1.6",  # destination mailbox has moved
        "5.1.10",  # recipient address has null MX (RFC 7505); Microsoft: recipient not found
    }
)
_REFUSING_STATUS = re.compile(r"5\.(?:7|6)\.\d+|5\.1\.[789]|5\.2\.3|5\.3\.4")  # policy, content; sender; size

# Where a phrase is found first decides. FULL before UNKNOWN: "mailbox full or unknown" is not for good.
_ORDER: tuple[tuple[tuple[str, ...], Meaning], ...] = (
    (("host not found try again", "temporary failure in name", "dns lookup timeout"), Meaning.SOFT),
    (SENDER, Meaning.REFUSED),
    (FULL, Meaning.SOFT),
    (UNKNOWN, Meaning.HARD),
    (NO_SUCH_DOMAIN, Meaning.HARD),
    (CLOSED, Meaning.SOFT),
    (EXPIRED, Meaning.SOFT),
    (REFUSAL, Meaning.REFUSED),
    (FOR_NOW, Meaning.SOFT),
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What is known of a mail server's answer; what is not is empty."""

    status: str = ""  # RFC 3463
    words: str = ""
    context: str = ""  # what stands around the words, which may tell the command that was answered


def status_in(words: str) -> str:
    """Return the first status (RFC 3463) that stands in words; empty when none does."""
    found = _STATUS.search(words)
    return found[1] if found else ""


def is_temporary(words: str) -> bool:
    """Tell whether the first code in an answer is a temporary one: 4.x.x, or 4xx of SMTP."""
    code = _REPLY.search(words)
    status = status_in(words)
    return (code[1].startswith("4")) if code else status.startswith("4")


def judge(reply: Reply) -> Meaning | None:
    """Return whether an answer is hard, soft or a refusal; None: neither words nor status tell."""
    words = reply.words[:MOST_CHARACTERS]
    temporary = reply.status.startswith("4") or is_temporary(words)
    begins = _ANSWER_BEGINS.search(words)
    told = _by_words(words[begins.end() :]) if begins else None
    if told is None:
        told = _by_words(words)
    if told is None and reply.status in _HARD_STATUS:
        told = Meaning.HARD
    if told is None and _REFUSING_STATUS.fullmatch(reply.status):
        told = Meaning.REFUSED
    if told is Meaning.HARD and _AFTER_DATA.search(f"{words}\n{reply.context}"):
        told = Meaning.HARD if status_in(words) in _HARD_STATUS else Meaning.SOFT
    return Meaning.SOFT if temporary and told in {None, Meaning.HARD} else told


def _by_words(words: str) -> Meaning | None:
    plain = plain_phrase(words)
    for phrases, meaning in _ORDER:
        if any(has_phrase(plain, phrase) for phrase in phrases):
            return meaning
    if any(has_phrase(plain, phrase) for phrase in PROBABLY_UNKNOWN):
        return Meaning.HARD
    return None


def plain_phrase(words: str) -> str:
    """Return words as phrases are looked for: lower case, no punctuation, each address one @."""
    bare = _NOISE.sub(" ", _ADDRESS.sub(" @ ", words))
    return _PUNCTUATION.sub(" ", bare.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").lower())


def has_phrase(plain: str, phrase: str) -> bool:
    """Tell whether a phrase stands in plain words; … in it is a gap."""
    if "…" not in phrase:
        return phrase in plain
    first, _, rest = phrase.partition(" … ")
    begin = plain.find(first)
    while begin >= 0:
        end = begin + len(first)
        if has_phrase(plain[end : end + _GAP + len(rest)], rest):
            return True
        begin = plain.find(first, end)
    return False
