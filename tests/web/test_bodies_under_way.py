"""Who keeps a place while bodies are read, from plain values; real senders are in tests/faults."""

from __future__ import annotations

import asyncio

import pytest

from optin.errors import PostTooSlow, StoreBusy
from optin.web.bodies_under_way import BodiesUnderWay

LONG = 60.0


async def read(places: BodiesUnderWay, network: str, told: list[str], seconds: float = LONG) -> None:
    """Read a body that does not end; tell how that went."""
    try:
        async with places.place(network, seconds):
            await asyncio.Event().wait()
    except PostTooSlow:
        told.append(f"{network} slow")
    except StoreBusy:
        told.append(f"{network} gave way")


async def coming(places: BodiesUnderWay, told: list[str], *networks: str) -> list[asyncio.Task[None]]:
    tasks = []
    for network in networks:
        tasks.append(asyncio.create_task(read(places, network, told)))
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
    return tasks


@pytest.mark.parametrize(
    ("held", "newcomer", "gives_way"),
    [
        (("a", "b", "b"), "c", ["b gave way"]),  # of the network with the most
        (("a", "b", "c"), "d", ["a gave way"]),  # who began first
        (("b", "a", "a"), "a", ["a gave way"]),  # whoever has many makes room for his own
        (("a", "b"), "c", []),  # there is room
    ],
)
def test_the_first_of_the_network_with_the_most_gives_way(
    held: tuple[str, ...], newcomer: str, gives_way: list[str]
) -> None:
    """O8: of three places."""

    async def all_of_them() -> list[str]:
        told: list[str] = []
        tasks = await coming(BodiesUnderWay(3), told, *held, newcomer)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return told

    assert asyncio.run(all_of_them()) == gives_way


def test_a_body_has_its_deadline_and_gives_its_place_back() -> None:
    """O8: also where reading it fails."""

    async def one_after_the_other() -> list[str]:
        told: list[str] = []
        places = BodiesUnderWay(1)
        await read(places, "a", told, 0.01)
        with pytest.raises(ConnectionError):
            async with places.place("b", LONG):
                raise ConnectionError
        async with places.place("c", LONG):
            pass
        await read(places, "d", told, 0.01)
        return told

    assert asyncio.run(one_after_the_other()) == ["a slow", "d slow"]
