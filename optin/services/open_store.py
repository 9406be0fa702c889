"""Open the store and the keys, and check that they belong together."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import replace
from enum import Enum, auto
from importlib.util import find_spec
from pathlib import Path

from optin.errors import KeysUnusable, SetupRefused, StoreUnusable
from optin.keys import UNUSED, KeyRing, load_keys, make_keys, write_rotated
from optin.server_addresses import AddressRefused, check_postgres_address
from optin.settings.installation import Settings
from optin.store.database_interface import Store, Tx
from optin.store.encryption import Vault
from optin.store.installation_facts import check_keys, is_claimed
from optin.store.migration_plan import MigrationPlan
from optin.store.migration_sets import Schema
from optin.store.move_address_indexes import needs_new_indexes, note_address_rule, renew_address_indexes
from optin.store.sqlite import SqliteStore, due_in_file, plan_in_file

SQLITE_PREFIX = "sqlite:///"
POSTGRES_PREFIXES = ("postgresql://", "postgres://")


class StoreUse(Enum):
    """Why a store is opened."""

    COMMAND = auto()
    SERVER = auto()
    INSPECTION = auto()  # whatever its schema is; nothing is written where that is not optin's


def open_store(
    url: str,
    root: Path,
    vault: Vault,
    schema: Schema,
    *,
    origin: str = "localhost/log",
    use: StoreUse = StoreUse.COMMAND,
) -> Store:
    """Open the store at `url`, new or made with these keys. Raises StoreUnusable or KeysUnusable.

    `origin` names the log of a new store. For an inspection a schema that is not optin's is taken as it is,
    to be looked at (`Store.schema_findings`); nothing is written to it.
    """
    inspecting = use is StoreUse.INSPECTION
    store = connect(url, root, schema, serving=use is StoreUse.SERVER, inspecting=inspecting)
    try:
        if inspecting and store.schema_findings():
            store.read(check_keys, vault=vault, origin=origin)
            return store
        with store.alone() if store.read(needs_new_indexes) else nullcontext():
            store.submit(claim_store, vault=vault, origin=origin).result()
    except BaseException:
        store.close()
        raise
    return store


def claim_store(tx: Tx, vault: Vault, origin: str) -> None:
    """Check that keys and data belong together, and apply the present rule for equal addresses.

    Raises KeysUnusable for other keys, StoreUnusable for data that today's rule cannot take apart.
    """
    check_keys(tx, vault, origin)
    if note_address_rule(tx):
        renew_address_indexes(tx, vault)


def open_keys(settings: Settings, schema: Schema) -> KeyRing:
    """Read the keys; create them on the first run, when no data exists that other keys encrypted.

    Raises KeysUnusable. New keys are of no use yet: the first server takes them (`claim_keys`).
    """
    keys = load_keys(settings.keys, settings.root)
    if keys is not None:
        return keys
    if has_data(settings, schema):
        msg = (
            f"The key file {settings.keys} is missing, but the database holds data sealed with it;"
            " put the file back. Nothing was changed."
        )
        raise KeysUnusable(msg)
    return make_keys(settings.keys, settings.root, UNUSED)


def open_vault(settings: Settings, schema: Schema) -> Vault:
    """Return the vault of the keys. Raises KeysUnusable."""
    return Vault(open_keys(settings, schema))


def claim_keys(settings: Settings, keys: KeyRing, use: str) -> KeyRing:
    """Mark unused keys for `use`, for good; return other keys unchanged."""
    if keys.use != UNUSED:
        return keys
    claimed = replace(keys, use=use)
    if not settings.keys.lstrip().startswith("{"):  # keys from the environment are changed where they are set
        write_rotated(settings.keys, settings.root, claimed)
    return claimed


def name_journal_key(settings: Settings, keys: KeyRing) -> None:
    """Add the journal's key to an older key file: from then on no unkeyed journal is taken over."""
    if keys.journal is not None or settings.keys.lstrip().startswith("{"):
        return
    with suppress(OSError):  # a file that is only read: then the database knows that there is a journal
        current = load_keys(settings.keys, settings.root)  # others may have rotated them
        if current is not None and current.journal is None:
            write_rotated(settings.keys, settings.root, current.with_journal_named())


