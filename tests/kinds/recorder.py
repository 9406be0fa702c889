"""Watches what a kind does while its hook `on_confirmed` runs: each statement, and who wrote it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

from optin.consent.kind_part_lookup import PartsByKind
from optin.flows.kind_flow_hooks import FlowPart
from optin.services.installed_kind_parts import KindParts
from optin.store.database_interface import savepoint
from optin.store.postgres import PostgresTx
from optin.store.sqlite_connection import SqliteTx

METHODS = ("run", "one", "all", "named", "many", "each")
_WRITES = re.compile(r"\s*(?:INSERT|UPDATE|DELETE|CREATE|DROP|ALTER)\b", re.IGNORECASE)
_TABLES = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+(\w+)", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """A statement, and the module of the function that ran it."""

    module: str
    sql: str

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return _WRITES.match(self.sql) is not None

    @property
    def tables(self) -> set[str]:
        """The tables that it names."""
        return set(_TABLES.findall(re.sub(r"\bFOR UPDATE\b|\bDO UPDATE\b", "", self.sql)))


Look = Callable[[Statement, bool], None]  # the second: whether it was done already


@dataclass
class Recorder:
    """What ran in each call of the hook."""

    calls: list[list[Statement]] = field(default_factory=list)
    active: bool = False
    look: Look = field(default=lambda _statement, _done: None)

    def around(self, part: FlowPart, *, twice: bool = False) -> FlowPart:
        """Return a kind's part whose hook is watched; `twice`: undone once and run again."""

        def watched(tx: Any, *args: Any) -> None:
            if twice:
                with savepoint(tx):
                    tx.run("SAVEPOINT first_run")
                    part.on_confirmed(tx, *args)
                    tx.run("ROLLBACK TO first_run")
                    tx.run("RELEASE first_run")
            self.calls.append([])
            self.active = True
            try:
                part.on_confirmed(tx, *args)
            finally:
                self.active = False

        return replace(part, on_confirmed=watched)


def watched_kinds(kinds: KindParts, kind: str, part: FlowPart) -> KindParts:
    """Return the installed kinds with another part of one of them."""
    flows = kinds.flows
    find = {**dict(flows.items()), kind: part}.get
    return replace(kinds, flows=PartsByKind(flows.default, flows.names, find))


@contextmanager
def recorded(recorder: Recorder) -> Iterator[None]:
    """See every statement of both databases meanwhile."""
    before = [(owner, name, getattr(owner, name)) for owner in (SqliteTx, PostgresTx) for name in METHODS]

    def seen(method: Any) -> Any:
        @wraps(method)
        def run(tx: Any, sql: str, *args: Any, **values: Any) -> Any:
            statement = Statement(sys._getframe(1).f_globals["__name__"], sql)  # noqa: SLF001 - who asks
            if not recorder.active:
                return method(tx, sql, *args, **values)
            recorder.calls[-1].append(statement)
            recorder.look(statement, False)  # noqa: FBT003 - before it is done
            answer = method(tx, sql, *args, **values)
            recorder.look(statement, True)  # noqa: FBT003 - after it
            return answer

        return run

    for owner, name, method in before:
        setattr(owner, name, seen(method))
    try:
        yield
    finally:
        for owner, name, method in before:
            setattr(owner, name, method)
