"""Which values of a file are prose: texts for readers, of which no part may be lost.

The models say so by the types of their keys; a kind, a path, a period or an address is no prose.
"""

from __future__ import annotations

from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel


class Prose:
    """Marks a type whose values are prose."""


PROSE = Prose()
_LISTS = (list, tuple)


def holds_prose(model: type[BaseModel], where: tuple[str | int, ...]) -> bool:
    """Return whether the value at `where` is prose, or a list of it."""
    return _is_prose(model, where)


def _is_prose(annotation: Any, where: tuple[str | int, ...]) -> bool:
    kind, inner = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        annotated, *marks = inner
        return (not where and PROSE in marks) or _is_prose(annotated, where)
    if kind in {Union, UnionType}:
        return any(_is_prose(it, where) for it in inner)
    if not where:
        return kind in _LISTS and _is_prose(inner[0], ())
    if kind in _LISTS and isinstance(where[0], int):
        return _is_prose(inner[0], where[1:])
    if kind is dict:
        return _is_prose(inner[1], where[1:])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _is_prose(_keys(annotation).get(str(where[0])), where[1:])
    return False


@lru_cache(maxsize=200)
def _keys(model: type[BaseModel]) -> dict[str, Any]:
    """Return the types of a table's keys, with their marks, by the names they have in a file."""
    types = get_type_hints(model, include_extras=True)
    return {field.alias or name: types[name] for name, field in model.model_fields.items()}
