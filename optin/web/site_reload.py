"""Load an edited site while it is served (W10).

An edition is loaded and checked beside the one that is served; its form versions are stored; then it takes
the other's place. Until then, and where anything is wrong with it, the earlier one goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from watchfiles import DefaultFilter, awatch

from optin.errors import OptinError, SetupRefused, log_line_of
from optin.jobs.background_job import Job, RoundDone
from optin.services.health import CheckResult
from optin.services.preload import load_everything
from optin.services.setup_check import check_placeholders, check_settings
from optin.services.site_edition import Edition, keep_edition, load_edition
from optin.settings.site import SiteSettings
from optin.site.findings import Finding
from optin.site.loading_cache import ReadingCache
from optin.site.unedited_starter_texts import scaffold_texts
from optin.web.app_context import AppContext

log = logging.getLogger("optin.serve")

RETRY_SECONDS = 10.0  # while the store is away
# what a server is built with: connections, limits, mail server, and the addresses in pages and mails
OF_THE_START = (
    "base_url", "store", "mail", "keys", "journal", "files",
    "limits", "proxy", "server", "metrics", "mail_server", "dkim", "log", "notify",
)  # fmt: skip


class SiteFilter(DefaultFilter):
    """Selects the files that the marketer writes, not those that optin writes."""

    def __init__(self, root: Path) -> None:
        """Exclude `var/`."""
        super().__init__(ignore_paths=[root / "var", root / ".venv"])


async def edits(root: Path, stop: asyncio.Event) -> AsyncIterator[None]:
    """Yield as soon as the site at `root` is watched, then whenever files of it changed, until `stop` is set.

    The first yield is for what was edited before: whoever loads the site then misses nothing.
    """
    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it would name every change
    changes = awatch(root, watch_filter=SiteFilter(root), stop_event=stop, debounce=100)
    changed = asyncio.ensure_future(anext(changes, None))
    try:
        await asyncio.sleep(0)  # the step in which it begins to watch
        yield
        while await changed is not None:
            changed = asyncio.ensure_future(anext(changes, None))
            yield
    finally:
        await _ended(changed)


async def _ended(waiting: asyncio.Future[Any]) -> None:
    waiting.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await waiting


def load_or_report(
    load: Callable[[], tuple[Edition | None, tuple[Finding, ...]]],
) -> tuple[Edition | None, tuple[Finding, ...]]:
    """Load a site; report an unforeseen failure as a finding: a server outlives every mistake."""
    try:
        return load()
    except Exception as problem:  # noqa: BLE001 - as above
        message = f"The site cannot be loaded: {type(problem).__name__}: {problem}."
        return None, (Finding("optin.toml", 1, 1, message, "Undo what you last changed."),)


class SiteReloader:
    """Loads the site of a server again.

    `kept`: results of an earlier loading; `with_drafts`: as its author sees it.
    """

    def __init__(self, app_context: AppContext, kept: ReadingCache, *, with_drafts: bool = False) -> None:
        """Load the site of `app_context` when asked."""
        self._app_context = app_context
        self._kept = kept
        self._with_drafts = with_drafts

    async def load(self) -> tuple[Edition | None, tuple[Finding, ...]]:
        """Load the site as its files now are. An unforeseen failure is a finding."""
        edition, with_drafts = self._app_context.edition, self._with_drafts
        load = partial(load_edition, edition.site.root, edition.kinds, self._kept, with_drafts=with_drafts)
        return await asyncio.to_thread(load_or_report, load)

    def is_new(self, edition: Edition) -> bool:
        """Return whether its pages or its settings differ from those served."""
        served, other = (
            (it.site, it.publication, it.theme.templates) for it in (self._app_context.edition, edition)
        )
        return served != other

    async def take(self, edition: Edition) -> tuple[Finding, ...]:
        """Store the form versions of an edition, then serve it; return what is wrong with its dates.

        Raises what the store raises; then the earlier edition goes on.
        """
        installation, before = self._app_context.installation, self._app_context.edition
        keep = partial(keep_edition, installation.store, edition, installation.clock(), before)
        findings = await asyncio.to_thread(keep)
        self._app_context.replace(edition)
        return findings


class ServedReload:
    """Serves an edited site, when asked, if `optin check` finds no mistake in it."""

    def __init__(self, app_context: AppContext, kept: ReadingCache, *, watch: bool = False) -> None:
        """Wait to be asked, or watch the files of the site."""
        self._watch = watch
        self._app_context = app_context
        self._reloader = SiteReloader(app_context, kept)
        self._asked = asyncio.Event()
        self._refusal: tuple[str, ...] = ()  # what is wrong with the files as they now are
        self._loading = asyncio.Lock()
        app_context.reload = self.reload_now

    def ask(self) -> None:
        """Load the site soon. Call it from the event loop."""
        self._asked.set()

    @property
    def jobs(self) -> list[Job]:
        """Its background jobs: loading the site when asked, and asking whenever a file was edited."""
        reload = Job("reload", self.run)
        return [reload, Job("edits", self.follow_edits)] if self._watch else [reload]

    async def run(self, stop: asyncio.Event, round_done: RoundDone) -> None:
        """Load the site each time somebody asks, until `stop` is set."""
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stop.is_set():
                asked = asyncio.ensure_future(self._asked.wait())
                await asyncio.wait({stopping, asked}, return_when=asyncio.FIRST_COMPLETED)
                asked.cancel()
                if not stop.is_set():
                    self._asked.clear()
                    await self._reload(stopping)
                    round_done()
        except BaseException:
            self.ask()  # a job that failed is started again, and what was asked for is not done
            raise
        finally:
            stopping.cancel()

    async def follow_edits(self, stop: asyncio.Event, round_done: RoundDone) -> None:
        """Ask whenever files of the site changed, until `stop` is set."""
        async for _ in edits(self._app_context.edition.site.root, stop):
            self.ask()
            round_done()

    async def check(self) -> CheckResult:
        """Readiness check: how many mistakes keep an edited site from being served. None makes it unready."""
        return CheckResult(ok=True, says={"mistakes": len(self._refusal)} if self._refusal else {})

    async def reload_now(self) -> tuple[str, ...]:
        """Serve the site as its files now are; return why it cannot be served, else nothing."""
        try:
            await self._load()
        except OptinError as problem:
            self.ask()
            return (log_line_of(problem),)
        return self._refusal

    async def _reload(self, stopping: asyncio.Future[Any]) -> None:
        try:
            await self._load()
        except OptinError as problem:
            log.warning("the edited site cannot be served yet, and is tried again: %s", log_line_of(problem))
            await asyncio.wait({stopping}, timeout=RETRY_SECONDS)
            self.ask()

    async def _load(self) -> None:
        async with self._loading:
            await self._load_alone()

    async def _load_alone(self) -> None:
        edition, findings = await self._reloader.load()
        sound = self._sound(edition, findings)
        if sound is None:
            return
        is_new = self._reloader.is_new(sound)
        await asyncio.to_thread(load_everything, sound)
        await self._reloader.take(sound)
        if is_new:
            log.info("the edited site is served: %d magnets", len(sound.site.magnets))
        else:  # files that people get may be others, and are kept now
            log.info("the site was loaded again: nothing in it is new")

    def _sound(self, edition: Edition | None, findings: Sequence[Finding]) -> Edition | None:
        """Return the edition when it can be served; otherwise log what is wrong with it, and where."""
        wrong = [
            f"{it.path}:{it.line}:{it.column}: {it.message} {it.cure}".rstrip()
            for it in findings
            if it.severity == "error"
        ]
        if edition is not None and not wrong:
            wrong = self._against(edition, findings)
        self._refusal = tuple(wrong)
        for sentence in wrong:
            log.error("the edited site is not served: %s", sentence)
        return None if wrong else edition

    def _against(self, edition: Edition, findings: Sequence[Finding]) -> list[str]:
        """Return why a site without mistakes cannot be served without a restart."""
        settings, served = edition.site.settings, self._app_context.edition.site.settings
        if changed := changed_settings(served, settings):
            return [f"optin.toml: {', '.join(changed)} changed; restart the server for these."]
        try:
            check_settings(settings)
            check_placeholders((*findings, *scaffold_texts(edition.site, edition.kinds.files)))
        except SetupRefused as problem:
            return [str(problem)]
        return []


def changed_settings(served: SiteSettings, edited: SiteSettings) -> list[str]:
    """Return the settings that differ and take effect at a start only."""
    changed = [name for name in OF_THE_START if getattr(served, name) != getattr(edited, name)]
    if _told_at_once(served) != _told_at_once(edited):
        changed.append("processors")
    return changed


def _told_at_once(settings: SiteSettings) -> dict[str, object]:
    return {name: it.told_by for name, it in settings.processors.items() if it.told_by}
