"""Asking a server as fast as it answers, over many connections that stay open."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

CONNECTIONS = 64
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"  # its views are counted


@dataclass(frozen=True)
class Measured:
    """What came of it: answers a second, and how long they took in milliseconds."""

    rate: float
    p50_ms: float
    p99_ms: float


async def ask(
    port: int,
    make: Callable[[int], bytes],
    count: int,
    expect: bytes,
    connections: int = CONNECTIONS,
) -> Measured:
    """Send `count` requests made by `make(number)`; every answer must begin with `expect`."""
    numbers = iter(range(count))
    times: list[float] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            begun = time.perf_counter()
            writer.write(make(number))
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"content-length: (\d+)", head)
            if found is not None and int(found[1]):
                await reader.readexactly(int(found[1]))
            elif found is None and b"transfer-encoding: chunked" in head:
                while size := int(await reader.readline(), 16):
                    await reader.readexactly(size + 2)
                await reader.readline()
            if not head.startswith(expect):
                raise AssertionError(head)
            times.append(time.perf_counter() - begun)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(connections)))
    spent = time.perf_counter() - begun
    times.sort()
    return Measured(count / spent, times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000)


def pages_per_second(port: int, path: str, seconds: int = 2) -> float:
    """Fetch one page as often as possible, as a browser; return how many a second came."""
    return pages(port, path, seconds).rate


def pages(port: int, path: str, seconds: int = 2) -> Measured:
    """Fetch one page as often as possible, as a browser: with wrk where installed, else by ourselves."""
    if shutil.which("wrk") is None:
        request = f"GET {path} HTTP/1.1\r\nhost: x\r\nuser-agent: {BROWSER}\r\n\r\n".encode()
        return asyncio.run(ask(port, lambda _number: request, 8_000, b"HTTP/1.1 200"))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency", "-H", f"user-agent: {BROWSER}"]
    command += [f"http://127.0.0.1:{port}{path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    times = dict(re.findall(r"^\s+(50|99)%\s+(\S+)$", done.stdout, re.MULTILINE))
    if found is None or len(times) != 2 or "Non-2xx" in done.stdout:
        raise AssertionError(done.stdout)
    return Measured(float(found[1]), _milliseconds(times["50"]), _milliseconds(times["99"]))


def _milliseconds(text: str) -> float:
    """Return a time as wrk writes it, such as 845.00us, in milliseconds."""
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]  # its own form
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1_000.0, "m": 60_000.0}[unit]
