"""Checks of the database server: it can be used, its version, its settings, its replicas; keys and data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from optin.errors import OptinError, SetupRefused
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import NotChecked, Seen, failed, not_checked, passed, warning
from optin.services.open_store import due_in, sqlite_path
from optin.store.installation_facts import check_keys
from optin.store.postgres_settings import LAST_DAYS, replica_lags, server_settings
from optin.store.sealed_samples import unreadable_tables

LATE_REPLICA_SECONDS = 60.0


def check_database(examination: Examination) -> Seen:
    """Check that the database opens, with these keys and the schema of this version."""
    settings, schema = examination.settings, examination.edition.kinds.schema
    try:
        opened = examination.opened()
        # with its own log name, so that a fresh database would not be claimed: it has one
        opened.store.read(check_keys, vault=opened.vault, origin=settings.log_origin)
        found = opened.store.schema_findings()
        due = [] if found else due_in(settings.store, settings.root, schema)
    except NotChecked:
        raise
    except SetupRefused as problem:
        return failed(str(problem), "Do what the sentence says; docs/postgresql.md has the addresses.")
    except OptinError as problem:
        return failed(f"The database does not answer now ({problem.name}).", "See that it runs.")
    if found:
        text = f"The tables are not as this version made them: {' '.join(found)}"
        return failed(text, "optin audit, then optin migrate")
    if due:
        return warning(f"Migrations that are due: {', '.join(due)}.", "optin migrate")
    return passed("The database opens with these keys, and its tables are as this version made them.")


def is_sqlite(examination: Examination) -> bool:
    """Return whether the data is in a file."""
    return sqlite_path(examination.settings.store, examination.settings.root) is not None


def _settings_of(examination: Examination) -> Mapping[str, str]:
    return examination.once("server settings", lambda: examination.opened().store.read(server_settings))


def check_postgres_version(examination: Examination) -> Seen | None:
    """Check that the version of PostgreSQL still gets security updates."""
    if is_sqlite(examination):
        return None
    number = int(_settings_of(examination)["server_version_num"])
    return judge_version(number, examination.now.date())


def judge_version(number: int, today: date) -> Seen:
    """Return the finding about a version, as in server_version_num: 150004."""
    major = number // 10_000
    last = LAST_DAYS.get(major)
    name = f"PostgreSQL {major}.{number % 10_000}"
    if last is not None and today > last:
        return warning(
            f"{name} gets no security updates since {last}.", "Upgrade to a newer version.", name[:13]
        )
    return passed(f"{name}{'' if last is None else f', with security updates until {last}'}.")


def check_postgres_settings(examination: Examination) -> Seen | None:
    """Check the settings without which what was stored may be lost."""
    if is_sqlite(examination):
        return None
    return judge_durability(_settings_of(examination))


def judge_durability(found: Mapping[str, str]) -> Seen:
    """Return the finding about the settings on which durability depends."""
    off = [name for name in ("fsync", "full_page_writes", "synchronous_commit") if found.get(name) == "off"]
    if off:
        cure = "; ".join(f"ALTER SYSTEM SET {name} = on" for name in off) + "; SELECT pg_reload_conf();"
        return failed(f"Switched off: {', '.join(off)}.", cure, " ".join(off))
    return passed("fsync, full_page_writes and synchronous_commit are on.")


def check_postgres_checksums(examination: Examination) -> Seen | None:
    """Check that the server notices damaged pages."""
    if is_sqlite(examination):
        return None
    if _settings_of(examination).get("data_checksums") != "on":
        cure = "Stop the server, run pg_checksums --enable on its data folder, start it again."
        return warning("data_checksums is off.", cure)
    return passed("data_checksums is on.")


def check_pooler(examination: Examination) -> Seen | None:
    """Tell whether a pooler is in between; optin works with one that pools sessions or transactions."""
    if is_sqlite(examination):
        return None
    from optin.store.postgres_inspection import is_pooled_at  # noqa: PLC0415 - an extra; heavy to import

    if is_pooled_at(examination.settings.store):
        return passed("A pooler is in between; let it pool sessions or transactions, not statements.")
    return passed("optin is connected to the server itself.")


def check_replicas(examination: Examination) -> Seen | None:
    """Check how far replicas are behind."""
    if is_sqlite(examination):
        return None
    return judge_lags(examination.opened().store.read(replica_lags))


def judge_lags(lags: list[float | None]) -> Seen:
    """Return the finding about the seconds by which replicas are behind."""
    if not lags:
        return passed("No replica is attached to the server.")
    known = [it for it in lags if it is not None]
    if len(known) < len(lags):
        cure = "GRANT pg_monitor TO the role that optin uses."
        return not_checked(f"The role may not see how far {len(lags) - len(known)} replicas are.", cure)
    if max(known) > LATE_REPLICA_SECONDS:
        text = f"A replica is {max(known):.0f} seconds behind."
        return warning(text, "See its log, its disk and the network between; it must catch up.")
    return passed(f"Replicas: {len(known)}, none over {LATE_REPLICA_SECONDS:.0f} seconds behind.")


def check_sealed_data(examination: Examination) -> Seen:
    """Check that the present keys open what is stored, by samples of each table."""
    opened = examination.opened()
    broken, tried = opened.store.read(unreadable_tables, vault=opened.vault)
    if broken:
        cure = (
            "Put the key file back that belongs to this database, with all its seal keys; then optin audit."
        )
        return failed(f"The present keys do not open data of: {', '.join(broken)}.", cure, " ".join(broken))
    return passed(f"The present keys open the samples of all tables ({tried}).")
