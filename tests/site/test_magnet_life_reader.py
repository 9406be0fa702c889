"""What an author writes of a magnet's life: `status`, `from`, `until` (W10)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from optin.services.site_edition import load_edition
from optin.site.findings import Finding
from optin.site.hints import hints
from optin.site.load_site import load_site
from optin.site.magnet_life import MagnetLife, MagnetStatus
from tests.installed import KINDS

TIPS = """---
kind: newsletter
lang: nl
title: Elke maand een tip
description: Elke maand een tip per e-mail die u dezelfde dag gebruikt.
purposes: [tips-email]
{life}---
Een tip.
"""


def read(site: Path, life: str, *, with_drafts: bool = False) -> tuple[MagnetLife | None, list[Finding]]:
    """Return the life of a magnet with these lines, and the findings about it."""
    (site / "magnets" / "tips.md").write_text(TIPS.format(life=life), "utf-8")
    loaded = load_site(site, KINDS.files, with_drafts=with_drafts)
    assert loaded.site is not None
    magnet = loaded.site.magnet("tips")
    return None if magnet is None else magnet.life, [it for it in loaded.findings if it.slug == "tips"]


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]  # year, month, day, hour, minute


@pytest.mark.parametrize(
    ("written", "opens_at", "ends_at"),
    [
        ("", None, None),
        ("from: 2027-03-01\n", at(2027, 2, 28, 23), None),
        ("from: 2027-07-01 09:00\n", at(2027, 7, 1, 7), None),
        ("until: 2027-03-31\n", None, at(2027, 3, 31, 22)),  # summer time began on the 28th
        ("until: 2027-03-31T17:00\n", None, at(2027, 3, 31, 15)),
        ("from: 2027-03-01\nuntil: 2027-03-01\n", at(2027, 2, 28, 23), at(2027, 3, 1, 23)),  # one day
        ("from: 2027-10-31 02:30\n", at(2027, 10, 31, 0, 30), None),  # comes twice: from the first
        ("until: 2027-10-31 02:30\n", None, at(2027, 10, 31, 1, 30)),  # until the second
        ("until: 2027-12-31 23:59:00\n", None, at(2027, 12, 31, 22, 59)),
    ],
)
def test_days_and_moments_are_those_of_the_sites_clock(
    site: Path, written: str, opens_at: datetime | None, ends_at: datetime | None
) -> None:
    """W10: from the beginning of a day, until the end of a day, in summer and in winter time."""
    assert read(site, written) == (MagnetLife(MagnetStatus.LIVE, opens_at, ends_at), [])


@pytest.mark.parametrize(
    ("written", "line", "message"),
    [
        ("from: soon\n", 7, "'soon' is no moment."),
        ("from: 2027-02-30 09:00\n", 7, "'2027-02-30 09:00' is no moment."),
        ("until: 1027-02-03\n", 7, "'1027-02-03' is no moment."),
        ("until: 2027-03-28 02:30\n", 7, "There is no 02:30 on that day in Europe/Amsterdam"),
        ("from: 2027-03-02\nuntil: 2027-03-01\n", 8, "It would be over (until: 2027-03-01) before it begins"),
        ("from: 2027-03-02 09:00\nuntil: 2027-03-02 09:00\n", 8, "It would be over"),
        ("from:\n", 7, "'from' is empty."),
        ("until: 2027\n", 7, "'until' is not a text in quotes."),
        ("status: hidden\n", 7, "'status' must be 'draft', 'live' or 'archived'"),
    ],
)
def test_a_mistake_in_them_is_told_with_its_line(site: Path, written: str, line: int, message: str) -> None:
    """W10, M4: and the magnet is left out until it is corrected."""
    life, (found,) = read(site, written)
    assert life is None
    assert (found.path, found.line, found.severity) == ("magnets/tips.md", line, "error")
    assert found.message.startswith(message)
    assert found.cure


def test_a_magnet_that_its_kind_closes_before_it_opens_is_a_mistake(site: Path) -> None:
    """W10, M4: a webinar whose form would open after it began."""
    text = TIPS.replace("kind: newsletter", "kind: webinar").format(
        life="from: 2027-05-01\nwebinar:\n  start: 2027-04-01 14:00\n  duration: 60 minutes\n"
        "  zone: Europe/Amsterdam\n  host: Alice\n  place: https://meet.example.com/room\n"
    )
    (site / "magnets" / "tips.md").write_text(text, "utf-8")
    (found,) = (it for it in load_site(site, KINDS.files).findings if it.slug == "tips")
    assert (found.code, found.line) == ("life", 7)
    assert "closes before it opens" in found.message


def test_a_draft_is_seen_by_its_author_alone(site: Path) -> None:
    """W10: as a magnet where drafts are asked for, else apart from the magnets."""
    assert read(site, "status: draft\n", with_drafts=True) == (MagnetLife(MagnetStatus.DRAFT), [])
    assert read(site, "status: draft\n") == (None, [])
    loaded = load_site(site, KINDS.files)
    assert loaded.site is not None
    assert list(loaded.site.drafts) == ["tips"]


def test_a_mistake_in_a_draft_hinders_its_author_alone(site: Path) -> None:
    """W10, M4: a site with an unfinished draft can be served; `check` and `dev` call it a mistake."""
    _, (found,) = read(site, "status: draft\nfrom: soon\n")
    assert found.severity == "warning"
    _, (found,) = read(site, "status: draft\nfrom: soon\n", with_drafts=True)
    assert found.severity == "error"


def test_check_and_dev_say_what_is_a_draft(site: Path) -> None:
    """W10, O2: as a hint beside its page."""
    (site / "magnets" / "tips.md").write_text(TIPS.format(life="status: draft\n"), "utf-8")
    edition, _ = load_edition(site, KINDS, with_drafts=True)
    assert edition is not None
    (hint,) = (it for it in hints(edition.site, KINDS.files) if it.code == "draft")
    assert (hint.path, hint.line, hint.severity) == ("magnets/tips.md", 7, "hint")
