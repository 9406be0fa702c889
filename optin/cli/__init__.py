"""The command line. Each command parses, calls one flow and shows what came of it."""

from __future__ import annotations

import gc
import importlib
from typing import Any

import click

from optin.errors import OptinError

# Where each command lives; its room is entered only when it is called, which keeps the start quick.
COMMANDS = {
    "init": "author:init",
    "new": "author:new",
    "check": "author:check",
    "schema": "author:schema",
    "stats": "stats:stats",
    "dev": "dev:dev",
    "build": "serve:build",
    "serve": "serve:serve",
    "sweep": "sweep:sweep_command",
    "export": "export:export",
    "exports": "exports:exports",
    "scrub": "scrub:scrub",
    "subject": "rights:subject",
    "draw": "draw:draw",
    "evidence": "evidence:evidence",
    "verify": "evidence:verify",
    "audit": "evidence:audit",
    "checkpoint": "evidence:checkpoint",
    "migrate": "migrate:migrate_command",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "mail": "mail:mail",
    "keys": "keys:keys",
}


class Commands(click.Group):
    """Loads a command when it is asked for, and says an error of the domain in one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        room, _, name = COMMANDS[cmd_name].partition(":")
        gc.disable()  # importing makes a million objects that stay; looking through them is in vain
        try:
            command: click.Command = getattr(importlib.import_module(f"optin.cli.{room}"), name)
        finally:
            gc.freeze()
            gc.enable()
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; whatever the domain refuses is a sentence, never a traceback."""
        try:
            return super().invoke(ctx)
        except OptinError as problem:
            click.secho(str(problem) or problem.name, fg="red", err=True)
            ctx.exit(1)
