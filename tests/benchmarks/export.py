"""An export of a million leads: flat memory, rows a second. OPTIN_BENCH_LEADS says how many, if fewer.

Filling the store with a million real leads (sealed, with their events) takes some minutes.
"""

from __future__ import annotations

import os
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.event_content import EventBuilder, rfc3339
from optin.consent.status_transitions import EventKind, RequestId, SubjectId
from optin.keys import load_keys, make_keys
from optin.proof.canonical_json import canonical
from optin.proof.commitment import commit, leaf_digest
from optin.store.contacts import Contact, seal_contact
from optin.store.database_interface import to_ms
from optin.store.encryption import Vault, new_id
from optin.store.requests import SealedRequest
from optin.store.sqlite_connection import connect
from optin.store.stored_forms import declaration_digest
from tests.installed import KINDS
from tests.world import NOON, TIPS, TIPS_BY_EMAIL, World, form_version, open_world

FEW = 10_000
BATCH = 5_000


def fill(world: World, path: Path, count: int) -> None:
    """Store leads by the thousand: what the flows store, without their thousand transactions."""
    connection = connect(path)
    form, question = world.form, world.form.declaration.questions[0]
    confirmed = NOON + timedelta(seconds=1)
    for first in range(0, count, BATCH):
        rows: dict[str, list[tuple[object, ...]]] = {"subject": [], "request": [], "event": [], "consent": []}
        for number in range(first, min(first + BATCH, count)):
            address = f"p{number}@example.com"
            subject, request = new_id(), RequestId(new_id())
            index = world.vault.index(EmailAddress(address))
            declared = canonical(
                {"email": address, "fields": {}, "purposes": [TIPS], "form": form.digest, "at": rfc3339(NOON)}
            )
            sealed = SealedRequest(declared, secrets.token_bytes(32), "12345678")
            words, commitment = declaration_digest(form.declaration), commit(sealed.salt, declared)
            about = EventBuilder(request, form.digest, words, form.declaration, commitment)
            until = to_ms(question.retention.after(confirmed))
            known = Contact({"email": address}, salt=secrets.token_bytes(32))
            contact = seal_contact(world.vault, SubjectId(subject), known)
            details = commit(known.salt, known.plain)
            rows["subject"].append((subject, index, contact, until))
            kept = sealed.seal(world.vault, request)
            asked, given = to_ms(NOON), to_ms(confirmed)
            rows["request"].append((request, index, subject, form.digest, kept, asked, 0, given))
            bodies = about.bodies(EventKind.REQUESTED, NOON, (question,))
            for body in bodies + about.confirmed(confirmed, (question,), "link", details):
                data = canonical(body)
                rows["event"].append((request, data.decode(), leaf_digest(data), world.vault.event_mac(data)))
            rows["consent"].append((subject, TIPS, "email", "given", to_ms(confirmed), until, request))
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO subject(id, email_index, sealed, created_at, idle_from, consented)"
            " VALUES (?, ?, ?, 0, ?, 1)",
            rows["subject"],
        )
        connection.executemany(
            "INSERT INTO request"
            "(id, email_index, subject_id, form, sealed, created_at, erase_at, confirmed_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows["request"],
        )
        connection.executemany(
            "INSERT INTO event(request_id, body, leaf, mac) VALUES (?, ?, ?, ?)", rows["event"]
        )
        connection.executemany(
            "INSERT INTO consent(subject_id, purpose, channel, status, since, expires_at, request_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows["consent"],
        )
        connection.execute("COMMIT")
    connection.close()


def export(folder: Path, count: int) -> None:
    """Export in this process; print peak memory in KiB, seconds and rows."""

    from optin.export.destination import destination  # noqa: PLC0415 - as above
    from optin.export.lead_row import LeadRows  # noqa: PLC0415 - as above
    from optin.export.writers import write_csv  # noqa: PLC0415 - as above
    from optin.flows.exports.export_leads import LeadExport  # noqa: PLC0415 - as above
    from optin.store.leads import count_leads  # noqa: PLC0415 - as above
    from tests.stores import open_store  # noqa: PLC0415 - as above

    keys = load_keys("keys.json", folder)
    if keys is None:
        raise AssertionError(folder)
    store = open_store(f"sqlite:///{folder}/{count}.db", folder, Vault(keys))
    vault = Vault(keys)
    lead_export = LeadExport(
        store.read,
        lambda operation, /, *args, **kwargs: store.submit(operation, *args, **kwargs).result(),
        vault,
        KINDS.details,
        TIPS_BY_EMAIL,
        NOON + timedelta(days=1),
    )
    rows = LeadRows(vault, "https://optin.example.com", lead_export.field_names(), NOON)
    expected = store.read(count_leads, key=TIPS_BY_EMAIL)
    begun = time.perf_counter()
    with destination(str(folder / f"{count}.csv")) as draft:
        write_csv(draft.file, rows.columns, (rows.row(lead) for lead in lead_export.proven()))
        draft.released = True
    spent = time.perf_counter() - begun
    if lead_export.exported != expected or lead_export.refused:
        raise AssertionError(lead_export.refused)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, spent, lead_export.exported)
    store.close()


def main() -> None:
    """Print the ratio of the peaks, and rows a second."""
    many = int(os.environ.get("OPTIN_BENCH_LEADS", "1000000"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys = make_keys("keys.json", folder, "dev")
        peaks: dict[int, int] = {}
        for count in (FEW, many):
            vault = Vault(keys)
            world = open_world(f"sqlite:///{folder}/{count}.db", folder, vault)
            world.serve(form_version())
            fill(world, folder / f"{count}.db", count)
            world.store.close()
            code = "import pathlib as p, sys; from tests.benchmarks import export as e;"
            code += " e.export(p.Path(sys.argv[1]), int(sys.argv[2]))"
            done = subprocess.run(
                [sys.executable, "-c", code, name, str(count)], capture_output=True, text=True, check=True
            )
            peak, seconds, exported = done.stdout.split()
            peaks[count] = int(peak)
            rate = int(exported) / float(seconds)
            print(
                f"  {int(exported):,} leads: peak {int(peak) / 1024:.0f} MiB, {rate:,.0f} rows/s", flush=True
            )
    print(f"peak of {many:,} / peak of {FEW:,}: {peaks[many] / peaks[FEW]:.2f} (at most 1.2)")
