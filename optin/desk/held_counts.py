"""Answers that take long, made in the background and held for a minute; pages say since when they hold.

A small site makes them while the reader waits for a moment. On a large one the reader sees the last answer.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, TypeVar

from starlette.requests import Request

from optin.consent.purpose import ConsentKey
from optin.flows.exports.lead_list import LeadCounts
from optin.flows.reports.recent_weeks import RecentCount, RecentWeeks
from optin.papers.check_papers import paper_findings
from optin.services.lead_counts import SHOWN_AGAIN, counted_leads
from optin.services.site_edition import Edition
from optin.services.site_findings import check_site
from optin.site.findings import Finding
from optin.site.load_site import load_site
from optin.site.loading_cache import ReadingCache
from optin.site.model import Magnet
from optin.web.app_context import AppContext, app_context_of
from optin.web.gallery.exhibits import Gallery

T = TypeVar("T")
HOLDS = timedelta(minutes=1)
FILES_HOLD = timedelta(minutes=5)
REST = 20  # times as long as the answer took to make: so much of the machine is left to others
PATIENCE_SECONDS = 0.05
_THREADS = ThreadPoolExecutor(2, "optin-desk")  # one answer is made at a time, of each sort


@dataclass
class Held(Generic[T]):
    """One answer. `make`: returns it for an edition and a moment; it runs in a thread of its own.

    `holds`: for so long at least.
    """

    make: Callable[[Edition, datetime], T]
    holds: timedelta = HOLDS
    _value: T | None = None
    _edition: Edition | None = None
    _until: datetime | None = None
    _making: Future[None] | None = None
    _changes: int = 0  # how often it was forgotten

    async def get(self, edition: Edition, now: datetime) -> T | None:
        """Return the answer, perhaps that of a while ago; None while the first one is being made.

        Raises what the last making raised, once.
        """
        for _ in range(2):  # what is being made may be of before a change
            if self._making is None and self._is_old(edition, now):
                self._making = _THREADS.submit(self._renew, edition, now, self._changes)
            if (making := self._making) is None:
                break
            await asyncio.wait({asyncio.wrap_future(making)}, timeout=PATIENCE_SECONDS)
            if not making.done():
                break
            if self._making is making:
                self._making = None
            making.result()
        return self._value

    def forget(self) -> None:
        """Make it anew when it is asked for: something was changed."""
        self._changes += 1
        self._value, self._until = None, None

    def _is_old(self, edition: Edition, now: datetime) -> bool:
        return self._until is None or self._edition is not edition or now >= self._until

    def _renew(self, edition: Edition, now: datetime, changes: int) -> None:
        begun = time.monotonic()
        value = self.make(edition, now)
        took = timedelta(seconds=time.monotonic() - begun)
        if changes != self._changes:
            return
        self._value, self._edition, self._until = value, edition, now + max(self.holds, took * REST)


@dataclass(frozen=True)
class WrittenSite:
    """The site as its files are now, which may be newer than what is served.

    `magnets`: drafts too, without those that have a mistake; `findings`: by magnet; those of the whole site
    under an empty name. `papers`: where agreements, transfers and statements differ from the rules.
    """

    at: datetime
    magnets: Mapping[str, Magnet]
    findings: Mapping[str, Sequence[Finding]]
    papers: Sequence[Finding] = ()

    def mistakes(self, slug: str) -> int:
        """Return how many mistakes a magnet has."""
        return sum(it.severity == "error" for it in self.findings.get(slug, ()))


@dataclass(frozen=True)
class CheckedFiles:
    """What a check of the site's files found, as `optin check` reports it."""

    at: datetime
    findings: Sequence[Finding]


@dataclass(frozen=True)
class _CountedLeads:
    """How many leads a purpose has, counted from a moment on."""

    at: datetime
    counts: LeadCounts


@dataclass
class HeldCounts:
    """What the pages of one server hold."""

    app_context: AppContext
    _kept: ReadingCache = field(default_factory=ReadingCache)
    _gallery: Gallery | None = None
    recent: Held[RecentWeeks] = field(init=False)
    written: Held[WrittenSite] = field(init=False)
    files: Held[CheckedFiles] = field(init=False)
    _leads: dict[ConsentKey, _CountedLeads] = field(default_factory=dict)
    _counting: dict[ConsentKey, Future[_CountedLeads]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Hold nothing yet."""
        self.recent = Held(partial(_count, self.app_context))
        self.written = Held(partial(_read, self._kept))
        self.files = Held(_check, FILES_HOLD)

    async def leads(self, key: ConsentKey) -> LeadCounts | None:
        """Return how many leads a purpose has; where counting takes long, the last answer, or None.

        Only the reader whose page begins a count waits for it; one that goes on is a slow one.
        Pages show it without its moment, so one that is older than a slow count may be is not returned.
        """
        now = self.app_context.installation.clock()
        counting = self._counting.pop(key, None)
        if counting is None or counting.done():
            if counting is not None:
                self._leads[key] = counting.result()
            counting = _THREADS.submit(_count_leads, self.app_context, key)
            await asyncio.wait({asyncio.wrap_future(counting)}, timeout=PATIENCE_SECONDS)
        if counting.done():
            self._leads[key] = counting.result()
        else:
            self._counting[key] = counting
        last = self._leads.get(key)
        return last.counts if last is not None and last.at <= now < last.at + SHOWN_AGAIN else None

    def gallery(self, edition: Edition) -> Gallery:
        """Return the sample pages and mails of an edition."""
        if self._gallery is None or self._gallery.edition is not edition:
            self._gallery = Gallery(edition, edition.theme.renewed())
        return self._gallery


def held_counts(request: Request) -> HeldCounts:
    """Return what the pages of this server hold."""
    state = request.app.state
    found: HeldCounts | None = getattr(state, "desk_counts", None)
    if found is None:
        found = state.desk_counts = HeldCounts(app_context_of(request))
    return found


def _count_leads(app_context: AppContext, key: ConsentKey) -> _CountedLeads:
    return _CountedLeads(app_context.installation.clock(), counted_leads(app_context.installation, key))


def _count(app_context: AppContext, edition: Edition, now: datetime) -> RecentWeeks:
    return RecentCount(app_context.installation.store.read, edition.policy, now).run()


def _check(edition: Edition, now: datetime) -> CheckedFiles:
    return CheckedFiles(now, check_site(edition.site.root, edition.kinds, now)[1])


def _read(kept: ReadingCache, edition: Edition, now: datetime) -> WrittenSite:
    loaded = load_site(edition.site.root, edition.kinds.files, kept, with_drafts=True)
    kept.settle()
    findings: dict[str, list[Finding]] = defaultdict(list)
    for it in loaded.findings:
        findings[it.slug or ""].append(it)
    site = loaded.site
    if site is None:
        return WrittenSite(now, {}, findings)
    magnets: dict[str, Magnet] = {str(slug): it for slug, it in site.magnets.items()}
    return WrittenSite(now, magnets, findings, paper_findings(site, site.day_of(now)))
