"""Commands for existing customers: add by an invoice, import, work out life cycles, end (L2, L3)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from optin.bases.all_bases import BASES
from optin.bases.contract import BY_INVOICE, EXCEPTION, NUMBER, SELLER, missing_conditions
from optin.cli.customer_import import import_command
from optin.cli.evidence_files import evidence_file
from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.life_cycle import life_cycle
from optin.cli.options_and_output import (
    READABLE_FILE,
    address_of,
    served_edition,
    site_option,
    who_option,
)
from optin.consent.held_basis import BasisEntry
from optin.errors import RequestRefused
from optin.flows.bases.record_customer import RecordedSale, record_customer
from optin.flows.rights.record_and_inform import StaffAct, end_with_reason, entry_with_id
from optin.invoices.customer_statement import SalesSetting, StatedCustomer, customer_sale
from optin.rules.contact_rule import Subscriber
from optin.rules.rule_files import rule_book
from optin.services.open_installation import open_installation
from optin.settings.bases import Product
from optin.site.findings import nearest
from optin.site.model import Site


@click.group()
def customer() -> None:
    """Record existing customers, each by an invoice."""


customer.add_command(import_command)
customer.add_command(life_cycle)


@customer.command()
@click.argument("email")
@click.option("--product", required=True, help="The product line that was bought: an id of [products].")
@click.option("--evidence", required=True, type=READABLE_FILE, help="The invoice: PDF, XML or a picture.")
@click.option("--number", default="", help="The invoice's number, if no program can read it.")
@click.option(
    "--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="The invoice's day, if no program can read it."
)
@click.option("--name", default="", help="The customer's name, if the invoice does not give it.")
@click.option("--phone", default="", help="The customer's telephone number, if you need it.")
@click.option(
    "--subscriber",
    type=click.Choice([it.value for it in Subscriber]),
    help="Whose address it is. Unknown counts as natural.",
)
@click.option(
    "--told-at-collection",
    "told",
    default="",
    help="What the order form said about objecting, and which form that was.",
)
@click.option("--own-sale", default="", help="Why it is a sale of your own, if the seller's name differs.")
@click.option("--linked", default="", help="How you know the address, if the invoice does not show it.")
@click.option("--checked", default="", help="What you saw, if the file must be looked at first.")
@who_option
@site_option
@pass_kinds
def add(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    email: str,
    product: str,
    evidence: Path,
    number: str,
    day: datetime | None,
    name: str,
    phone: str,
    subscriber: str | None,
    told: str,
    own_sale: str,
    linked: str,
    checked: str,
    who: str,
) -> None:
    """Record EMAIL as a customer, with the invoice that proves it.

    Number, day and name are read from an invoice that a program can read: UBL, CII, Factur-X.
    """
    edition = served_edition(site, kinds)
    line = known_product(edition.site, product)
    stated = StatedCustomer(
        who=who,
        product=product,
        email=address_of(email),
        phone=phone,
        name=name,
        number=number,
        day=None if day is None else day.date(),
        told_at_collection=told.strip(),
        own_sale=own_sale.strip(),
        linked=linked.strip(),
        checked=checked.strip(),
        subscriber=subscriber or "",
        lang=edition.site.settings.languages[0],
    )
    file, read = evidence_file(evidence)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        now = installation.clock()
        setting = sales_setting(edition.site, line)
        sale = customer_sale(stated, read, evidence.name, setting, now.date())
        recorded = installation.run(record_customer, sale=sale, file=file, now=now)
    for doubt in read.doubts:
        click.secho(doubt.value, fg="yellow", err=True)
    _show(recorded, sale.document, line)


@customer.command()
@click.argument("entry")
@click.option("--why", required=True, help="Why it ends early; it is recorded.")
@who_option
@site_option
@pass_kinds
def end(kinds: InstalledKinds, site: Path, entry: str, why: str, who: str) -> None:
    """End ENTRY early, and erase it with its evidence. What a law requires to keep stays."""
    edition = served_edition(site, kinds)
    if not why.strip():
        msg = "--why is empty; say why it ends, it is recorded."
        raise RequestRefused(msg)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        entry_id = installation.view(entry_with_id, digits=entry, bases=BASES)
        act = StaffAct(who, why.strip())
        ended = installation.run(end_with_reason, entry_id=entry_id, act=act, now=installation.clock())
        installation.note_ending()
        installation.truncate_wal()
    number = ended.statement.facts.get(NUMBER, "")
    click.echo(f"Ended and erased: {ended.statement.basis} {number}".rstrip() + ".")


def _show(recorded: RecordedSale, document: str, line: Product) -> None:
    entry = recorded.contract
    said = "Known already" if recorded.known else "On record"
    click.echo(f"{said}: {document} of {entry.statement.term.since}, as entry {entry.id.hex()}.")
    click.echo(f"Customer until {_day(recorded.until)}.")
    if recorded.required is not None:
        facts = recorded.required.statement.facts
        click.echo(f"Kept until {_day(recorded.required.until)}, as {facts['law']} requires.")
    show_conditions(entry, line)


def show_conditions(entry: BasisEntry, line: Product) -> None:
    """Print the conditions of advertising by e-mail without consent, each met or missing (L3)."""
    words = rule_book().words.conditions
    missing = missing_conditions(entry, line)
    click.echo("Advertising by e-mail without consent needs each of these (ePrivacy Directive 13(2)):")
    for it in EXCEPTION:
        if it in missing:
            click.echo(f"  no   {it}: {words[it].text}. {words[it].missing}")
        else:
            shown = entry.statement.met.get(it) or f"for {', '.join(line.similar)}"
            if shown == BY_INVOICE:
                shown = f"the invoice names {entry.statement.facts[SELLER]} as seller"
            click.echo(f"  yes  {it}: {shown}")
    click.echo("  and a free and easy way out in every message; whoever sends it sees to that.")
    click.echo("Whoever withdrew or objected is not written to all the same; ask optin may before you do.")
    if missing:
        click.echo(f"So the answer is no, for want of: {', '.join(missing)}.")


def _day(moment: datetime | None) -> str:
    return "further notice" if moment is None else f"{moment:%Y-%m-%d}"


def known_product(site: Site, product: str) -> Product:
    """Return a product line of the site. Raises RequestRefused."""
    known = site.settings.products
    if product not in known:
        cure = nearest(product, [*known]) or f"Add a table [products.{product}] to optin.toml."
        msg = f"There is no product line {product!r}. {cure}"
        raise RequestRefused(msg)
    return known[product]


def sales_setting(site: Site, line: Product) -> SalesSetting:
    """Return what the site says of its sales of a product line."""
    return SalesSetting(site.controller, site.settings.controller.country, line)
