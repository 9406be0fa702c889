"""The command line. Each command parses its arguments, calls one flow and prints the result."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import click

from optin.cli.installed_kinds import InstalledKinds
from optin.errors import OptinError

# Where each command lives; its room is entered only when it is called, which keeps the start quick.
COMMANDS = {
    "init": "optin.cli.author_commands:init",
    "new": "optin.cli.author_commands:new",
    "check": "optin.cli.author_commands:check",
    "schema": "optin.cli.author_commands:schema",
    "stats": "optin.cli.stats:stats",
    "dev": "optin.cli.dev:dev",
    "connect": "optin.cli.connect_tools:connect",
    "pull": "optin.cli.connect_tools:pull",
    "preview": "optin.cli.preview_link:preview",
    "embed": "optin.cli.embed:embed",
    "card": "optin.cli.card:card",
    "build": "optin.cli.serve:build",
    "serve": "optin.cli.serve:serve",
    "sweep": "optin.cli.sweep:sweep_command",
    "export": "optin.cli.export_leads:export",
    "exports": "optin.cli.list_exports:exports",
    "may": "optin.cli.may:may",
    "scrub": "optin.cli.scrub_contact_list:scrub",
    "customer": "optin.cli.customers:customer",
    "subject": "optin.cli.subject_rights:subject",
    "requests": "optin.cli.rights_requests:requests",
    "breaches": "optin.cli.breaches:breaches",
    "enquiry": "optin.cli.enquiries:enquiry",
    "interest": "optin.cli.interests:interest",
    "attest": "optin.cli.attest:attest",
    "object": "optin.cli.objections:object_command",
    "do-not-contact": "optin.cli.objections:do_not_contact",
    "staff": "optin.cli.staff:staff",
    "rules": "optin.cli.rules:rules",
    "papers": "optin.cli.papers:papers",
    "evidence": "optin.cli.evidence:evidence",
    "verify": "optin.cli.evidence:verify",
    "audit": "optin.cli.evidence:audit",
    "checkpoint": "optin.cli.evidence:checkpoint",
    "migrate": "optin.cli.migrate:migrate_command",
    "backup": "optin.cli.backup:backup",
    "restore": "optin.cli.backup:restore",
    "mail": "optin.cli.mail:mail",
    "bounce": "optin.cli.bounce:bounce",
    "notify": "optin.cli.notify:notify",
    "doctor": "optin.cli.doctor:doctor",
    "keys": "optin.cli.keys:keys",
}
ALIASES = {"customers": "customer"}  # other names of commands, which work and are not listed


class Commands(click.Group):
    """Loads commands when needed, and prints a domain error as one sentence."""

    def __init__(self, *args: Any, kinds: Callable[[], InstalledKinds], **settings: Any) -> None:
        """Add the commands of the installed kinds; none may take a name of ours."""
        super().__init__(*args, **settings)
        self._kinds = kinds

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        """Find the installed kinds, at each run again, and pass them to the command."""
        return super().make_context(*args, **{"obj": self._kinds(), **settings})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in order of use, those of kinds last."""
        return [*COMMANDS, *(name for name in _of_kinds(ctx) if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, or None."""
        cmd_name = ALIASES.get(cmd_name, cmd_name)
        target = COMMANDS.get(cmd_name) or _of_kinds(ctx).get(cmd_name)
        if target is None:
            return None
        module, _, name = target.partition(":")
        gc.disable()  # importing makes a million objects that stay; looking through them is in vain
        try:
            command: click.Command = getattr(importlib.import_module(module), name)
        finally:
            gc.freeze()
            gc.enable()
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; print a refusal as a sentence, never as a traceback."""
        try:
            return super().invoke(ctx)
        except OptinError as problem:
            click.secho(str(problem) or problem.name, fg="red", err=True)
            ctx.exit(1)


def _of_kinds(ctx: click.Context) -> Mapping[str, str]:
    kinds = ctx.find_object(InstalledKinds)
    return {} if kinds is None else kinds.commands()
