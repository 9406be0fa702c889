"""Who is taken in and who must go, decided from plain values; real crowds are in tests/faults."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optin.settings.site import ServerLimits
from optin.web import connection_limits
from optin.web.app_context import AppContext
from optin.web.connection_limits import Connection, ConnectionRoom, room_for, surplus_connections
from optin.web.request_admission import Admission
from tests.web.conftest import Visit


def held(number: int, network: str | None, silent_ms: int) -> Connection:
    return Connection(number, ("192.0.2.1", number), network, silent_ms)


def test_of_a_network_above_its_share_those_go_who_are_silent_the_longest() -> None:
    """O8: only so many, and nobody else's."""
    crowd = [held(number, "192.0.2.1", 1_000 * number) for number in range(6)]
    others = [held(90, "192.0.2.2", 99_000), held(91, None, 99_000)]
    surplus = surplus_connections([*crowd, *others], per_network=4, room=100)
    assert [it.number for it in surplus["connections_per_network"]] == [5, 4]
    assert surplus["connections"] == []


def test_a_full_house_makes_room_for_the_next_visitor() -> None:
    """O8: half of it, a trusted proxy's connections as well; nobody before it is full."""
    crowd = [held(number, None, 1_000 * number) for number in range(10)]
    surplus = surplus_connections(crowd, per_network=4, room=10)
    assert [it.number for it in surplus["connections"]] == [9, 8, 7, 6, 5]
    assert surplus_connections(crowd[:9], per_network=4, room=10)["connections"] == []


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("10.1.2.3", None),  # the proxy
        ("::ffff:10.1.2.3", None),
        ("127.0.0.1", None),  # this machine
        ("::1", None),
        ("::ffff:127.0.0.1", None),
    ],
)
def test_a_connection_counts_for_the_network_it_comes_from(host: str, network: str | None) -> None:
    """O8, D8: never for a trusted proxy; an address is the same on a socket that takes both kinds."""
    room = ConnectionRoom(1, ServerLimits(), ("10.0.0.0/8",), print)
    assert room.network(host) == network


def test_open_files_decide_how_many_connections_there_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """O8: the limit is raised where it may be; else there are fewer connections."""
    limit = [1_024, 524_288]

    def change(_what: int, pair: tuple[int, int]) -> None:
        limit[:] = pair

    monkeypatch.setattr("optin.web.connection_limits.resource.getrlimit", lambda _what: tuple(limit))
    monkeypatch.setattr("optin.web.connection_limits.resource.setrlimit", change)
    assert room_for(ServerLimits()) == 4_096
    assert limit[0] == 4_096 + connection_limits.OTHER_FILES
    limit[:] = [1_024, 1_024]
    assert room_for(ServerLimits()) == 1_024 - connection_limits.OTHER_FILES
    limit[:] = [200, 200]
    assert room_for(ServerLimits()) == 100
    limit[:] = [resource.RLIM_INFINITY, resource.RLIM_INFINITY]
    assert room_for(ServerLimits()) == 4_096


def test_only_connections_to_the_server_are_closed() -> None:
    """O8: neither its listening socket nor what else is open: files, pipes, other connections."""
    noted: list[str] = []
    limits = ServerLimits().model_copy(update={"connections_per_network": 1})  # a file may not say it
    with (
        socket.create_server(("127.0.0.1", 0)) as ours,
        socket.create_server(("127.0.0.1", 0)) as other,
        open(os.devnull, encoding="ascii") as _file,  # noqa: PTH123 - only that it is open
    ):
        lines = [_pair(server) for server in (ours, ours, ours, other, other)]
        room = ConnectionRoom(ours.getsockname()[1], limits, (), noted.append)
        assert room.make() == 2
        assert noted == ["connections_per_network"] * 2
        for number, (client, taken) in enumerate(lines):
            taken.setblocking(False)  # noqa: FBT003 - it has no name
            client.setblocking(False)  # noqa: FBT003 - as above
            with suppress(OSError):
                assert client.recv(1) == b""
                assert number < 3
            client.close()
            taken.close()
        _pair(ours)[0].close()  # it still takes connections


