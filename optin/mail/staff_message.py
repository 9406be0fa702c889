"""Words of a message to staff through a chat service, in the language of the site (W12)."""

from __future__ import annotations

from optin.flows.delivery.mail_order import StaffDigest
from optin.theme.theme import Theme


def title_and_text(theme: Theme, lang: str, digest: StaffDigest) -> tuple[str, str]:
    """Return the title and the text of a message that tells of confirmed requests."""
    words = theme.wording(lang)
    lines = []
    if digest.lines:
        lines.append(words.text("mail.staff.lead", moment=words.moment(digest.since)))
    for it in digest.lines:
        counts = words.text(
            "mail.staff.line", title=_line(it.title), count=it.confirmed, consents=it.with_consent
        )
        lines.append(f"- {counts}\n  {it.url}")
    if digest.lines:
        lines.append(words.text("mail.staff.nobody"))
    if digest.waiting:
        lines += [words.text("mail.staff.waits.lead"), *(f"- {it}" for it in digest.waiting)]
    name, count = digest.subject
    return words.text(f"mail.staff.subject{name and f'.{name}'}", count=count), "\n\n".join(lines)


def title_and_text_of_test(theme: Theme, lang: str, company: str) -> tuple[str, str]:
    """Return the title and the text of a test message."""
    words = theme.wording(lang)
    return words.text("mail.staff.subject.test"), words.text("mail.staff.test", name=_line(company))


def _line(text: str) -> str:
    return " ".join(text.split())
