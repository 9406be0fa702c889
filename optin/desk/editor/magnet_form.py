"""The form of a magnet, made from the schema of its kind: which fields it has, and what a posted one says.

What no field can show (lists of tables, tables in tables) stays in one field, as it is written in the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from optin.site.edit_file import OpenedMagnet
from optin.site.findings import Finding
from optin.site.front_matter_edit import ORDER, CannotEdit
from optin.site.toml_and_markdown_reader import Document, parse_front_matter

Shape = Literal["line", "text", "choice", "tick", "number", "ticks"]
FIRST = (
    "title",
    "headline",
    "description",
    "kind",
    "lang",
    "status",
    "from",
    "until",
    "owner",
    "order",
    "listed",
)
TABLES = ("picture", "next", "erasure")  # whose values are fields of their own
LONG = 500  # characters that need more than a line
PREFIX = "key."  # of the names of fields
REST = "rest"


@dataclass(frozen=True)
class Choice:
    """One value of a field, with its meaning."""

    value: str
    about: str = ""
    chosen: bool = False


@dataclass(frozen=True)
class FormField:
    """One field. `key`: its place in the front matter, with dots; `known`: the desk has words for it."""

    key: str
    shape: Shape
    value: str = ""
    about: str = ""
    choices: tuple[Choice, ...] = ()
    known: bool = True
    problems: tuple[Finding, ...] = ()

    @property
    def name(self) -> str:
        """The name under which it is posted."""
        return f"{PREFIX}{self.key}"

    @property
    def element(self) -> str:
        """The name that its element has on the page."""
        return self.key.replace(".", "-")


@dataclass(frozen=True)
class MagnetForm:
    """The fields of a magnet; `rest`: the keys that none of them shows, as they are written."""

    fields: tuple[FormField, ...]
    rest: str
    body: str


def form_of(opened: OpenedMagnet, schema: Mapping[str, Any]) -> MagnetForm:
    """Return the form of a magnet. Raises CannotEdit for a file that a form cannot change."""
    document = opened.document
    if isinstance(document, Finding):
        raise CannotEdit(document.message)
    fields = tuple(_fields(document.values, schema))
    return MagnetForm(fields, _rest(opened, document, fields), document.body)


def changes_of(
    posted: Mapping[str, tuple[str, ...]], opened: OpenedMagnet, schema: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the keys that a posted form changes, None for one that it removes. Raises CannotEdit."""
    before = opened.document
    if isinstance(before, Finding):
        raise CannotEdit(before.message)
    form = form_of(opened, schema)
    shown = {it.key.partition(".")[0] for it in form.fields}
    wanted: dict[str, Any] = {key: value for key, value in before.values.items() if key in shown}
    for field in form.fields:
        if field.name in posted or (field.shape in ("tick", "ticks") and f"{field.name}.shown" in posted):
            _put(wanted, field, posted.get(field.name, ()))
    rest = posted.get(REST, (form.rest,))[0].replace("\r\n", "\n")
    if rest.strip() == form.rest.strip():
        wanted |= {key: value for key, value in before.values.items() if key not in shown}
    else:
        written = parse_front_matter(f"---\n{rest}\n---\n", REST)
        if isinstance(written, Finding):
            msg = f"{written.message} {written.cure}"
            raise CannotEdit(msg)
        if twice := sorted(shown & {*written.values}):
            msg = f"The key {twice[0]!r} has a field of its own above."
            raise CannotEdit(msg)
        wanted |= written.values
    changed = {key: wanted.get(key) for key in (*before.values, *wanted)}
    return {key: it for key, it in changed.items() if key not in before.values or before.values[key] != it}


def _put(wanted: dict[str, Any], field: FormField, values: tuple[str, ...]) -> None:
    """Set one key from what was posted; an empty field that was not there stays away."""
    key, _, inner = field.key.partition(".")
    table = wanted if not inner else dict(wanted.get(key) or {})
    last = inner or key
    if field.shape == "ticks":
        before = {_id_of(it): it for it in wanted.get(key) or []}
        kept = [before[name] for name in before if name in values]
        new: Any = [*kept, *(it for it in values if it not in before)]
        if new or before:
            table[last] = new
    elif field.shape == "tick":
        new = bool(values)
        if new != (field.value == "true"):
            table[last] = new
    else:
        text = values[0].replace("\r\n", "\n").strip("\n") if values else ""
        if text == field.value.strip("\n"):
            return
        if not text.strip():
            table.pop(last, None)
        elif field.shape == "number" and text.strip().lstrip("-").isdigit():
            table[last] = int(text)
        else:
            table[last] = text
    if inner and table:
        wanted[key] = table
    elif inner:
        wanted.pop(key, None)


