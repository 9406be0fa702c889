"""The table of the doctor's checks of this machine and of the database; some run when a server starts.

They are apart from the others, because a server must start without importing what those need.
"""

from __future__ import annotations

from optin.services.doctor import database_checks, machine_checks
from optin.services.doctor.run_checks import Check

SERVER, DATABASE = "This server", "Database"

LOCAL_CHECKS: tuple[Check, ...] = (
    Check(
        "settings",
        SERVER,
        "The settings are safe to serve with",
        "Over plain HTTP links and answers can be read on their way; mail to a folder reaches nobody.",
        machine_checks.check_serving_settings,
        at_start=True,
    ),
    Check(
        "keys",
        SERVER,
        "Nobody else can read or replace the key file",
        "Whoever has the keys reads every person's data and signs links and the log.",
        machine_checks.check_keys,
        at_start=True,
        fatal=True,
    ),
    Check(
        "keys-copied",
        SERVER,
        "A copy of the keys lies elsewhere",
        "Without the keys no backup can be read by anybody: every consent and its proof would be lost.",
        machine_checks.check_keys_copied,
    ),
    Check(
        "disk",
        SERVER,
        "The disks have room",
        "On a full disk nobody can sign up or withdraw.",
        machine_checks.check_disk,
        at_start=True,
    ),
    Check(
        "tracing",
        SERVER,
        "Traces can be sent, where they are asked for",
        "Whoever looks for what made a request slow finds nothing.",
        machine_checks.check_tracing,
    ),
    Check(
        "database-disk",
        DATABASE,
        "A SQLite database is on a disk of this machine",
        "On a network's file system SQLite can damage the database (sqlite.org/howtocorrupt.html, 2.1).",
        machine_checks.check_database_disk,
        at_start=True,
        fatal=True,
    ),
    Check(
        "database",
        DATABASE,
        "The database can be used",
        "Without it nobody can sign up, confirm or withdraw.",
        database_checks.check_database,
        late_is_failed=True,
    ),
    Check(
        "sealed-data",
        DATABASE,
        "The present keys open the stored data",
        "What no key opens is lost: neither shown to the person, nor exported, nor proven.",
        database_checks.check_sealed_data,
        at_start=True,
    ),
    Check(
        "postgres-version",
        DATABASE,
        "PostgreSQL gets security updates",
        "A known hole in the database is one to all data.",
        database_checks.check_postgres_version,
    ),
    Check(
        "postgres-settings",
        DATABASE,
        "PostgreSQL stores what it says it stored",
        "Without these settings a power cut loses consents that people were thanked for, or damages tables.",
        database_checks.check_postgres_settings,
        at_start=True,
    ),
    Check(
        "postgres-checksums",
        DATABASE,
        "PostgreSQL notices damaged pages",
        "Without checksums a failing disk is noticed when the damage is in every backup.",
        database_checks.check_postgres_checksums,
    ),
    Check(
        "postgres-pooler",
        DATABASE,
        "A pooler, if any, is known",
        "optin works through pgbouncer in session or transaction mode; statement mode breaks it.",
        database_checks.check_pooler,
    ),
    Check(
        "postgres-replicas",
        DATABASE,
        "Replicas keep up",
        "After a failover what a replica lacks is lost.",
        database_checks.check_replicas,
    ),
)
