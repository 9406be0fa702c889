"""Names of time zones in a language, from CLDR (Babel), and the zone of a country.

Babel is imported by the first page or mail that names a moment, so that a start does not wait for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

UNIVERSAL = "UTC"

# The zone of the capital, of each country that has several zones (IANA zone.tab, CLDR).
CAPITALS: Mapping[str, str] = {
    "AR": "America/Argentina/Buenos_Aires",
    "AU": "Australia/Sydney",  # Canberra
    "BR": "America/Sao_Paulo",  # Brasília
    "CA": "America/Toronto",  # Ottawa
    "CD": "Africa/Kinshasa",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",  # Quito
    "ES": "Europe/Madrid",
    "FM": "Pacific/Pohnpei",
    "GL": "America/Nuuk",
    "ID": "Asia/Jakarta",
    "KI": "Pacific/Tarawa",
    "KZ": "Asia/Almaty",  # Astana
    "MH": "Pacific/Majuro",
    "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",  # Wellington
    "PF": "Pacific/Tahiti",
    "PG": "Pacific/Port_Moresby",
    "PS": "Asia/Hebron",  # Ramallah
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "US": "America/New_York",  # Washington
    "UZ": "Asia/Tashkent",
}
# Calling regions that are no territory with a zone of its own in CLDR.
_OTHERS: Mapping[str, str] = {"AC": "Atlantic/St_Helena", "TA": "Atlantic/St_Helena", "XK": "Europe/Belgrade"}


@lru_cache
def zone_of_country(country: str) -> str:
    """Return the zone of a country's capital, by its ISO 3166 code; UTC for an unknown code."""
    known = CAPITALS.get(country) or _OTHERS.get(country)
    if known is not None:
        return known
    zones = _zones_of(country)
    return zones[0] if zones else UNIVERSAL


def has_several_clocks(country: str, moment: datetime) -> bool:
    """Return whether clocks in a country differ from each other within half a year of `moment`."""
    if country not in CAPITALS:
        return False
    days = (moment, moment + timedelta(days=182))
    return any(not _is_one_clock(country, day) for day in days)


def needs_name(zone: str, lang: str, moment: datetime) -> bool:
    """Return whether readers of `lang` could take a time in `zone` for one in another zone.

    It cannot where `lang` is an official language of the zone's country, all clocks of that country show the
    same, and the hour does not come twice because the clock goes back.
    """
    country = _country_of(zone)
    return (
        lang not in _official_languages(country)
        or comes_twice(zone, moment)
        or not _is_one_clock(country, moment)
    )


def zone_name(zone: str, lang: str, moment: datetime) -> str:
    """Return the name of a zone: Central European Time; in a repeated hour, which of the two."""
    if zone in {UNIVERSAL, "Etc/UTC", "Etc/GMT"}:
        return UNIVERSAL
    which = None
    if comes_twice(zone, moment):
        which = "daylight" if moment.astimezone(ZoneInfo(zone)).fold == 0 else "standard"
    return _name(zone, lang, which)


def comes_twice(zone: str, moment: datetime) -> bool:
    """Return whether the local time of `moment` in `zone` occurs twice, as the clock goes back."""
    local = moment.astimezone(ZoneInfo(zone))
    return local.replace(fold=0).astimezone(UTC) != local.replace(fold=1).astimezone(UTC)


def load_zone(zone: str, languages: Iterable[str]) -> set[ZoneInfo]:
    """Load all names for times in `zone`; return the zone objects, so that the caller keeps them."""
    for lang in languages:
        for which in (None, "daylight", "standard"):
            _name(zone, lang, which)
        _official_languages(_country_of(zone))
    return {ZoneInfo(name) for name in (zone, *_zones_of(_country_of(zone)))}


@lru_cache
def _name(zone: str, lang: str, which: str | None) -> str:
    from babel.dates import get_timezone_name  # noqa: PLC0415 - see above

    return get_timezone_name(ZoneInfo(zone), width="long", locale=lang, zone_variant=which)  # type: ignore[arg-type]  # str for a Literal


@lru_cache
def _country_of(zone: str) -> str:
    """Return the ISO 3166 code of a zone's country; empty when it has none."""
    from babel.core import get_global  # noqa: PLC0415 - see above

    canonical = get_global("zone_aliases").get(zone, zone)
    return str(get_global("zone_territories").get(canonical, ""))


@lru_cache
def _zones_of(country: str) -> tuple[str, ...]:
    from babel.core import get_global  # noqa: PLC0415 - see above

    return tuple(sorted(get_global("territory_zones").get(country, ())))


@lru_cache
def _official_languages(country: str) -> tuple[str, ...]:
    from babel.languages import get_official_languages  # noqa: PLC0415 - see above

    return get_official_languages(country, de_facto=True)


def _is_one_clock(country: str, moment: datetime) -> bool:
    zones = _zones_of(country)
    return len({moment.astimezone(ZoneInfo(zone)).utcoffset() for zone in zones}) <= 1