def _pair(server: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Connect from an address that counts as a network of its own."""
    client = socket.create_connection(server.getsockname(), 10, source_address=("127.0.0.2", 0))
    return client, server.accept()[0]


async def asked(reception: Admission, app_context: AppContext, address: str, *body: Message) -> list[Message]:
    """Send a form from an address; return what is answered."""
    answer: list[Message] = []
    coming = iter(body or (message(b"a=b"),))

    async def receive() -> Message:
        return next(coming)

    async def send(sent: Message) -> None:
        answer.append(sent)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/paper",
        "query_string": b"",
        "headers": [],
        "client": (address, 1),
        "app": SimpleNamespace(state=SimpleNamespace(app_context=app_context)),
    }
    await reception(scope, receive, send)
    return answer


def message(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def reception_of(app_context: AppContext, inner: ASGIApp, **limits: int) -> Admission:
    """Return a reception with limits of its own before `inner`."""
    site = app_context.edition.site
    server = site.settings.server.model_copy(update=limits)
    settings = site.settings.model_copy(update={"server": server})
    app_context.edition = replace(app_context.edition, site=replace(site, settings=settings))
    return Admission(inner, app_context)


async def answered(send: Send, *, more: bool = False) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": more})


def test_more_requests_than_are_worked_on_wait_for_their_turn(visit: Visit) -> None:
    """O8: a turn ends when the answer begins; who reads slowly keeps none."""
    working, most, reading = 0, 0, asyncio.Event()

    async def inner(_scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal working, most
        working += 1
        most = max(most, working)
        await asyncio.sleep(0)
        working -= 1
        await answered(send, more=True)
        await reading.wait()

    async def all_at_once() -> None:
        reception = reception_of(visit.app_context, inner, requests=2)
        asking = [
            asyncio.ensure_future(asked(reception, visit.app_context, f"192.0.2.{number}"))
            for number in range(9)
        ]
        for _ in range(60):
            await asyncio.sleep(0)
        reading.set()
        assert [answer[0]["status"] for answer in await asyncio.gather(*asking)] == [200] * 9

    asyncio.run(all_at_once())
    assert most == 2


def test_a_turn_ends_as_well_where_no_answer_begins(visit: Visit) -> None:
    """O8: otherwise each fault would take one away for ever."""

    async def inner(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise ConnectionError

    async def again_and_again() -> None:
        reception = reception_of(visit.app_context, inner, requests=1)
        for _ in range(3):
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(asked(reception, visit.app_context, "192.0.2.1"), 10)

    asyncio.run(again_and_again())


def test_one_network_has_only_so_many_requests_under_way(visit: Visit) -> None:
    """O8: one more is refused in words, with when to try again; another network is not."""
    done = asyncio.Event()

    async def inner(_scope: Scope, _receive: Receive, send: Send) -> None:
        await done.wait()
        await answered(send)

    async def several() -> None:
        reception = reception_of(visit.app_context, inner, connections_per_network=2)
        asking = [
            asyncio.ensure_future(asked(reception, visit.app_context, address))
            for address in ("2001:db8::1", "2001:db8::2", "192.0.2.1", "127.0.0.1", "127.0.0.1", "127.0.0.1")
        ]
        await asyncio.sleep(0)
        answer = await asked(reception, visit.app_context, "2001:db8::3")
        assert answer[0]["status"] == 429
        assert (b"retry-after", b"10") in answer[0]["headers"]
        done.set()
        assert {answer[0]["status"] for answer in await asyncio.gather(*asking)} == {200}
        assert (await asked(reception, visit.app_context, "2001:db8::3"))[0]["status"] == 200

    asyncio.run(several())


def test_a_form_is_passed_on_as_it_came(visit: Visit) -> None:
    """O8, S5: its parts, its end, and that it broke off; of one that is too large no more is read first."""
    seen: list[Message] = []

    async def inner(_scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(await receive())
        while seen[-1].get("more_body"):
            seen.append(await receive())
        await answered(send)

    async def one(*body: Message) -> list[Message]:
        seen.clear()
        await asked(reception_of(visit.app_context, inner), visit.app_context, "192.0.2.1", *body)
        return list(seen)

    whole = [message(b"a", more=True), message(b"=b", more=True), message(b"")]
    assert asyncio.run(one(*whole)) == whole
    broken = [message(b"a", more=True), {"type": "http.disconnect"}]
    assert asyncio.run(one(*broken)) == broken
    large = [message(b"a" * 10_000, more=True)] * 3 + [message(b"")]
    assert asyncio.run(one(*large)) == large


def test_the_rest_of_a_body_is_read_before_the_answer_and_not_kept(visit: Visit) -> None:
    """O8, S5, O10: of one that is refused; up to a bounded number of bytes, and no longer than a form may."""
    told: list[str] = []

    async def inner(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        told.append("refused")
        await answered(send)

    async def one(*body: Message) -> int:
        """Return how many parts were not read."""
        told.clear()
        left = list(body)

        async def receive() -> Message:
            return left.pop(0) if left else await asyncio.Event().wait()  # type: ignore[return-value] # never

        async def send(message: Message) -> None:
            told.append(message["type"])

        scope = {"type": "http", "method": "POST", "path": "/paper", "query_string": b"", "headers": []}
        scope |= {"client": ("192.0.2.1", 1)}
        await reception_of(visit.app_context, inner, body_seconds=1)(scope, receive, send)
        assert told == ["refused", "http.response.start", "http.response.body"]
        return len(left)

    part = message(b"a" * (1 << 20), more=True)
    assert asyncio.run(one(*[part] * 9, message(b""))) == 0
    assert asyncio.run(one(*[part] * 80)) == 80 - 1 - 64
    assert asyncio.run(one(part)) == 0  # nothing comes after it
