"""Commands for the key file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import load_edition_or_exit, site_option
from optin.consent.webhook_message import secret_text
from optin.errors import RequestRefused, SetupRefused
from optin.flows.gate.processor_keys import has_agreement_ended, key_text
from optin.keys import load_keys, write_rotated
from optin.services.open_installation import open_installation
from optin.services.open_store import open_vault
from optin.services.served_settings import require_server_settings, settings_of_server
from optin.services.steady_clock import utc_now
from optin.site.findings import nearest


@click.group()
def keys() -> None:
    """Manage the keys."""


@keys.command()
@site_option
@pass_kinds
def rotate(kinds: InstalledKinds, site: Path) -> None:
    """Add a new key of each kind. Stop the server first: a running server would not know the new keys.

    Old ones go on reading: links, data and checkpoints keep working.
    """
    edition = load_edition_or_exit(site, kinds)
    settings = edition.site.settings
    served = settings_of_server(settings, kinds.parts.schema)
    if served is not None:
        require_server_settings(settings, served)
    ring = load_keys(settings.keys, settings.root)
    if ring is None or settings.keys.lstrip().startswith("{"):
        msg = "There is no key file to rotate; keys from the environment are changed where they are set."
        raise SetupRefused(msg)
    if served is not None:
        with (
            open_installation(settings, edition.policy, edition.kinds) as installation,
            installation.store.alone(),
        ):
            # these keys are those of the data; and no server is left that does not know the new ones
            ring = load_keys(settings.keys, settings.root) or ring  # opening names the journal's key
            write_rotated(settings.keys, settings.root, ring.rotated())
    else:
        write_rotated(settings.keys, settings.root, ring.rotated())
    click.echo(f"{settings.keys} has new keys; start the server, and keep a copy of the file.")
    if any(it.webhook is not None for it in edition.site.settings.processors.values()):
        click.echo(
            "Give each receiver of webhooks its new secret (optin keys webhook ID): the previous one also"
            " signs,"
        )
        click.echo("until keys are rotated again.")
    if edition.site.settings.processors:
        click.echo(
            "Give each processor that asks POST /may its new key (optin keys may ID): the previous one works"
        )
        click.echo("until keys are rotated again.")


@keys.command()
@click.argument("processor")
@site_option
@pass_kinds
def webhook(kinds: InstalledKinds, site: Path, processor: str) -> None:
    """Print the secret with which PROCESSOR verifies our webhooks. Whoever has it can forge them."""
    edition = load_edition_or_exit(site, kinds)
    with_webhook = [name for name, it in edition.site.settings.processors.items() if it.webhook is not None]
    _require(processor, with_webhook, "is not a processor with a webhook in optin.toml.")
    vault = open_vault(edition.site.settings, kinds.parts.schema)
    click.echo(secret_text(vault.webhook_secrets(processor)[0]))


@keys.command()
@click.argument("processor")
@site_option
@pass_kinds
def may(kinds: InstalledKinds, site: Path, processor: str) -> None:
    """Print the key with which PROCESSOR asks POST /may. Whoever has it can ask in its name."""
    edition = load_edition_or_exit(site, kinds)
    known = edition.site.settings.processors
    _require(processor, known, "is not a processor in optin.toml.")
    vault = open_vault(edition.site.settings, kinds.parts.schema)
    if has_agreement_ended(edition.policy.gate.processors[processor], edition.policy, utc_now()):
        msg = f"The agreement with {processor!r} ended on {known[processor].ends}, so its key is refused."
        raise RequestRefused(msg)
    click.echo(key_text(vault.gate_secrets(processor)[0]))


def _require(processor: str, known: Iterable[str], problem: str) -> None:
    """Raise RequestRefused, with the nearest known name, for a processor that is not known."""
    names = [*known]
    if processor not in names:
        msg = f"{processor!r} {problem} {nearest(processor, names)}"
        raise RequestRefused(msg)