def _id_of(entry: Any) -> str:
    return str(entry.get("id", "")) if isinstance(entry, Mapping) else str(entry)


def _fields(values: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[FormField]:
    properties = schema["properties"]
    for key in FIRST:
        yield from _field(key, key, properties[key], values.get(key))
    yield _purposes(values.get("purposes"), properties["purposes"])
    own = next((it for it in properties if it not in ORDER and it in values), None)
    for key in (*TABLES, *([own] if own else ())):
        table = values.get(key)
        if table is not None and not isinstance(table, Mapping):
            continue
        if table is None and key == "picture":
            continue
        inner = _resolved(properties[key], schema)["properties"]
        shown = [*_table_fields(key, inner, table or {}, known=key in TABLES)]
        names = {it.key.partition(".")[2] for it in shown}
        if {*(table or {})} <= names or key in TABLES:
            yield from shown


def _table_fields(
    key: str, inner: Mapping[str, Any], table: Mapping[str, Any], *, known: bool
) -> Iterator[FormField]:
    for name, about in inner.items():
        for it in _field(f"{key}.{name}", name, about, table.get(name)):
            yield it if known else FormField(it.key, it.shape, it.value, it.about, it.choices, known=False)


def _field(key: str, _name: str, about: Mapping[str, Any], value: Any) -> Iterator[FormField]:
    """Yield the field for a value; none for one that no field can show."""
    simple = next((it for it in about.get("anyOf", [about]) if it.get("type") not in (None, "null")), about)
    kind, words = simple.get("type"), about.get("description", "")
    shown = about.get("default") if value is None else value
    if isinstance(value, Mapping | list):
        return
    text = "" if shown is None else str(shown)
    if "enum" in simple:
        told = simple.get("enumDescriptions", [""] * len(simple["enum"]))
        choices = tuple(
            Choice(str(it), why, str(it) == text) for it, why in zip(simple["enum"], told, strict=True)
        )
        if text and not any(it.chosen for it in choices):
            choices = (Choice(text, chosen=True), *choices)
        yield FormField(key, "choice", text, words, choices)
    elif kind == "boolean":
        yield FormField(key, "tick", "true" if shown is True else "", words)
    elif kind == "integer":
        yield FormField(key, "number", text, words)
    elif kind == "string":
        is_long = simple.get("maxLength", 0) > LONG and not key.endswith(("file", "link"))
        yield FormField(key, "text" if is_long or "\n" in text else "line", text, words)


def _purposes(value: Any, about: Mapping[str, Any]) -> FormField:
    named = next(it for it in about["items"]["anyOf"] if it.get("type") == "string")
    chosen = [_id_of(it) for it in value] if isinstance(value, list) else []
    offered = dict(zip(named.get("enum", ()), named.get("enumDescriptions", ()), strict=True))
    names = [*chosen, *(it for it in offered if it not in chosen)]
    choices = tuple(Choice(it, offered.get(it, ""), it in chosen) for it in names)
    return FormField("purposes", "ticks", json.dumps(chosen), about.get("description", ""), choices)


def _resolved(about: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = next((it for it in about.get("anyOf", [about]) if "$ref" in it), None)
    return about if found is None else schema["$defs"][found["$ref"].rpartition("/")[2]]


def _rest(opened: OpenedMagnet, document: Document, fields: tuple[FormField, ...]) -> str:
    """Return the lines of the keys that no field shows."""
    shown = {it.key.partition(".")[0] for it in fields}
    lines, keys = opened.text.split("\n"), [*document.values]
    begins = [document.place((key,))[0] - 1 for key in keys]
    ends = [*begins[1:], document.body_line - 2]
    parts = [lines[a:b] for key, a, b in zip(keys, begins, ends, strict=True) if key not in shown]
    return "\n".join(line for part in parts for line in part)
