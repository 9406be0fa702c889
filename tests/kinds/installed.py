"""The kinds that the common suite looks at: ours, and one of another package."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TypeVar

from optin.app.kinds import installed_kinds
from optin.cli.installed_kinds import InstalledKinds
from optin.consent.parts_by_kind import PartsByKind
from optin.services.kind_parts import KindParts

P = TypeVar("P")

INSTALLED = installed_kinds()
KINDS = INSTALLED.parts
NAMES = KINDS.files.names()


def without(kind: str) -> InstalledKinds:
    """Return the installed kinds as they are where one of them was removed."""

    def removed(parts: PartsByKind[P]) -> PartsByKind[P]:
        return replace(
            parts,
            names=lambda: [it for it in parts.names() if it != kind],
            find=lambda name: None if name == kind else parts.find(name),
        )

    rooms = {it.name: removed(getattr(KINDS, it.name)) for it in fields(KINDS)}
    return InstalledKinds(KindParts(**rooms), removed(INSTALLED.routes))
