"""How long a customer takes to come back: worked out from the invoices on record."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from optin.bases.life_cycle import FEWEST, gaps_between, life_cycle_of, quartiles_of
from optin.export.life_cycle_chart import NOTHING, as_svg
from optin.flows.bases.invoice_days import invoice_days
from tests.bases.shop import TOML, add, invoice, stated
from tests.bases.test_customer_import import imports
from tests.export.test_scrub import site as site  # noqa: PLC0414 - a site with people
from tests.own_site import add_settings
from tests.shell import shell
from tests.world import World

YEAR = date(2025, 1, 1)
TODAY = datetime.now(UTC).date()


def days(*numbers: int) -> list[date]:
    """Return days of a year, by their numbers."""
    return [YEAR + timedelta(days=number) for number in numbers]


def test_the_time_between_invoices_is_that_of_one_customer() -> None:
    """L2: in any order; two invoices of a day are one; one invoice alone says nothing."""
    assert list(gaps_between(days(40, 10, 10, 100))) == [30, 60]
    assert list(gaps_between(days(7))) == []
    found = life_cycle_of("courses", {b"a": days(0, 30), b"b": days(10), b"c": days(5, 5)})
    assert (found.customers, found.returning, found.gaps, found.quartiles) == (3, 1, 1, None)
    assert (found.since, found.until) == (YEAR, YEAR + timedelta(days=30))


def test_quartiles_are_those_of_the_times() -> None:
    """L2: with twenty times or more; fewer say nothing."""
    assert quartiles_of(range(1, FEWEST)) is None
    found = quartiles_of(range(10, 231, 10)[: FEWEST + 1])
    assert found is not None
    assert (found.least, found.lower, found.median, found.upper, found.most) == (10, 60, 110, 160, 210)


@given(st.lists(st.dates(date(2020, 1, 1), date(2030, 1, 1)), min_size=1, max_size=60))
def test_the_times_of_a_customer_are_their_whole_span(found: list[date]) -> None:
    """L2: none is lost, and none is counted twice."""
    assert sum(gaps_between(found)) == (max(found) - min(found)).days
    line = life_cycle_of("a", {b"x": found})
    if line.quartiles is not None:
        of = line.quartiles
        assert of.least <= of.lower <= of.median <= of.upper <= of.most


def test_the_register_gives_the_days(world: World) -> None:
    """L2: by product line and customer, whoever reads it sees no address."""
    for number, day in enumerate(("2026-11-03", "2026-05-01", "2026-01-01")):
        add(world, invoice(number=f"{number}", issued=day))
    other = (("Bob", "", "bob@example.com"),)
    add(world, invoice(number="9", issued="2026-02-02", contacts=other), stated("bob@example.com"))
    found = invoice_days(world.store.read, world.vault)
    assert [*found] == ["courses"]
    assert sorted(sorted(it) for it in found["courses"].values()) == [
        [date(2026, 1, 1), date(2026, 5, 1), date(2026, 11, 3)],
        [date(2026, 2, 2)],
    ]
    assert not any(b"example" in it for it in found["courses"])


@pytest.mark.parametrize("many", [1, 9, 120, 3_000])
def test_the_plot_is_drawn_at_any_scale(many: int) -> None:
    """L2: a sound SVG, that says in words what it shows."""
    lines = [
        life_cycle_of("<courses> of a very long name & more", {b"a": days(*range(0, 30 * many, many))}),
        life_cycle_of("few", {b"a": days(1)}),
    ]
    drawn = as_svg(lines)
    root = etree.fromstring(drawn)
    described = root.findtext("{*}desc") or ""
    assert "half of the 29 times" in described
    assert "few" not in described
    across = [float(it) for it in re.findall(r' x[12]?="([\d.]+)"', drawn.decode())]
    assert all(0 <= it <= float(root.get("width") or 0) for it in across)
    assert NOTHING in as_svg(lines[1:]).decode()


@pytest.fixture
def shop(site: Path) -> Path:
    """Return a site that sells courses, and a folder with the invoices of three customers by the month."""
    add_settings(site, TOML)
    folder = site.parent / "invoices"
    folder.mkdir()
    for number in range(30):
        day = TODAY - timedelta(days=30 * (1 + number // 3))
        who = ((f"C {number}", "", f"c{number % 3}@example.com"),)
        data = invoice(number=f"{number}", issued=day.isoformat(), contacts=who)
        (folder / f"{number}.xml").write_bytes(data)
    return site


def test_the_command_shows_the_quartiles_and_what_they_cannot_say(shop: Path) -> None:
    """L2: a table, a plot, and their limits; too few are told to be so."""
    empty = shell(shop, "customer", "life-cycle")
    assert "No invoice is on record" in empty.stderr
    imports(shop, "--product", "courses", file="")
    plot = shop.parent / "cycle.svg"
    done = shell(shop, "customer", "life-cycle", "--plot", str(plot))
    assert done.exit_code == 0, done.output
    row = next(line for line in done.stdout.splitlines() if "courses" in line)
    assert [it.strip() for it in re.split("[│┃|]", row) if it.strip()][:4] == ["courses", "3", "3", "27"]
    assert "came back after an entry was erased" in done.stderr
    assert "half of the 27 times are at most 1.0 months" in plot.read_text()
    assert "no product line 'cars'" in shell(shop, "customer", "life-cycle", "--product", "cars").stderr
