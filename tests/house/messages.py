"""Gathers every message of `optin check` from the code that says it: its code, its words, its cure.

A value that is filled in stands as an ellipsis.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from optin.consent.channel import declared_addresses
from optin.consent.retention_period import MOST_YEARS
from optin.server_addresses import CURE_LOGIN, CURE_POSTGRES, WANTED_LOGIN, WANTED_POSTGRES
from optin.site.address_settings_check import ADDRESS_SETTINGS
from tests.house.requirements_table import ROOT

FILLED = "…"
CURES = {  # what these functions return
    "nearest": f"Did you mean {FILLED}? Known here: {FILLED}.",
    "nearest_zone": f"Did you mean {FILLED}? Write it like 'Europe/Amsterdam'.",
}
ROOMS = [ROOT / "optin" / "site", ROOT / "optin" / "papers", ROOT / "optin" / "kinds"]
# Where a call says what: the places of message, cure and code, and the code where none is said.
CALLS: dict[str, tuple[int, int, int | None, str]] = {
    "Finding": (3, 4, 6, "site"),
    "finding": (1, 2, None, "site"),
    "Objection": (1, 2, 0, ""),
    "BlockHint": (0, 1, None, "block"),
    "Complaint": (1, 2, None, "kind"),
    "PictureRefused": (0, 1, None, "picture"),
    "hint": (1, 2, 0, ""),
    "refuse": (1, 2, None, "block"),
    "say": (1, 2, 4, "magnet"),
}
ADDRESSES = (  # what is wrong with one is found by a function that names no setting
    ("mail", WANTED_LOGIN, CURE_LOGIN),
    ("store", WANTED_LOGIN, CURE_LOGIN),
    ("store", WANTED_POSTGRES, CURE_POSTGRES),
)
PERIODS = (
    f"'{FILLED}' is not a period.",
    f"'{FILLED}' is longer than {MOST_YEARS} years.",
)  # of RetentionPeriod


@dataclass(frozen=True, order=True)
class Message:
    """One message, its cure, whether it refuses anything."""

    code: str
    words: str
    cure: str
    severity: str


def messages() -> list[Message]:
    """Return every message, by code."""
    found = {Message(it.name.replace("_", "-"), it.wanted, it.cure, "error") for it in ADDRESS_SETTINGS}
    found |= {Message(code, words, cure, "error") for code, words, cure in ADDRESSES}
    for path in sorted(path for room in ROOMS for path in room.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        module = importlib.import_module(name.removesuffix(".__init__"))
        own = {it.name: it for it in map(_own, ast.walk(tree)) if it is not None}
        calls = {**CALLS, **{name: it.places for name, it in own.items()}}
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and function.name not in own:
                said = set(_of_function(path.name, function, module, calls))
                found |= said
                if path.name == "measure_pictures.py":  # the site's logo and icon are such pictures too
                    found |= {replace(it, code=code) for it in said for code in ("logo", "favicon")}
        for call in (it for it in tree.body if isinstance(it, ast.Assign)):
            found |= set(_of_function(path.name, call, module, calls))
    return sorted(found)


@dataclass(frozen=True)
class _Own:
    """A function of one file through which it says its messages: its parameters have their names."""

    name: str
    places: tuple[int, int, int | None, str]


def _own(node: ast.AST) -> _Own | None:
    if not isinstance(node, ast.FunctionDef):
        return None
    names = [it.arg for it in node.args.args if it.arg != "self"]
    if not {"message", "cure"} <= set(names):
        return None
    shown = ast.unparse(node)
    codes = re.findall(r"code(?:: str)?='?([a-z-]+)'", shown) or (["kind"] if "Complaint(" in shown else [""])
    code = names.index("code") if "code" in names else None
    return _Own(node.name, (names.index("message"), names.index("cure"), code, codes[0]))


def _of_function(
    file: str, function: ast.AST, module: Any, calls: Mapping[str, tuple[int, int, int | None, str]]
) -> Iterator[Message]:
    said = _Said(function, module)
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            places = calls.get(name)
            if places is not None:
                yield from said.by_call(node, *places)
        elif isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple) and file == "hints.py":
            _, code, words, cure = node.value.elts
            yield from said.each(code, words, cure, "hint")
        elif (
            isinstance(node, ast.Return)
            and isinstance(node.value, ast.Tuple)
            and file == "referenced_files.py"
        ):
            words, cure = node.value.elts
            yield from said.each(ast.Constant("file"), words, cure, "error")


def _by_address(code: str) -> list[str]:
    """Return a code for each address of a form, where the code begins with the name of its field."""
    if not code.startswith(f"{FILLED}-"):
        return [code]
    return [f"{it.field}{code.removeprefix(FILLED)}" for it in declared_addresses()]


class _Said:
    """Reads what the arguments of a call say, with the variables of its function."""

    def __init__(self, function: ast.AST, module: Any) -> None:
        self._module = module
        self._set = [it for it in ast.walk(function) if isinstance(it, ast.Assign)]

    def by_call(
        self, call: ast.Call, words: int, cure: int, code: int | None, default: str
    ) -> Iterator[Message]:
        named = {it.arg: it.value for it in call.keywords if it.arg}

        def argument(name: str, place: int | None) -> ast.expr | None:
            placed = None if place is None or len(call.args) <= place else call.args[place]
            return named.get(name, placed)

        message = argument("message", words)
        if message is None or any(isinstance(it, ast.Starred) for it in call.args):
            return
        severity = "error"
        shown = ast.unparse(call)
        if "warning=True" in shown or "'warning'" in shown or "warning=not" in shown:
            severity = "warning"
        if "'hint'" in shown or getattr(call.func, "id", "") in {"hint", "BlockHint"}:
            severity = "hint"
        yield from self.each(
            argument("code", code) or ast.Constant(default), message, argument("cure", cure), severity
        )

    def each(
        self, code: ast.expr, words: ast.expr, cure: ast.expr | None, severity: str
    ) -> Iterator[Message]:
        cures = [""] if cure is None else self.texts(cure, 0)
        codes = [named for it in self.texts(code, 0) for named in _by_address(it)]
        for it, message, how in product(codes, self.texts(words, 0), cures):
            elsewhere = PERIODS if it == "period" else ()
            for said in [message] if message.strip(f"{FILLED}. ") else elsewhere:
                if it not in {"", FILLED}:
                    yield Message(it, " ".join(said.split()), " ".join(how.split()), severity)

    def texts(self, node: ast.expr, depth: int) -> list[str]:
        """Return every text that an expression may be."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return [node.value]
        if isinstance(node, ast.IfExp):
            return [*self.texts(node.body, depth), *self.texts(node.orelse, depth)]
        if isinstance(node, ast.JoinedStr):
            return ["".join(parts) for parts in product(*(self._part(it) for it in node.values))]
        if isinstance(node, ast.Name) and depth < 5:
            value = getattr(self._module, node.id, None)
            if isinstance(value, str | int) and node.id.isupper():
                return [str(value)]
            before = [
                it for it in self._set if it.lineno < node.lineno and self._value(it, node.id) is not None
            ]
            if before:
                value = self._value(max(before, key=lambda it: it.lineno), node.id)
                return self.texts(value, depth + 1) if isinstance(value, ast.expr) else [FILLED]
        if isinstance(node, ast.Call):
            return self._called(node, depth)
        return [FILLED]

    def _called(self, node: ast.Call, depth: int) -> list[str]:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in CURES:
            return [CURES[name]]
        if name == "replace" and isinstance(node.func, ast.Attribute):
            return self.texts(node.func.value, depth)
        return [FILLED]

    def _part(self, node: ast.expr) -> list[str]:
        if isinstance(node, ast.Constant):
            return [str(node.value)]
        assert isinstance(node, ast.FormattedValue)
        name = node.value
        known = (
            getattr(self._module, name.id, None) if isinstance(name, ast.Name) and name.id.isupper() else None
        )
        if isinstance(known, str | int):
            return [str(known)]
        return [f"'{FILLED}'"] if node.conversion == ord("r") else [FILLED]

    @staticmethod
    def _value(assign: ast.Assign, name: str) -> ast.expr | None:
        (target,) = assign.targets
        if isinstance(target, ast.Name) and target.id == name:
            return assign.value
        if isinstance(target, ast.Tuple) and isinstance(assign.value, ast.Tuple):
            pairs = zip(target.elts, assign.value.elts, strict=True)
            return next((value for it, value in pairs if getattr(it, "id", "") == name), None)
        return None
