"""The questions of `optin new` on a terminal. It repeats a question after an invalid answer."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeVar

import click

from optin.consent.channel import declared_addresses
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.purpose import ConsentQuestion, PurposeId
from optin.settings.site import Purpose
from optin.settings.table_model import MOST_LINE_CHARACTERS
from optin.site.kind_front_matter_hooks import FilePart
from optin.site.model import Site
from optin.site.referenced_files import FILE_ENDINGS
from optin.site.scaffold import (
    AlreadyThere,
    MagnetAnswers,
    default_purposes,
    purposes_in_language,
    reason_against_language,
    reason_against_slug,
)
from optin.site.starter_texts import magnet_starter, site_starter

MOST_SLUG_CHARACTERS = 40  # of a suggestion: an address that can be read out
MOST_SENTENCE_CHARACTERS = 2_000
T = TypeVar("T")
Purposes = Mapping[PurposeId, Purpose]


@dataclass(frozen=True)
class NewMagnet:
    """A new magnet as its author described it."""

    kind: str
    slug: str
    lang: str
    given: MagnetAnswers


def on_a_terminal() -> bool:
    """Return whether a person at a terminal can answer questions."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask_for_magnet(site: Site, kinds: PartsByKind[FilePart], name: str | None, lang: str | None) -> NewMagnet:
    """Ask for everything that is missing. Raises AlreadyThere when no answer can help."""
    if lang is not None and (reason := reason_against_language(site, lang)):
        raise AlreadyThere(reason)
    name = name or _kind(kinds)
    kind = kinds[name]
    lang = lang or _language(site.settings.languages)
    purposes = purposes_in_language(site, name, kind, lang)
    title = _ask("Title", lambda it: _line(it, MOST_LINE_CHARACTERS))
    slug = _ask("Address of the page", lambda it: _slug(site, it), suggested_slug(site, title))
    example = magnet_starter(name, kind.folder, lang).description
    description = _ask(
        "What people gain from it, in one sentence", lambda it: _line(it, MOST_SENTENCE_CHARACTERS), example
    )
    chosen = _purposes(kind, lang, purposes) if purposes else {}
    addresses: dict[str, str] = {}
    for address in declared_addresses():
        if any(purpose.channel.address == address for purpose in chosen.values()):
            why = site_starter(lang).addresses.get(address.field, "")
            words = f"Why you ask the {address.noun}; people read it beside the field"
            addresses[address.field] = _ask(words, lambda it: _line(it, MOST_SENTENCE_CHARACTERS), why)
    file = _ask("File to hand out (Enter: a placeholder)", _file, "") if kind.hands_out_file else None
    answers = {
        it.name: _ask(it.words, partial(_own, reason_against=it.reason), it.default) for it in kind.questions
    }
    given = MagnetAnswers(title, description, tuple(chosen), addresses, file, answers)
    return NewMagnet(name, slug, lang, given)


def suggested_slug(site: Site, title: str) -> str:
    """Return an unused slug made from the title."""
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", re.sub(r"['’]", "", plain)) or ["magnet"]
    slug = words[0][:MOST_SLUG_CHARACTERS]
    for word in words[1:]:
        if len(f"{slug}-{word}") > MOST_SLUG_CHARACTERS:
            break
        slug = f"{slug}-{word}"
    numbered = (slug if number == 1 else f"{slug}-{number}" for number in count(1))
    return next(it for it in numbered if not reason_against_slug(site, it))


def _ask(words: str, read: Callable[[str], T], default: str = "") -> T:
    """Ask until `read` accepts the answer; print its error as the reason."""
    answer: T = click.prompt(words, default=default, show_default=bool(default), value_proc=read)
    return answer


def _kind(kinds: PartsByKind[FilePart]) -> str:
    parts = dict(kinds.items())
    click.echo("What will it be?")
    width = max(map(len, parts))
    for number, (name, kind) in enumerate(parts.items(), 1):
        click.echo(f"  {number:>2}  {name:<{width}}  {kind.about}")
    return _ask("Its number or name", lambda it: _one_of(it, [*parts], [*parts]))


def _language(languages: Sequence[str]) -> str:
    if len(languages) == 1:
        return languages[0]
    words = f"Language of the page ({', '.join(languages)})"
    return _ask(words, lambda it: _one_of(it, languages, languages), languages[0])


def _purposes(kind: FilePart, lang: str, purposes: Purposes) -> Purposes:
    click.echo("What do you ask consent for? Each is a box that people may leave empty.")
    for number, (name, purpose) in enumerate(purposes.items(), 1):
        click.echo(f"  {number:>2}  {name} (by {purpose.channel.value}): {purpose.text[lang]}")
    names = [*purposes]
    first = [str(names.index(name) + 1) for name in default_purposes(purposes)]
    words = "Their numbers with commas, or none"
    return _ask(words, lambda it: _boxes(it, kind, lang, purposes), ",".join(first) or "none")


def _boxes(answer: str, kind: FilePart, lang: str, purposes: Purposes) -> Purposes:
    names = [*purposes]
    parts = [] if answer.strip().lower() == "none" else re.split(r"[,\s]+", answer.strip(" ,"))
    chosen = tuple(dict.fromkeys(_one_of(part, names, names) for part in parts))
    found = {name: it for name, it in purposes.items() if name in chosen}
    asked = tuple(
        ConsentQuestion(name, it.channel, it.text[lang], it.retention) for name, it in found.items()
    )
    if complaint := kind.insists(asked):
        raise click.BadParameter(complaint.message)
    return found


def _one_of(answer: str, choices: Sequence[T], names: Sequence[str]) -> T:
    """Return the choice with that number (from 1) or that name."""
    said = answer.strip().lower()
    if said in names:
        return choices[names.index(said)]
    if said.isascii() and said.isdigit() and 1 <= int(said[:9]) <= len(choices):
        return choices[int(said) - 1]
    msg = f"{answer.strip()!r} is not among them; answer 1 to {len(choices)}, or a name."
    raise click.BadParameter(msg)


def _line(answer: str, most: int) -> str:
    text = answer.strip()
    if not text:
        msg = "Write something; this cannot be left empty."
        raise click.BadParameter(msg)
    if any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in text):
        msg = "It holds a character that cannot be shown, such as an arrow key; type it again."
        raise click.BadParameter(msg)
    if len(text) > most:
        msg = f"It has {len(text)} characters; {most} is the most."
        raise click.BadParameter(msg)
    return text


def _slug(site: Site, answer: str) -> str:
    slug = answer.strip().strip("/")
    if reason := reason_against_slug(site, slug):
        raise click.BadParameter(reason)
    return slug


def _file(answer: str) -> Path | None:
    text = answer.strip().strip("'\"")  # a terminal puts quotes around what is dropped into it
    if not text:
        return None
    path = Path(text).expanduser()
    if "\0" in text or not path.is_file():
        msg = f"There is no file {text!r}."
        raise click.BadParameter(msg)
    if path.suffix[1:].lower() not in FILE_ENDINGS:
        msg = f"{path.name!r} has a file type that is not supported; supported: {', '.join(FILE_ENDINGS)}."
        raise click.BadParameter(msg)
    return path


def _own(answer: str, reason_against: Callable[[str], str]) -> str:
    text = answer.strip()
    if reason := reason_against(text):
        raise click.BadParameter(reason)
    return text
