"""The command that works out the life cycle of products from the invoices on record (L2)."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from optin.bases.life_cycle import FEWEST, LineLifeCycle, life_cycle_of
from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import served_edition, site_option
from optin.errors import RequestRefused
from optin.export.destination import write_whole
from optin.export.life_cycle_chart import as_svg, months
from optin.flows.bases.invoice_days import invoice_days
from optin.services.open_installation import open_installation
from optin.settings.bases import Product
from optin.site.findings import nearest

LIMITS = (
    "This counts the invoices on record alone. Who came back after an entry was erased, or has yet to come"
    " back, is not in it, so customers may stay longer than it says."
)


@click.command("life-cycle")
@click.option("--product", help="Only this product line.")
@click.option("--plot", help="SVG to make, or - for standard output.")
@site_option
@pass_kinds
def life_cycle(kinds: InstalledKinds, site: Path, product: str | None, plot: str | None) -> None:
    """Show the time between two invoices of a customer: median and quartiles, to choose a life cycle from."""
    edition = served_edition(site, kinds)
    settings = edition.site.settings.products
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        found = invoice_days(installation.store.read, installation.vault)
    if product is not None and product not in {*settings, *found}:
        msg = f"There is no product line {product!r}. {nearest(product, [*settings])}"
        raise RequestRefused(msg)
    names = [name for name in sorted(found) if product in {None, name}]
    lines = [life_cycle_of(name, found[name]) for name in names]
    if not lines:
        msg = "No invoice is on record yet; add some with: optin customer add, or optin customer import"
        raise RequestRefused(msg)
    Console(stderr=plot == "-").print(_table(lines, settings))
    for it in lines:
        if it.quartiles is None:
            click.echo(
                f"{it.product}: {it.gaps} times between invoices; {FEWEST} are needed to say something.",
                err=True,
            )
    click.echo(LIMITS, err=True)
    if plot is not None:
        write_whole(plot, as_svg(lines))


def _table(lines: list[LineLifeCycle], settings: dict[str, Product]) -> Table:
    """Return the times in months, beside the life cycle that is set."""
    table = Table(
        "product", "customers", "came back", "times", "lower quartile", "median", "upper quartile", "set"
    )
    for it in lines:
        of = it.quartiles
        times = (
            ("too few", "", "")
            if of is None
            else tuple(f"{months(days):.1f} months" for days in (of.lower, of.median, of.upper))
        )
        line = settings.get(it.product)
        term = "gone from optin.toml" if line is None else line.life_cycle.text
        table.add_row(it.product, f"{it.customers}", f"{it.returning}", f"{it.gaps}", *times, term)
    return table
