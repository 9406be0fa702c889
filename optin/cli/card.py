"""The command that prints a magnet's form as a reply card."""

from __future__ import annotations

from pathlib import Path

import click

from optin.cards.card_code import SIZES
from optin.cards.draw_card import CardContent, draw_card
from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import as_served, load_edition_or_exit, refuse, site_option
from optin.consent.form_version import Slug
from optin.export.destination import write_whole
from optin.services.open_installation import open_installation
from optin.services.site_edition import keep_edition
from optin.site.findings import nearest
from optin.site.landing_pages import privacy_url


@click.command()
@click.argument("slug")
@click.option("--out", required=True, help="File to write, or - for standard output.")
@click.option(
    "--size", type=click.Choice([*SIZES]), default="A5", show_default=True, help="Size of the paper."
)
@site_option
@pass_kinds
def card(kinds: InstalledKinds, site: Path, slug: str, out: str, size: str) -> None:
    """Make a reply card of the form of magnet SLUG, as a PDF to print.

    It asks what the page asks, in the same words and language, and has a code that names the form version.
    """
    edition = as_served(load_edition_or_exit(site, kinds))
    settings, name = edition.site.settings, Slug(slug.strip("/"))
    name = edition.site.renamed.get(name, name)
    if name not in edition.site.magnets:
        refuse(f"There is no magnet {slug!r}. {nearest(name, [*edition.site.magnets])}")
    if name in edition.publication.openings:
        refuse(f"/{name} asks its questions one by one, so it has no form to print.")
    form = edition.publication.forms[name]
    declared = form.declaration
    content = CardContent(
        form=form,
        base_url=settings.base_url,
        privacy=settings.base_url + privacy_url(declared.privacy),
        words=edition.theme.wording(declared.lang),
    )
    drawn = draw_card(content, size)
    with open_installation(settings, edition.policy, edition.kinds) as installation:
        keep_edition(installation.store, edition, installation.clock())  # a card names a version on record
    write_whole(out, drawn)
