"""Several processes that start at the same moment on a new database, as workers do."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from optin.keys import KeyRing
from optin.services.open_store import open_store
from optin.store.database_interface import Store
from optin.store.encryption import Vault
from optin.store.stored_forms import keep_form, keep_privacy
from tests.stores import SCHEMA
from tests.waiting import SECONDS
from tests.world import NOON, PRIVACY, form_version

STARTS = 6
ROUNDS = 3


def test_all_come_up_and_keep_one_copy_of_each_form(empty_url: str, tmp_path: Path) -> None:
    """O1, F7: nobody trips over what another just wrote; versions are numbered without a gap."""
    vault, together = Vault(KeyRing.fresh("dev")), threading.Barrier(STARTS)

    def start(number: int) -> Store:
        try:
            return come_up(number)
        except BaseException:
            together.abort()  # the others need not wait
            raise

    def come_up(number: int) -> Store:
        together.wait(SECONDS)
        store = open_store(empty_url, tmp_path, vault, SCHEMA)  # not a copy: that would be nobody's start
        for turn in range(ROUNDS):
            together.wait(SECONDS)
            store.submit(keep_privacy, statement=PRIVACY, now=NOON).result()
            store.submit(keep_form, version=form_version(f"same {turn}"), now=NOON).result()
            own = form_version(f"own {number} {turn}")
            store.submit(keep_form, version=own, now=NOON).result()
        return store

    with ThreadPoolExecutor(STARTS) as threads:
        stores = list(threads.map(start, range(STARTS)))
    ordinals = stores[0].read(lambda tx: tx.all("SELECT ordinal FROM form_version ORDER BY ordinal"))
    assert [row[0] for row in ordinals] == list(range(1, ROUNDS * (STARTS + 1) + 1))
    for store in stores:
        store.close()
