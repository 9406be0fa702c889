"""Every setting of a site with its value, whether it is the default, and where it was set.

The list is made from the model, so a new setting is in it. A value that may hold a secret (`SECRET`) is left
out here already: of it the list says only whether it is set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from optin.consent.retention_period import RetentionPeriod
from optin.settings.installation import SETTING_NAMES, environment_name
from optin.settings.site import ENVIRONMENT, OPENID_SECRET, OpenIdTable, Processor, SiteSettings
from optin.settings.table_model import SECRET
from optin.settings.tools import token_variable

Where: TypeAlias = tuple[str | int, ...]
Shown: TypeAlias = str | bool | int
MOST_CHARACTERS = 300  # of a value; a longer one ends with …
# an address with a user and a password, or with a query, which may hold a key
_LOGIN = re.compile(r"://[^/\s]*@|://[^\s?]*\?[^\s=]*=")
_SCHEME = re.compile(r"(\w+):")


@dataclass(frozen=True)
class ListedSetting:
    """One setting. `where`: its keys in optin.toml; `meaning`: in English, as the guide says it.

    `value`: empty when there is none, and always for a secret; `is_set`: whether there is any. `scheme`: how
    the address of the database or of the mail server begins. `variable`: the environment variable that holds
    the value. `differs`: the file says otherwise now than what the server runs with.
    """

    where: Where
    meaning: str
    value: Shown
    is_set: bool
    is_secret: bool
    is_written: bool
    scheme: str = ""
    variable: str = ""
    differs: bool = False

    @property
    def name(self) -> str:
        """Its keys with points between them, as the guide names it."""
        return "".join(f"[{it}]" if isinstance(it, int) else f".{it}" for it in self.where)[1:]


@dataclass(frozen=True)
class _Leaf:
    """A value that is no table. `variable`: that holds the secret when none is written."""

    where: Where
    field: FieldInfo
    value: Any
    is_written: bool
    variable: str = ""


def listed_settings(served: SiteSettings, written: SiteSettings | None = None) -> Iterator[ListedSetting]:
    """Yield the settings that a server runs with; `written`: those that stand in the file now."""
    now: Mapping[Where, _Leaf] = {} if written is None else {it.where: it for it in _leaves(written)}
    for it in _leaves(served):
        other = now.get(it.where)
        differs = written is not None and (other is None or not _is_same(served, it.value, other.value))
        yield _listed(served, it, differs=differs)


def _listed(settings: SiteSettings, it: _Leaf, *, differs: bool) -> ListedSetting:
    name = str(it.where[0])
    by_environment = len(it.where) == 1 and name in settings.in_environment
    text = it.value if isinstance(it.value, str) else ""
    held = text.startswith(ENVIRONMENT)
    is_secret = SECRET in it.field.metadata or held or _LOGIN.search(text) is not None
    variable = environment_name(name) if by_environment else ""
    if held or (it.variable and not text):
        variable = text.removeprefix(ENVIRONMENT) or it.variable
        is_set = bool(os.environ.get(variable))
    else:
        is_set = it.value not in (None, "", (), {})  # a number 0 and false are values
    found = _SCHEME.match(text) if is_secret and len(it.where) == 1 else None
    return ListedSetting(
        it.where,
        it.field.description or "",
        "" if is_secret else _shown(it.value),
        is_set,
        is_secret,
        it.is_written and not by_environment,
        found[1] if found else "",
        variable,
        differs,
    )


def _leaves(settings: SiteSettings) -> Iterator[_Leaf]:
    for it in _of_table(settings, ()):
        known = it.where[0] in SETTING_NAMES  # the environment fills these in as well
        yield _Leaf(it.where, it.field, it.value, it.where[0] in settings.in_file) if known else it


def _of_table(table: BaseModel, above: Where) -> Iterator[_Leaf]:
    for name, field in type(table).model_fields.items():
        where = (*above, field.alias or name)
        variable = ""
        if isinstance(table, Processor) and name == "token" and table.connect:
            variable = token_variable(str(above[-1]))
        elif isinstance(table, OpenIdTable) and name == "secret":
            variable = OPENID_SECRET
        leaf = _Leaf(where, field, getattr(table, name), name in table.model_fields_set, variable)
        yield from _of_value(leaf)


def _of_value(leaf: _Leaf) -> Iterator[_Leaf]:
    value = leaf.value
    if isinstance(value, BaseModel):
        yield from _of_table(value, leaf.where)
        return
    parts: list[tuple[str | int, Any]] = []
    if isinstance(value, dict) and (SECRET in leaf.field.metadata or _has_table(value.values())):
        parts = [*value.items()]
    elif isinstance(value, tuple) and _has_table(value):
        parts = [*enumerate(value)]
    if not parts:
        yield leaf
    for key, it in parts:
        yield from _of_value(_Leaf((*leaf.where, key), leaf.field, it, is_written=True))


def _has_table(values: Any) -> bool:
    return any(isinstance(it, BaseModel) for it in values)


def _is_same(settings: SiteSettings, one: Any, other: Any) -> bool:
    """Return whether two values are the same; a path may be written whole or below the site."""
    if isinstance(one, str) and isinstance(other, str) and one and other:
        return settings.path(one) == settings.path(other)
    return bool(one == other)


def _shown(value: Any) -> Shown:
    if isinstance(value, bool | int):
        return value
    text = _as_text(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, RetentionPeriod):
        return value.text
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_as_text(it)}" for key, it in value.items())
    if isinstance(value, tuple | list | frozenset):
        return ", ".join(map(_as_text, value))
    return str(getattr(value, "text", value))
