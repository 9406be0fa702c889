"""Pages that change with time: the index, and the page of a magnet whose form is not open (W10).

They change only when a form opens or closes: they are rendered then, and served as bytes until the next time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from optin.consent.form_version import Slug
from optin.site.magnet_life import MagnetPhase
from optin.site.model import Magnet, Site
from optin.site.render_site import Publication
from optin.theme.embedded_views import in_frame
from optin.theme.theme import Theme
from optin.theme.views import Card, ClosedView, LandingView, WaitingView

MOST_OTHERS = 6


@dataclass(frozen=True)
class MomentPages:
    """The pages of a moment.

    `instead`: what is at the address of a magnet whose form is not open; `framed`: what frames show of it.
    """

    index: bytes
    instead: Mapping[Slug, bytes]
    framed: Mapping[Slug, bytes]


def pages_at(site: Site, theme: Theme, publication: Publication, now: datetime) -> MomentPages:
    """Render the pages of a moment. Raises whatever a template of the site's own raises."""
    if publication.index is None:  # an edition has one
        return MomentPages(b"", {}, {})
    offered = tuple(_open_cards(site, publication, now))
    instead: dict[Slug, bytes] = {}
    framed: dict[Slug, bytes] = {}
    for slug, landing in publication.landings.items():
        magnet = site.magnets[slug]
        if magnet.phase_at(now) is not MagnetPhase.OPEN:
            view = _without_form(magnet, landing, offered, now)
            instead[slug] = theme.page(view).encode()
            if site.settings.embed.sites:
                framed[slug] = theme.page(replace(view, frame=in_frame(view.frame, slug))).encode()
    return MomentPages(theme.page(replace(publication.index, cards=offered)).encode(), instead, framed)


def others_at(
    site: Site, publication: Publication, now: datetime, but: Magnet | None, lang: str
) -> tuple[Card, ...]:
    """Return what visitors can have now in a language, besides the magnet `but`; the first of the index."""
    own = "" if but is None else f"/{but.slug}"
    cards = (it for it in _open_cards(site, publication, now) if it.lang == lang and it.url != own)
    return tuple(islice(cards, MOST_OTHERS))


def _open_cards(site: Site, publication: Publication, now: datetime) -> Iterator[Card]:
    """Yield the magnets of the index whose form is open."""
    for card in () if publication.index is None else publication.index.cards:
        if site.magnets[Slug(card.url[1:])].phase_at(now) is MagnetPhase.OPEN:
            yield card


def _without_form(
    magnet: Magnet, landing: LandingView, offered: tuple[Card, ...], now: datetime
) -> WaitingView | ClosedView:
    """Return the page that says when the form opens, or that it is over; and what else there is."""
    others = tuple(card for card in offered if card.lang == magnet.lang)[:MOST_OTHERS]
    opens_at, details = magnet.life.opens_at, magnet.details
    if magnet.phase_at(now) is MagnetPhase.WAITING and opens_at is not None:
        return WaitingView(landing.frame, landing, opens_at, others)
    by_kind = details is not None and details.closes_at is not None and details.closes_at <= now
    return ClosedView(landing.frame, landing, others, by_kind=by_kind, is_archived=magnet.is_archived)


@dataclass(frozen=True)
class UnchangedPeriod:
    """From when until when no form of a site opens or closes (UTC); None: there is no such moment."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def ends(self) -> bool:
        """Return whether there is a moment outside of it; most sites have none, and need not ask the time."""
        return self.since is not None or self.until is not None

    def includes(self, now: datetime) -> bool:
        """Return whether the pages of this period are those of a moment."""
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)


def period_around(site: Site, now: datetime) -> UnchangedPeriod:
    """Return the period around a moment in which pages stay as they are, for a clock set back too."""
    magnets = site.magnets.values()
    named = (moment for it in magnets for moment in (it.life.opens_at, it.closes_at))
    moments = [moment for moment in named if moment is not None]
    return UnchangedPeriod(
        since=max((moment for moment in moments if moment <= now), default=None),
        until=min((moment for moment in moments if moment > now), default=None),
    )
