"""The command that examines the real set-up."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import (
    address_of,
    refuse,
    show_findings,
    site_option,
)
from optin.server_addresses import parse_resolver
from optin.services.doctor.all_checks import examine
from optin.services.doctor.examination import Examination, Reach, UnrenderedSite
from optin.services.doctor.finding import Changes, Finding, Verdict, changes_since, exit_status
from optin.services.doctor.last_result import FILE, keep_result, load_result
from optin.services.doctor.machine_checks import note_keys_copied
from optin.services.doctor.mail_checks import send_mail_to, wait_for_return
from optin.services.served_settings import noted_settings
from optin.services.steady_clock import utc_now
from optin.settings.installation import Settings
from optin.site.load_site import load_site

COLOURS = {
    Verdict.FAILED: "red",
    Verdict.WARNING: "yellow",
    Verdict.NOT_CHECKED: "cyan",
    Verdict.PASSED: "green",
}


def _resolver(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        if value:
            parse_resolver(value)
    except ValueError:
        msg = "it is ADDRESS or ADDRESS:PORT, such as 9.9.9.9"
        raise click.BadParameter(msg) from None
    return value


MOST_WAIT_SECONDS = 3600


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--changes", is_flag=True, help="Print only what is new or gone since the last optin doctor.")
@click.option("--mail", "to", metavar="ADDRESS", help="Send a test mail to ADDRESS; check nothing.")
@click.option(
    "--wait",
    type=click.IntRange(1, MOST_WAIT_SECONDS),
    metavar="SECONDS",
    help="With --mail: wait so long for the test mail to come back; status 1 when it does not.",
)
@click.option(
    "--resolver",
    default="",
    callback=_resolver,
    help="Ask this DNS server (ADDRESS or ADDRESS:PORT), not the system's.",
)
@click.option(
    "--keys-copied", is_flag=True, help="Note that a copy of the present keys lies elsewhere; check nothing."
)
@site_option
@pass_kinds
def doctor(
    kinds: InstalledKinds, /, site: Path, to: str | None, wait: int | None, resolver: str, **flags: bool
) -> None:
    """Check the real set-up, and print each finding with what was seen, why it matters and the cure.

    Run it with the environment of the server. Exit status: 0 when all is well, 1 with warnings, 2 with
    failures; what could not be checked is printed and changes nothing in it.
    """
    found, now = _as_served(site, kinds), utc_now()
    settings = found.site.settings
    examination = Examination(found, now, Reach(resolver=resolver))
    if to is not None:
        try:
            _send_mail(examination, to, wait)
        finally:
            examination.close()
        return
    if flags["keys_copied"]:
        _note_copy(examination)
        return
    try:
        findings = examine(examination)
    finally:
        examination.close()
    before = load_result(settings)
    changed = changes_since(() if before is None else before.findings, findings)
    if not keep_result(settings, now, findings):
        click.echo(f"{FILE} cannot be written, so --changes will compare with an earlier result.", err=True)
    shown = changed.new if flags["changes"] else findings
    if flags["as_json"]:
        click.echo(_as_json(shown, findings, changed))
    else:
        _print(shown, changed.gone if flags["changes"] else (), findings)
    sys.exit(exit_status(findings))


def _send_mail(examination: Examination, to: str, wait: int | None) -> None:
    if wait and not examination.settings.bounces.address:
        refuse('Nothing was sent: it can come back only to an address, address = "…" under [bounces].')
    result = send_mail_to(examination, address_of(to))
    if not result.taken:
        cure = f" {result.cure[0].upper()}{result.cure[1:]}." if result.cure else ""
        refuse(f"Nothing was sent: the mail server answered {result.answer}.{cure}")
    click.echo(f"The mail server took the test mail: {result.answer}")
    if not wait:
        click.echo("Look at its headers in that mailbox: Authentication-Results has spf, dkim and dmarc.")
        return
    found = wait_for_return(examination, wait)
    if found is None:
        refuse(
            f"It did not come back within {wait} seconds: it arrived, or nobody reads what comes back"
            " (docs/guide/bounces.md). A mailbox is read every two minutes."
        )
    click.echo(f"It came back, by {found.source}: {found.meaning}.")


def _note_copy(examination: Examination) -> None:
    vault = examination.vault()
    if vault is None:
        refuse("There are no keys yet; optin serve makes them.")
    note_keys_copied(examination.settings, vault, examination.now)
    click.echo("Noted: a copy of the present keys lies elsewhere.")


def _as_served(root: Path, kinds: InstalledKinds) -> UnrenderedSite:
    """Return the site with the settings that its server noted beside it, where this shell sets none."""
    loaded = load_site(root, kinds.parts.files, served=noted_settings(Settings.at(root)))
    if loaded.site is None:
        show_findings(loaded.findings)
        refuse("Correct optin.toml first.")
    return UnrenderedSite(loaded.site, kinds.parts)


def _as_json(shown: Sequence[Finding], findings: Sequence[Finding], changed: Changes) -> str:
    whole = {
        "status": int(exit_status(findings)),
        "counts": _counts(findings),
        "findings": [it.as_json() for it in shown],
        "new": [it.name for it in changed.new],
        "gone": [it.name for it in changed.gone],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False)


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    counts = Counter(it.verdict for it in findings)
    return {it.value: counts[it] for it in Verdict}


def _print(shown: Sequence[Finding], gone: Sequence[Finding], findings: Sequence[Finding]) -> None:
    for verdict in Verdict:
        for it in (it for it in shown if it.verdict is verdict):
            click.secho(f"{verdict.upper():<12}{it.what} [{it.name}]", fg=COLOURS[verdict])
            _print_indented("", it.seen)
            if verdict is not Verdict.PASSED:
                _print_indented("Why:  ", it.why)
                if it.cure:
                    _print_indented("Cure: ", it.cure)
    for it in gone:
        click.secho(f"{'WELL AGAIN':<12}{it.what} [{it.name}]", fg="green")
        _print_indented("It was: ", it.seen)
    counts = _counts(findings)
    click.echo(", ".join(f"{count} {name}" for name, count in counts.items()) + ".")


def _print_indented(label: str, text: str) -> None:
    first, *more = text.splitlines() or [""]
    click.echo(f"            {label}{first}")
    for line in more:
        click.echo(f"            {' ' * len(label)}{line}")
