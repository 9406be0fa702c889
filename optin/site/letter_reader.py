"""Read the letters of purposes: `letters/LANG/NAME.md`, each mistake with its place (W13)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from optin.consent.channel import CHANNELS
from optin.consent.purpose import PurposeId
from optin.settings.site import Purpose, SiteSettings
from optin.site.findings import Finding, Severity
from optin.site.front_matter import LetterFile
from optin.site.law_lint import Objection
from optin.site.law_words import mentioned
from optin.site.markdown_to_html import read_prose
from optin.site.model import LetterDraft, Magnet, PurposeLetter
from optin.site.referenced_files import FileProblem, find_inside
from optin.site.toml_and_markdown_reader import Document, Path_, read_front_matter
from optin.site.validation_messages import validated

FOLDER = "letters"
CODE = "letter"
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FIELD = re.compile(r"\{\{?\s*[A-Za-z_][\w.]*\s*\}?\}")
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # periods are compared from the same day


@dataclass(frozen=True)
class ReadLetters:
    """The letters of each purpose, what is wrong in their files, and what is wrong with who names them."""

    letters: Mapping[str, tuple[PurposeLetter, ...]]
    findings: tuple[Finding, ...]
    objections: tuple[tuple[Path_, Objection], ...]  # in optin.toml


def objections_to_letters(name: str, purpose: Purpose) -> Iterator[tuple[Path_, Objection]]:
    """Check the letters of a purpose in `optin.toml`: channel, names and periods."""
    where: Path_ = ("purposes", name, "letters")
    if purpose.letters and not purpose.channel.by_mail:
        others = " or ".join(it.value for it in CHANNELS.values() if it.by_mail)
        message = f"Letters are mails, but people agreed to {purpose.channel.medium} here."
        yield where, Objection(CODE, message, f"Remove them, or write them for a purpose by {others}.")
    seen: set[str] = set()
    for place, letter in enumerate(purpose.letters):
        if _ID.fullmatch(letter.name) is None:
            message = f"{letter.name!r} is no name of a letter."
            yield (*where, place, "name"), Objection("id", message, "Use a-z, 0-9 and hyphens.")
        if letter.name in seen:
            message = f"The letter {letter.name!r} is there twice."
            yield (*where, place, "name"), Objection(CODE, message, "Give each letter a name of its own.")
        seen.add(letter.name)
        if letter.after.after(_SOME_DAY) >= purpose.retention.after(_SOME_DAY):
            message = f"The consent lasts {purpose.retention.text}, so this letter is never sent."
            yield (*where, place, "after"), Objection(CODE, message, "Write a shorter period.")


def read_letters(root: Path, settings: SiteSettings, magnets: Collection[Magnet]) -> ReadLetters:
    """Read every letter that a purpose names, in each language of the site that has it.

    One is needed in each language of a magnet that asks for the purpose.
    """
    letters: dict[str, tuple[PurposeLetter, ...]] = {}
    findings: list[Finding] = []
    objections: list[tuple[Path_, Objection]] = []
    named: set[str] = set()
    for purpose_id, purpose in settings.purposes.items():
        needed = {it.lang for it in magnets if any(q.purpose == purpose_id for q in it.questions)}
        found: list[PurposeLetter] = []
        for place, entry in enumerate(purpose.letters):
            if _ID.fullmatch(entry.name) is None:
                continue
            drafts: dict[str, LetterDraft] = {}
            for lang in settings.languages:
                name = f"{FOLDER}/{lang}/{entry.name}.md"
                path = find_inside(root, name)
                if path is FileProblem.MISSING and lang not in needed:
                    continue
                named.add(name)
                if isinstance(path, FileProblem):
                    where: Path_ = ("purposes", purpose_id, "letters", place, "name")
                    objections.append((where, _absent(name, path)))
                    continue
                draft, wrong = _read(path, name, lang, purpose_id, settings.purposes)
                findings += wrong
                drafts |= {} if draft is None else {lang: draft}
            found.append(PurposeLetter(entry.name, entry.after, drafts))
        if found:
            letters[purpose_id] = tuple(found)
    findings += _unnamed(root, named)
    return ReadLetters(letters, tuple(dict.fromkeys(findings)), tuple(objections))


def _absent(name: str, why: FileProblem) -> Objection:
    if why is FileProblem.OUTSIDE:
        return Objection(CODE, f"The letter {name} leads outside the site.", "Put the file itself there.")
    message = f"The letter {name} is {why.value}."
    return Objection(CODE, message, "Write it: a front matter with subject:, and the text below.")


def _unnamed(root: Path, named: Collection[str]) -> Iterator[Finding]:
    for path in sorted((root / FOLDER).rglob("*.md")):
        name = path.relative_to(root).as_posix()
        if name not in named:
            message = "No purpose has a letter of this name and language, so it is never sent."
            cure = f'Add to optin.toml: [[purposes.ID.letters]] with name = "{path.stem}" and after.'
            yield Finding(name, 1, 1, message, cure, "warning", CODE)


def _read(
    path: Path, name: str, lang: str, purpose_id: PurposeId, purposes: Mapping[PurposeId, Purpose]
) -> tuple[LetterDraft | None, list[Finding]]:
    document = read_front_matter(path, name)
    if isinstance(document, Finding):
        return None, [document]
    read = validated(LetterFile, document)
    written = read.written
    findings = [*read.findings, *_of_text(document)]
    above, line_above = f"{written.subject}\n{written.preheader}", document.place(("subject",))[0]
    findings += [_said(document, line_above, it) for it in _of_law(above, lang, purpose_id, purposes)]
    seen = {finding.message for finding in findings}
    for number, line in enumerate(document.body.split("\n")):
        of_line = _of_law(line, lang, purpose_id, purposes)
        new = [it for it in of_line if it.message not in seen]
        seen |= {it.message for it in new}
        findings += [_said(document, document.body_line + number, it) for it in new]
    if any(finding.severity == "error" for finding in findings):
        return None, findings
    draft = LetterDraft(written.subject.strip(), written.preheader.strip(), document.body.strip(), name)
    return draft, findings


def _said(document: Document, line: int, it: Objection) -> Finding:
    severity: Severity = "warning" if it.warning else "error"
    return Finding(document.path, line, 1, it.message, it.cure, severity, it.code)


def _of_text(document: Document) -> Iterator[Finding]:
    """Check that a mail can hold the text: words, no pictures, whole links, no fields to fill in."""
    say: Callable[[int, str, str], Finding] = lambda line, message, cure: Finding(  # noqa: E731 - it has its file's name
        document.path, document.body_line + line - 1, 1, message, cure, "error", CODE
    )
    if not document.body.strip():
        yield say(1, "The letter says nothing.", "Write its text below the second ---.")
    prose = read_prose(document.body)
    for source, _, line in prose.pictures:
        message = f"The letter shows a picture ({source[:60]!r}), which a letter cannot."
        yield say(line, message, "Leave it out, or link to a page that shows it.")
    for target, line in prose.foreign:
        message = f"The link to {target[:60]!r} leads nowhere from a mail."
        yield say(line, message, "Write https://… in full, or /… for a page of this site.")
    for number, text in enumerate(document.body.split("\n"), 1):
        if field := _FIELD.search(text):
            message = f"{field[0]!r} is not filled in: a letter is the same for everybody."
            yield say(number, message, "Write it without the field.")


def _of_law(
    text: str, lang: str, purpose_id: PurposeId, purposes: Mapping[PurposeId, Purpose]
) -> Iterator[Objection]:
    """Check that a text stays within what people agreed to, as far as its words tell (GDPR 5(1)(b))."""
    agreed = purposes[purpose_id].text.get(lang, "")
    if mentioned("offers-of-others", text):
        if not mentioned("third-parties", agreed):
            message = "The letter offers what others sell; its purpose says nothing of that (GDPR 5(1)(b))."
            yield Objection("third-parties", message, "Leave it out, or ask for it as a purpose of its own.")
    elif mentioned("third-parties", text) and not mentioned("third-parties", agreed):
        message = "The letter speaks of other companies, of which its purpose says nothing (GDPR 5(1)(b))."
        cure = "See that it offers nothing of theirs, or leave them out."
        yield Objection("third-parties", message, cure, warning=True)
    if mentioned("profile", text) and not mentioned("profile", agreed):
        message = "The letter speaks of a profile or advertising, of which its purpose says nothing."
        yield Objection("profile", message, "Leave it out (GDPR 5(1)(b)).")
    said = _plain(text)
    for other_id, other in purposes.items():
        words = _plain(other.text.get(lang, ""))
        if other_id != purpose_id and words and words != _plain(agreed) and words in said:
            message = f"The letter asks for the consent {other_id!r}, which takes a box of its own."
            yield Objection("two-purposes", message, "Link to the page that asks for it instead.")


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
