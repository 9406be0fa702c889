"""What customers cost: a hundred thousand imported in flat memory, and one with every basis erased."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

from optin.bases.all_bases import BASES
from optin.cli.evidence_files import evidence_file
from optin.consent.email_and_telephone import parse_email
from optin.consent.held_basis import BasisStatement, BasisTerm
from optin.export.contact_list_reader import open_list
from optin.flows.bases.record_basis import EvidenceFile, record_basis
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.invoices.customer_statement import StatedCustomer
from optin.keys import load_keys, make_keys
from optin.services.customer_import import ImportSetting, RowOutcome, import_customers
from optin.services.customer_list import columns_of, listed_customers
from optin.services.installation import Installation
from optin.store.encryption import Vault
from tests.bases.shop import CONTROLLER, COURSES, SETTINGS, invoice
from tests.benchmarks.rights import timed
from tests.installed import KINDS
from tests.world import NOON, TIPS, World, open_world

FEW, MANY = 10_000, int(os.environ.get("OPTIN_BENCH_CUSTOMERS", "100000"))
ERASURES = 30
INVOICES = 3  # of each person who is erased


def world_at(folder: Path, name: str) -> World:
    """Open a world in a folder, with the settings of the shop."""
    keys = load_keys("keys.json", folder)
    if keys is None:
        raise AssertionError(folder)
    world = open_world(f"sqlite:///{folder}/{name}.db", folder, Vault(keys))
    world.policy = replace(world.policy, bases=SETTINGS)
    return world


def run_import(folder: Path, rows: int) -> None:
    """Import a list in a process of its own; print its peak, its seconds and what it recorded."""
    world = world_at(folder, f"import{rows}")
    installation = Installation(world.store, world.vault, world.policy, KINDS, clock=lambda: NOON)
    people = open_list(folder / f"list{rows}.csv", "email", None, "utf-8")
    common = StatedCustomer(who="Eva", product="courses", lang="nl")
    listed = listed_customers(people, columns_of(people, "list"), folder / "invoices", common)
    setting = ImportSetting(CONTROLLER, "NL", {"courses": COURSES}, evidence_file)
    begun = time.perf_counter()
    found = sum(it.outcome is RowOutcome.RECORDED for it in import_customers(installation, listed, setting))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter() - begun, found)
    world.store.close()


def importing(folder: Path) -> None:
    """Import two lists; compare their peaks."""
    (folder / "invoices").mkdir()
    peaks: dict[int, int] = {}
    for number in range(MANY):
        contact = (f"C {number}", "", f"c{number}@example.com")
        text = invoice(number=f"{number}", contacts=(contact,))
        (folder / "invoices" / f"{number}.xml").write_bytes(text)
    for rows in (FEW, MANY):
        with (folder / f"list{rows}.csv").open("w") as file:
            file.write("email,evidence\n")
            file.writelines(f"c{number}@example.com,{number}.xml\n" for number in range(rows))
        code = "import pathlib as p, sys; from tests.benchmarks import customers as c;"
        code += " c.run_import(p.Path(sys.argv[1]), int(sys.argv[2]))"
        words = [sys.executable, "-c", code, str(folder), str(rows)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        peak, spent, found = done.stdout.split()
        if int(found) != rows:
            raise AssertionError(found)
        peaks[rows] = int(peak)
        print(
            f"  import of {rows:,} customers, each with an invoice and what a law keeps:"
            f" {rows / float(spent):,.0f} rows/s, peak {int(peak) / 1024:.0f} MiB",
            flush=True,
        )
    ratio = peaks[MANY] / peaks[FEW]
    print(f"import, peak at {MANY:,} / at {FEW:,} rows: {ratio:.2f} (flat: at most 1.2)", flush=True)


def erasing(folder: Path) -> None:
    """Erase people with a consent and an entry of every basis, among those who were imported."""
    world = world_at(folder, f"import{MANY}")
    file = EvidenceFile("a.xml", invoice(), "application/xml")
    spent: list[float] = []
    for number in range(ERASURES):
        email = f"c{number}@example.com"
        world.join(email, TIPS)
        for basis in [*BASES, *["contract"] * INVOICES]:
            term = BasisTerm(date(2026, 1, 1), "7 years")
            said = BasisStatement(basis, "", "Eva", {"email": email}, term, purposes=(TIPS,))
            world.run(record_basis, said, [file], world.now)
        index = world.vault.index(parse_email(email))
        spent.append(timed(partial(world.run, erase_person, index, BY_PERSON, world.now)))
    spent.sort()
    print(
        f"one erasure with every basis among {MANY:,} customers: {spent[ERASURES // 2] * 1000:.1f} ms"
        f" (at most 100), slowest {spent[-1] * 1000:.0f} ms"
    )
    world.store.close()


def main() -> None:
    """Print what an import and an erasure cost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_keys("keys.json", folder, "dev")
        importing(folder)
        erasing(folder)


if __name__ == "__main__":
    main()
