"""The processors and their agreements (GDPR 28), with the file and the last day of each."""

from __future__ import annotations

from datetime import timedelta

from optin.papers.activities import PaperSite
from optin.papers.paper_text import facts, heading
from optin.papers.record import transfer_said
from optin.settings.site import Processor
from optin.site.markdown_to_html import escape_markdown
from optin.site.statement_blocks import wording_in

SOON = timedelta(days=60)  # time enough to renew an agreement


def agreements(of: PaperSite) -> str:
    """Return the paper as Markdown, a part for each processor."""
    words, settings = of.words, of.site.settings
    lead = words.text("agreements.lead", name=escape_markdown(settings.controller.name))
    lines = [lead, ""]
    if not settings.processors:
        lines += [words.text("agreements.empty"), ""]
    for it in settings.processors.values():
        lines += [
            heading(2, it.name),
            "",
            *facts(
                (
                    (words.text("agreements.task"), wording_in(it.task, words.lang)),
                    (words.text("agreements.agreement"), it.agreement),
                    (words.text("agreements.document"), it.document or words.text("paper.unknown")),
                    (words.text("agreements.until"), _until(of, it)),
                    (words.text("agreements.gets"), _gets(of, it)),
                    (words.text("agreements.transfer"), transfer_said(of, it)),
                )
            ),
            "",
        ]
    return "\n".join(lines)


def _until(of: PaperSite, it: Processor) -> str:
    words = of.words
    if it.ends is None:
        return words.text("agreements.open-end")
    day = words.day(it.ends)
    if it.is_over(of.day):
        return words.text("agreements.over", day=day)
    return words.text("agreements.soon", day=day) if it.ends - of.day <= SOON else day


def _gets(of: PaperSite, it: Processor) -> str:
    purposes = ", ".join(sorted(it.told_of))
    if it.webhook is not None:
        return of.words.text("agreements.by-webhook", purposes=purposes)
    if it.connect:
        return of.words.text("agreements.by-tool", tool=it.connect, purposes=purposes)
    return of.words.text("record.on-export")
