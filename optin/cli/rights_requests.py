"""Commands for requests that people make about their data: list, add, extend, answer (K5, GDPR 12(3))."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import (
    NO_SITE,
    root_of,
    served_edition,
    site_option,
    tell_if_nobody_hears,
    who_option,
)
from optin.consent.rights_request import ArrivalWay, Outcome, Right, RightsRequest
from optin.errors import RequestRefused
from optin.flows.rights.count_immediate_actions import count_immediate_actions
from optin.flows.rights.rights_requests import (
    AskedRight,
    ListedRequest,
    Reply,
    answer_request,
    asked_address,
    extend_request,
    list_requests,
    note_request,
    today,
)
from optin.services.installation import Installation
from optin.services.open_installation import open_installation
from optin.services.site_edition import Edition


def day_option(name: str, text: str, *, required: bool = False) -> Callable[[Any], Any]:
    """Add an option with a calendar day."""
    return click.option(
        f"--{name}", required=required, type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help=text
    )


def day_of(moment: datetime | None) -> date | None:
    """Return the day that an option gives."""
    return None if moment is None else moment.date()


@click.group(invoke_without_command=True)
@click.option("--open", "is_open", is_flag=True, help="Only requests without an answer.")
@click.option(
    "--due", type=click.IntRange(0, 3650), metavar="DAYS", help="Only those due within so many days."
)
@click.option("--answered", is_flag=True, help="Only answered requests.")
@click.option("--sums", is_flag=True, help="Count what was done at once as well; it reads the whole log.")
@click.option("--format", "shape", type=click.Choice(["table", "json"]), default="table", show_default=True)
@site_option
@click.pass_context
@pass_kinds
def requests(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    ctx: click.Context,
    site: Path,
    *,
    is_open: bool,
    due: int | None,
    answered: bool,
    sums: bool,
    shape: str,
) -> None:
    """List what people asked about their data, with the last day for each answer (GDPR 12)."""
    if ctx.invoked_subcommand is not None:
        return
    open_only = is_open or due is not None
    if answered and open_only:
        msg = "--answered goes without --open and --due."
        raise click.UsageError(msg)
    edition = served_edition(root_of(None) if site == NO_SITE else site, kinds)
    with open_served(edition) as installation:
        day = today(installation.context, installation.clock())
        found = installation.view(list_requests, is_open=not answered, answered=not open_only)
        done = installation.view(count_immediate_actions) if sums else {}
    listed = [it for it in found if due is None or it.request is None or it.request.days_left(day) <= due]
    if shape == "json":
        whole = {
            "requests": [_as_json(it, day) for it in listed],
            **({"done_at_once": done} if sums else {}),
        }
        click.echo(json.dumps(whole, ensure_ascii=False, indent=2))
        return
    if listed:
        Console().print(_table(listed, day))
    else:
        click.echo("There is no such request.")
    if sums:
        counts = ", ".join(f"{count} {name}" for name, count in done.items())
        click.echo(f"Done at once, on own pages and by optin subject: {counts}.")


def _table(listed: Sequence[ListedRequest], day: date) -> Table:
    table = Table("No.", "Asks", "Came", Column("Who", overflow="fold"), "Last day", "Left or answered")
    for it in listed:
        known = it.request
        if known is None:
            table.add_row(str(it.number), "cannot be read; run: optin audit", "", "", "", it.problem)
            continue
        came, last = f"{known.arrived}, {known.via}", f"{known.due}{', extended' if known.extension else ''}"
        table.add_row(
            str(it.number),
            known.right,
            came,
            escape(known.address or "erased since"),
            last,
            _state(known, day),
        )
    return table


def _state(known: RightsRequest, day: date) -> str:
    if known.answer is not None:
        late = ", late" if known.answered_late else ""
        recorded = "" if known.answer.recorded == known.answer.on else f", recorded {known.answer.recorded}"
        return f"{known.answer.outcome} {known.answer.on}{late}{recorded}"
    left = known.days_left(day)
    if left < 0:
        return f"OVERDUE by {-left} day{'s' if left < -1 else ''}"
    return "today" if left == 0 else f"{left} day{'s' if left > 1 else ''}"


def _as_json(it: ListedRequest, day: date) -> dict[str, object]:
    known = it.request
    if known is None:
        return {"number": it.number, "problem": it.problem}
    found: dict[str, object] = {
        "number": it.number,
        "right": known.right,
        "arrived": str(known.arrived),
        "via": known.via,
        "who": known.who,
        "address": known.address,
        "note": known.note,
        "due": str(known.due),
        "days_left": None if known.answer else known.days_left(day),
        "extension": None,
        "answer": None,
    }
    if known.extension is not None:
        more = known.extension
        found["extension"] = {"told_on": str(more.told_on), "who": more.who, "why": more.why}
    if known.answer is not None:
        reply = known.answer
        found["answer"] = {
            "on": str(reply.on),
            "recorded": str(reply.recorded),
            "outcome": reply.outcome,
            "who": reply.who,
            "what": reply.what,
            "why": reply.why,
            "late": known.answered_late,
        }
    return found


@requests.command()
@click.argument("address", metavar="EMAIL|NUMBER")
@click.option(
    "--asks",
    required=True,
    type=click.Choice([it.value for it in Right]),
    help="The right that the person uses.",
)
@day_option("arrived", "The day on which it came, in the controller's time zone.", required=True)
@click.option(
    "--via",
    required=True,
    type=click.Choice([it.value for it in ArrivalWay]),
    help="The way by which it came.",
)
@who_option
@click.option("--note", default="", help="What else matters; it is kept encrypted.")
@site_option
@pass_kinds
def add(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    address: str,
    *,
    asks: str,
    arrived: datetime,
    via: str,
    who: str,
    note: str,
) -> None:
    """Record a request that came by letter, telephone or mail; print its number and last day."""
    edition = served_edition(site, kinds)
    with open_served(edition) as installation:
        person, normal = _person(installation, edition, address)
        asked = AskedRight(person, normal, Right(asks), arrived.date(), ArrivalWay(via), who, note)
        found = installation.run(note_request, asked=asked, now=installation.clock())
    click.echo(f"Request {found.number}: {found.right}, last day {found.due}.")
    tell_if_nobody_hears(edition.site)


@requests.command()
@click.argument("number", type=click.IntRange(1, 2**62))
@click.option("--why", required=True, help="Why it takes longer, as the person was told.")
@click.option("--months", type=int, default=2, show_default=True, help="So many months more, two at most.")
@day_option("on", "The day on which the person was told. Default: today.")
@who_option
@site_option
@pass_kinds
def extend(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds, site: Path, number: int, *, why: str, months: int, on: datetime | None, who: str
) -> None:
    """Record that the person was told, within the first month, that the answer takes longer."""
    edition = served_edition(site, kinds)
    with open_served(edition) as installation:
        extension = (months, day_of(on), who, why)
        found = installation.run(extend_request, number=number, extension=extension, now=installation.clock())
    click.echo(f"Request {number}: extended, last day {found.due}.")


@requests.command()
@click.argument("number", type=click.IntRange(1, 2**62))
@click.option("--what", required=True, help="What was done or sent.")
@click.option("--why", default="", help="The reason; required with --refused.")
@click.option(
    "--refused", is_flag=True, help="The request was refused, and the person told why (GDPR 12(4))."
)
@day_option("on", "The day on which the answer went out. Default: today.")
@who_option
@site_option
@pass_kinds
def answer(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    number: int,
    *,
    what: str,
    why: str,
    refused: bool,
    on: datetime | None,
    who: str,
) -> None:
    """Record the answer that the person got. It carries nothing out: optin subject does."""
    edition = served_edition(site, kinds)
    with open_served(edition) as installation:
        outcome = Outcome.REFUSED if refused else Outcome.DONE
        reply = Reply(outcome, who, what, why, day_of(on))
        found = installation.run(answer_request, number=number, reply=reply, now=installation.clock())
    late = f" It was due on {found.due}, so it is late." if found.answered_late else ""
    click.echo(f"Request {number}: {outcome}.{late}")


def open_served(edition: Edition) -> AbstractContextManager[Installation]:
    """Open the installation of a site's server."""
    return open_installation(edition.site.settings, edition.policy, edition.kinds)


def _person(installation: Installation, edition: Edition, text: str) -> tuple[bytes, str]:
    """Return the digest and the normal form of an address. Raises RequestRefused."""
    country = edition.site.settings.controller.country
    if (found := asked_address(installation.context, text, country)) is not None:
        return found
    msg = "This is neither an e-mail address nor a telephone number that is called as it is."
    raise RequestRefused(msg)
