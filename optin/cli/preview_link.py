"""The command that lets a colleague see a page that is not public yet."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import refuse, served_edition, site_option
from optin.consent.form_version import Slug
from optin.consent.preview_link import preview_payload
from optin.consent.signed_links import LinkKind
from optin.services.open_installation import open_installation
from optin.site.findings import nearest
from optin.site.magnet_life import MagnetPhase

MOST_DAYS = 90


@click.command()
@click.argument("slug")
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    default=7,
    show_default=True,
    help="How long the link works.",
)
@site_option
@pass_kinds
def preview(kinds: InstalledKinds, site: Path, slug: str, days: int) -> None:
    """Print a link that shows the draft SLUG, or a page before its day, to whoever has it.

    The server shows it once it has loaded the draft. The form of a preview takes nothing.
    """
    edition = served_edition(site, kinds)
    settings, name = edition.site.settings, Slug(slug.strip("/"))
    magnet = edition.site.drafts.get(name) or edition.site.magnets.get(name)
    if magnet is None:
        refuse(f"There is no magnet {slug!r}. {nearest(name, [*edition.site.drafts, *edition.site.magnets])}")
    with open_installation(settings, edition.policy, edition.kinds) as installation:
        now = installation.clock()
        if name in edition.site.magnets and magnet.phase_at(now) is not MagnetPhase.WAITING:
            refuse(f"/{name} is public: {settings.base_url}/{name}")
        payload = preview_payload(name, now + timedelta(days=days))
        token = installation.vault.links.sign(LinkKind.PREVIEW, payload, now)
    click.echo(f"{settings.base_url}/{name}/preview/{token}")
