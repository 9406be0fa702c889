"""Commands for authors of magnets: init, new, check, schema."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, KindName, pass_kinds
from optin.cli.new_prompts import ask_for_magnet, on_a_terminal
from optin.cli.options_and_output import REFUSED, load_edition_or_exit, refuse, show_findings, site_option
from optin.export.personal_data_json import schema as personal_schema
from optin.export.statistics_json import schema as stats_schema
from optin.services.site_findings import check_site
from optin.services.steady_clock import utc_now
from optin.site.findings import as_github, as_json
from optin.site.hints import hints
from optin.site.json_schemas import magnet_schema, site_schema
from optin.site.load_site import SITE_FILE, find_root, load_site
from optin.site.scaffold import LANGUAGES, AlreadyThere, make_magnet, make_site
from optin.site.starter_texts import starter_languages

SAID_ALREADY = {"example", "privacy-example", "processor-unnamed"}  # by check itself
SCHEMAS = {"personal": personal_schema, "stats": stats_schema}  # of what optin writes


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--lang",
    "languages",
    multiple=True,
    type=click.Choice(starter_languages()),
    default=LANGUAGES,
    show_default=True,
    help="Language of the site; several times for more, the site's own first.",
)
def init(folder: Path, languages: tuple[str, ...]) -> None:
    """Make a site in FOLDER that is ready to run."""
    try:
        made = make_site(folder, tuple(dict.fromkeys(languages)), utc_now().astimezone().date())
    except (AlreadyThere, OSError) as problem:
        refuse(str(problem))
    for path in made:
        click.echo(f"made {path}")
    click.echo(f"Now run: optin dev --site {folder}")


@click.command()
@click.argument("kind", type=KindName(), required=False)
@click.argument("slug", required=False)
@click.option("--lang", help="Language of the page; by default the site's own.")
@site_option
@click.pass_context
@pass_kinds
def new(
    kinds: InstalledKinds,
    context: click.Context,
    site: Path,
    kind: str | None,
    slug: str | None,
    lang: str | None,
) -> None:
    """Make a magnet of KIND at /SLUG that passes the check. On a terminal, ask for missing arguments."""
    missing = "kind" if kind is None else "slug" if slug is None else ""
    if missing and not on_a_terminal():
        parameter = next(it for it in context.command.params if it.name == missing)
        raise click.MissingParameter(ctx=context, param=parameter)
    edition = load_edition_or_exit(site, kinds)
    problem = None if kind is None else kinds.parts.files.problem(kind)
    if problem is not None:
        refuse(f"{problem.message} {problem.cure}")
    try:
        if kind is None or slug is None:
            wanted = ask_for_magnet(edition.site, kinds.parts.files, kind, lang)
            made = make_magnet(
                edition.site, kinds.parts.files, wanted.kind, wanted.slug, wanted.lang, wanted.given
            )
        else:
            made = make_magnet(
                edition.site, kinds.parts.files, kind, slug, lang or edition.site.settings.languages[0]
            )
    except (AlreadyThere, OSError) as problem:
        refuse(str(problem))
    for path in made:
        click.echo(f"made {path.relative_to(site)}")
    if missing:
        click.echo(
            f"Write your text in {made[0].relative_to(site)}, and look at it with: optin dev --site {site}"
        )


@click.command()
@click.option("--format", "shape", type=click.Choice(["text", "json", "github"]), default="text")
@click.option("--hints", "hinting", is_flag=True, help="Also print hints that would improve the pages.")
@site_option
@pass_kinds
def check(kinds: InstalledKinds, site: Path, shape: str, *, hinting: bool) -> None:
    """Report every mistake in every file, with its cure. The status is 1 when there is an error."""
    edition, findings = check_site(site, kinds.parts, utc_now())
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors
    better = hints(edition.site, edition.kinds.files) if hinting and edition is not None else ()
    better = tuple(it for it in better if it.code not in SAID_ALREADY)
    findings = (*findings, *better)
    if shape == "text":
        show_findings(findings)
        counted = [_count(errors, "error"), _count(warnings, "warning")]
        counted += [_count(len(better), "hint")] if hinting else []
        click.echo(", ".join(counted), err=bool(errors))
    else:
        click.echo(as_json(findings) if shape == "json" else as_github(findings))
    sys.exit(REFUSED if errors else 0)


def _site_or_none(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    root = find_root(Path()) if value is None else value.resolve()
    if value is not None and not (value / SITE_FILE).is_file():
        msg = f"there is no {SITE_FILE} in {value}"
        raise click.UsageError(msg)
    return root


@click.command()
@click.argument("what", type=click.Choice(["magnet", "site", *SCHEMAS]), default="magnet")
@click.option(
    "--site",
    type=click.Path(path_type=Path, file_okay=False),
    callback=_site_or_none,
    help="Site whose purposes and languages the schema lists. Default: here or upward, if any.",
)
@pass_kinds
def schema(kinds: InstalledKinds, what: str, site: Path | None) -> None:
    """Print a JSON Schema: of front matter, of optin.toml, of a personal export, or of statistics."""
    if what in SCHEMAS:
        made = SCHEMAS[what]()
    else:
        known = None if site is None else load_site(site, kinds.parts.files).site
        made = magnet_schema(kinds.parts.files, known) if what == "magnet" else site_schema()
        if site is not None and known is None:
            click.secho(f"{SITE_FILE} has errors, so its purposes are left out; see: optin check", err=True)
    click.echo(json.dumps(made, indent=2, ensure_ascii=False))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
