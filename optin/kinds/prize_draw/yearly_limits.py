"""Compare a site's prize draws with the yearly limits of the Dutch code of conduct for games (M2, M5)."""

from __future__ import annotations

from collections import defaultdict
from zoneinfo import ZoneInfo

from optin.kinds.api.front_matter import Finding, Site
from optin.kinds.prize_draw.details import PrizeDraw
from optin.kinds.prize_draw.front_matter import MOST_VALUE, SMALL_VALUE


def draws_of_a_year(site: Site) -> tuple[Finding, ...]:
    """Return a warning for each large draw that is not the first to close in its year (articles 2 and 4).

    A site may promote several products, and each may have its own: so it is a warning.
    """
    years: dict[int, list[tuple[str, PrizeDraw]]] = defaultdict(list)
    for magnet in site.magnets.values():
        if isinstance(magnet.details, PrizeDraw):
            closes = magnet.details.closes.astimezone(ZoneInfo(magnet.details.zone))
            years[closes.year].append((magnet.slug, magnet.details))
    found: list[Finding] = []
    for year, draws in sorted(years.items()):
        large = [it for it in sorted(draws, key=lambda it: it[1].closes) if it[1].value > SMALL_VALUE]
        for slug, _ in large[1:]:
            message = (
                f"Another draw of {year} has prizes above € {SMALL_VALUE} too; one a year for each product."
            )
            cure = "See that they promote different products, or hold it next year (Dutch code, article 2)."
            found.append(_warning(slug, message, cure))
        worth = sum(draw.value for _, draw in large)
        if len(large) > 1 and worth > MOST_VALUE:
            message = f"The large draws of {year} give away € {worth} together."
            cure = f"A game may give away € {MOST_VALUE} a year (Dutch code, article 4)."
            found.append(_warning(large[-1][0], message, cure))
    return tuple(found)


def _warning(slug: str, message: str, cure: str) -> Finding:
    return Finding(f"magnets/{slug}/index.md", 1, 1, message, cure, "warning", "draws", slug)
