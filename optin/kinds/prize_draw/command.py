"""The command that draws the winners of a prize draw; anybody can repeat the draw (M2)."""

from __future__ import annotations

import getpass
from functools import partial
from pathlib import Path

import click

from optin.kinds.api.commands import (
    STANDARD_OUTPUT,
    Installation,
    InstalledKinds,
    advance_log,
    open_installation,
    pass_kinds,
    served_edition,
    site_option,
    table,
    write_whole,
)
from optin.kinds.api.errors import RequestRefused
from optin.kinds.api.event_log import rfc3339
from optin.kinds.api.front_matter import nearest
from optin.kinds.prize_draw.draw_lots import shown_tickets
from optin.kinds.prize_draw.draw_winners import (
    draw_winners,
    fix_entries,
    publication_of,
    read_winners,
    tell_entrants,
)
from optin.kinds.prize_draw.participation import draws_of
from optin.kinds.prize_draw.stored_entries import DrawList, DrawResult, load_result

TOLD_AT_ONCE = 200


@click.command()
@click.argument("slug")
@click.option("--seed", help="The public number; accepted from the moment that the draw announced.")
@click.option("--out", help="File to make with the published result of the draw, or - for standard output.")
@click.option(
    "--winners", help="CSV or XLSX to make with the winners, or - for the terminal; each reading is recorded."
)
@site_option
@pass_kinds
def draw(
    kinds: InstalledKinds, site: Path, slug: str, seed: str | None, out: str | None, winners: str | None
) -> None:
    """Fix the entries of the prize draw /SLUG; with --seed, draw its winners."""
    edition = served_edition(site, kinds)
    with open_installation(edition.site.settings, edition.policy, edition.kinds) as installation:
        promise = draws_of(installation.policy).get(slug)  # of a magnet that was removed too
        if promise is None:
            known = [*draws_of(installation.policy)]
            cure = nearest(slug, known) if known else "The site has none."
            msg = f"There is no prize draw {slug!r}. {cure}"
            raise RequestRefused(msg)
        fixed = installation.run(fix_entries, magnet=slug, promise=promise, now=installation.clock())
        advance_log(installation)
        _say_fixed(fixed)
        result = installation.store.read(load_result, magnet=slug)
        if seed is not None:
            result = installation.run(draw_winners, magnet=slug, typed=seed, now=installation.clock())
            advance_log(installation)
        if result is not None:
            _say_drawn(result, fixed)
            told = partial(tell_entrants, policy=installation.policy, magnet=slug, most=TOLD_AT_ONCE)
            while installation.write(told, now=installation.clock()):
                pass
        if out is not None:
            write_whole(out, installation.store.read(publication_of, magnet=slug) or b"")
        if winners is not None:
            _hand_over(installation, result, winners)


def _say_fixed(fixed: DrawList) -> None:
    click.echo(f"{len(fixed.tickets)} entries, fixed at {rfc3339(fixed.at)}.", err=True)
    click.echo(f"Digest of the list: {fixed.digest}", err=True)
    click.echo(f"Seed: {fixed.promise.seed_source}", err=True)
    click.echo(f"It may be typed in from {rfc3339(fixed.promise.seed_at)} on, with --seed.", err=True)


def _say_drawn(result: DrawResult, fixed: DrawList) -> None:
    click.echo(f"Drawn at {rfc3339(result.at)} with the seed {result.seed}", err=True)
    for place, ticket in enumerate(shown_tickets(result.winners, fixed.tickets), start=1):
        click.echo(f"  {place}. {ticket}", err=True)
    click.echo("These are beginnings of tickets; the whole ones are in what --out writes.", err=True)


def _hand_over(installation: Installation, result: DrawResult | None, out: str) -> None:
    if result is None:
        msg = "Nobody won yet: the draw is not done."
        raise RequestRefused(msg)
    found = installation.run(
        read_winners,
        result=result,
        who=getpass.getuser(),
        why=f"prize draw {result.magnet}",
        now=installation.clock(),
    )
    names = sorted({name for winner in found for name in winner.fields})
    rows = [
        (str(it.place), it.ticket, it.email, *(it.fields.get(name, "") for name in names)) for it in found
    ]
    if out == STANDARD_OUTPUT:
        short = shown_tickets((it.ticket for it in found), result.winners)
        for row, ticket in zip(rows, short, strict=True):
            click.echo("  ".join((row[0], str(ticket), *row[2:])))
        return
    with table(out) as file:
        file.write(("place", "ticket", "email", *names))
        for row in rows:
            file.write(row)
    click.echo(f"{len(rows)} winners in {out}; delete it when the prizes are handed out.", err=True)
