"""The command that records many customers: customer import (L2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TimeElapsedColumn

from optin.cli.evidence_files import evidence_file
from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import (
    READABLE_FILE,
    refuse,
    served_edition,
    site_option,
    who_option,
)
from optin.consent.channel import MAILBOX
from optin.errors import RequestRefused
from optin.export.contact_list_reader import open_list
from optin.invoices.customer_statement import StatedCustomer
from optin.services.customer_import import ImportSetting, RowOutcome, RowResult, import_customers
from optin.services.customer_list import (
    PRODUCT,
    FaultyRow,
    ListedCustomer,
    columns_of,
    customers_in_folder,
    listed_customers,
    unused_columns,
)
from optin.services.open_installation import open_installation
from optin.site.findings import nearest

READABLE_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("import")
@click.argument("file", required=False, type=READABLE_FILE)
@click.option("--evidence-dir", "folder", required=True, type=READABLE_FOLDER, help="Folder of the invoices.")
@click.option("--product", default="", help="The product line of rows that name none.")
@click.option(
    "--told-at-collection", "told", default="", help="What every order form said, if a row does not."
)
@click.option("--encoding", default="utf-8", show_default=True, help="Encoding of a CSV.")
@click.option("--sheet", help="Sheet of a spreadsheet with several sheets.")
@who_option
@site_option
@pass_kinds
def import_command(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    file: Path | None,
    folder: Path,
    product: str,
    told: str,
    encoding: str,
    sheet: str | None,
    who: str,
) -> None:
    """Record the customers of a list (CSV, XLSX), or of a folder of invoices alone.

    Columns: email, evidence (the invoice's file in the folder), and as `add` has options: product, number,
    day, name, phone, subscriber, told, own-sale, linked, checked. Run it again: nothing is doubled.
    """
    edition = served_edition(site, kinds)
    settings = edition.site.settings
    if product and product not in settings.products:
        msg = f"There is no product line {product!r}. {nearest(product, [*settings.products])}"
        raise RequestRefused(msg)
    common = StatedCustomer(
        who=who,
        product=product,
        told_at_collection=told.strip(),
        lang=settings.languages[0],
        source=folder.name if file is None else file.name,
    )
    rows = _in_folder(folder, common) if file is None else _in_list(file, folder, common, encoding, sheet)
    setting = ImportSetting(
        edition.site.controller, settings.controller.country, settings.products, evidence_file
    )
    counts: Counter[RowOutcome] = Counter()
    missing: Counter[str] = Counter()
    with open_installation(settings, edition.policy, edition.kinds) as installation:
        for result in _with_progress(import_customers(installation, rows, setting)):
            counts[result.outcome] += 1
            missing.update(result.missing)
    known = f", {counts[RowOutcome.KNOWN]} known already" if counts[RowOutcome.KNOWN] else ""
    click.echo(f"{counts[RowOutcome.RECORDED]} put on record{known}.")
    for condition, count in sorted(missing.items()):
        click.echo(f"No advertising to {count} of them without consent, for want of: {condition}.")
    if faulty := counts[RowOutcome.FAULTY]:
        refuse(f"{faulty} not put on record, for the reasons above. Correct them, and run it again.")


def _in_folder(folder: Path, common: StatedCustomer) -> Iterator[ListedCustomer]:
    if not common.product:
        msg = "Name the line of products of these invoices with --product."
        raise RequestRefused(msg)
    return customers_in_folder(folder, common)


def _in_list(
    file: Path, folder: Path, common: StatedCustomer, encoding: str, sheet: str | None
) -> Iterator[ListedCustomer | FaultyRow]:
    people = open_list(file, MAILBOX.field, None, encoding, sheet)
    columns = columns_of(people, file.name)
    if not common.product and PRODUCT not in columns:
        msg = f"{file.name} has no column {PRODUCT!r}. Name the line of products with --product."
        raise RequestRefused(msg)
    if unused := unused_columns(people, columns):
        click.echo(f"Not read, and not stored: the columns {', '.join(unused)}.", err=True)
    return listed_customers(people, columns, folder, common)


def _with_progress(results: Iterator[RowResult]) -> Iterator[RowResult]:
    """Yield the results, and print what is wrong with them; on a terminal, show how many there are."""
    console = Console(stderr=True)
    if not console.is_terminal:
        for result in results:
            if result.reason:
                click.echo(_said(result), err=True)
            yield result
        return
    columns = (SpinnerColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("import", total=None)
        for result in results:
            bar.advance(task)
            if result.reason:
                console.print(_said(result), markup=False, highlight=False, soft_wrap=True)
            yield result


def _said(result: RowResult) -> str:
    """Return the reason with its place, unless it begins with that."""
    return result.reason if result.reason.startswith(result.where) else f"{result.where}: {result.reason}"
