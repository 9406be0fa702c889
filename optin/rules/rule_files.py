"""Read the rules of contact, and refuse files in which a contact has two rules, or none (L8)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise, product
from typing import TypeVar

from pydantic import Field, ValidationError

from optin.errors import RulesUnusable
from optin.rules.contact_rule import (
    Condition,
    ContactRule,
    CountryRules,
    DataTable,
    Relation,
    Sender,
    Subscriber,
)

T = TypeVar("T", bound=DataTable)
WORDS = "words.toml"
DEADLINES = "deadlines.toml"  # no country's: `optin.rules.deadlines` reads it
ASKING = "asking.toml"  # of every country: `optin.rules.asking` reads it


class RuleWords(DataTable):
    """Conditions and duties in words, by their ids; channels with the duties of any contact by them."""

    channels: dict[str, tuple[str, ...]] = Field(min_length=1)
    conditions: dict[str, Condition] = Field(min_length=1)
    duties: dict[str, str] = Field(min_length=1)


@dataclass(frozen=True)
class RuleBook:
    """The rules of every country there is, and the words for their conditions and duties."""

    countries: Mapping[str, CountryRules]
    words: RuleWords


@dataclass(frozen=True)
class Cell:
    """One combination that must have exactly one rule on each day."""

    channel: str
    subscriber: Subscriber
    sender: Sender
    relation: Relation

    def of(self, rules: Sequence[ContactRule]) -> list[ContactRule]:
        """Return the rules that cover it, on whichever day."""
        return [
            it
            for it in rules
            if it.channel == self.channel
            and self.subscriber in it.subscribers
            and self.sender in it.senders
            and self.relation in it.relations
        ]


@cache
def rule_book() -> RuleBook:
    """Return the rules that come with optin. Raises RulesUnusable."""
    folder = files("optin.rules")
    texts = {
        it.name: it.read_text("utf-8")
        for it in folder.iterdir()
        if it.name.endswith(".toml") and it.name not in {DEADLINES, ASKING}
    }
    return read_rules(texts)


def read_rules(texts: Mapping[str, str]) -> RuleBook:
    """Read the files of rules by name. Raises RulesUnusable with file, rule and what is wrong."""
    words = read_table(RuleWords, WORDS, texts[WORDS])
    countries: dict[str, CountryRules] = {}
    for name in sorted(texts.keys() - {WORDS}):
        rules = read_table(CountryRules, name, texts[name])
        for problem in (*_unknown_words(rules, words), *gaps_and_overlaps(rules, words.channels)):
            raise RulesUnusable(name, problem)
        if name != f"{rules.country}.toml":
            raise RulesUnusable(name, f"the file of {rules.country!r} is named {rules.country}.toml")
        countries[rules.country] = rules
    return RuleBook(countries, words)


def gaps_and_overlaps(rules: CountryRules, channels: Iterable[str]) -> Iterator[str]:
    """Yield each cell with two rules on one day and, where they are complete, each with none."""
    ids = [it.id for it in rules.rules]
    yield from (f"two rules are named {it!r}" for it in sorted({it for it in ids if ids.count(it) > 1}))
    for cell in map(Cell, *zip(*product(channels, Subscriber, Sender, Relation), strict=True)):
        found = sorted(cell.of(rules.rules), key=lambda it: it.since)
        name = f"{cell.channel}, {cell.subscriber}, {cell.sender}, {cell.relation}"
        for earlier, later in pairwise(found):
            if earlier.until is None or earlier.until >= later.since:
                yield f"{earlier.id} and {later.id} hold at once: {name}"
        if rules.complete:
            yield from (f"no rule {when}: {name}" for when in _gaps(found, rules.known_since))


def _gaps(found: Sequence[ContactRule], since: date) -> Iterator[str]:
    next_day: date | None = since
    for rule in found:
        if next_day is None:
            return
        if rule.since > next_day:
            yield f"from {next_day} to {rule.since - timedelta(days=1)}"
        next_day = None if rule.until is None else rule.until + timedelta(days=1)
    if next_day is not None:
        yield f"from {next_day} on"


def _unknown_words(rules: CountryRules, words: RuleWords) -> Iterator[str]:
    for rule in rules.rules:
        if rule.channel not in words.channels:
            yield f"{rule.id}: no channel {rule.channel!r}"
        if rule.hours and rule.hours not in rules.hours:
            yield f"{rule.id}: no hours {rule.hours!r}"
        conditions = {it for way in rule.ways for it in way.conditions}
        for unknown in sorted(conditions - words.conditions.keys()):
            yield f"{rule.id}: no condition {unknown!r}"
        for unknown in sorted(set(rule.duties) - words.duties.keys()):
            yield f"{rule.id}: no duty {unknown!r}"
        if rule.until is not None and rule.until < rule.since:
            yield f"{rule.id}: it ends before it begins"


def read_table(model: type[T], name: str, text: str) -> T:
    """Read a data file into its model. Raises RulesUnusable with the place that is wrong."""
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as problem:
        raise RulesUnusable(name, str(problem)) from None
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RulesUnusable(name, f"{where}: {first['msg']}") from None
