"""Counts for staff look at few events: the databases find those of renewals by an index."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from optin.store.database_interface import Row, Tx
from optin.store.recent_counts import Window, count_forms_by_week
from optin.store.row_queries import BEYOND_ALL, Place
from optin.store.staff_trail import ActFilter, acts_page
from tests.world import NOON, open_world


class Explained:
    """A transaction that tells how a query would be run, in place of its rows."""

    def __init__(self, tx: Tx, word: str) -> None:
        self._tx, self._word = tx, word
        self.skip_locked = tx.skip_locked
        self.told: list[str] = []

    def all(self, sql: str, **values: Any) -> list[Row]:
        self.told += [str(row[-1]) for row in self._tx.all(f"{self._word} {sql}", **values)]
        return []


def explained(tx: Tx, url: str) -> Explained:
    """Return a transaction that explains; PostgreSQL does without reading small tables as a whole."""
    if url.startswith("sqlite"):
        return Explained(tx, "EXPLAIN QUERY PLAN")
    for name in ("seqscan", "sort", "hashjoin", "mergejoin"):
        tx.run(f"SET LOCAL enable_{name} = off")
    return Explained(tx, "EXPLAIN")


def test_posted_forms_are_counted_by_the_index_of_other_requests(store_url: str, tmp_path: Path) -> None:
    """O4: the condition is that of the index, so a count looks at no event of a posted form."""
    world = open_world(store_url, tmp_path)
    windows = (Window(NOON - timedelta(days=1), NOON), Window(NOON - timedelta(days=8), NOON))

    def plan(tx: Tx) -> str:
        asking = explained(tx, store_url)
        count_forms_by_week(asking, NOON, *windows, NOON.date())  # type: ignore[arg-type]  # it answers `all` alone
        return " ".join(asking.told)

    assert "event_without_form" in world.do(plan)
    world.store.close()


def test_a_page_of_the_trail_is_read_in_its_order(store_url: str, tmp_path: Path) -> None:
    """K1: by kind, by account and about nobody: no page sorts the whole trail."""
    world = open_world(store_url, tmp_path)
    chosen = {
        "staff_act_at": ActFilter(),
        "staff_act_kind_at": ActFilter(kind="signed-in"),
        "staff_act_staff_at": ActFilter(staff=b"s"),
        "staff_act_about_at": ActFilter(about_nobody=True),
    }

    def plan(tx: Tx, wanted: ActFilter) -> str:
        asking = explained(tx, store_url)
        acts_page(asking, wanted, Place(BEYOND_ALL, BEYOND_ALL), 50)  # type: ignore[arg-type]  # it answers `all` alone
        return " ".join(asking.told)

    for index, wanted in chosen.items():
        told = world.do(plan, wanted=wanted)
        assert index in told, told
        assert "TEMP B-TREE" not in told, told
    world.store.close()
