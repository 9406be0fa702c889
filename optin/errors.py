"""Every error of the domain, in one tree. Each has a status, a sentence for the visitor and a log line.

    OptinError
    ├── SetupRefused           the operator's: one sentence with its cure, exit status 1
    │   ├── StoreUnusable          the store cannot be opened, or another server holds it
    │   ├── KeysUnusable           the keys are missing, readable by others, or not those of the data
    │   ├── JournalUnusable        the journal is missing, damaged, cut off, or of another installation
    │   └── LogDiverged            the log is smaller or other than was signed; nothing more is signed
    ├── RequestRefused         the officer's or marketer's: a command that names what does not exist
    │   └── EvidenceRefused        a file that cannot serve as evidence, with its cure
    │       ├── InvoiceRefused         a file that is no invoice, or proves no sale
    │       └── CardRefused            a reply card that cannot be made, or read from a scan
    ├── ProcessorKeyUnknown    a question to the gate without a valid key
    ├── QuestionUnreadable     a question to the gate that names no address, or nothing that the site has
    ├── ClockDoubted           the clock jumped: nothing is deleted by it until an operator looked (O7)
    ├── StoreBusy              the store takes no more just now; nothing was stored
    ├── KindFailed             a kind of magnet raised what it should not; nothing was stored
    ├── LogDisagrees           the database says otherwise than the events of the log; nothing was done
    ├── WriteLost              the schema was changed past optin: what is written might be swallowed
    ├── EndingUnwritten        a withdrawal or erasure is stored, and not yet in the journal: do it again
    └── VisitorRefused         the prospect's: a page in words, nothing stored
        ├── PageUnknown            no such page
        ├── PostMalformed          a form that no browser sends
        ├── PostTooLarge           a form larger than any of ours
        ├── PostTooSlow            a form that did not arrive whole in its time
        ├── FormUnknown            a form version that the server never issued (F7)
        ├── SiteUnlisted           a form that was pasted into a page of a site that may not show it
        ├── LinkForged             a token that we did not sign, or signed for another action (S3)
        │   └── SampleLink             the token of sample mails, which opens nothing (W3)
        ├── LinkExpired            a token of ours whose time is over (D4)
        ├── LinkSpent              a token of ours whose request is gone (erased, or never kept)
        ├── FileUnavailable        a magnet that no longer has a file to hand out
        ├── MagnetClosed           a form of a magnet that takes none any more
        ├── MagnetGone             a magnet that was removed from the site
        └── TooManyRequests        a limit was reached (D8)
            └── MailsSpent             the site sends no more mails today that anybody may ask for

Kinds of magnets derive errors of their own from these.
The visitor's sentences are in the catalogues under `error.<name>.title` and `error.<name>.text`.
A log line never holds personal data (S4): it is the class's name, for a set-up with its sentence;
nothing that a visitor typed. The module is long because it is one tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class OptinError(Exception):
    """The root. `status` is the HTTP status, `name` the key of the visitor's sentence."""

    status: ClassVar[int] = 500
    name: ClassVar[str] = "internal"

    @property
    def log_line(self) -> str:
        """The line for the operator's log: the kind of refusal, without personal data (S4)."""
        return f"{self.name} status={self.status}"


def log_line_of(problem: BaseException) -> str:
    """Return the log line of any error: its kind and place, never what a visitor sent.

    The words of a foreign error are left out: they may quote what is stored.
    """
    if isinstance(problem, OptinError):
        return problem.log_line
    place = problem.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    line = f" at={place.tb_frame.f_code.co_qualname}:{place.tb_lineno}" if place else ""
    return f"{type(problem).__name__}{line}"


class SetupRefused(OptinError):
    """The set-up is unsafe or unusable; the message is one sentence with its cure, and names no person."""

    @property
    def log_line(self) -> str:
        """The log line with the sentence, which is for the operator."""
        return f"{super().log_line}: {self}"


class StoreUnusable(SetupRefused):
    """The store cannot be opened, or another server process holds it."""


class KeysUnusable(SetupRefused):
    """The keys are missing, readable by others, malformed, or not those that sealed the data."""


class JournalUnusable(SetupRefused):
    """The journal cannot be used: missing, damaged, truncated, of another installation, or on a full disk."""


