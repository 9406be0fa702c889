"""Send one mail now, and return what the mail server answered, for whoever tries the settings (W3).

The answer is shown to the person who asked and is never logged: it may name a mailbox.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiosmtplib

from optin.mail.connection_pool import ServerUnusable
from optin.mail.smtp_refusals import CURES, SmtpRefusal
from optin.mail.smtp_session import SmtpAddress, close_session, open_session, refusal_of, send_over

MOST_ANSWER_CHARACTERS = 400


@dataclass(frozen=True)
class TestResult:
    """Whether the server took a mail. `answer`: its own words; `cure`: what to do, where that is known."""

    taken: bool
    answer: str
    cure: str = ""


async def send_test_mail(address: SmtpAddress, sender: str, recipient: str, message: bytes) -> TestResult:
    """Send `message` once, over a connection of its own. Never raises for faults of the server."""
    try:
        client = await open_session(address)
    except ServerUnusable as problem:
        trouble = problem.outcome.trouble
        return TestResult(taken=False, answer=problem.outcome.reply, cure=CURES[trouble] if trouble else "")
    try:
        answer = await send_over(client, address, sender, recipient, message)
    except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as problem:
        return _refused(refusal_of(problem))
    except aiosmtplib.SMTPNotSupported:
        return TestResult(taken=False, answer="The server takes no address with such letters.")
    except (aiosmtplib.SMTPException, OSError, ValueError) as problem:
        return TestResult(taken=False, answer=_shown(f"{type(problem).__name__}: {problem}"))
    finally:
        await close_session(client)
    return TestResult(taken=True, answer=_shown(answer))


def _refused(refusal: SmtpRefusal) -> TestResult:
    trouble = refusal.trouble()
    return TestResult(
        taken=False,
        answer=_shown(f"{refusal.code} {refusal.words}"),
        cure=CURES[trouble] if trouble else "",
    )


def _shown(answer: str) -> str:
    """Return an answer in one line of a bearable length."""
    return " ".join(answer.split())[:MOST_ANSWER_CHARACTERS]
