"""How a magnet stands, in a word and a shape: from its file as it is now, and from what is served."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from optin.consent.form_version import Slug
from optin.desk.held_counts import WrittenSite
from optin.services.site_edition import Edition
from optin.site.magnet_life import MagnetPhase, MagnetStatus
from optin.site.model import Magnet

SECOND = timedelta(seconds=1)


class Standing(StrEnum):
    """How a magnet stands."""

    MISTAKES = "mistakes"
    UNSERVED = "unserved"  # its file says it is public, and the server has not loaded it yet
    WAITING = "waiting"
    ONLINE = "online"
    OVER = "over"
    DRAFT = "draft"
    ARCHIVED = "archived"


SHAPES = {
    Standing.MISTAKES: "wrong",
    Standing.UNSERVED: "due",
    Standing.WAITING: "wait",
    Standing.ONLINE: "good",
    Standing.OVER: "none",
    Standing.DRAFT: "wait",
    Standing.ARCHIVED: "none",
}


@dataclass(frozen=True)
class StandingMagnet:
    """A magnet with how it stands. `magnet`: None when its file has mistakes and nothing of it is served."""

    slug: str
    magnet: Magnet | None
    standing: Standing
    mistakes: int = 0
    is_served: bool = False
    until: datetime | None = None  # when its form closes
    opens: datetime | None = None

    @classmethod
    def removed(cls, slug: str) -> Self:
        """Return a magnet that the site had once."""
        return cls(slug, None, Standing.OVER)

    @property
    def shape(self) -> str:
        """The shape beside the word."""
        return SHAPES[self.standing]

    @property
    def last_moment(self) -> datetime | None:
        """The last moment at which its form is open."""
        return None if self.until is None else self.until - SECOND

    @property
    def title(self) -> str:
        """Its title; the name of its file where that cannot be read."""
        return self.slug if self.magnet is None else self.magnet.title

    @property
    def kind(self) -> str:
        """Its kind, or nothing."""
        return "" if self.magnet is None else self.magnet.kind

    @property
    def lang(self) -> str:
        """Its language, or nothing."""
        return "" if self.magnet is None else self.magnet.lang


def every_magnet(edition: Edition, written: WrittenSite | None, now: datetime) -> Iterator[StandingMagnet]:
    """Yield every magnet that is served or written. `written`: None while the files are being read."""
    site = edition.site
    names = {*site.magnets, *site.drafts}
    if written is not None:
        names |= {Slug(it) for it in written.magnets}
        names |= {Slug(slug) for slug in written.findings if slug and written.mistakes(slug)}
    for slug in sorted(names):
        found = standing_of(slug, edition, written, now)
        if found is not None:
            yield found


def standing_of(
    slug: str, edition: Edition, written: WrittenSite | None, now: datetime
) -> StandingMagnet | None:
    """Return how one magnet stands; None: there is none of that name."""
    name, site = Slug(slug), edition.site
    served, file = site.magnets.get(name), None if written is None else written.magnets.get(slug)
    magnet = file or served or site.drafts.get(name)
    mistakes = 0 if written is None else written.mistakes(slug)
    if magnet is None and not mistakes:
        return None
    is_served = served is not None and served.life.status is not MagnetStatus.DRAFT
    if magnet is None or mistakes:
        return StandingMagnet(slug, magnet, Standing.MISTAKES, mistakes, is_served)
    return StandingMagnet(
        slug,
        magnet,
        _standing(magnet, served, now),
        is_served=is_served,
        until=None if magnet.is_archived else magnet.closes_at,
        opens=magnet.life.opens_at,
    )


def _standing(magnet: Magnet, served: Magnet | None, now: datetime) -> Standing:
    if magnet.is_archived:
        return Standing.ARCHIVED
    if magnet.life.status is MagnetStatus.DRAFT:
        return Standing.DRAFT
    if served is None:
        return Standing.UNSERVED
    phase = magnet.phase_at(now)
    if phase is MagnetPhase.OVER:
        return Standing.OVER
    return Standing.WAITING if phase is MagnetPhase.WAITING else Standing.ONLINE
