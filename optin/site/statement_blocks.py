"""Blocks of a privacy statement (GDPR 13, L9): `controller`, `purposes`, `terms`, `processors`.

An empty block is filled in from the configuration, so that the statement cannot differ from it. A block with
text of its own is shown as it is written, and `optin check` compares its items with the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from optin.rules.contact_rule import LawfulBasis
from optin.rules.data_protection.law_data import law_data
from optin.rules.data_protection.lawful_bases import bases_of, keeps_enquiries
from optin.rules.data_protection.transfers import Protection, transfer_of
from optin.settings.site import Processor, SiteSettings
from optin.site.findings import nearest
from optin.site.markdown_to_html import escape_markdown
from optin.theme.cldr import country_name
from optin.theme.wording import Wording

_OPENS = re.compile(r":{3,}\s*(\S.*?)\s*")
_CLOSES = re.compile(r":{3,}\s*")
_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+(.*)")
_RULE = re.compile(r"[\s|:-]+")  # the line below the head of a table


@dataclass(frozen=True)
class StatementList:
    """A block with text of its own: its name, its line in the text, and its items with their lines."""

    name: str
    line: int
    items: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class BlockMistake:
    """A mistake in a block: its line in the text (from 1), what is wrong, the cure."""

    line: int
    message: str
    cure: str


@dataclass(frozen=True)
class FilledStatement:
    """The text of a statement. `text`: with empty blocks filled in; `written`: without the marks of blocks.

    `written` has the lines of the file, for what is said of them.
    """

    text: str
    written: str
    lists: tuple[StatementList, ...] = ()
    mistakes: tuple[BlockMistake, ...] = ()


def fill_blocks(body: str, settings: SiteSettings, lang: str) -> FilledStatement:
    """Return the text of a statement with its blocks filled in; the same settings give the same text."""
    return _BlockReader(body.split("\n"), settings, lang).read()


@dataclass
class _BlockReader:
    lines: list[str]
    settings: SiteSettings
    lang: str
    out: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    lists: list[StatementList] = field(default_factory=list)
    mistakes: list[BlockMistake] = field(default_factory=list)

    def read(self) -> FilledStatement:
        at = 0
        while at < len(self.lines):
            opened = _OPENS.fullmatch(self.lines[at])
            closed = _CLOSES.fullmatch(self.lines[at])
            if opened is not None:
                at = self._block(at, opened[1])
            else:
                if closed is not None:
                    self._mistake(at, "This ::: ends no block.", "Remove it.")
                self._keep("" if closed is not None else self.lines[at])
                at += 1
        text = "\n".join(self.out)
        return FilledStatement(text, "\n".join(self.written), tuple(self.lists), tuple(self.mistakes))

    def _block(self, at: int, name: str) -> int:
        """Read the block that begins at a line; return the line after it."""
        inside = self.lines[at + 1 :]
        end = next((place for place, line in enumerate(inside) if _CLOSES.fullmatch(line)), None)
        self._keep("")
        if name not in BLOCKS:
            cure = nearest(name, sorted(BLOCKS))
            self._mistake(at, f"The block {name[:40]!r} is unknown in a privacy statement.", cure)
            return at + 1
        if end is None:
            cure = "Write ::: alone on a line below it."
            self._mistake(at, f"The block {name!r} does not end.", cure)
            return at + 1
        content = inside[:end]
        if any(line.strip() for line in content):
            for line in content:
                self._keep(line)
            self.lists.append(StatementList(name, at + 1, tuple(_items(content, at + 2))))
        else:
            words = Wording(self.lang, self.settings.texts.get(self.lang, {}))
            self.out += BLOCKS[name](self.settings, words)
            self.written += content
        self._keep("")
        return at + end + 2

    def _keep(self, line: str) -> None:
        self.out.append(line)
        self.written.append(line)

    def _mistake(self, at: int, message: str, cure: str) -> None:
        self.mistakes.append(BlockMistake(at + 1, message, cure))


def _items(lines: list[str], first: int) -> Iterator[tuple[int, str]]:
    """Yield the items of a list and the rows of a table, without a table's head, each with its line."""
    begun, words = 0, ""
    for at, line in enumerate([*lines, ""], first):
        item = _ITEM.fullmatch(line)
        is_row = line.lstrip().startswith("|")
        if words and (item is not None or is_row or not line.strip()):
            yield begun, words
            words = ""
        if item is not None:
            begun, words = at, item[1]
        elif is_row and not _RULE.fullmatch(line) and not _is_head(lines, at - first):
            yield at, line.strip().strip("|")
        elif words:
            words = f"{words} {line.strip()}"


def _is_head(lines: list[str], at: int) -> bool:
    return at + 1 < len(lines) and "-" in lines[at + 1] and _RULE.fullmatch(lines[at + 1]) is not None


def controller_lines(settings: SiteSettings, words: Wording) -> list[str]:
    """Return who is responsible, a paragraph each (GDPR 13(1)(a), (b))."""
    it = settings.controller
    reach = f"[{escape_markdown(it.email)}](mailto:{it.email})"
    known = [escape_markdown(part) for part in (it.name, *it.address, it.registration, it.phone) if part]
    paragraphs = [", ".join([*known, reach])]
    if it.joint:
        paragraphs.append(words.text("statement.joint", names=escape_markdown(", ".join(it.joint))))
    if it.representative:
        said = words.text("statement.representative", representative=escape_markdown(it.representative))
        paragraphs.append(said)
    if it.officer:
        paragraphs.append(words.text("statement.officer", officer=escape_markdown(it.officer)))
    return [line for paragraph in paragraphs for line in (paragraph, "")]


