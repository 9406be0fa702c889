"""Two machines with two processes each, a primary and its synchronous standby, pgbouncer between.

Whatever fails: who was acknowledged is stored and mailed once, pages are served all the while, and people can
sign up again within ten seconds.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.host.namespaces import BACK, Machine, missing
from tests.host.postgres_pair import POSTGRES_PORT
from tests.host.site_machines import Site, site_machines
from tests.host.traffic import VISITORS, Toll, Traffic
from tests.host.wrong_time import faked_time

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"not checked: {missing()}")

BACK_SECONDS = 10.0
AWAY_SECONDS = 3.0
CUT_SECONDS = 12.0
NOTICED_SECONDS = 2.0  # until an operator's tools act
RELAY_PORT = 7000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run one for every failure after which it is as before."""
    with site_machines(tmp_path_factory.mktemp("machines")) as running:
        yield running


def held(toll: Toll, scenario: str) -> Toll:
    """See what holds in every case; print the row of the table."""
    print(f"\n{scenario}: {toll}")
    assert toll.lost == []
    assert toll.pages_failed == 0
    assert toll.seconds_without < BACK_SECONDS
    return toll


def test_a_rolling_restart_is_not_noticed(site: Site) -> None:
    """O1, O10, D1: one process after the other: nobody gets an error, nobody is mailed twice."""
    traffic = Traffic(site, "rolling")
    traffic.start()
    for process in site.processes:
        assert process.stop() == 0
        process.start()
        traffic.wait_for(5)
    toll = held(traffic.finish(), "rolling restart")
    assert toll.doubled == []
    assert toll.failed == 0, traffic.failures


def test_killed_processes_lose_nothing(site: Site) -> None:
    """D1, S6: one, then both of a machine: the other machine takes over what they had in hand."""
    traffic = Traffic(site, "killed")
    traffic.start()
    first, second = site.processes[:2]
    first.kill()
    traffic.wait_for()
    first.start()
    first.kill()
    second.kill()
    traffic.wait_for()
    first.start()
    second.start()
    traffic.wait_for(5)
    toll = held(traffic.finish(), "kill -9 of optin, one process and then both of a machine")
    assert toll.failed <= 3 * VISITORS  # those whose answer was on its way
    assert len(toll.doubled) <= 3 * VISITORS  # taken by the mail server, its answer not read


def test_a_killed_primary_that_comes_back(site: Site) -> None:
    """S6, D1: without a failover, as a restart of its machine: forms wait or are refused, pages go on."""
    traffic = Traffic(site, "primary")
    traffic.start()
    site.pair.primary.kill()
    time.sleep(AWAY_SECONDS)
    site.pair.primary.start()
    traffic.wait_for()
    toll = held(traffic.finish(), "kill -9 of the primary, back after 3 s")
    assert toll.doubled == []


def test_a_killed_standby(site: Site) -> None:
    """S6, D1: commits wait for it until the primary is told to wait for nobody."""
    traffic = Traffic(site, "standby")
    traffic.start()
    site.pair.standby.kill()
    time.sleep(AWAY_SECONDS)
    site.pair.wait_for_nobody()
    traffic.wait_for()
    site.pair.standby.start()
    site.pair.wait_for_standby()
    traffic.wait_for(5)
    toll = held(traffic.finish(), "kill -9 of the synchronous standby")
    assert toll.doubled == []


def test_a_network_cut_between_a_machine_and_the_database(site: Site) -> None:
    """S6, D1: the other machine takes the forms; when it is mended, the first one does so again."""
    cut_off(site, f"network cut between a machine and the database, {CUT_SECONDS:g} s")


def cut_off(site: Site, scenario: str) -> None:
    """Cut a machine off from the database for a while."""
    traffic = Traffic(site, "cut")
    traffic.start()
    machine = site.processes[0].machine
    machine.cut(BACK)
    time.sleep(CUT_SECONDS)
    machine.mend(BACK)
    mended = time.monotonic()
    for process in site.processes[:2]:
        process.wait()
    took = time.monotonic() - mended
    traffic.wait_for(5)
    toll = held(traffic.finish(), f"{scenario}; ready {took:.1f} s after")
    assert toll.doubled == []
    assert took < BACK_SECONDS


def test_a_slow_network_to_the_database(site: Site) -> None:
    """S6, D1: 200 ms either way and one packet of a hundred lost: slower, and nothing else."""
    traffic = Traffic(site, "slow")
    traffic.start()
    relays = [slow_relay(pooler.machine, site.pair.primary.machine.back) for pooler in site.poolers]
    try:
        for pooler in site.poolers:
            pooler.point_to("127.0.0.1", RELAY_PORT)
        time.sleep(CUT_SECONDS)
        site.repoint()
        traffic.wait_for(5)
    finally:
        for relay in relays:
            relay.terminate()
            relay.wait(30)
    toll = held(traffic.finish(), "network to the database slow: 200 ms either way, 1 % lost")
    assert toll.doubled == []


def slow_relay(machine: Machine, database: str) -> subprocess.Popen[bytes]:
    """Start a slow relay on a machine."""
    words = (
        sys.executable,
        str(Path(__file__).with_name("slow_relay.py")),
        str(RELAY_PORT),
        database,
        str(POSTGRES_PORT),
    )
    return subprocess.Popen(machine.command(*words))


@pytest.mark.parametrize("minutes", [4, -4, 180])
def test_a_machine_whose_clock_is_wrong(site: Site, minutes: int) -> None:
    """S6, D1, O7: its mails are not taken from it, nor does it take those of the other."""
    traffic = Traffic(site, f"skew{minutes}")
    wrong = site.processes[2:]
    for process in wrong:
        process.stop()
        process.more.update(faked_time(timedelta(minutes=minutes)))
        process.start()
    try:
        traffic.start()
        time.sleep(AWAY_SECONDS)
        traffic.wait_for()
        toll = held(traffic.finish(), f"clock of a machine wrong by {minutes} minutes")
    finally:
        for process in wrong:
            process.stop()
            process.more.clear()
            process.start()
    assert toll.doubled == []
    assert toll.failed == 0, traffic.failures


def test_a_network_cut_without_a_pooler(tmp_path: Path) -> None:
    """S6, D1: connections on which nothing comes back are given up in seconds, and forms get an answer."""
    with site_machines(tmp_path / "machines", pooled=False) as site:
        cut_off(site, "the same without pgbouncer")


FAILOVERS = {
    "its process is killed": lambda server: server.kill(),
    "its machine vanishes": lambda server: server.machine.cut(BACK),
}


@pytest.mark.parametrize("pooled", [True, False], ids=["pgbouncer", "two addresses"])
@pytest.mark.parametrize("how", FAILOVERS)
def test_a_failover_by_promotion(tmp_path: Path, how: str, *, pooled: bool) -> None:
    """S6, D1, S4: the primary goes, the standby is promoted; poolers are led there, or processes find it."""
    with site_machines(tmp_path / "machines", pooled=pooled) as site:
        traffic = Traffic(site, "failover")
        traffic.start()
        traffic.wait_for()
        FAILOVERS[how](site.pair.primary)
        time.sleep(NOTICED_SECONDS)
        site.pair.promote()
        site.repoint()
        traffic.wait_for()
        by = "pgbouncer led to the other" if pooled else "both addresses in OPTIN_STORE"
        toll = held(traffic.finish(), f"failover after {NOTICED_SECONDS:g} s: {how}, {by}")
        assert toll.doubled == []
