"""The command that shows the rules of contact: rules."""

from __future__ import annotations

import sys
from collections.abc import Collection
from datetime import date

import click
from rich.console import Console
from rich.table import Table

from optin.cli.options_and_output import REFUSED
from optin.rules.contact_rule import ContactRule, CountryRules, Relation, Sender, Subscriber, Way
from optin.rules.rule_files import RuleBook, rule_book
from optin.services.steady_clock import utc_now


@click.command()
@click.option("--country", help="Code of a country, such as NL (ISO 3166); without it, list the countries.")
@click.option("--channel", help="With --country: only rules of one channel, email, phone or post.")
@click.option(
    "--on", "day", help="With --country: rules in force on this day, such as 2026-07-01. Default: today."
)
@click.option("--words", is_flag=True, help="Explain the names of conditions and duties.")
def rules(country: str | None, channel: str | None, day: str | None, *, words: bool) -> None:
    """Show who may be contacted by e-mail, telephone or post, by which law. Data, not legal advice."""
    book = rule_book()
    if channel is not None and channel not in book.words.channels:
        click.echo(f"There is no channel {channel!r}. There are: {', '.join(book.words.channels)}.", err=True)
        sys.exit(REFUSED)
    if country is None and (channel, day) != (None, None):
        msg = "Name a country, too, such as --country NL."
        raise click.UsageError(msg)
    if country is None:
        _show_countries(book)
    elif country.upper() not in book.countries:
        click.echo(f"There are no rules for {country!r}. There are: {', '.join(book.countries)}.", err=True)
        sys.exit(REFUSED)
    else:
        found = book.countries[country.upper()]
        _show_rules(found, channel, _day(day))
    if words:
        _explain(book)


def _day(text: str | None) -> date:
    try:
        return utc_now().date() if text is None else date.fromisoformat(text)
    except ValueError:
        msg = f"{text!r} is no date; write it like 2026-07-01."
        raise click.BadParameter(msg) from None


def _show_countries(book: RuleBook) -> None:
    table = Table("code", "country", "checked", "rules")
    for it in book.countries.values():
        known = "complete" if it.complete else "some; no rule: no contact"
        table.add_row(it.country, it.name, str(it.checked), known)
    Console().print(table)


def _show_rules(country: CountryRules, channel: str | None, day: date) -> None:
    """Print the rules of a country in force on a day."""
    click.echo(f"{country.name}: {country.source}. Checked on {country.checked}.\n")
    for it in country.rules:
        if it.holds_on(day) and channel in {None, it.channel}:
            _show_rule(it)
    for name, hours in country.hours.items():
        kind = "by law" if hours.law else "by a code of conduct"
        spans = ", ".join(hours.weekdays)
        saturday = ", ".join(hours.saturday) or "none"
        click.echo(f"Hours ({name}, {kind}): Monday to Friday {spans}; Saturday {saturday}. {hours.source}.")


def _show_rule(rule: ContactRule) -> None:
    term = f"since {rule.since}" if rule.until is None else f"{rule.since} to {rule.until}"
    rows = {
        "law": f"{rule.article}, {term}",
        "to": _some(rule.subscribers, len(Subscriber)),
        "by": _some(rule.senders, len(Sender)),
        "relation": _some(rule.relations, len(Relation)),
        "lawful by": "\nor ".join(map(_way, rule.ways)) or "nothing",
        "duties": ", ".join(rule.duties),
        "hours": rule.hours,
    }
    if (most := rule.tries) is not None:
        rows["tries"] = f"{most.most} in {most.days} days; {most.silence_days} days of silence after a no"
    click.secho(rule.id, bold=True)
    for title, text in rows.items():
        if text:
            said = text.replace("\n", "\n" + " " * 13)
            click.echo(f"  {title:<11}{said}")
    click.echo()


def _some(values: Collection[str], every: int) -> str:
    return "any" if len(values) == every else ", ".join(sorted(values))


def _way(way: Way) -> str:
    return f"{way.basis} if {', '.join(way.conditions)}" if way.conditions else way.basis.value


def _explain(book: RuleBook) -> None:
    for title, rows in (
        ("Conditions", {name: f"{it.text}. {it.missing}" for name, it in book.words.conditions.items()}),
        ("Duties", book.words.duties),
    ):
        click.echo(f"\n{title}:")
        for name, text in rows.items():
            click.echo(f"  {name}: {text}")
