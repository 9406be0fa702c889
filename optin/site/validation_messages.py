"""Translate pydantic's errors for marketers: place, mistake, cure, nearest key.

What is wrong does not hide the rest: stand-ins take its place, so that reading goes on (M4).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from optin.consent.channel import CHANNELS
from optin.settings.prose_values import holds_prose
from optin.site.findings import Finding, nearest
from optin.site.toml_and_markdown_reader import Document, Path_, texts_in

M = TypeVar("M", bound=BaseModel)

_KINDS = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a table of keys",
    "model_type": "a table of keys",
    "model_attributes_type": "a table of keys",
}
PRE_TICKED = ("checked", "ticked", "preticked", "pre_ticked", "default", "selected")
REQUIRED = ("required", "mandatory")
_VALUES: Mapping[str, str] = {
    "period": "1 day",
    "channel": next(iter(CHANNELS)),
    "day": "",
}  # for what has no default
STAND_IN = "x"  # a text, an id and a name of a field alike
_STAND_INS: Mapping[str, Any] = {
    "list_type": [STAND_IN],
    "tuple_type": [STAND_IN],
    "dict_type": {},
    "model_type": {},
    "model_attributes_type": {},
}


# how pydantic names the shapes of a value that may be a text or a table
_TABLES, _TEXTS = frozenset({"PurposeEntry", "Witness"}), frozenset({"str", "constrained-str"})


@dataclass(frozen=True)
class ValidatedDocument(Generic[M]):
    """The usable values of a document, every mistake in keys and types, and the places of placeholders."""

    written: M
    findings: tuple[Finding, ...]
    spoilt: frozenset[Path_]  # nothing but stand-ins lies below these

    def vouches(self, where: Path_) -> bool:
        """Return whether a value is as written, and not a placeholder."""
        return not any(where[: len(it)] == it for it in self.spoilt)


def validated(model: type[M], document: Document, slug: str | None = None) -> ValidatedDocument[M]:
    """Return the values of a document as `model`, with every mistake in them."""
    values = deepcopy(dict(document.values))
    spoilt: set[Path_] = set()
    findings: list[Finding] = []
    for where, text in list(texts_in(values)):
        signs = [sign for sign in text if _is_control(sign)]
        if signs:
            message = f"{_name(where)} holds a control character (U+{ord(signs[0]):04X})."
            findings.append(document.finding(where, message, "Remove it.", code="control"))
            _at(values, where[:-1])[where[-1]] = "".join(sign for sign in text if sign not in signs)
            spoilt.add(where)
    for where, cut in document.cuts.items():
        if holds_prose(model, where):
            findings.append(cut.as_finding(document.path, _name(where)))
            if _at(values, where) is None:  # the comment took all of it
                _at(values, where[:-1])[where[-1]] = STAND_IN
            spoilt.add(where)
    errors = _errors(model, values)
    findings += [_finding(model, document, error) for error in errors]
    while errors:  # each round mends all it found; a stand-in for a table needs more for its keys
        for error in errors:
            _put_stand_in(values, error, spoilt)
        errors = _errors(model, values)
    kept = {(f.line, f.column, f.message): replace(f, slug=slug) for f in findings}
    return ValidatedDocument(model.model_validate(values), tuple(kept.values()), frozenset(spoilt))


def _errors(model: type[BaseModel], values: dict[str, Any]) -> list[ErrorDetails]:
    try:
        model.model_validate(values)
    except ValidationError as problem:
        return [error for error in problem.errors() if not _of_other_branch(values, error["loc"])]
    return []


def _is_control(sign: str) -> bool:
    return sign not in "\n\t" and unicodedata.category(sign) in {"Cc", "Cs"}


def _put_stand_in(values: dict[str, Any], error: ErrorDetails, spoilt: set[Path_]) -> None:
    """Replace a mistake by a valid placeholder, the default when there is one."""
    where = _real(values, error["loc"])
    while len(where) > 1 and not isinstance(_at(values, where[:-1]), dict | list):
        where = where[:-1]  # one of several shapes that a value may have: the value itself is the mistake
    parent, key, kind = _at(values, where[:-1]), where[-1], error["type"]
    if kind == "extra_forbidden":
        parent.pop(key, None)
        return
    if kind in _VALUES:
        parent[key] = _VALUES[kind]
    elif where in spoilt and kind in _STAND_INS:
        parent[key] = deepcopy(_STAND_INS[kind])
    elif where in spoilt and kind == "literal_error":  # a key that is needed, of a few words alone
        parent[key] = error["ctx"]["expected"].split("'")[1]
    elif kind == "missing" or kind.startswith("string") or (isinstance(parent, list) and where not in spoilt):
        parent[key] = STAND_IN
    elif isinstance(parent, dict) and key not in parent:
        parent.clear()  # a key that cannot be reported: none of its table is kept
    else:
        parent.pop(key)
    spoilt.add(where)


def _finding(model: type[BaseModel], document: Document, error: ErrorDetails) -> Finding:
    where = _real(document.values, error["loc"])
    key = str(where[-1]) if where else ""
    kind = error["type"]
    if kind == "missing":
        message, cure = f"The key {error['loc'][-1]!r} is missing.", _meaning(model, error["loc"])
        return document.finding(where[:-1], message, cure, code="key-missing")
    if kind == "extra_forbidden":
        return _unknown(model, document, where, key)
    if kind in _KINDS:
        return _of_kind(model, document, where, kind)
    if kind in _VALUES or kind == "witness_key":
        return _of_form(document, where, error)
    return _of_bounds(model, document, where, error)


def _of_bounds(model: type[BaseModel], document: Document, where: Path_, error: ErrorDetails) -> Finding:
    """Return what is wrong with a value that is too short, too long or not allowed."""
    name, kind = _name(where), error["type"]
    if kind in {"string_too_short", "too_short"}:
        return document.finding(where, f"{name} is empty.", _meaning(model, where), code="empty")
    if kind == "string_too_long":
        cure = f"Write at most {error['ctx']['max_length']} characters."
        return document.finding(where, f"{name} is too long.", cure, code="too-long")
    if kind == "string_pattern_mismatch":
        cure = "Use small letters, digits and underscores, beginning with a letter."
        return document.finding(where, f"{name} has characters that are not allowed.", cure, code="name")
    what = error["msg"].replace("Input should be ", "must be ")
    return document.finding(where, f"{name} {what}.", "Correct the value.", code="value")


def _of_form(document: Document, where: Path_, error: ErrorDetails) -> Finding:
    """Return what is wrong with a value that does not have the required form."""
    if error["type"] == "period":
        cure = 'Write it like "7 days", "72 hours" or "24 months".'
        return document.finding(where, f"{error['ctx']['problem']}.", cure, code="period")
    if error["type"] == "channel":
        value = _at(document.values, where)
        message = f"The channel {value!r} is unknown; one purpose has one channel."
        return document.finding(where, message, nearest(value, [*CHANNELS]), code="channel")
    if error["type"] == "day":
        message = f"{_name(where)} is no date."
        return document.finding(where, message, "Write it like 2028-02-29.", code="date")
    message = f"The key of the witness {where[-2]!r} cannot be read."
    cure = "Copy what it publishes; it looks like NAME+1a2b3c4d+BASE64."
    return document.finding(where, message, cure, code="log")


def _of_kind(model: type[BaseModel], document: Document, where: Path_, kind: str) -> Finding:
    wanted = _KINDS[kind]
    value = _at(document.values, where)
    cure = f"Write {wanted}."
    if where[:1] == ("purposes",) and isinstance(where[-1], int):
        wanted = "the id of a purpose, or a table with id and text"
        cure = f"Write {wanted}."
    elif kind in {"list_type", "tuple_type"} and isinstance(value, str):
        cure = f"Write a list: [{value}]."
    elif value is None and _meaning(model, where) != "Add it.":
        return document.finding(where, f"{_name(where)} is empty.", _meaning(model, where), code="empty")
    elif kind == "string_type" and _meaning(model, where) != "Add it.":
        cure = f"Write {wanted}: {_meaning(model, where)}"
    return document.finding(where, f"{_name(where)} is not {wanted}.", cure, code="type")


def _name(where: Path_) -> str:
    """Return the name of a value: its key, or its place in a list."""
    last = where[-1]
    return f"Item {last + 1} of {str(where[-2])!r}" if isinstance(last, int) else f"{last!r}"


def _unknown(model: type[BaseModel], document: Document, where: Path_, key: str) -> Finding:
    if "purposes" in where[:1] and len(where) > 1:
        if key in PRE_TICKED:
            message = f"{key!r}: a consent may not be ticked beforehand (GDPR 4(11), recital 32)."
            return document.finding(
                where, message, "Remove it; only the visitor ticks a box.", code="pre-ticked"
            )
        if key in REQUIRED:
            message = f"{key!r}: a consent may not be the price of the magnet (GDPR 7(4))."
            return document.finding(where, message, "Remove it; each box is free.", code="required")
    known = _keys(model, where[:-1])
    return document.finding(where, f"The key {key!r} is unknown.", nearest(key, known), code="key")


def _of_other_branch(values: Mapping[str, Any], loc: tuple[int | str, ...]) -> bool:
    """Return whether an error is about an unused alternative of a value: a table, or a text."""
    for place, step in enumerate(loc):
        if step in _TABLES or step in _TEXTS:
            written = isinstance(_at(values, loc[:place]), Mapping)
            return step in (_TEXTS if written else _TABLES)
    return False


def _real(values: Any, loc: tuple[int | str, ...]) -> Path_:
    """Return a location without the type names that pydantic inserts for unions."""
    real: list[int | str] = []
    node = values
    for place, step in enumerate(loc):
        last = place == len(loc) - 1
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            if last and not _is_type_name(step):
                real.append(step)
            continue
        real.append(step)
    return tuple(real)


def _is_type_name(step: int | str) -> bool:
    return step in _TABLES or step in _TEXTS or step == "[key]"


def _at(values: Any, where: Path_) -> Any:
    for step in where:
        try:
            values = values[step]
        except (KeyError, IndexError, TypeError):
            return None
    return values


def _model_at(model: type[BaseModel], where: Path_) -> type[BaseModel]:
    for step in where:
        field = model.model_fields.get(str(step))
        inner = None if field is None else _model_in(field.annotation)
        model = inner or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def _keys(model: type[BaseModel], where: Path_) -> tuple[str, ...]:
    fields = _model_at(model, where).model_fields
    return tuple(field.alias or name for name, field in fields.items())


def _meaning(model: type[BaseModel], where: Path_) -> str:
    """Return the meaning of a key; in a list or a table of texts, that of the whole."""
    for place in (where, where[:-1]):
        fields = _model_at(model, place[:-1]).model_fields.items()
        field = {it.alias or name: it for name, it in fields}.get(str(place[-1]) if place else "")
        if field is not None:
            return field.description or "Add it."
    return "Add it."