class RulesUnusable(SetupRefused):
    """A file of contact rules cannot be used: unreadable, with a gap, with two rules for one contact (L8)."""

    def __init__(self, file: str, problem: str) -> None:
        """Take the file's name and what is wrong in it."""
        super().__init__(f"The contact rules in {file} cannot be used: {problem}. Correct the file.")


class LogDiverged(SetupRefused):
    """The log in the database is smaller than what was signed, or has another past (O9).

    Nothing is signed, exported or deleted on its word.
    """

    def __init__(self, why: str) -> None:
        """Take the reason; the message adds what to do."""
        super().__init__(
            f"The log in the database is not the one that was signed before: {why}. Nothing more is signed."
            " Examine it with: optin audit. Restore a backup with: optin restore. Only if you know why the"
            " log differs, begin a new journal with: optin serve --new-journal"
        )
        self.why = why


class EndingUnwritten(OptinError):
    """A withdrawal, erasure, correction or hold is stored, but not yet written to the journal (S7).

    The person is not told that it is done, and can do the very same again. `reason`: what the journal said.
    """

    status = 503
    name = "unfinished"

    def __init__(self, reason: str) -> None:
        """Take the reason; the message is a sentence for the user of a command."""
        super().__init__(
            "It is stored in the database, but could not be written to the journal. Correct that, then do it"
            f" again: {reason}"
        )
        self.reason = reason

    @property
    def log_line(self) -> str:
        """The log line with the journal's error."""
        return f"{super().log_line}: {self.reason}"


class RequestRefused(OptinError):
    """A command named a purpose, processor or channel that the site does not have."""


class EvidenceRefused(RequestRefused):
    """A file cannot serve as evidence. `file`: its name; `problem`: "is …" or "has …"; `cure`: what to do."""

    def __init__(self, file: str, problem: str, cure: str) -> None:
        """Take the three; the message is a sentence for the user of a command."""
        super().__init__(f"{file} {problem}. {cure}")
        self.file, self.problem, self.cure = file, problem, cure


class InvoiceRefused(EvidenceRefused):
    """A file is no invoice that can be read or kept, or proves no sale."""


class CardRefused(EvidenceRefused):
    """A reply card cannot be made of a magnet, or cannot be read from a scan."""


class ProcessorKeyUnknown(OptinError):
    """A question to the gate without a key, or with one that is none: its processor or agreement ended."""

    status = 401
    name = "malformed"  # only programs see it, as problem details

    def __init__(self) -> None:
        """Say the same for every reason."""
        super().__init__(
            "This is no valid key. The company that runs this site gives keys to its processors."
        )


class QuestionUnreadable(OptinError):
    """A question whether somebody may be contacted that cannot be read; the sentence quotes no address."""

    status = 422
    name = "malformed"  # only programs see it, as problem details, and users of a command, as its sentence


class ClockDoubted(OptinError):
    """The clock is far from the last moment when it was known to be right; the message has the cure."""

    @property
    def log_line(self) -> str:
        """The sentence: it is for the operator, and names no person."""
        return f"clock: {self}"


class StoreBusy(OptinError):
    """The store cannot work now (queue full, database locked or read-only, disk full, server away).

    Nothing was stored. `reason`: the kind of the database's error, without personal data.
    """

    status = 503
    name = "busy"
    retry_after_seconds: ClassVar[int] = 5

    def __init__(self, reason: str = "") -> None:
        """Take the reason; the message is a sentence for the user of a command."""
        why = f" ({reason})" if reason else ""
        super().__init__(f"The database is not available now{why}; try again in a moment.")
        self.reason = reason

    @property
    def log_line(self) -> str:
        """The log line with the kind of the database's error, where known."""
        return f"{super().log_line}: {self.reason}" if self.reason else super().log_line


class KindFailed(OptinError):
    """A hook of a kind failed; the operation that called it was undone, and may be tried again.

    `kind`: its name; `reason`: the kind of its error, without personal data.
    """

    status = 503
    name = "busy"

    def __init__(self, kind: str, reason: str) -> None:
        """Take the kind and the reason; the message is a sentence for the user of a command."""
        super().__init__(f"the kind {kind} failed: {reason}")

    @property
    def log_line(self) -> str:
        """The log line with the name of the kind."""
        return f"{super().log_line}: {self}"


