"""What the law requires of a site, as far as a program can check it (M5). Each rule names its article."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from optin.consent.channel import CHANNELS, Address, Channel, declared_addresses
from optin.consent.form_version import FormField
from optin.consent.purpose import ConsentQuestion
from optin.site.findings import nearest
from optin.site.law_words import claimed, mentioned, speaks_of
from optin.theme.catalogue import missing_parameter, parameters, renamed_keys, unknown_parameter

MOST_WORDS = 25
MOST_SUBJECT_CHARACTERS = 200

# Of these the page tells what the law asks; what is between their braces belongs to it (GDPR 7(3), 13).
LAWFUL_TEXTS = re.compile(r"next\.controller|privacy\.version|consent\.lasts.*|consent\.until")
ABOUT_CONSENT = re.compile(r"(consent|form|next)\..*|field\.(optional|\w+\.when)|confirm\.(given|nothing)")
_SENTENCE_END = re.compile(r"[.!?…](?=\s+\S)")


@dataclass(frozen=True)
class Objection:
    """A rule's objection to a text or a form. `code` is stable."""

    code: str
    message: str
    cure: str
    warning: bool = False


def objections_to_wording(wording: str, channel: Channel) -> Iterator[Objection]:
    """Check the words of one box: one sentence, one purpose, one channel, one controller."""
    for other in CHANNELS.values():
        if other != channel and speaks_of(other, wording, channel):
            yield Objection(
                "two-channels",
                f"This box is for {channel.value}, but its words also speak of {other.value}"
                " (GDPR recital 32: one consent for each).",
                "Add a second purpose for the other channel, with a box of its own.",
            )
    if _SENTENCE_END.search(wording.strip()):
        yield Objection("one-sentence", "The text of a box has more than one sentence.", "Say it in one.")
    if mentioned("third-parties", wording):
        yield Objection(
            "third-parties",
            "The text mentions unnamed other companies; a consent must name them (GDPR 4(11), 13).",
            "Name each company, or leave them out.",
            warning=True,
        )
    yield from _objections_to_price(wording)
    if mentioned("profile", wording):
        yield Objection(
            "profile",
            "The words also ask for a profile or for advertising; that is a purpose of its own (recital 43).",
            "Leave it out, or add a second purpose with a box of its own.",
        )
    if len(wording.split()) > MOST_WORDS:
        yield Objection(
            "wordy",
            f"The words of a box are more than {MOST_WORDS}.",
            "Shorten them; people read boxes on a phone.",
            warning=True,
        )


def objections_to_override(key: str, text: str, known: Mapping[str, str]) -> Iterator[Objection]:
    """Check a site's own text for a key: known, complete, and free of pressure (M9).

    `known`: the English sentences by key, for which there may be others.
    """
    if (present := renamed_keys().get(key)) in known:
        yield Objection("text-key", f"The text {key!r} has another key now.", f"Write {present!r}.")
        return
    if key not in known:
        cure = nearest(key, [*known]) if len(key) > 1 else ""
        cure = cure if cure.startswith("Did") else "The catalogue lists the keys."
        yield Objection("text-key", f"There is no text {key!r}.", cure)
        return
    if not text.strip():
        cure = "Write a text; to leave a part out, use a template of your own."
        yield Objection("text-empty", f"The text {key!r} is empty, but the page needs it.", cure)
        return
    if unknown := unknown_parameter(known[key], text):
        it_knows = f"It knows: {known[key]}" if parameters(known[key]) else "Leave the braces out."
        yield Objection("text-parameter", f"{key!r} knows no {unknown!r} in braces.", it_knows)
    elif LAWFUL_TEXTS.fullmatch(key) and (missing := missing_parameter(known[key], text)):
        message = f"{key!r} leaves out {{{missing}}}, which people have a right to read (GDPR 13)."
        yield Objection("text-parameter", message, f"Write it as in: {known[key]}")
    if key.endswith(".subject") and (len(text) > MOST_SUBJECT_CHARACTERS or "\n" in text):
        cure = f"Write one line of at most {MOST_SUBJECT_CHARACTERS} characters."
        yield Objection("too-long", f"The text {key!r} is too long for a mail's subject.", cure)
    for objection in _objections_to_price(text):
        if ABOUT_CONSENT.fullmatch(key) or not objection.warning:
            yield replace(objection, warning=False)


def _objections_to_price(text: str) -> Iterator[Objection]:
    """Find words that make a consent the price of something (GDPR 7(4))."""
    outright = claimed("obliged", text)
    if outright or claimed("needed", text):
        yield Objection(
            "price",
            "The text sounds as if this box were required; consent is free (GDPR 7(4)).",
            "Say what the person gets, not what is required.",
            warning=not outright,
        )


def _objections_to_address(
    address: Address, questions: tuple[ConsentQuestion, ...], fields: tuple[FormField, ...]
) -> Iterator[tuple[str, Objection]]:
    """Check that a form asks for an address exactly when a box needs it."""
    name, noun = address.field, address.noun
    needs = [question.channel.medium for question in questions if question.channel.address == address]
    asked = next((field for field in fields if field.name == name), None)
    if needs and asked is None:
        message = f"A consent to {needs[0]} is asked, but no {noun}."
        cure = f"Add to fields: - name: {name}, with a why."
        yield "purposes", Objection(f"{name}-field-missing", message, cure)
    if asked is not None and not needs:
        message = f"A {noun} is asked, but nothing that it is used for (GDPR 5(1)(b), (c))."
        channels = " or ".join(it.value for it in CHANNELS.values() if it.address == address)
        cure = f"Add a purpose with the channel {channels}, or remove the field."
        yield "fields", Objection(f"{name}-purpose-missing", message, cure)
    if asked is not None and asked.required:
        media = " or ".join(it.medium for it in CHANNELS.values() if it.address == address)
        message = f"A {noun} is needed only when a {media} box is ticked."
        cure = "Remove required; the form asks for it then."
        yield "fields", Objection(f"{name}-required", message, cure)


def objections_to_form(
    questions: tuple[ConsentQuestion, ...], fields: tuple[FormField, ...]
) -> Iterator[tuple[str, Objection]]:
    """Check boxes and fields together; yield each objection with the key that it belongs to."""
    for address in declared_addresses():
        yield from _objections_to_address(address, questions, fields)
    seen: set[str] = set()
    said: dict[str, str] = {}
    for question in questions:
        if question.purpose in seen:
            cure = "Name each purpose once."
            message = f"The purpose {question.purpose!r} is asked twice."
            yield "purposes", Objection("twice", message, cure)
        seen.add(question.purpose)
        other = said.setdefault(" ".join(question.wording.casefold().split()), question.purpose)
        if other != question.purpose:
            message = f"The boxes of {other!r} and {question.purpose!r} have the same words (GDPR 4(11))."
            yield "purposes", Objection("same-words", message, "Say in each what it is for.")
