"""The settings that hold in this installation, for administrators to read; nothing is changed here.

The pages are made from the model of optin.toml, so each setting is on one of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from starlette.responses import Response

from optin.consent.plain_text import whole_number
from optin.consent.staff_role import Role
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.errors import PageUnknown
from optin.services.served_settings import store_without_password
from optin.settings.listed_settings import ListedSetting, listed_settings
from optin.settings.site import SiteSettings
from optin.site.findings import Finding
from optin.site.load_site import SITE_FILE
from optin.site.toml_and_markdown_reader import Document, read_toml
from optin.site.validation_messages import validated

ADMINS = frozenset({Role.ADMIN})
MOST_ROWS = 60  # on a page: a site may have hundreds of processors
# The parts, each with the keys of optin.toml that it shows; a key that no part names is in the first.
PARTS: Mapping[str, tuple[str, ...]] = {
    "site": (
        "base_url", "languages", "pages_url", "time_zone", "controller", "look", "privacy", "links",
        "embed", "sources", "texts",
    ),
    "mail": ("mail", "sender", "mail_server", "bounces", "dkim", "receipt", "notify"),
    "desk": ("desk",),
    "consents": ("purposes", "rules", "products", "obligations", "enquiries"),
    "retention": ("unconfirmed", "retention", "sweep", "personal", "download", "erasure"),
    "proof": ("keys", "journal", "log"),
    "limits": ("limits", "server", "proxy", "metrics", "tracing"),
    "processors": ("processors", "papers"),
    "database": ("store", "files", "backup"),
}  # fmt: skip
FIRST = next(iter(PARTS))


@dataclass(frozen=True)
class SettingRow:
    """A setting. `line`: in optin.toml; 0: it stands on no line of its own."""

    it: ListedSetting
    line: int


@dataclass(frozen=True)
class SettingsView(DeskPage):
    """One part of the settings. `store`: where the database is, without its password.

    `broken`: optin.toml cannot be read as it is now, so the lines are unknown. `changed`: how many of all
    settings the file has otherwise than the server. `place`: of the first row; `total`: rows of this part.
    """

    part: str
    parts: tuple[str, ...]
    rows: tuple[SettingRow, ...]
    store: str
    broken: bool
    changed: int
    place: int
    total: int
    template: ClassVar[str] = "desk/settings.html"

    @property
    def following(self) -> int:
        """The place of the first row of the next page; 0: this is the last."""
        after = self.place + len(self.rows)
        return after if after < self.total else 0


async def get_settings(visit: StaffVisit) -> Response:
    """Show one part of the settings."""
    part = str(visit.request.path_params.get("part", FIRST))
    if part not in PARTS:
        raise PageUnknown
    served = visit.app_context.edition.site.settings
    document = await asyncio.to_thread(read_toml, served.root / SITE_FILE, SITE_FILE)
    broken = isinstance(document, Finding)
    rows = [] if isinstance(document, Finding) else rows_of(served, document)
    if broken:
        rows = [SettingRow(it, 0) for it in listed_settings(served)]
    own = [it for it in rows if part_of(it.it) == part]
    place = whole_number(visit.request.query_params.get("from", "0")) or 0
    shown = tuple(own[place : place + MOST_ROWS])
    changed = sum(it.it.differs for it in rows)
    store = store_without_password(served)
    frame = visit.frame
    return visit.page(SettingsView(frame, part, tuple(PARTS), shown, store, broken, changed, place, len(own)))


def rows_of(served: SiteSettings, document: Document) -> list[SettingRow]:
    """Return every setting that a server runs with, with its line in the file as it is now."""
    written = validated(SiteSettings, document).written.read_at(served.root)
    return [SettingRow(it, _line(it, document)) for it in listed_settings(served, written)]


def part_of(it: ListedSetting) -> str:
    """Return the part that shows a setting."""
    return next((part for part, keys in PARTS.items() if it.where[0] in keys), FIRST)


def _line(it: ListedSetting, document: Document) -> int:
    return document.place(it.where)[0] if it.is_written else 0


ROUTES = (
    DeskRoute("/settings", get_settings, ADMINS, menu="settings"),
    DeskRoute("/settings/{part}", get_settings, ADMINS),
)
