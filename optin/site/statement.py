"""Reading one privacy statement: what people are told must be readable, whole and the site's own (F2, F5)."""

from __future__ import annotations

from pathlib import Path

from optin.site.documents import Document, read_front_matter
from optin.site.findings import Finding, Severity
from optin.site.model import PrivacyStatement
from optin.site.prose import read_prose
from optin.site.validation import validated
from optin.site.written import PrivacyFile


def read_statement(path: Path, name: str, lang: str) -> tuple[PrivacyStatement, list[Finding]]:
    """Return a statement and what is wrong with it. With an error in it, it is not to be shown."""
    document = read_front_matter(path, name)
    if isinstance(document, Finding):
        return PrivacyStatement(lang, "", ""), [document]
    read = validated(PrivacyFile, document)
    statement = PrivacyStatement(lang, read.written.title, read_prose(document.body).html)
    return statement, [*read.findings, *_of_body(document)]


def _of_body(document: Document) -> list[Finding]:
    prose, before = read_prose(document.body), document.body_line - 1
    findings: list[Finding] = []

    def say(line: int, message: str, cure: str, code: str, severity: Severity = "error") -> None:
        findings.append(Finding(document.path, before + line, 1, message, cure, severity, code))

    if not document.body.strip():
        say(1, "The privacy statement is empty (GDPR 13).", "Write it below the second ---.", "empty")
    for source, _, line in prose.pictures:
        message = f"A privacy statement shows no pictures, but here is {source[:60]!r}."
        say(line, message, "Say it in words.", "picture")
    for target, line in prose.foreign:
        cure = "Write https://… in full, or /… for a page of this site."
        say(line, f"The link {target[:60]!r} leads nowhere on the web.", cure, "link")
    for line in prose.headings[:1]:
        message = "The text has a heading of the first level; the title is that already."
        say(line, message, "Begin with ##.", "heading", "warning")
    return findings
