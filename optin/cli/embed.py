"""The command that prints what shows a magnet's form in a page of another website of the company."""

from __future__ import annotations

from html import escape
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import as_served, load_edition_or_exit, refuse, site_option
from optin.consent.form_version import IN_HTML, Slug
from optin.proof.page_assets import integrity
from optin.services.open_installation import open_installation
from optin.services.site_edition import Edition, keep_edition
from optin.site.embedding_sites import frame_height
from optin.site.findings import nearest
from optin.theme.embedded_views import framed_address
from optin.theme.theme import GROWING_FRAMES

FRAME_STEPS = """
WordPress  In the page editor, add the block "Custom HTML" and paste the lines above into it.
           If your editor removes the second line, leave it out: the frame then keeps its height.
Webflow    Add the element "Code Embed" where the form should be, paste the lines, save and publish.
Plain HTML Paste the lines where the form should be. A strict content security policy needs:
           frame-src {base_url}; script-src {base_url}
"""
HTML_STEPS = """
WordPress  In the page editor, add the block "Custom HTML" and paste the lines above into it.
Webflow    Add the element "Code Embed" where the form should be, paste the lines, save and publish.
Plain HTML Paste the lines where the form should be. A strict content security policy needs:
           form-action {base_url}
Change nothing in it: what people saw is proven by exactly these bytes. The look comes from your own
stylesheet (the form has the class "optin"). After an edit of the magnet, run this command again.
The page may have no referrer policy "no-referrer": browsers then do not say which site sent the form.
"""


@click.command()
@click.argument("slug")
@click.option(
    "--html",
    "as_html",
    is_flag=True,
    help="Print the form itself, to paste as HTML of your page; without it, a frame.",
)
@site_option
@pass_kinds
def embed(kinds: InstalledKinds, site: Path, slug: str, *, as_html: bool) -> None:
    """Print HTML to paste that shows the form of magnet SLUG on a website listed in [embed] sites.

    The HTML goes to standard output, what to do with it to standard error.
    """
    edition = as_served(load_edition_or_exit(site, kinds))
    settings, name = edition.site.settings, Slug(slug.strip("/"))
    name = edition.site.renamed.get(name, name)
    if name not in edition.site.magnets:
        refuse(f"There is no magnet {slug!r}. {nearest(name, [*edition.site.magnets])}")
    if not settings.embed.sites:
        refuse(
            "No website may show forms yet."
            ' Write in optin.toml, with the address of your website: [embed] sites = ["https://www.example.com"]'
        )
    if as_html:
        shown = _pasted(edition, name)
        with open_installation(settings, edition.policy, edition.kinds) as installation:
            keep_edition(installation.store, edition, installation.clock())  # the server takes this version
    else:
        shown = _frame(edition, name)
    click.echo(shown)
    steps = HTML_STEPS if as_html else FRAME_STEPS
    click.echo(steps.format(base_url=settings.base_url), err=True)


def _frame(edition: Edition, slug: Slug) -> str:
    """Return a frame with the form, and the script that gives it the height of what is in it."""
    base_url = edition.site.settings.base_url
    form, script = edition.publication.forms[slug].declaration, edition.theme.asset_url(GROWING_FRAMES)
    digest = integrity(edition.theme.assets[script].data)
    # many themes set blocks beside each other, or in the middle, and a frame is none by itself
    return (
        f'<div><iframe src="{base_url}{framed_address(slug)}" title="{escape(form.title)}" data-optin'
        f' width="100%" height="{frame_height(form)}" frameborder="0"></iframe></div>\n'
        f'<script src="{base_url}{script}" integrity="{digest}" crossorigin="anonymous" defer></script>'
    )


def _pasted(edition: Edition, slug: Slug) -> str:
    """Return a form version to paste: exactly its bytes."""
    forms = (form_page.form for form_page in edition.publication.form_pages[slug])
    form = next((it for it in forms if it.declaration.shown_in == IN_HTML), None)
    if form is None:
        refuse(f"/{slug} begins with a page of its own, so it has no form to paste. Leave out --html.")
    return form.page.decode().rstrip("\n")
