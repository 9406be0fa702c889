"""Products, obligations and assessments in optin.toml: what `check` refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from optin.services.site_edition import load_edition
from optin.site.findings import Finding
from optin.site.load_site import load_site
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.web.conftest import site_at


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site_at(tmp_path / "site")
    return tmp_path / "site"


def with_lines(site: Path, *lines: str) -> list[Finding]:
    """Add lines to optin.toml; return what is wrong."""
    add_settings(site, "\n".join(("", *lines, "")))
    return list(load_site(site, KINDS.files).findings)


def test_sound_settings_reach_the_flows(site: Path) -> None:
    """L2, L5: products, obligations and how long an enquiry is kept."""
    lines = (
        '[products.courses]\nlife_cycle = "5 years"\nsimilar = ["tips-email"]\nobligation = "books"',
        '[obligations.books]\nkeep = "7 years"\nlaw = "AWR 52"',
        '[enquiries]\nkeep = "4 months"',
    )
    assert with_lines(site, *lines) == []
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    bases = edition.policy.bases
    assert bases.products["courses"].life_cycle.text == "5 years"
    assert bases.obligations["books"].keep.text == "7 years"
    assert bases.enquiries.keep.text == "4 months"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('[products.courses]\nlife_cycle = "0 years"', "'0 years' is not a period"),
        ('[products.courses]\nlife_cycle = "5 years"\nsimilar = ["tips-emial"]', "no purpose 'tips-emial'"),
        ('[products.courses]\nlife_cycle = "5 years"\nobligation = "books"', "no obligation 'books'"),
        (
            '[purposes.contract]\nchannel = "email"\nretention = "1 year"\ntext.nl = "Mail mij."',
            "no purpose has that id",
        ),
        ('[products."My Courses"]\nlife_cycle = "5 years"', "no id"),
        ('[obligations.books]\nkeep = "7 years"', "law"),
        ('[obligations.books]\nkeep = "7 years"\nlaw = "AWR 52"\nstarts = "someday"', "starts"),
    ],
)
def test_what_is_wrong_is_said(site: Path, lines: str, says: str) -> None:
    """L2, L5, M4: with its place."""
    found = with_lines(site, lines)
    assert any(says in f"{it}" for it in found), found


def test_an_assessment_that_is_not_there_is_no_assessment(site: Path) -> None:
    """L1: a balancing test is a document with text in it."""
    text = (
        (site / "optin.toml")
        .read_text()
        .replace("[purposes.tips-email]", '[purposes.tips-email]\nassessment = "privacy/weighed.md"')
    )
    (site / "optin.toml").write_text(text)
    assert any("no file privacy/weighed.md" in f"{it}" for it in with_lines(site))
    (site / "privacy" / "weighed.md").write_text("We weighed it.\n")
    assert with_lines(site) == []
