"""Moments on the site's own clock, its zone named where a reader could take it for another (DESIGN: CLDR)."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import phonenumbers
import pytest

from optin.consent.time_zones import zone_of
from optin.theme.wording import Wording
from optin.theme.zones import UNIVERSAL, zone_of_country
from tests.site.conftest import all_findings, only, toml
from tests.site.conftest import site as site  # noqa: PLC0414 - a fixture

WINTER = datetime(2026, 11, 23, 5, 5, tzinfo=UTC)
SUMMER = datetime(2026, 7, 1, 5, 5, tzinfo=UTC)
AMSTERDAM = "Europe/Amsterdam"


@pytest.mark.parametrize(
    ("zone", "lang", "moment", "words"),
    [
        (AMSTERDAM, "nl", WINTER, "23 november 2026 om 06:05 uur"),
        (AMSTERDAM, "nl", SUMMER, "1 juli 2026 om 07:05 uur"),
        ("Europe/Brussels", "fr", SUMMER, "1er juillet 2026 à 07:05"),
        ("Europe/Berlin", "de", WINTER, "23. November 2026 um 06:05 Uhr"),
        ("Europe/London", "en", WINTER, "23 November 2026 at 05:05"),
        # readers who may live elsewhere are told whose clock it is
        (AMSTERDAM, "en", WINTER, "23 November 2026 at 06:05 (Central European Time)"),
        (AMSTERDAM, "de", WINTER, "23. November 2026 um 06:05 Uhr (Mitteleuropäische Zeit)"),
        (AMSTERDAM, "fr", WINTER, "23 novembre 2026 à 06:05 (heure d’Europe centrale)"),
        ("Europe/London", "nl", WINTER, "23 november 2026 om 05:05 uur (Britse tijd)"),
        # so are those of a country with several clocks
        ("America/New_York", "en", WINTER, "23 November 2026 at 00:05 (Eastern Time)"),
        (UNIVERSAL, "nl", WINTER, "23 november 2026 om 05:05 uur (UTC)"),
    ],
)
def test_a_moment_is_told_on_the_sites_own_clock(zone: str, lang: str, moment: datetime, words: str) -> None:
    """W5, M9, P2: in the offset in force then, and named only where it could be misread."""
    assert " ".join(Wording(lang, zone=zone).moment(moment).split()) == words


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    """P2: when the clock goes back, the name says which of the two it is."""
    words = Wording("nl", zone=AMSTERDAM)
    first, second = (datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1))
    assert words.moment(first) == "25 oktober 2026 om 02:30 uur (Midden-Europese zomertijd)"
    assert words.moment(second) == "25 oktober 2026 om 02:30 uur (Midden-Europese standaardtijd)"


def test_a_day_is_the_one_of_the_sites_clock() -> None:
    """W5, M9: after midnight here it is tomorrow, although not yet in UTC."""
    late = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert Wording("nl", zone=AMSTERDAM).day(late) == "1 januari 2027"
    assert Wording("en", zone="America/New_York").day(late) == "31 December 2026"
    assert Wording("nl", zone=AMSTERDAM).day(late, "UTC") == "31 december 2026"


def test_evidence_tells_both_clocks() -> None:
    """P6: whoever holds it against records in UTC needs no arithmetic."""
    words = Wording("nl", zone=AMSTERDAM)
    assert words.moment_and_utc(WINTER) == "23 november 2026 om 06:05 uur (05:05 UTC)"
    late = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert words.moment_and_utc(late) == "1 januari 2027 om 00:30 uur (31 december 2026, 23:30 UTC)"
    assert Wording("en").moment_and_utc(WINTER) == "23 November 2026 at 05:05 (UTC)"
    assert Wording("en", zone="Europe/London").moment_and_utc(WINTER) == "23 November 2026 at 05:05 (UTC)"
    assert words.machine(WINTER) == "2026-11-23T05:05:00Z"


def test_every_country_has_a_clock() -> None:
    """M4: whatever `country` may be, its capital's zone is known, and is one."""
    for country in sorted(phonenumbers.SUPPORTED_REGIONS):
        zone = zone_of_country(country)
        assert zone_of(zone) is not None, country
        assert zone != UNIVERSAL, country
    capitals = {"NL": AMSTERDAM, "BE": "Europe/Brussels", "DE": "Europe/Berlin", "US": "America/New_York",
                "AU": "Australia/Sydney", "ES": "Europe/Madrid", "XK": "Europe/Belgrade"}  # fmt: skip
    assert {country: zone_of_country(country) for country in capitals} == capitals
    assert zone_of_country("??") == UNIVERSAL


@pytest.mark.parametrize(
    ("typed", "cure"),
    [
        ("Europe/Amsterdm", "Did you mean 'Europe/Amsterdam'?"),
        ("amsterdam", "Did you mean 'Europe/Amsterdam'?"),
        ("New York", "Did you mean 'America/New_York'?"),
        ("CET", "Write it like 'Europe/Amsterdam'."),
    ],
)
def test_a_zone_that_is_none_is_refused_with_the_nearest(site: Path, typed: str, cure: str) -> None:
    """M4: at its line, with the cure."""
    toml(site, "[controller]", f'time_zone = "{typed}"\n\n[controller]')
    finding = only(site)
    assert (finding.code, finding.severity, finding.cure) == ("time-zone", "error", cure)
    assert finding.line > 1


def test_a_country_with_several_clocks_is_said(site: Path) -> None:
    """M4: check tells which clock was chosen; naming one ends the warning."""
    toml(site, 'email = "privacy@example.com"', 'email = "privacy@example.com"\ncountry = "US"')
    (finding,) = all_findings(site)
    assert (finding.severity, finding.code) == ("warning", "time-zone")
    assert "America/New_York" in finding.message
    toml(site, "[controller]", 'time_zone = "America/Chicago"\n\n[controller]')
    assert all_findings(site) == ()


def test_a_start_does_not_wait_for_names_of_zones() -> None:
    """O1: Babel's dates are loaded by the first page that needs them."""
    code = "import sys, optin.cli, optin.web.app; print('babel.dates' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
