"""Where a written privacy statement and the configuration differ (GDPR 13, L9).

What optin filled in cannot differ. What its author wrote is searched for the controller, for each processor,
each term, each lawful basis and each country that the configuration holds; and for terms and bases that it
does not hold. A list that stands in a block is compared item by item, which finds a processor too many.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import lru_cache

from optin.consent.retention_period import RetentionPeriod
from optin.papers.paper_words import numbers_of, speaks, units_of
from optin.rules.contact_rule import LawfulBasis
from optin.rules.data_protection.law_data import law_data
from optin.rules.data_protection.lawful_bases import LETTERS, bases_of, keeps_enquiries
from optin.rules.data_protection.transfers import transfer_of
from optin.rules.deadlines import law_deadlines
from optin.site.findings import Finding
from optin.site.model import PrivacyStatement, Site
from optin.site.statement_blocks import StatementList, wording_in
from optin.theme.cldr import country_name
from optin.theme.wording import Wording

_TAG = re.compile(r"<[^>]*>")
# Article 6(1)(a) as the languages write it: 6(1)(a); 6 lid 1 onder a; 6, eerste lid, aanhef en onder a;
# 6 Abs. 1 S. 1 lit. a; 6, paragraphe 1, point a); 6.1.a. The letter may not be the beginning of a word.
_ARTICLE = re.compile(
    r"""\b6
    (?: \s*\(\s*1\s*\)
      | [\s,.-]*(?:lid|abs(?:atz|\.)|par(?:agraphe|agraph|\.)|§)?\s*1\b
      | ,?\s*eerste\ lid
      | \s+i\b )
    (?: [\s,]*(?:u(?:nter)?abs(?:atz|\.)|s\.|satz)\s*1 ){0,2}
    (?: ,?\s*aanhef\ en )?
    [\s,.-]*
    (?: \(|(?:onder(?:deel|delen)?|sub|lit(?:era|\.)?|buchst(?:aben?|\.)|points?|letters?)\s )?\s*
    ([a-f])(?![\w’'-])""",
    re.IGNORECASE | re.VERBOSE,
)
_AND_LETTER = re.compile(r"\)?\s*(?:,|and|or|en|of|und|oder|et|ou|&)\s*\(?([a-f])(?![\w’'-])", re.IGNORECASE)
# What optin itself does rests on these, whatever a site asks (papers.activities).
_OWN_BASES = (LawfulBasis.ENQUIRY, LawfulBasis.OBLIGATION, LawfulBasis.INTEREST)

Length = tuple[int, int]  # months and hours


def statement_differences(site: Site) -> tuple[Finding, ...]:
    """Return an error for each difference between a written statement and the configuration."""
    return tuple(
        it for lang, statement in site.privacy.items() for it in _Comparison(site, lang, statement).findings()
    )


class _Comparison:
    """Compares the statement of one language."""

    def __init__(self, site: Site, lang: str, statement: PrivacyStatement) -> None:
        self._site, self._lang, self._statement = site, lang, statement
        self._words = Wording(lang, site.settings.texts.get(lang, {}))
        self._plain = " ".join(html.unescape(_TAG.sub(" ", statement.body_html)).split())
        self._said = self._plain.casefold()

    def findings(self) -> Iterator[Finding]:
        yield from self._names()
        if speaks(self._lang):
            yield from self._terms()
        yield from self._bases()
        for block in self._statement.lists:
            yield from self._list(block)

    def _error(self, message: str, cure: str, line: int = 0) -> Finding:
        """Return a finding at a line of the text, or at the statement's date."""
        it = self._statement
        place = it.written_line + line - 1 if line else it.line
        return Finding(it.path, place, 1, message, cure, "error", code="statement")

    def _names(self) -> Iterator[Finding]:
        settings, said = self._site.settings, self._said
        if _flat(settings.controller.name) not in said:
            message = f"The statement does not name {settings.controller.name}, who is responsible."
            yield self._error(message, "Name it, or write: ::: controller and below it :::")
        for it in settings.processors.values():
            if _flat(it.name) not in said:
                message = f"The statement does not name {it.name}, who receives data."
                yield self._error(message, "Name it, or write: ::: processors and below it :::")
            transfer = transfer_of(it, settings.controller.country, law_data(), law_data().checked)
            country = country_name(transfer.country, self._lang) if transfer.is_abroad else ""
            if country and _flat(country) not in said and not self._names_code(transfer.country):
                message = f"The statement does not say that data go to {it.name} in {country}."
                yield self._error(message, f"Say so, with what protects them there: {country}.")
        for key, whole in (
            ("officer", settings.controller.officer),
            ("representative", settings.controller.representative),
            *(("joint", it) for it in settings.controller.joint),
        ):
            parts = [_flat(part) for part in whole.split(",") if part.strip()]
            if parts and not any(part in said for part in parts):
                message = f"The statement does not name {whole[:60]!r} ([controller] {key})."
                yield self._error(message, "Name it, or write: ::: controller and below it :::")

    def _names_code(self, code: str) -> bool:
        """Return whether the text names a country by its code, in capitals: "in" is no India."""
        return re.search(rf"\b{re.escape(code)}A?\b", self._plain) is not None  # US, USA

    def _terms(self) -> Iterator[Finding]:
        found = {length for length, _ in lengths_in(self._said, self._lang)}
        wanted = self._wanted_terms()
        for about, period in wanted:
            if _length(period) not in found:
                shown = self._words.period(period)
                message = f"The statement does not name the term of {about}: {shown}."
                yield self._error(message, "Write it so, or write: ::: terms and below it :::")
        known = {_length(it) for it in (*(it for _, it in wanted), *self._known_terms())}
        for at, line in enumerate(self._statement.written.split("\n"), 1):
            for length, words in lengths_in(_flat(line), self._lang, in_words=False):
                if length not in known:
                    message = f"The statement says {words!r}, a term that no setting holds."
                    cure = "Correct it; or list it in [papers] terms, if it is about something else."
                    yield self._error(message, cure, at)

    def _wanted_terms(self) -> list[tuple[str, RetentionPeriod]]:
        settings = self._site.settings
        purposes = [(f"the purpose {name!r}", it.retention) for name, it in settings.purposes.items()]
        return [
            ("unconfirmed requests", settings.unconfirmed.keep),
            ("requests without a consent", settings.retention.magnet),
            ("the proof", settings.retention.proof),
            ("answered requests", settings.retention.requests),
            *purposes,
            *((f"customers of {name!r}", it.life_cycle) for name, it in settings.products.items()),
            *((f"documents under {it.law}", it.keep) for it in settings.obligations.values()),
            *([("enquiries", settings.enquiries.keep)] if keeps_enquiries(settings) else []),
        ]

    def _known_terms(self) -> Iterator[RetentionPeriod]:
        """Yield every other period that a statement may name."""
        settings = self._site.settings
        yield from (settings.unconfirmed.link, settings.download.link, settings.personal.link)
        yield from (settings.retention.backups, settings.retention.requests)
        yield from settings.papers.terms
        for it in settings.purposes.values():
            yield from (letter.after for letter in it.letters)
            if it.ask_again is not None:
                yield it.ask_again
        yield from (rows[-1].period for rows in law_deadlines().values())
        for magnet in self._site.magnets.values():
            yield from _periods_of(magnet.details)

    def _bases(self) -> Iterator[Finding]:
        named = set(letters_in(self._said))
        settings = self._site.settings
        wanted: dict[str, str] = {}
        for purpose in settings.purposes:
            for basis in bases_of(settings, purpose):
                wanted.setdefault(LETTERS[basis], purpose)
        for letter, name in wanted.items():
            if letter not in named:
                message = f"The statement does not name the lawful basis of {name!r}: Article 6(1)({letter})."
                yield self._error(message, "Name it, or write: ::: purposes and below it :::")
        known = {*wanted, *(LETTERS[it] for it in _OWN_BASES)}
        for at, line in enumerate(self._statement.written.split("\n"), 1):
            for letter in letters_in(_flat(line)):
                if letter not in known:
                    message = f"The statement names Article 6(1)({letter}), on which nothing here rests."
                    yield self._error(message, "Remove it, or correct the letter.", at)

    def _list(self, block: StatementList) -> Iterator[Finding]:
        """Compare the items of a block with the configuration, one by one."""
        settings = self._site.settings
        if block.name == "processors":
            names = [_flat(it.name) for it in settings.processors.values()]
            yield from self._items(block, names, "names no processor of optin.toml")
        elif block.name == "purposes":
            wordings = [_flat(wording_in(it.text, self._lang)) for it in settings.purposes.values()]
            yield from self._items(block, wordings, "has the words of no purpose of optin.toml")
            there = " ".join(_flat(text) for _, text in block.items)
            for name, wording in zip(settings.purposes, wordings, strict=True):
                if wording not in there:
                    message = f"The list of purposes has not the words of {name!r}."
                    yield self._error(message, "Copy its text from optin.toml.", block.line)

    def _items(self, block: StatementList, known: list[str], lacks: str) -> Iterator[Finding]:
        for line, text in block.items:
            if not any(it in _flat(text) for it in known):
                shown = " ".join(text.split())[:60]
                yield self._error(f"The item {shown!r} {lacks}.", "Remove it, or correct it.", line)


def letters_in(text: str) -> Iterator[str]:
    """Yield the parts of Article 6(1) that a text names, such as a, however its language writes them."""
    for found in _ARTICLE.finditer(text):
        more: re.Match[str] | None = found
        while more is not None:  # "6(1)(a) and (f)"
            yield more[1].lower()
            more = _AND_LETTER.match(text, more.end())


def lengths_in(text: str, lang: str, *, in_words: bool = True) -> Iterator[tuple[Length, str]]:
    """Yield the periods that a text names in a language, each with its words: "24 months", "a month".

    `in_words`: also those whose number is a word.
    """
    for found in _period_pattern(lang).finditer(text):
        written, unit = found["count"], found["unit"]
        if not written.isdigit() and not in_words:
            continue
        count = int(written) if written.isdigit() else numbers_of(lang)[written]
        yield _length_of(count, _unit_names(lang)[unit]), found[0]


@lru_cache
def _unit_names(lang: str) -> dict[str, str]:
    return {word: unit for unit, words in units_of(lang).items() for word in words}


@lru_cache
def _period_pattern(lang: str) -> re.Pattern[str]:
    units = "|".join(sorted(map(re.escape, _unit_names(lang)), key=len, reverse=True))
    numbers = "|".join(sorted(map(re.escape, numbers_of(lang)), key=len, reverse=True))
    return re.compile(rf"\b(?P<count>[0-9]{{1,4}}|{numbers})[\s-]+(?P<unit>{units})\b")


def _length_of(count: int, unit: str) -> Length:
    try:
        return _length(RetentionPeriod.parse(f"{count} {unit}"))
    except ValueError:  # none, or centuries: no term of ours
        return 0, 0


def _length(period: RetentionPeriod) -> Length:
    return period.months, period.hours


def _periods_of(details: object) -> Iterator[RetentionPeriod]:
    """Yield the periods among a kind's details, which only the kind understands."""
    if is_dataclass(details) and not isinstance(details, type):
        values = (getattr(details, it.name) for it in fields(details))
        yield from (it for it in values if isinstance(it, RetentionPeriod))


def _flat(text: str) -> str:
    return " ".join(text.split()).casefold()
