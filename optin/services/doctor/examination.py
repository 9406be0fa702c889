"""What the checks of one examination share: the site, its store and keys, and look-ups that several need.

A look-up is made once, by the check that asks first; the others wait for its result. Nothing is changed: no
key is made, no store, and nothing is written to one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from optin.errors import KeysUnusable
from optin.keys import load_keys
from optin.services.doctor.finding import NotChecked
from optin.services.installation import Installation
from optin.services.installed_kind_parts import KindParts
from optin.services.open_store import connect, sqlite_path
from optin.services.served_settings import require_same_store
from optin.services.site_edition import Edition
from optin.settings.site import SiteSettings
from optin.site.model import Site
from optin.site.own_templates import make_theme
from optin.store.database_interface import Store
from optin.store.encryption import Vault
from optin.store.installation_facts import is_claimed
from optin.theme.theme import Theme

T = TypeVar("T")


@dataclass(frozen=True)
class Reach:
    """How the doctor reaches other servers. `seconds`: for one call.

    `resolver`: the address of a DNS server, with :PORT if it is not 53; empty: that of the system.
    `http_port`: where unencrypted HTTP is expected; None: where nobody says otherwise, 80.
    """

    seconds: float = 1.8
    resolver: str = ""
    http_port: int | None = None


@dataclass(frozen=True)
class OpenedStore:
    """An opened store, with the keys of its data."""

    store: Store
    vault: Vault


@dataclass(frozen=True)
class UnrenderedSite:
    """A site whose pages are not rendered: no check needs them, and rendering takes the longest."""

    site: Site
    kinds: KindParts


@dataclass(frozen=True)
class Examination:
    """One examination of an installation, at the moment `now`.

    `installation`: of the server that runs here; None for a command, which opens store and keys by itself.
    """

    edition: Edition | UnrenderedSite
    now: datetime
    reach: Reach = Reach()
    installation: Installation | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _found: dict[str, Future[Any]] = field(default_factory=dict, repr=False)

    @property
    def settings(self) -> SiteSettings:
        """The settings of the site."""
        return self.edition.site.settings

    def once(self, name: str, look_up: Callable[[], T]) -> T:
        """Return the result of a look-up that is made once in an examination. Raises what it raises."""
        with self._lock:
            known = self._found.get(name)
            if known is None:
                mine: Future[T] = Future()
                self._found[name] = mine
        if known is not None:
            found: T = known.result()
            return found
        try:
            mine.set_result(look_up())
        except BaseException as problem:  # noqa: BLE001 - whoever waits for it gets the same
            mine.set_exception(problem)
        return mine.result()

    def theme(self) -> Theme:
        """Return the templates and words of the site. Raises NotChecked where a template is broken."""
        edition = self.edition
        return (
            edition.theme if isinstance(edition, Edition) else self.once("theme", lambda: _theme_of(edition))
        )

    def opened(self) -> OpenedStore:
        """Return the store. Raises NotChecked where there is none yet, StoreUnusable or KeysUnusable."""
        return self.once("store", self._open)

    def vault(self) -> Vault | None:
        """Return the keys; None where there are none yet. Raises KeysUnusable."""
        if self.installation is not None:
            return self.installation.vault
        return self.once("vault", self._load_vault)

    def close(self) -> None:
        """Close what was opened for this examination, unless it is still being opened."""
        opened = self._found.get("store")
        if self.installation is None and opened is not None and opened.done() and opened.exception() is None:
            opened.result().store.close()

    def _load_vault(self) -> Vault | None:
        keys = load_keys(self.settings.keys, self.settings.root)
        return None if keys is None else Vault(keys)

    def _open(self) -> OpenedStore:
        if self.installation is not None:
            return OpenedStore(self.installation.store, self.installation.vault)
        settings, edition = self.settings, self.edition
        require_same_store(settings)
        path = sqlite_path(settings.store, settings.root)
        if path is not None and not path.exists():
            raise NotChecked(_UNSERVED, _SERVE)
        store = connect(settings.store, settings.root, edition.kinds.schema, inspecting=True)
        try:
            return OpenedStore(store, self._vault_of(store))
        except BaseException:
            store.close()
            raise

    def _vault_of(self, store: Store) -> Vault:
        if not store.read(is_claimed):
            raise NotChecked(_UNSERVED, _SERVE)
        vault = self.vault()
        if vault is None:
            msg = f"The key file {self.settings.keys} is missing, but the database holds data sealed with it."
            raise KeysUnusable(msg)
        return vault


def _theme_of(unrendered: UnrenderedSite) -> Theme:
    theme = make_theme(unrendered.site, unrendered.kinds.files)
    if not isinstance(theme, Theme):
        msg = "A template of the site is broken."
        raise NotChecked(msg, "See: optin check")
    return theme


_UNSERVED = "Nobody has served this site yet, so there is no data."
_SERVE = "Run optin serve once, then optin doctor again; where the data is elsewhere, set OPTIN_STORE."
