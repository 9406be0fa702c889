"""The command that writes the controller's papers: papers."""

from __future__ import annotations

from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, pass_kinds
from optin.cli.options_and_output import load_edition_or_exit, refuse, site_option
from optin.papers.write_papers import INDEX
from optin.papers.write_papers import papers as papers_of
from optin.services.steady_clock import utc_now
from optin.site.output_folder import write_folder
from optin.theme.languages import languages


@click.command()
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for the papers."
)
@click.option("--lang", type=click.Choice(languages()), help="Language of the papers. Default: the site's.")
@site_option
@pass_kinds
def papers(kinds: InstalledKinds, site: Path, out: Path, lang: str | None) -> None:
    """Write the record of processing, the statement's facts, agreements, procedures and assessment.

    They are made from the configuration. A folder with other files in it, or with papers that somebody
    edited, is refused.
    """
    edition = load_edition_or_exit(site, kinds)
    day = edition.site.day_of(utc_now())
    made = papers_of(edition.site, edition.kinds.files, edition.theme, day, lang or "")
    try:
        write_folder(out, made)
    except OSError as problem:
        refuse(f"{out} cannot be written: {problem}")
    click.echo(f"{len(made)} papers written; begin with {out / INDEX}")
