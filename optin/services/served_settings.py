"""Settings that the server runs with, stored so that commands in another shell use the same.

Links in an export, the digests of forms and the journal depend on them. A setting that the command's shell
lacks is taken from the server; one that differs is refused, naming both.
"""

from __future__ import annotations

import json
import re
import secrets
from urllib.parse import parse_qsl, urlencode

from optin.errors import SetupRefused
from optin.services.open_store import SQLITE_PREFIX, connect, has_data, sqlite_path
from optin.services.setup_check import DEV, SERVE
from optin.settings.installation import ServedSettings, Settings, environment_name
from optin.store.database_interface import Store
from optin.store.installation_facts import note_served, served_settings
from optin.store.migration_sets import Schema

_BY = "by"
NOTE = "var/served.json"  # where the data is: a store cannot tell that it is the wrong one
_PARAMETERS = re.compile(r"\?(?=[A-Za-z_]+=)")
_PLACE = re.compile(r"[\w.-]*(:\d+)?/[\w-]*")
_SECRET = {"password", "sslpassword", "passfile", "sslkey"}


def keep_served(store: Store, settings: Settings, server: str) -> None:
    """Store what a server (`serve`, `dev`) runs with in its store and, without secrets, beside its site."""
    values = settings.shared
    store.submit(note_served, settings={**values, _BY: server}).result()
    path = settings.path(NOTE)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        noted = {**values, "store": store_without_password(settings), _BY: server}
        draft.write_text(json.dumps(noted) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError:  # a folder that is only read: other shells then have to be set up alike
        draft.unlink(missing_ok=True)


def settings_of_server(settings: Settings, schema: Schema) -> ServedSettings | None:
    """Return the settings of the site's server; None when there is no data yet. Raises SetupRefused.

    A store other than the server's is refused: what it holds may be of another time.
    """
    require_same_store(settings)
    if not has_data(settings, schema):
        return None
    store = connect(settings.store, settings.root, schema, inspecting=True)
    try:
        values = store.read(served_settings)
    finally:
        store.close()
    by = values.pop(_BY, SERVE)
    return ServedSettings(values, over_file=by == DEV)


def journal_to_restore(settings: Settings, *, elsewhere: bool = False) -> str:
    """Return the journal of a server whose database is gone: it lists withdrawals since the backup.

    `elsewhere`: the backup goes into another store than the server's, on purpose. Raises SetupRefused for a
    store or a journal that is not the server's: people who withdrew since would come back.
    """
    if not elsewhere:
        require_same_store(settings, "or use --new-store to restore into the other store")
    noted = _noted(settings)
    kept = {name: noted[name] for name in ("journal",) if isinstance(noted.get(name), str)}
    require_server_settings(settings, ServedSettings(kept, over_file=noted.get(_BY) == DEV))
    return kept.get("journal", settings.journal)


def require_server_settings(settings: Settings, served: ServedSettings) -> None:
    """Refuse a setting that differs from the server's. Raises SetupRefused, naming both values."""
    for name, value in settings.differing_from(served).items():
        msg = (
            f"The server of this site was started with {name} = {value}, and this command with"
            f" {getattr(settings, name)}. Leave {environment_name(name)} out here, or start the server with"
            " the new"
            " value first. Nothing was done."
        )
        raise SetupRefused(msg)


def require_served_site(settings: Settings, served: ServedSettings | None) -> ServedSettings:
    """Return the server's settings. Raises SetupRefused when the site was never served."""
    if served is None:
        msg = (
            f"Nobody has served this site yet: there is no data in {store_without_password(settings)}."
            " Where its server keeps the data elsewhere, set OPTIN_STORE as it is set there."
        )
        raise SetupRefused(msg)
    return served


def store_without_password(settings: Settings) -> str:
    """Return the address of the store for display and comparison, without user and password.

    A password that is not percent-encoded may hold any sign, so all that stands before the last @ goes; and
    where one may stand among the parameters, what does not look like a host and a database is left out whole.
    """
    path = sqlite_path(settings.store, settings.root)
    if path is not None:
        whole, root = path.resolve(), settings.root.resolve()
        return f"{SQLITE_PREFIX}{whole.relative_to(root) if whole.is_relative_to(root) else whole}"
    scheme, _, rest = settings.store.partition("://")
    found = _PARAMETERS.search(rest)
    whole_place, query = (rest, "") if found is None else (rest[: found.start()], rest[found.end() :])
    place = whole_place.rpartition("@")[2]
    if "@" in query and not _PLACE.fullmatch(place):
        return f"{scheme}://"
    shown = urlencode([pair for pair in parse_qsl(query) if pair[0] not in _SECRET], safe="/")
    return f"{scheme}://{place}{'?' if shown else ''}{shown}"


def noted_settings(settings: Settings) -> ServedSettings | None:
    """Return the shared settings that the last server wrote beside the site; None where there are none.

    For a command that must work while the database does not.
    """
    noted = _noted(settings)
    values = {name: noted[name] for name in settings.shared if isinstance(noted.get(name), str)}
    return ServedSettings(values, over_file=noted.get(_BY) == DEV) if values else None


def _noted(settings: Settings) -> dict[str, str]:
    """Return what the last server wrote beside the site; empty when there is no such file."""
    try:
        noted = json.loads(settings.path(NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def require_same_store(settings: Settings, other: str = "or start the server with the new one first") -> None:
    """Refuse a store other than that of the server. Raises SetupRefused, naming both."""
    noted, own = _noted(settings).get("store"), store_without_password(settings)
    if noted is not None and noted != own:
        msg = (
            f"The server of this site keeps its data in {noted}, and this command would use {own}. Set"
            f" OPTIN_STORE as it is set for the server, {other}. Nothing was done."
        )
        raise SetupRefused(msg)
