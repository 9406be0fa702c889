"""Read a privacy statement: it must be readable, complete and the site's own (F2, F5)."""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from optin.settings.site import SiteSettings
from optin.site.findings import Finding, Severity
from optin.site.front_matter import PrivacyFile
from optin.site.markdown_to_html import read_prose
from optin.site.model import PrivacyStatement, Site
from optin.site.starter_texts import starter_path
from optin.site.statement_blocks import FilledStatement, fill_blocks
from optin.site.toml_and_markdown_reader import Document, read_front_matter
from optin.site.validation_messages import validated

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_statement(
    path: Path, name: str, lang: str, settings: SiteSettings
) -> tuple[PrivacyStatement, list[Finding]]:
    """Return a statement and its findings. A statement with an error must not be shown.

    Its empty blocks are filled in from the settings.
    """
    document = read_front_matter(path, name)
    if isinstance(document, Finding):
        return PrivacyStatement(lang, "", ""), [document]
    read = validated(PrivacyFile, document)
    day, of_date = _day(document, read.written.date if read.vouches(("date",)) else None)
    filled = fill_blocks(document.body, settings, lang)
    as_written = _digest(read.written.title, document.body)
    is_ours = as_written == starter_digest(lang)  # whatever a site's configuration makes of it
    statement = PrivacyStatement(
        lang,
        read.written.title,
        read_prose(filled.text).html,
        day,
        as_written if is_ours else _digest(read.written.title, filled.text),
        name,
        document.place(("date",))[0],
        filled.written,
        document.body_line,
        filled.lists,
        is_starter=_plain(document.body) == _starter_text(lang),
    )
    return statement, [*read.findings, *of_date, *_of_body(document, filled)]


@lru_cache
def starter_digest(lang: str) -> str:
    """Return the digest of the statement that a new site has in a language; empty: none."""
    document = read_front_matter(starter_path(lang, "privacy.md"), "privacy.md")
    return _digest(str(document.values["title"]), document.body) if isinstance(document, Document) else ""


@lru_cache
def _starter_text(lang: str) -> str:
    document = read_front_matter(starter_path(lang, "privacy.md"), "privacy.md")
    return _plain(document.body) if isinstance(document, Document) else ""


def _digest(title: str, body: str) -> str:
    return hashlib.sha256(_plain(f"{title} {body}").encode()).hexdigest()


def _plain(text: str) -> str:
    return " ".join(text.split())


def statements_dated_ahead(site: Site, now: datetime) -> tuple[Finding, ...]:
    """Return a warning for each privacy statement with a date in the future."""
    return tuple(
        Finding(
            it.path,
            it.line,
            1,
            f"The privacy statement is dated {it.day}, in the future, but visitors see it already.",
            "Write the day from which it applies.",
            "warning",
            "date",
        )
        for it in site.privacy.values()
        if it.day is not None and it.day > now.astimezone(ZoneInfo(site.time_zone)).date()
    )


def changed_under_its_date(statement: PrivacyStatement) -> Finding:
    """Return the warning that a statement's date was served with another text."""
    message = (
        f"The text changed, but its date is still {statement.day}, so people take it for the earlier one."
    )
    cure = "Set date to the day of the change."
    return Finding(statement.path, statement.line, 1, message, cure, "warning", "date")


def _day(document: Document, written: str | None) -> tuple[date | None, list[Finding]]:
    """Return the date of a statement, or a finding. None: another finding covers it."""
    if written is None:
        return None, []
    if not written:
        message = "The privacy statement has no date, so people cannot tell its versions apart."
        cure = "Add date: with the day from which it applies, such as 2026-11-23."
        return None, [document.finding((), message, cure, severity="warning", code="date")]
    try:
        return _read_day(written), []
    except ValueError:
        message = f"{written[:40]!r} is not a date."
        return None, [document.finding(("date",), message, "Write it like 2026-11-23.", code="date")]


def _read_day(written: str) -> date:
    if _DAY.fullmatch(written) is None:  # `fromisoformat` reads week dates as well
        raise ValueError(written)
    return date.fromisoformat(written)


def _of_body(document: Document, filled: FilledStatement) -> list[Finding]:
    prose, before = read_prose(filled.written), document.body_line - 1
    findings: list[Finding] = []

    def say(line: int, message: str, cure: str, code: str, severity: Severity = "error") -> None:
        findings.append(Finding(document.path, before + line, 1, message, cure, severity, code))

    if not document.body.strip():
        say(1, "The privacy statement is empty (GDPR 13).", "Write it below the second ---.", "empty")
    for it in filled.mistakes:
        say(it.line, it.message, it.cure, "block")
    for source, _, line in prose.pictures:
        message = f"A privacy statement cannot show pictures, but this one has {source[:60]!r}."
        say(line, message, "Say it in words.", "picture")
    for target, line in prose.foreign:
        cure = "Write https://… in full, or /… for a page of this site."
        say(line, f"The link {target[:60]!r} does not work on a web page.", cure, "link")
    for line in prose.headings[:1]:
        message = "The text has a first-level heading, but the page's title is one already."
        say(line, message, "Begin with ##.", "heading", "warning")
    return findings