def sqlite_path(url: str, root: Path) -> Path | None:
    """Return the file of a SQLite store; None for another kind of store."""
    return root / url.removeprefix(SQLITE_PREFIX) if url.startswith(SQLITE_PREFIX) else None


def data_folders(settings: Settings) -> tuple[Path, ...]:
    """Return the folders on this machine that grow while people sign up and leave."""
    journal, store = settings.path(settings.journal), sqlite_path(settings.store, settings.root)
    return (journal.parent,) if store is None else (journal.parent, store.parent)


def connect(
    url: str, root: Path, schema: Schema, *, serving: bool = False, inspecting: bool = False
) -> Store:
    """Open the store at `url`, whatever its keys. Raises StoreUnusable or SetupRefused.

    `inspecting`: whatever its schema is, too.
    """
    path = sqlite_path(url, root)
    if path is not None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return SqliteStore(path, schema, serving=serving, inspecting=inspecting)
    _check_postgres(url)
    from optin.store.postgres import PostgresStore  # noqa: PLC0415 - an extra; heavy to import

    return PostgresStore(url, schema, inspecting=inspecting)


def due_in(url: str, root: Path, schema: Schema) -> list[str]:
    """Return the names of a store's pending migrations; change nothing. Raises as `connect` does."""
    path = sqlite_path(url, root)
    if path is not None:
        return due_in_file(path, schema)
    _check_postgres(url)
    from optin.store.postgres_inspection import due_on  # noqa: PLC0415 - an extra; heavy to import

    return due_on(url, schema)


def plan_in(url: str, root: Path, schema: Schema) -> MigrationPlan:
    """Return what a store's pending migrations would do; change nothing. Raises as `connect` does."""
    path = sqlite_path(url, root)
    if path is not None:
        return plan_in_file(path, schema)
    _check_postgres(url)
    from optin.store.postgres_inspection import plan_on  # noqa: PLC0415 - an extra; heavy to import

    return plan_on(url, schema)


def grant_in(url: str, role: str, schema: Schema) -> None:
    """Grant a PostgreSQL role what a server needs. Raises RequestRefused, and as `connect` does."""
    _check_postgres(url)
    from optin.store.postgres_inspection import grant_on  # noqa: PLC0415 - an extra; heavy to import

    grant_on(url, role, schema)


def refuse_role_in(url: str, role: str) -> None:
    """Raise RequestRefused for a PostgreSQL role that no grant would bind; and as `connect` does."""
    _check_postgres(url)
    from optin.store.postgres_inspection import refuse_role_on  # noqa: PLC0415 - an extra; heavy to import

    refuse_role_on(url, role)


def _check_postgres(url: str) -> None:
    """Check that `url` is an address of a PostgreSQL server, and its driver is there."""
    if not url.startswith(POSTGRES_PREFIXES):
        msg = "OPTIN_STORE is neither sqlite:///FILE nor postgresql://…; correct it."
        raise StoreUnusable(msg)
    try:
        check_postgres_address(url)
    except AddressRefused as problem:
        msg = f"OPTIN_STORE (store in optin.toml) is not correct. {problem} Nothing was changed."
        raise StoreUnusable(msg) from None
    if find_spec("psycopg") is None:
        msg = 'PostgreSQL needs its driver; run: pip install "optin[postgres]"'
        raise SetupRefused(msg)


def has_data(settings: Settings, schema: Schema) -> bool:
    """Return whether a store exists that keys were used with; creates none."""
    path = sqlite_path(settings.store, settings.root)
    if path is not None and not path.exists():
        return False
    store = connect(settings.store, settings.root, schema, inspecting=True)
    try:
        return store.read(is_claimed)
    finally:
        store.close()
