"""The installed kinds of magnets, for commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from optin.consent.kind_part_lookup import PartsByKind
from optin.services.installed_kind_parts import KindParts
from optin.web.kind_route_hooks import RoutesPart


@dataclass(frozen=True)
class InstalledKinds:
    """Every part of the installed kinds. `routes`: for a server, the other parts for all commands.

    `commands`: the functions "module:name" of the commands of kinds; asking for them imports every kind.
    """

    parts: KindParts
    routes: PartsByKind[RoutesPart]
    commands: Callable[[], Mapping[str, str]] = dict


pass_kinds = click.make_pass_decorator(InstalledKinds)


class KindName(click.ParamType[str]):
    """The name of an installed kind; completing a name imports no kind."""

    name = "kind"

    @staticmethod
    def _choice(ctx: click.Context | None) -> click.Choice[str]:
        kinds = None if ctx is None else ctx.find_object(InstalledKinds)
        return click.Choice(() if kinds is None else kinds.parts.files.names())

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return the names for the help text."""
        return self._choice(ctx).get_metavar(param, ctx)

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None) -> str:
        """Return the sentence with the possible names."""
        return self._choice(ctx).get_missing_message(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name, or fail with the list of names."""
        return self._choice(ctx).convert(value, param, ctx)
