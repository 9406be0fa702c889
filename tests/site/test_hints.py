"""Hints: what would make a site better. They refuse nothing and are no part of a page."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2 as httpx
import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.consent.form_version import Slug
from optin.services.site_edition import load_edition
from optin.site.hints import hints
from optin.site.load_site import load_site
from optin.web.dev_hints import hints_bar
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.serving import form_key
from tests.site.conftest import magnet, paper, toml
from tests.web.test_dev import bench as bench  # noqa: PLC0414 - a fixture
from tests.web.test_dev import shown

NEXT = "{text: Bel mij.}"
GOOD = "Een korte brief per maand over toestemming vragen, met een voorbeeld uit de praktijk."


def codes(root: Path, slug: str | None = None) -> set[str]:
    site = load_site(root, KINDS.files).site
    assert site is not None
    # where mails come back to: tests/doctor/test_returned_mail_checks.py
    return {it.code for it in hints(site, KINDS.files) if it.slug == slug and it.code != "bounces"}


def test_a_magnet_that_is_finished_gets_no_hint(site: Path) -> None:
    """M4, W4: silence is the praise; who is sent to a page of thanks finds the next step there."""
    magnet(site, description=GOOD, next=NEXT)
    assert codes(site, "brief") == set()
    toml(site, "[purposes.tips-email]", '[links]\nhosts = ["example.com"]\n[purposes.tips-email]')
    magnet(site, description=GOOD, thanks="https://example.com/")
    assert codes(site, "brief") == set()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"title": "x" * 61}, "title-long"),
        ({"headline": "een twee drie vier vijf zes zeven acht negen tien"}, "headline-long"),
        ({"description": "Kort."}, "description-short"),
        ({"description": "x" * 161}, "description-long"),
        ({"title": "Naam van uw nieuwsbrief"}, "example"),
        ({"purposes": f"\n  - id: tips-email\n    text: Mail mij {'nu en dan ' * 9}iets."}, "box-long"),
        ({"next": None}, "no-next"),
    ],
)
def test_what_could_be_better_is_said(site: Path, change: dict[str, str | None], code: str) -> None:
    """M4: a title that is cut off, a description that nobody finds, a box that nobody reads."""
    magnet(site, **{"description": GOOD, "next": NEXT, **change})
    assert codes(site, "brief") == {code}


def test_a_page_without_a_cover_a_text_or_with_a_heavy_picture(site: Path) -> None:
    """M4: what people see first."""
    folder = paper(site, body="")
    assert {"no-cover", "no-text"} <= codes(site, "paper")
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'
    (folder / "x.svg").write_text(f"{head}<!--{'x' * 300_000}--></svg>")
    paper(site, "picture: {file: x.svg, alt: x}\n", "Tekst ![nog een](x.svg)")
    found = codes(site, "paper")
    assert "picture-heavy" in found
    assert "no-cover" not in found
    assert "no-text" not in found


@pytest.mark.parametrize(
    ("inside", "is_said"),
    [
        ('<text x="1">Name</text>', True),
        ("<text>Name</text>", True),
        ("<style>@font-face{src:url(data:font/woff2;base64,AA)}</style><text>Name</text>", False),
        ('<path d="M0 0h9"/>', False),
        ("<textPath/>", False),
    ],
)
def test_a_drawing_whose_text_needs_a_font_of_the_visitor(site: Path, inside: str, *, is_said: bool) -> None:
    """M4: a logo is cut off where that font is wider; letters as paths look alike everywhere."""
    folder = paper(site, body="")
    (folder / "x.svg").write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{inside}</svg>')
    paper(site, "picture: {file: x.svg, alt: x}\n", "Tekst ![nog een](x.svg)")
    assert ("svg-text" in codes(site, "paper")) == is_said
    (site / "logo.svg").write_bytes((folder / "x.svg").read_bytes())
    toml = site / "optin.toml"
    toml.write_text(toml.read_text().replace("[look]", '[look]\nlogo = "logo.svg"'))
    assert ("svg-text" in codes(site)) == is_said


def test_a_statement_that_nobody_touched_or_that_hides_a_processor(site: Path) -> None:
    """F2, M4: the statement of init is a beginning; whoever gets data stands in it."""
    assert codes(site) == set()
    own = {lang: (site / "privacy" / f"{lang}.md").read_text("utf-8") for lang in ("nl", "en")}
    (site / "privacy" / "nl.md").write_text(
        own["nl"].removesuffix("\nProefbedrijf BV, Voorbeeldstad.\n"), "utf-8"
    )
    assert codes(site) == {"privacy-example"}
    for lang, text in own.items():
        written = text.replace("::: processors\n:::\n", "")  # by hand
        (site / "privacy" / f"{lang}.md").write_text(f"{written}\nMailer & Zoon B.V.\n", "utf-8")
    assert codes(site) == set()
    with (site / "optin.toml").open("a") as file:
        file.write('[processors.mailer]\nname = "Mailer & Zoon B.V."\nagreement = "2026-01-01"\n')
        file.write('[processors.caller]\nname = "Beller B.V."\nagreement = "2026-01-01"\n')
    assert codes(site) == {"processor-unnamed"}
    (site / "privacy" / "nl.md").rename(site / "privacy" / "anders.md")
    toml(site, "[purposes.tips-email]", '[privacy]\nnl = "privacy/anders.md"\n[purposes.tips-email]')
    loaded = load_site(site, KINDS.files).site
    assert loaded is not None
    assert {it.path for it in hints(loaded, KINDS.files)} >= {"optin.toml"}


def test_a_statement_that_does_not_say_why_a_source_is_kept(site: Path) -> None:
    """W8, F2: the form says it in a line; the statement says it too, however its lines are broken."""
    add_settings(
        site, '[sources]\nnames = ["x"]\nkeep = {nl = "Zo weten we wat werkt.", en = "So we know."}\n'
    )
    assert codes(site) == {"source-unexplained"}
    for lang, words in {"nl": "Zo weten we\nwat werkt.", "en": "So we know."}.items():
        with (site / "privacy" / f"{lang}.md").open("a") as file:
            file.write(f"\n{words}\n")
    assert codes(site) == set()


def test_what_goes_while_one_looks_is_no_traceback(site: Path) -> None:
    """S5: a file that is removed between loading and hinting is the next load's matter."""
    magnet(site, title="x" * 61)
    folder = paper(site, "picture: {file: x.svg, alt: x}\n")
    (folder / "x.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"></svg>')
    loaded = load_site(site, KINDS.files).site
    assert loaded is not None
    (site / "magnets" / "brief.md").unlink()
    (folder / "x.svg").unlink()
    assert "brief" not in {it.slug for it in hints(loaded, KINDS.files)}


def test_check_says_them_when_asked_and_is_content(site: Path) -> None:
    """M4: not an error, not a warning, not the status; as text, JSON and annotations."""
    magnet(site, title="x" * 61, description=GOOD)
    runner = CliRunner()
    plain = runner.invoke(main, ["check", "--site", str(site)])
    assert (plain.exit_code, plain.stdout) == (0, "0 errors, 0 warnings\n")
    assert "hint" not in plain.stderr
    asked = runner.invoke(main, ["check", "--hints", "--site", str(site)])
    assert asked.exit_code == 0
    assert "magnets/brief.md:4:1: hint: The title has 61 characters" in asked.stderr
    assert asked.stdout.startswith("0 errors, 0 warnings, ")
    assert asked.stdout.endswith(" hints\n")
    found = json.loads(runner.invoke(main, ["check", "--hints", "--format=json", "--site", str(site)]).stdout)
    assert {it["severity"] for it in found} == {"hint"}
    lines = runner.invoke(main, ["check", "--hints", "--format=github", "--site", str(site)]).stdout
    assert "::notice file=magnets/brief.md,line=4" in lines
    (site / "optin.toml").write_text("nonsense")
    assert runner.invoke(main, ["check", "--hints", "--site", str(site)]).exit_code == 1


def test_the_bar_is_no_part_of_the_page(bench: tuple[Path, httpx.Client]) -> None:
    """F7, O2: it comes and goes with an edit, and the form version stays that of the page without it."""
    site, client = bench
    page = client.get("/paper")
    assert '<details class="dev-hints" lang="en">' in page.text
    assert "There is no cover picture" in page.text
    assert client.get("/dev/hints.css").headers["content-type"].startswith("text/css")
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    version = edition.publication.forms[Slug("paper")]
    assert b"dev-hints" not in version.page
    assert "dev-hints" not in client.get("/privacy").text
    statement = site / "privacy" / "nl.md"
    statement.write_text(statement.read_text("utf-8").replace("::: processors\n:::\n", ""), "utf-8")
    shown(client, "/", "dev-hints")
    key = form_key(client)
    data = {"form": key, "email": "alice@example.com", "consent": "tips-email"}
    assert client.post("/paper", data=data).status_code == 303
    index = site / "magnets" / "paper" / "index.md"
    index.write_text(index.read_text().replace("title: ", f"title: {'Lang ' * 12}"))
    shown(client, "/paper", "search results show 60")


def test_where_there_is_nothing_to_say_there_is_no_bar() -> None:
    """O2: an empty bar would be noise."""
    assert hints_bar(()) == b""
