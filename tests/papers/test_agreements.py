"""Agreements: their last day, their file, and the country that data go to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from optin.papers.agreements import agreements
from optin.papers.check_papers import paper_findings
from optin.rules.data_protection.law_data import law_data
from optin.rules.data_protection.transfers import ADEQUACY_TERM, Protection, transfer_of
from optin.settings.site import Processor
from optin.web.site_reload import changed_settings
from tests.papers.conftest import DAY, change, edition_of, paper_site


def codes(root: Path, day: date = DAY) -> list[tuple[str, str, int]]:
    return [(it.code, it.severity, it.line) for it in paper_findings(edition_of(root).site, day)]


def line_of(root: Path, text: str) -> int:
    lines = (root / "optin.toml").read_text("utf-8").split("\n")
    return 1 + next(at for at, line in enumerate(lines) if line.startswith(text))


def test_a_sound_site_has_no_finding(root: Path) -> None:
    """L9: nothing to say."""
    assert codes(root) == []


def test_an_agreement_that_ended_is_an_error_and_one_that_ends_soon_a_warning(root: Path) -> None:
    """L9, E1: at the line of its last day; on that day itself it still holds."""
    line = line_of(root, "ends")
    last = date(2028, 2, 29)
    assert codes(root, last - timedelta(days=61))[:1] != [("agreement", "warning", line)]
    assert ("agreement", "warning", line) in codes(root, last)
    assert ("agreement", "error", line) in codes(root, last + timedelta(days=1))
    said = agreements(paper_site(root, "en", last + timedelta(days=1)))
    assert "ENDED on 29 February 2028: nothing is sent" in said
    assert "ends on 29 February 2028" in agreements(paper_site(root, "en", last))
    assert "29 February 2028" in agreements(paper_site(root, "en"))
    assert "crm.pdf" in said


@pytest.mark.parametrize(
    ("old", "new", "code", "at"),
    [
        ('safeguard = "standard-clauses"', "", "transfer", 'country = "US"'),
        ('country = "JP"', 'country = "Japan"', "country", 'country = "Japan"'),
        ('country = "JP"', 'country = "IN"', "transfer", 'country = "IN"'),
        ('country = "JP"', 'country = "IN"\nsafeguard = "privacy-framework"', "transfer", 'country = "IN"'),
        ('document = "crm.pdf"', 'document = "gone.pdf"', "document", "document"),
        ('document = "crm.pdf"', 'document = "../crm.pdf"', "document", "document"),
    ],
)
def test_a_transfer_without_a_safeguard_or_a_lost_file_is_an_error(
    root: Path, old: str, new: str, code: str, at: str
) -> None:
    """L9: GDPR 44; each at its line."""
    change(root, old, new)
    assert (code, "error", line_of(root, at)) in codes(root)


def test_data_of_the_law_that_are_old_are_a_warning(root: Path) -> None:
    """L9: they were checked over a year ago."""
    change(root, "ends = 2028-02-29", "")
    late = law_data().checked + timedelta(days=366)
    assert [it for it in codes(root, late) if it[0] == "law-age"] != []
    assert [it for it in codes(root, late - timedelta(days=1)) if it[0] == "law-age"] == []


@pytest.mark.parametrize(
    ("country", "safeguard", "home", "day", "protection"),
    [
        ("NL", "", "NL", DAY, Protection.HOME),
        ("no", "", "NL", DAY, Protection.HOME),
        ("GB", "", "GB", DAY, Protection.HOME),
        ("GB", "", "NL", DAY, Protection.ADEQUATE),
        ("GB", "", "NL", date(2031, 12, 27), Protection.ADEQUATE),
        ("GB", "", "NL", date(2031, 12, 28), Protection.NONE),
        ("US", "", "NL", DAY, Protection.NONE),
        ("US", "privacy-framework", "NL", DAY, Protection.ADEQUATE),
        ("US", "binding-rules", "NL", DAY, Protection.SAFEGUARD),
        ("IN", "privacy-framework", "NL", DAY, Protection.NONE),
        ("", "", "NL", DAY, Protection.UNKNOWN),
    ],
)
def test_where_data_are_protected(
    country: str, safeguard: str, home: str, day: date, protection: Protection
) -> None:
    """L9: by the country, by a decision while it is in force, by a safeguard."""
    processor = Processor.model_validate(
        {"name": "x", "agreement": "x", "country": country, "safeguard": safeguard}
    )
    found = transfer_of(processor, home, law_data(), day)
    assert found.protection is protection
    assert (found.term == ADEQUACY_TERM) == (protection is Protection.ADEQUATE)
    assert found.is_abroad == (protection not in {Protection.HOME, Protection.UNKNOWN})


def test_another_last_day_takes_effect_at_a_start(root: Path) -> None:
    """L9, W10: a running server says so when the site is edited, and goes on with the old one."""
    change(root, 'agreement = "2026-03-01, VD-8"', 'agreement = "2026-03-01, VD-8"\nends = 2027-01-01')
    served = edition_of(root).site.settings
    change(root, "ends = 2027-01-01", "ends = 2028-01-01")
    assert changed_settings(served, edition_of(root).site.settings) == ["processors"]


def test_the_last_day_is_one_of_the_controllers_calendar(root: Path) -> None:
    """L9: in Amsterdam it is over at midnight there, when it is still 23:00 in UTC."""
    site = edition_of(root).site
    assert site.day_of(datetime(2028, 2, 29, 22, 59, tzinfo=UTC)) == date(2028, 2, 29)
    assert site.day_of(datetime(2028, 2, 29, 23, 0, tzinfo=UTC)) == date(2028, 3, 1)
