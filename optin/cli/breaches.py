"""Commands for breaches of personal data: list, add, notified, correct, close (L9, GDPR 33, 34)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import (
    NO_SITE,
    root_of,
    served_edition,
    site_option,
    tell_if_nobody_hears,
    who_option,
)
from optin.cli.rights_requests import day_of, day_option, open_served
from optin.consent.breach import Breach, Notification
from optin.consent.event_content import rfc3339
from optin.consent.time_zones import typed_moment
from optin.flows.rights.breaches import (
    BreachCorrection,
    BreachEnd,
    FoundBreach,
    ListedBreach,
    close_breach,
    correct_breach,
    list_breaches,
    note_breach,
    note_notification,
)
from optin.services.site_edition import Edition

MOMENT = "as 2026-11-30T14:05+01:00; without an offset, by the clock of the controller."
COUNT = click.IntRange(0, 10**10)
NUMBER = click.IntRange(1, 2**62)


@click.group(invoke_without_command=True)
@click.option("--open", "is_open", is_flag=True, help="Only breaches that are not closed.")
@click.option("--format", "shape", type=click.Choice(["table", "json"]), default="table", show_default=True)
@site_option
@click.pass_context
@pass_kinds
def breaches(kinds: InstalledKinds, ctx: click.Context, site: Path, *, is_open: bool, shape: str) -> None:
    """List the breaches of personal data, with the hours left to tell the authority (GDPR 33)."""
    if ctx.invoked_subcommand is not None:
        return
    edition = served_edition(root_of(None) if site == NO_SITE else site, kinds)
    with open_served(edition) as installation:
        now = installation.clock()
        found = installation.view(list_breaches)
    listed = [it for it in found if not is_open or it.breach is None or it.breach.closing is None]
    if shape == "json":
        whole = {"breaches": [_as_json(it, now) for it in listed]}
        click.echo(json.dumps(whole, ensure_ascii=False, indent=2))
    elif listed:
        Console().print(_table(listed, edition, now))
    else:
        click.echo("There is no such breach.")


def _table(listed: Sequence[ListedBreach], edition: Edition, now: datetime) -> Table:
    table = Table("No.", "What happened", "Discovered", "People", "Authority", "Closed")
    zone = edition.policy.zone
    for it in listed:
        known = it.breach
        if known is None:
            table.add_row(str(it.number), "cannot be read; run: optin audit", "", "", it.problem, "")
            continue
        moved = " (corrected)" if any("discovered" in old.before for old in known.corrections) else ""
        table.add_row(
            str(it.number),
            escape(known.what),
            f"{known.discovered.astimezone(zone):%Y-%m-%d %H:%M %Z}{moved}",
            "not known" if known.people is None else str(known.people),
            escape(_authority(known, now)),
            "" if known.closing is None else f"{known.closing.at.astimezone(zone):%Y-%m-%d}",
        )
    return table


def _authority(known: Breach, now: datetime) -> str:
    """Return whether the authority was told in time, or how many hours are left."""
    if known.notifications:
        first = known.notifications[0]
        return f"{first.authority}, {'late' if known.notified_late else 'in time'}"
    if known.closing is not None:
        return "not told: " + known.closing.why_not_notified
    left = known.hours_left(now)
    return f"{left} hours left" if left >= 0 else f"OVERDUE by {-left} hours"


def _as_json(it: ListedBreach, now: datetime) -> dict[str, object]:
    known = it.breach
    if known is None:
        return {"number": it.number, "problem": it.problem}
    closing = known.closing
    return {
        "number": it.number,
        "recorded": rfc3339(known.recorded),
        "discovered": rfc3339(known.discovered),
        "due": rfc3339(known.due),
        "hours_left": known.hours_left(now) if known.waits_for_notification else None,
        "people": known.people,
        "what": known.what,
        "effects": known.effects,
        "measures": known.measures,
        "who": known.who,
        "late": known.notified_late,
        "notified": [
            {
                "at": rfc3339(notification.at),
                "authority": notification.authority,
                "reference": notification.reference,
                "why_late": notification.why_late,
                "who": notification.who,
            }
            for notification in known.notifications
        ],
        "corrections": [
            {"at": rfc3339(old.at), "why": old.why, "who": old.who, "before": old.before}
            for old in known.corrections
        ],
        "closed": None
        if closing is None
        else {
            "at": rfc3339(closing.at),
            "people_told": None if closing.people_told is None else str(closing.people_told),
            "why_people_not_told": closing.why_people_not_told,
            "why_not_notified": closing.why_not_notified,
            "who": closing.who,
        },
    }


@breaches.command()
@click.option("--what", required=True, help="What happened, to which kinds of data. Name nobody.")
@click.option("--discovered", required=True, metavar="MOMENT", help=f"When you found it, {MOMENT}")
@click.option("--people", type=COUNT, help="About how many people it affects.")
@click.option("--effects", default="", help="Its likely consequences.")
@click.option("--measures", default="", help="What was done against it.")
@who_option
@site_option
@pass_kinds
def add(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    *,
    what: str,
    discovered: str,
    people: int | None,
    effects: str,
    measures: str,
    who: str,
) -> None:
    """Record a breach; print its number and until when the authority must be told."""
    edition = served_edition(site, kinds)
    found = FoundBreach(_moment(edition, discovered), what, who, people, effects, measures)
    with open_served(edition) as installation:
        now = installation.clock()
        known = installation.run(note_breach, found=found, now=now)
    due = known.due.astimezone(edition.policy.zone)
    click.echo(
        f"Breach {known.number}: tell the authority by {due:%Y-%m-%d %H:%M %Z}, {_authority(known, now)}."
    )
    tell_if_nobody_hears(edition.site)


@breaches.command()
@click.argument("number", type=NUMBER)
@click.option("--authority", required=True, help="The authority that was told.")
@click.option("--at", "moment", metavar="MOMENT", help=f"When it was told, {MOMENT} Default: now.")
@click.option("--reference", default="", help="Its reference.")
@click.option("--why-late", default="", help="The reasons for the delay, after the deadline.")
@who_option
@site_option
@pass_kinds
def notified(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    number: int,
    *,
    authority: str,
    moment: str | None,
    reference: str,
    why_late: str,
    who: str,
) -> None:
    """Record that the authority was told; again when you told it more later."""
    edition = served_edition(site, kinds)
    with open_served(edition) as installation:
        now = installation.clock()
        at = now if moment is None else _moment(edition, moment)
        notification = Notification(at, authority, reference, why_late, who)
        known = installation.run(note_notification, number=number, notification=notification, now=now)
    click.echo(f"Breach {number}: {_authority(known, now)}.")


@breaches.command()
@click.argument("number", type=NUMBER)
@click.option("--why", required=True, help="Why the entry is corrected.")
@click.option("--what", help="What happened, in other words.")
@click.option("--discovered", metavar="MOMENT", help=f"When you found it, {MOMENT} It moves the deadline.")
@click.option("--people", type=COUNT, help="About how many people it affects.")
@click.option("--effects", help="Its likely consequences.")
@click.option("--measures", help="What was done against it.")
@who_option
@site_option
@pass_kinds
def correct(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    number: int,
    *,
    why: str,
    what: str | None,
    discovered: str | None,
    people: int | None,
    effects: str | None,
    measures: str | None,
    who: str,
) -> None:
    """Correct or complete a breach by a new entry; the earlier ones stay and are shown."""
    edition = served_edition(site, kinds)
    found = None if discovered is None else _moment(edition, discovered)
    correction = BreachCorrection(why, who, found, people, what, effects, measures)
    with open_served(edition) as installation:
        now = installation.clock()
        known = installation.run(correct_breach, number=number, correction=correction, now=now)
    click.echo(f"Breach {number}: corrected; {_authority(known, now)}.")


@breaches.command()
@click.argument("number", type=NUMBER)
@click.option("--not-notified", default="", metavar="WHY", help="Why the authority was not told.")
@day_option("people-told", "The day on which the people were told (GDPR 34).")
@click.option("--people-not-told", default="", metavar="WHY", help="Why the people were not told.")
@who_option
@site_option
@pass_kinds
def close(  # noqa: PLR0913 - one parameter an option
    kinds: InstalledKinds,
    site: Path,
    number: int,
    *,
    not_notified: str,
    people_told: datetime | None,
    people_not_told: str,
    who: str,
) -> None:
    """Close a breach: what was not done needs its reason."""
    edition = served_edition(site, kinds)
    end = BreachEnd(who, day_of(people_told), people_not_told, not_notified)
    with open_served(edition) as installation:
        installation.run(close_breach, number=number, end=end, now=installation.clock())
    click.echo(f"Breach {number}: closed.")


def _moment(edition: Edition, text: str) -> datetime:
    """Return a moment that was typed, in UTC. Raises click.BadParameter for one that is none, or is two."""
    try:
        return typed_moment(text, edition.policy.zone)
    except ValueError as problem:
        raise click.BadParameter(str(problem)) from None
