"""Turning what pydantic says into what a marketer can use: place, mistake, cure, nearest key."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from optin.site.documents import Document, Path_
from optin.site.findings import Finding, nearest

M = TypeVar("M", bound=BaseModel)

_KINDS = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table of keys",
    "model_type": "a table of keys",
    "model_attributes_type": "a table of keys",
}
PRE_TICKED = ("checked", "ticked", "preticked", "pre_ticked", "default", "selected")
REQUIRED = ("required", "mandatory")


def validated(model: type[M], document: Document, slug: str | None = None) -> M | list[Finding]:
    """Return the values of a document as `model`, or every mistake in them."""
    try:
        return model.model_validate(dict(document.values))
    except ValidationError as problem:
        found = [_finding(model, document, error) for error in problem.errors()]
    kept = {(f.line, f.column, f.message): f for f in found if f is not None}
    return [
        Finding(f.path, f.line, f.column, f.message, f.cure, f.severity, f.code, slug) for f in kept.values()
    ]


def _finding(model: type[BaseModel], document: Document, error: ErrorDetails) -> Finding | None:
    where = _real(document, error["loc"])
    key = str(where[-1]) if where else ""
    kind = error["type"]
    if kind == "missing":
        message, cure = f"The key {error['loc'][-1]!r} is missing.", _meaning(model, error["loc"])
        return document.finding(where[:-1], message, cure, code="key-missing")
    if kind == "extra_forbidden":
        return _unknown(model, document, where, key)
    if kind in _KINDS:
        wanted = _KINDS[kind]
        if document.values and _at(document.values, where) is not None and "purposes" in where[:1]:
            wanted = "the id of a purpose, or a table with id and text"
        return document.finding(where, f"{key!r} is not {wanted}.", f"Write {wanted}.", code="type")
    if kind in {"string_too_short", "too_short"}:
        return document.finding(where, f"{key!r} is empty.", _meaning(model, where), code="empty")
    if kind in {"string_too_long", "too_long"}:
        return document.finding(where, f"{key!r} is too long.", "Shorten it.", code="too-long")
    if kind == "string_pattern_mismatch":
        cure = "Use small letters, digits and underscores, beginning with a letter."
        return document.finding(where, f"{key!r} has signs that cannot be used.", cure, code="name")
    what = error["msg"].replace("Input should be ", "must be ")
    return document.finding(where, f"{key!r} {what}.", "Correct the value.", code="value")


def _unknown(model: type[BaseModel], document: Document, where: Path_, key: str) -> Finding:
    if "purposes" in where[:1] and len(where) > 1:
        if key in PRE_TICKED:
            message = f"{key!r}: a consent may not be ticked beforehand (GDPR 4(11), recital 32)."
            return document.finding(where, message, "Remove it; the visitor ticks.", code="pre-ticked")
        if key in REQUIRED:
            message = f"{key!r}: a consent may not be the price of the magnet (GDPR 7(4))."
            return document.finding(where, message, "Remove it; each box is free.", code="required")
    known = _keys(model, where[:-1])
    return document.finding(where, f"The key {key!r} is unknown.", nearest(key, known), code="key")


def _real(document: Document, loc: tuple[int | str, ...]) -> Path_:
    """Return a location without the names of types that pydantic puts in for unions."""
    real: list[int | str] = []
    node: Any = document.values
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
    return step in {"str", "constrained-str", "PurposeEntry", "WitnessTable", "[key]"}


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
    return tuple(_model_at(model, where).model_fields)


def _meaning(model: type[BaseModel], where: Path_) -> str:
    field = _model_at(model, where[:-1]).model_fields.get(str(where[-1]) if where else "")
    return (field.description or "Add it.") if field is not None else "Add it."