def purpose_lines(settings: SiteSettings, words: Wording) -> list[str]:
    """Return the purposes with their bases, an item each (GDPR 13(1)(c))."""
    purposes = [
        (escape_markdown(wording_in(it.text, words.lang)), bases_of(settings, name))
        for name, it in settings.purposes.items()
    ]
    if settings.products:
        purposes.append((words.text("statement.customers"), (LawfulBasis.CONTRACT,)))
    if keeps_enquiries(settings):
        purposes.append((words.text("statement.enquiries"), (LawfulBasis.ENQUIRY,)))
    for it in settings.obligations.values():
        law = words.text("statement.obligation", law=escape_markdown(it.law))
        purposes.append((f"{law}.", (LawfulBasis.OBLIGATION,)))
    found = []
    for what, bases in purposes:
        names = "; ".join(words.text(f"statement.basis.{it}") for it in bases)
        found.append(f"- {what} {words.text('statement.basis', bases=names)}")
    return found or [words.text("statement.no-purposes")]


def term_lines(settings: SiteSettings, words: Wording) -> list[str]:
    """Return how long data are kept, as a table (GDPR 13(2)(a))."""
    keep, period = settings.retention, words.period
    rows = [("statement.unconfirmed", "statement.unconfirmed.until", settings.unconfirmed.keep)]
    rows += [("statement.request", "statement.request.until", keep.magnet)]
    terms = [(words.text(what), words.text(until, period=period(it))) for what, until, it in rows]
    terms += [(words.text("statement.file"), period(settings.download.link))]
    terms += [
        (
            escape_markdown(wording_in(it.text, words.lang)),
            words.text("statement.consent.until", period=period(it.retention)),
        )
        for it in settings.purposes.values()
    ]
    terms += _terms_of_bases(settings, words)
    terms.append(
        (words.text("statement.proof"), words.text("statement.proof.until", period=period(keep.proof)))
    )
    asked = words.text("statement.asked.until", period=period(keep.requests))
    terms.append((words.text("statement.asked"), asked))
    terms.append((words.text("statement.fingerprint"), words.text("statement.fingerprint.until")))
    head = f"| {words.text('statement.what')} | {words.text('statement.until')} |"
    return [head, "| --- | --- |", *(f"| {what} | {until} |" for what, until in terms)]


def _terms_of_bases(settings: SiteSettings, words: Wording) -> list[tuple[str, str]]:
    """Return how long customers, enquiries and documents are kept, where `optin.toml` speaks of them."""
    terms = []
    for name, product in settings.products.items():
        what = words.text("statement.product", product=escape_markdown(name))
        until = words.text("statement.product.until", period=words.period(product.life_cycle))
        terms.append((what, until))
    if keeps_enquiries(settings):
        period = words.period(settings.enquiries.keep)
        terms.append((words.text("statement.enquiry"), words.text("statement.request.until", period=period)))
    for it in settings.obligations.values():
        what = words.text("statement.obligation", law=escape_markdown(it.law))
        key = "statement.obligation.until" + (".year" if it.starts == "end of year" else "")
        terms.append((what, words.text(key, period=words.period(it.keep))))
    return terms


def processor_lines(settings: SiteSettings, words: Wording) -> list[str]:
    """Return who processes the data, in which country, by which safeguard (GDPR 13(1)(e), (f))."""
    found = [f"- {_processor(it, settings, words)}" for it in settings.processors.values()]
    return found or [words.text("statement.no-processors")]


def _processor(it: Processor, settings: SiteSettings, words: Wording) -> str:
    line = f"**{escape_markdown(it.name)}**"
    if it.country:
        line += f", {country_name(it.country, words.lang)}"
    if task := wording_in(it.task, words.lang):
        line += f"{words.text('colon')} {escape_markdown(task)}"
    where = transfer_in_words(it, settings, words, law_data().checked)  # no clock: a page is its files
    return f"{line} ({where})" if where else line


def transfer_in_words(it: Processor, settings: SiteSettings, words: Wording, day: date) -> str:
    """Return what protects the data that a processor gets abroad; "" where they stay in the EEA."""
    match transfer_of(it, settings.controller.country, law_data(), day).protection:
        case Protection.ADEQUATE:
            return words.text("statement.adequate")
        case Protection.SAFEGUARD:
            return words.text("statement.safeguard", safeguard=words.text(f"safeguard.{it.safeguard}"))
        case Protection.NONE:
            return words.text("statement.unprotected")
        case _:
            return ""


def wording_in(texts: dict[str, str], lang: str) -> str:
    """Return a text in a language, else in the first language that has it; "" when none has."""
    return texts.get(lang) or next(iter(texts.values()), "")


BLOCKS = {
    "controller": controller_lines,
    "processors": processor_lines,
    "purposes": purpose_lines,
    "terms": term_lines,
}