class LogDisagrees(OptinError):
    """Rows of the database differ from the events of the log: nothing is deleted or signed by them.

    The message says what was found, and names no person.
    """

    @property
    def log_line(self) -> str:
        """The log line with the difference."""
        return f"{super().log_line}: the database and the log disagree ({self}); see: optin audit"


class WriteLost(OptinError):
    """The schema was changed without optin while it ran: a trigger or rule might swallow writes.

    Nothing was stored. `findings`: what is foreign, altered or missing, in sentences without personal data.
    """

    status = 503
    name = "write-lost"

    def __init__(self, findings: Sequence[str]) -> None:
        """Take the findings; the message is a sentence for the user of a command."""
        super().__init__(
            f"Nothing is written, because the database might not keep it: {'; '.join(findings)}. Somebody"
            " changed its schema without this optin; optin audit lists every difference. Correct them, and"
            " writing resumes."
        )
        self.findings = tuple(findings)

    @property
    def log_line(self) -> str:
        """The log line with the sentence, which is for the operator."""
        return f"{super().log_line}: {self}"


class VisitorRefused(OptinError):
    """A visitor's request cannot be accepted. Nothing was stored."""

    status = 400
    name = "malformed"


class PageUnknown(VisitorRefused):
    """No page at this address."""

    status = 404
    name = "unknown"


class PostMalformed(VisitorRefused):
    """A form that no browser sends: wrong encoding, missing or repeated parts."""


class PostTooLarge(VisitorRefused):
    """A form larger than any that this site serves."""

    status = 413
    name = "too-large"


class PostTooSlow(VisitorRefused):
    """A form that did not arrive completely in time (O8)."""

    status = 408
    name = "too-slow"


class FormUnknown(VisitorRefused):
    """A form version that this server never issued (F7)."""

    status = 409
    name = "form-unknown"


class SiteUnlisted(VisitorRefused):
    """A form that was pasted into a page of a site that may not show it (W7)."""

    status = 403
    name = "site-unlisted"


class LinkForged(VisitorRefused):
    """A token that was not signed here, or for another action (S3)."""

    status = 404
    name = "link-forged"


class SampleLink(LinkForged):
    """The link of a sample mail, which stands for a real one and opens nothing (W3)."""

    name = "sample"


class LinkExpired(VisitorRefused):
    """A token of ours that has expired (D4). `payload`: what it was for."""

    status = 410
    name = "link-expired"

    def __init__(self, payload: bytes = b"") -> None:
        """Keep the payload: an expired link may still be used to request a new one."""
        super().__init__("link expired")
        self.payload = payload


class LinkSpent(VisitorRefused):
    """A token of ours whose request is gone: erased, or replaced (D4)."""

    status = 410
    name = "link-spent"


class FileUnavailable(VisitorRefused):
    """A magnet that no longer has a file to hand out."""

    status = 410
    name = "file-unavailable"


class MagnetClosed(VisitorRefused):
    """A form posted after its magnet closed."""

    status = 410
    name = "closed"


class MagnetWaiting(VisitorRefused):
    """A form posted before its magnet opened."""

    status = 409
    name = "waiting"


class PreviewExpired(VisitorRefused):
    """A link to a preview whose days are over."""

    status = 410
    name = "preview-expired"


class PreviewOnly(VisitorRefused):
    """A form posted on a preview."""

    status = 409
    name = "preview"


class MagnetGone(VisitorRefused):
    """A magnet that was removed from the site. `lang`: of its page."""

    status = 410
    name = "gone"

    def __init__(self, lang: str = "") -> None:
        """Take the language of its page."""
        super().__init__("magnet removed")
        self.lang = lang


class TooManyRequests(VisitorRefused):
    """A limit was reached (D8)."""

    status = 429
    name = "too-many"

    def __init__(self, retry_after_seconds: int) -> None:
        """Take the seconds until another attempt makes sense."""
        super().__init__("too many requests")
        self.retry_after_seconds = retry_after_seconds


class MailsSpent(TooManyRequests):
    """The site sends no more mails requested by visitors today (D8)."""
