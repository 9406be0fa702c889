"""What optin.toml says of sources, and which of them an address names."""

from __future__ import annotations

from pathlib import Path

import pytest

from optin.site.lead_sources import MOST_QUERY_BYTES, declared_source
from tests.site.conftest import findings

NAMES = {"linkedin", "beurs-2027", "nieuwsbrief_mei", "t.co"}


def write(site: Path, line: str) -> None:
    config = site / "optin.toml"
    config.write_text(f"{config.read_text()}\n[sources]\n{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "names = []",
        'names = ["linkedin", "beurs-2027", "nieuwsbrief_mei", "t.co", "2027"]',
        "views = false",
        f'names = ["{"a" * 60}"]',
        'names = ["linkedin"]\nkeep = {nl = "Dat leert ons.", en = "It teaches us."}',
    ],
)
def test_names_of_sources_are_taken(site: Path, line: str) -> None:
    """W8: as they are written in links."""
    write(site, line)
    assert findings(site) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('names = ["LinkedIn"]', "is no name of a source"),
        ('names = ["linked in"]', "is no name of a source"),
        ('names = ["-x"]', "is no name of a source"),
        ('names = ["é"]', "is no name of a source"),
        (f'names = ["{"a" * 61}"]', "is no name of a source"),
        ('names = ["linkedin", "linkedin"]', "is declared twice"),
        ('names = "linkedin"', ""),
        ('views = "no"', ""),
        ('keep = "why"', "keep"),
        ('names = ["x"]\nkeep = {nl = "", en = "So."}', ""),
        ('names = ["x"]\nkeep = {nl = "  ", en = "So."}', ""),
        ('names = ["x"]\nkeep = {nl = 1, en = "So."}', ""),
    ],
)
def test_what_no_link_can_name_is_refused(site: Path, line: str, message: str) -> None:
    """W8, M4: with its line and a cure."""
    write(site, line)
    [finding] = findings(site)
    assert message in finding.message
    assert finding.cure
    assert (finding.severity, finding.line) == ("error", len((site / "optin.toml").read_text().splitlines()))


@pytest.mark.parametrize(
    ("line", "message", "severity"),
    [
        ('names = ["x"]\nkeep = {nl = "Dat leert ons."}', "Forms in 'en' keep no source", "warning"),
        ('keep = {nl = "Dat leert ons.", en = "So."}', "No source is declared", "warning"),
        ('names = ["x"]\nkeep = {nl = "a", en = "b", de = "c"}', "'de' is not one of the site's", "error"),
    ],
)
def test_a_reason_that_no_form_or_not_every_form_gives_is_named(
    site: Path, line: str, message: str, severity: str
) -> None:
    """W8, M4: a reason without names, without a language of the site, in another language."""
    write(site, line)
    [finding] = findings(site)
    assert message in finding.message
    assert finding.severity == severity


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ("via=linkedin", "linkedin"),
        ("utm_source=LinkedIn&utm_medium=social&fbclid=x", "linkedin"),
        ("utm_source=newsletter&utm_campaign=beurs-2027", "beurs-2027"),
        ("utm_source=linkedin&utm_campaign=beurs-2027", "beurs-2027"),
        ("utm_campaign=beurs-2027&via=t.co", "t.co"),
        ("via=other&utm_source=linkedin", "linkedin"),
        ("via=linked%69n", "linkedin"),
        ("via=other&via=linkedin", "linkedin"),
        ("via=linkedin&via=t.co", "linkedin"),
        ("via=linkedin+", ""),
        ("", ""),
        ("x=" + "y" * MOST_QUERY_BYTES + "&via=linkedin", ""),
    ],
    ids=lambda text: text[:40],
)
def test_an_address_names_a_declared_source_or_none(query: str, source: str) -> None:
    """W8: exactly, whatever its capitals; of several the most exact parameter."""
    assert declared_source(query.encode(), NAMES) == source
    assert declared_source(query.encode(), ()) == ""


def test_pages_on_a_host_of_their_own_are_warned_about(site: Path) -> None:
    """W8, M8: their forms name the app, so that the address of the page is lost."""
    write(site, 'names = ["linkedin"]')
    assert findings(site) == []
    config = site / "optin.toml"
    config.write_text(f'pages_url = "https://pages.example.com"\n{config.read_text()}')
    [finding] = findings(site)
    assert (finding.severity, finding.code) == ("warning", "sources")
