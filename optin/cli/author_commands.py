"""Commands for authors of magnets: init, new, check, schema."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from optin.cli.installed_kinds import InstalledKinds, KindName, pass_kinds
from optin.cli.new_prompts import ask_for_magnet, on_a_terminal
from optin.cli.options_and_output import REFUSED, load_edition_or_exit, refuse, show_findings, site_option
from optin.consent.kind_part_lookup import OUR_PACKAGE
from optin.export.personal_data_json import schema as personal_schema
from optin.export.statistics_json import schema as stats_schema
from optin.papers.check_papers import paper_findings
from optin.services.site_edition import Edition, load_edition, reused_date_warnings
from optin.services.steady_clock import utc_now
from optin.site.closed_magnet_warning import closed_magnets
from optin.site.findings import Finding, as_github, as_json, kind_failed
from optin.site.hints import hints
from optin.site.json_schemas import magnet_schema, site_schema
from optin.site.load_site import SITE_FILE, find_root, load_site
from optin.site.privacy_statement_reader import statements_dated_ahead
from optin.site.scaffold import LANGUAGES, AlreadyThere, make_magnet, make_site
from optin.site.starter_texts import starter_languages
from optin.site.unedited_starter_texts import scaffold_texts

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
    edition, findings = load_edition(site, kinds.parts, with_drafts=True)
    if edition is not None:
        now = utc_now()
        findings += (*closed_magnets(edition.site, now), *_by_kind(edition))
        findings += scaffold_texts(edition.site, edition.kinds.files)
        findings += paper_findings(edition.site, edition.site.day_of(now))
        findings += (*statements_dated_ahead(edition.site, now), *reused_date_warnings(edition))
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


def _by_kind(edition: Edition) -> Iterator[Finding]:
    """Yield the findings of kinds that compare their magnets with each other."""
    kinds = edition.kinds.files
    for kind in dict.fromkeys(it.kind for it in edition.site.magnets.values()):
        try:
            yield from kinds[kind].check_site(edition.site)
        except Exception as problem:
            if kinds.package(kind) == OUR_PACKAGE:
                raise
            yield Finding(
                "magnets", 1, 1, *kind_failed(kind, kinds.package(kind), problem), code="kind-broken"
            )


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
