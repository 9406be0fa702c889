"""What `check` says of magnets beside each other: earlier addresses and other languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from optin.services.site_edition import load_edition
from optin.site.load_site import load_site
from tests.installed import KINDS
from tests.site.conftest import findings, magnet

TIPS = "magnets/tips.md"


def with_keys(site: Path, name: str, keys: str) -> None:
    """Put further keys into a magnet's front matter."""
    path = site / "magnets" / f"{name}.md"
    path.write_text(path.read_text("utf-8").replace("---\n", f"---\n{keys}\n", 1), "utf-8")


@pytest.mark.parametrize(
    ("was", "place", "message"),
    [
        ("[brief]", (2, 7), "The magnet is at /brief now."),
        ("[tips]", (2, 7), "There is another magnet at /tips"),
        ("[ok, me]", (2, 11), "The address /me is optin's own."),
        ("['/oud']", (2, 7), "'/oud' cannot have been an address."),
        ("[Oud]", (2, 7), "'Oud' cannot have been an address."),
    ],
)
def test_an_earlier_address_that_cannot_be_one(
    site: Path, was: str, place: tuple[int, int], message: str
) -> None:
    """M4: at its place in the list; the magnet is left out until it is mended."""
    magnet(site)
    with_keys(site, "brief", f"was: {was}")
    (finding,) = findings(site)
    assert (finding.code, finding.slug, finding.severity) == ("was", "brief", "error")
    assert (finding.line, finding.column) == place
    assert finding.message.startswith(message)
    loaded = load_site(site, KINDS.files).site
    assert loaded is not None
    assert [*loaded.magnets] == ["tips"]


def test_two_magnets_with_one_earlier_address(site: Path) -> None:
    """M4: the second is told where it leads already."""
    magnet(site)
    with_keys(site, "brief", "was: [oud]")
    with_keys(site, "tips", "was: [oud]")
    (finding,) = findings(site)
    assert (finding.path, finding.line, finding.message) == (TIPS, 2, "/oud leads to /brief already.")


def test_two_pages_of_a_group_in_one_language(site: Path) -> None:
    """M4, M9: the second is an error, and nothing else follows from it."""
    magnet(site)
    with_keys(site, "brief", "group: letter")
    with_keys(site, "tips", "group: letter")
    (finding,) = findings(site)
    assert (finding.path, finding.code, finding.severity) == (TIPS, "group", "error")
    assert finding.message == "The group 'letter' has a page in 'nl' already: /brief."


def test_a_page_that_is_alone_in_its_group(site: Path) -> None:
    """M4, M9: a slip of the pen in a group's name is found, with the name that was meant."""
    magnet(site, lang="en")
    with_keys(site, "brief", "group: leter")
    (alone,) = findings(site)
    assert (alone.code, alone.severity) == ("group", "warning")
    with_keys(site, "tips", "group: letter")
    both = findings(site)
    assert [it.cure for it in both] == ["Did you mean 'letter'?", "Did you mean 'leter'?"]


def test_a_broken_page_leaves_its_group_in_peace(site: Path) -> None:
    """M4: one mistake, one finding."""
    magnet(site, lang="en", titel="x")
    with_keys(site, "brief", "group: letter")
    with_keys(site, "tips", "group: letter")
    assert [it.code for it in findings(site)] == ["key"]


def test_a_webinar_that_was_renamed_keeps_its_seats(site: Path) -> None:
    """M2, M4: reminders go on under both names; a room that may be overbooked is a warning."""
    table = "{start: 2027-03-01 10:00, duration: 45 minutes, zone: Europe/Amsterdam, host: Anna, place: x"
    magnet(site, kind="webinar", webinar=f"{table}}}")
    with_keys(site, "brief", "was: [oud]")
    edition, found = load_edition(site, KINDS)
    assert edition is not None
    assert found == ()
    assert edition.policy.details("oud") is edition.policy.details("brief") is not None
    magnet(site, kind="webinar", webinar=f"{table}, capacity: 20}}")
    with_keys(site, "brief", "was: [oud]")
    (finding,) = findings(site)
    assert (finding.code, finding.severity, finding.line) == ("was", "warning", 2)
