"""Opening the store and the keys, and seeing that they belong together."""

from __future__ import annotations

from pathlib import Path

from optin.errors import KeysUnusable, SetupRefused, StoreUnusable
from optin.keys import KeyRing, load_keys, make_keys
from optin.servers import AddressRefused, check_postgres_address
from optin.settings import Settings
from optin.store.installation import check_keys, is_claimed
from optin.store.sqlite import SqliteStore
from optin.store.transaction import Store
from optin.store.vault import Vault

SQLITE_PREFIX = "sqlite:///"
POSTGRES_PREFIXES = ("postgresql://", "postgres://")


def open_store(
    url: str, root: Path, vault: Vault, *, origin: str = "localhost/log", serving: bool = False
) -> Store:
    """Open the store at `url`, made by these keys or new. Raises StoreUnusable or KeysUnusable.

    `origin` names the log of a new store.
    """
    store = _connect(url, root, serving=serving)
    try:
        store.submit(lambda tx: check_keys(tx, vault, origin)).result()
    except BaseException:
        store.close()
        raise
    return store


def open_keys(settings: Settings, use: str) -> KeyRing:
    """Read the keys; make them on the first run, when there is no data yet that others sealed.

    Raises KeysUnusable.
    """
    keys = load_keys(settings.keys, settings.root)
    if keys is not None:
        return keys
    if _has_data(settings):
        msg = (
            f"The key file {settings.keys} is missing, but the database holds data sealed with it;"
            " put the file back. Nothing was changed."
        )
        raise KeysUnusable(msg)
    return make_keys(settings.keys, settings.root, use)


def sqlite_path(url: str, root: Path) -> Path | None:
    """Return the file of a SQLite store; None for another kind of store."""
    return root / url.removeprefix(SQLITE_PREFIX) if url.startswith(SQLITE_PREFIX) else None


def _connect(url: str, root: Path, *, serving: bool) -> Store:
    path = sqlite_path(url, root)
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return SqliteStore(path, serving=serving)
    if url.startswith(POSTGRES_PREFIXES):
        try:
            check_postgres_address(url)
        except AddressRefused as problem:
            msg = f"OPTIN_STORE (store in optin.toml) is not correct. {problem} Nothing was changed."
            raise StoreUnusable(msg) from None
        try:
            from optin.store.postgres import PostgresStore  # noqa: PLC0415 - an extra; heavy to import
        except ImportError:
            msg = 'PostgreSQL needs its driver; run: pip install "optin[postgres]"'
            raise SetupRefused(msg) from None
        return PostgresStore(url)
    msg = "OPTIN_STORE is neither sqlite:///FILE nor postgresql://…; correct it."
    raise StoreUnusable(msg)


def _has_data(settings: Settings) -> bool:
    path = sqlite_path(settings.store, settings.root)
    if path is not None and not path.exists():
        return False
    store = _connect(settings.store, settings.root, serving=False)
    try:
        return store.read(is_claimed)
    finally:
        store.close()
