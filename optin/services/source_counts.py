"""Views and sign-ups counted in memory, and added to the store's sums at intervals (W8, W9).

A view is counted under the page and the source alone. The browser's name decides, before that, whether a
crawler asked; then it is forgotten. A process that is killed loses what it counted since the last interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime
from typing import NamedTuple

from optin.settings.site import SourcesTable
from optin.site.lead_sources import MOST_QUERY_BYTES, declared_source
from optin.store.source_sums import SIGNED_UP, VIEWED, SourceKey
from optin.store.weekly_event_sums import monday_of

MOST_VIEWS = 4_000  # different ones between two writes; above it, an address is held as its source alone
MOST_NEW_BROWSERS = 500  # between two writes: looking one up takes about a millisecond
MOST_KNOWN_BROWSERS = 4_000
MOST_NAME_BYTES = 400  # of a browser's name are read
BROWSER_NAMES = b"Mozilla/"  # every browser's name begins so; scripts and monitors have names of their own


class CountedPage(NamedTuple):
    """A page with a form, or a page that leads to it."""

    magnet: str
    variant: str = ""  # which of several wordings


class SourceCounts:
    """Counts of one process since it last wrote them to the store."""

    def __init__(self) -> None:
        """Count views, and no source, until a site says more."""
        self.counts_views = True
        self._names: Collection[str] = frozenset()
        self._views: dict[
            tuple[CountedPage, bytes, bytes], int
        ] = {}  # by page, address behind its ?, browser
        self._crawlers: dict[bytes, bool] = {}  # what the list says of a browser's name
        self._sums: Counter[SourceKey] = Counter()

    def follow(self, settings: SourcesTable) -> None:
        """Count as a site says from now on."""
        self.counts_views = settings.views
        self._names = frozenset(settings.names)

    def source_of(self, query: bytes) -> str:
        """Return the declared source that an address names behind its `?`; empty where it names none."""
        return declared_source(query, self._names)

    def add_view(self, *view: *tuple[CountedPage, bytes, bytes]) -> None:
        """Count a view of a page, with its address behind the `?`, and the User-Agent of the browser.

        This is on the way of every page: what takes longer is left to `write`.
        """
        views = self._views  # `write` may put another in its place
        if view in views:
            views[view] += 1
        elif self.counts_views:
            self._add_new_view(*view)

    def _add_new_view(self, page: CountedPage, query: bytes, browser: bytes) -> None:
        """Begin to count a view; above a number of different ones only what a flood cannot multiply."""
        if len(self._views) >= MOST_VIEWS or len(query) > MOST_QUERY_BYTES:
            query = f"via={self.source_of(query)}".encode()
        views, view = self._views, (page, query, browser[:MOST_NAME_BYTES])
        if view in views or len(views) < 2 * MOST_VIEWS:
            views[view] = views.get(view, 0) + 1

    def add_sign_up(self, page: CountedPage, query: bytes, now: datetime) -> None:
        """Count a sign-up by its source, where the site declares sources."""
        if self._names:
            key = SourceKey(monday_of(now.date()), *page, self.source_of(query), SIGNED_UP)
            self._sums[key] += 1

    def write(self, now: datetime, add: Callable[[Counter[SourceKey]], object]) -> None:
        """Hand the counts to `add`, without the views of crawlers; if it raises, they wait for the next time.

        Views bear the week in which they are written, at most an interval late.
        """
        views, self._views = self._views, {}
        sums, self._sums = self._sums, Counter()
        monday = monday_of(now.date())
        known = len(self._crawlers)
        for (page, query, browser), count in list(views.items()):
            may_look_up = browser in self._crawlers or len(self._crawlers) < known + MOST_NEW_BROWSERS
            if may_look_up and self._is_browser(browser):
                sums[SourceKey(monday, *page, self.source_of(query), VIEWED)] += count
        if len(self._crawlers) > MOST_KNOWN_BROWSERS:
            self._crawlers.clear()
        if not sums:
            return
        try:
            add(sums)
        except BaseException:
            self._sums.update(sums)
            raise

    def _is_browser(self, name: bytes) -> bool:
        """Return whether people read with it: the kept list of crawlers does not know its name."""
        if not name.startswith(BROWSER_NAMES):
            return False
        if name not in self._crawlers:
            import crawleruseragents  # noqa: PLC0415 - reads its list, which no command needs to start

            self._crawlers[name] = bool(crawleruseragents.is_crawler(name.decode("latin-1")))
        return not self._crawlers[name]
