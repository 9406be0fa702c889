"""Variants: other wordings of a magnet, shown to a share of its visitors, with the same consents.

What a variant cannot touch, its table has no key for: kind, fields, file, and which purposes there are (M5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from optin.consent.form_version import FormField
from optin.consent.purpose import ConsentQuestion
from optin.site.findings import nearest
from optin.site.front_matter import MagnetFile, VariantTable
from optin.site.law_lint import Objection, objections_to_form, objections_to_override, objections_to_wording
from optin.site.model import Variant
from optin.site.toml_and_markdown_reader import Path_

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MOST_CHARACTERS = 40


def wording_name(variant: str) -> str:
    """Return a variant's name for a sentence; the magnet as written has none."""
    return f"the variant {variant!r}" if variant else "the magnet as written"


def read_variants(
    written: MagnetFile,
    questions: tuple[ConsentQuestion, ...],
    fields: tuple[FormField, ...],
    known: Mapping[str, str],
) -> tuple[tuple[Variant, ...], list[tuple[Path_, Objection]]]:
    """Return the variants of a magnet with these `questions`, and the findings about them.

    `known`: the English sentences by key, for which a variant may have others.
    """
    first = Variant(
        "",
        written.title.strip(),
        written.description.strip(),
        tuple(sorted(written.texts.items())),
        questions,
        (written.headline or "").strip(),
    )
    asked = {str(question.purpose) for question in questions}
    variants: list[Variant] = []
    wrong: list[tuple[Path_, Objection]] = []
    for name, table in written.variants.items():
        where: Path_ = ("variants", name)
        wrong += [((*where, *at), it) for at, it in _objections(table, questions, fields, known)]
        if _NAME.fullmatch(name) is None or len(name) > _MOST_CHARACTERS:
            message = f"{name!r} cannot name a variant."
            wrong.append((where, Objection("variant", message, "Name it with a-z, 0-9 and hyphens.")))
        variant = _variant(name, table, first)
        twin = next((it for it in (first, *variants) if replace(it, name=name) == variant), None)
        if twin is not None and asked.issuperset(table.purposes):
            message = f"The variant {name!r} has the same texts as {wording_name(twin.name)}."
            wrong.append((where, Objection("variant", message, "Change a text in it, or remove it.")))
        variants.append(variant)
    return tuple(variants), wrong


def _variant(name: str, table: VariantTable, first: Variant) -> Variant:
    return Variant(
        name=name,
        title=first.title if table.title is None else table.title.strip(),
        description=first.description if table.description is None else table.description.strip(),
        texts=tuple(sorted({**dict(first.texts), **table.texts}.items())),
        # a title alone is tried where people read it: as the page's heading
        headline=(first.headline if table.title is None else "")
        if table.headline is None
        else table.headline.strip(),
        questions=tuple(
            replace(it, wording=table.purposes.get(it.purpose, it.wording).strip()) for it in first.questions
        ),
    )


def _objections(
    table: VariantTable,
    questions: tuple[ConsentQuestion, ...],
    fields: tuple[FormField, ...],
    known: Mapping[str, str],
) -> Iterator[tuple[Path_, Objection]]:
    for key, text in table.texts.items():
        for objection in objections_to_override(key, text, known):
            yield ("texts", key), objection
    asked = {str(question.purpose): question for question in questions}
    for purpose, wording in table.purposes.items():
        if purpose not in asked:
            message = f"The magnet does not ask for {purpose!r}; a variant must ask for the same consents."
            yield ("purposes", purpose), Objection("variant", message, nearest(purpose, [*asked]))
            continue
        for objection in objections_to_wording(wording, asked[purpose].channel):
            yield ("purposes", purpose), objection
    reworded = tuple(replace(it, wording=table.purposes.get(it.purpose, it.wording)) for it in questions)
    said = {objection for _, objection in objections_to_form(questions, fields)}
    for _, objection in objections_to_form(reworded, fields):
        if objection not in said:
            yield ("purposes",), objection
