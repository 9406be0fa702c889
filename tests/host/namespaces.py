"""Machines of one's own: network namespaces of this one, joined by bridges. Needs root.

Each machine has a network of its own at the front, where visitors come from, and one at the back, where the
database is. Everything is named after this process, and removed by these names.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

CLONE_NEWNET = 0x40000000
_NUMBERS = itertools.count()
FRONT, BACK = "f", "b"


def missing() -> str:
    """Return what this machine lacks for namespaces, in a sentence, or nothing."""
    if os.geteuid() != 0:
        return "Network namespaces need root."
    absent = [it for it in ("ip", "setpriv") if shutil.which(it) is None]
    return f"The tests need {', '.join(absent)}: install iproute2 and util-linux." if absent else ""


def run(*words: str) -> None:
    """Run a command of the system. Raises CalledProcessError with what it said."""
    subprocess.run(words, check=True, capture_output=True, text=True)


@dataclass(frozen=True)
class Machine:
    """One machine. `name`: of its namespace; `front`, `back`: its addresses, empty where it has none."""

    name: str
    front: str
    back: str

    def command(self, *words: str) -> list[str]:
        """Return the words that run a command there."""
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words: str) -> None:
        """Run a command there."""
        run(*self.command(*words))

    def cut(self, side: str) -> None:
        """Unplug one of its cables: nothing arrives, and nobody is told."""
        run("ip", "link", "set", "dev", self._cable(side), "down")

    def mend(self, side: str) -> None:
        """Plug it in again."""
        run("ip", "link", "set", "dev", self._cable(side), "up")

    def listen(self) -> socket.socket:
        """Return a listening socket of its loopback address, on a free port."""
        found: list[socket.socket] = []

        def enter() -> None:
            with open(f"/run/netns/{self.name}", "rb") as there:  # noqa: PTH123 - its descriptor is wanted
                if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            found.append(socket.create_server(("127.0.0.1", 0)))

        thread = threading.Thread(target=enter)  # a thread enters alone
        thread.start()
        thread.join()
        return found[0]

    def _cable(self, side: str) -> str:
        return f"{self.name}{side}"


@dataclass
class Network:
    """Two networks, and machines in them."""

    mark: str
    number: int
    machines: list[Machine] = field(default_factory=list)

    @property
    def visitors(self) -> str:
        """The address of this machine at the front."""
        return f"10.{self.number}.1.1"

    def add(self, name: str, place: int, sides: Sequence[str] = (FRONT, BACK)) -> Machine:
        """Add a machine, and plug it in."""
        addresses = {FRONT: f"10.{self.number}.1.{place}", BACK: f"10.{self.number}.2.{place}"}
        machine = Machine(
            f"{self.mark}{name}",
            addresses[FRONT] if FRONT in sides else "",
            addresses[BACK] if BACK in sides else "",
        )
        run("ip", "netns", "add", machine.name)
        self.machines.append(machine)
        machine.run("ip", "link", "set", "dev", "lo", "up")
        for side in sides:
            cable = f"{machine.name}{side}"
            run("ip", "link", "add", cable, "type", "veth", "peer", "name", side, "netns", machine.name)
            run("ip", "link", "set", "dev", cable, "master", f"{self.mark}{side}", "up")
            machine.run("ip", "address", "add", f"{addresses[side]}/24", "dev", side)
            machine.run("ip", "link", "set", "dev", side, "up")
        return machine


@contextmanager
def network() -> Iterator[Network]:
    """Make the two networks; remove them and their machines at the end, whatever happened."""
    number = next(_NUMBERS)
    made = Network(f"op{os.getpid() % 0xFFFF:x}{number:x}", 64 + (os.getpid() + number) % 190)
    try:
        for side in (FRONT, BACK):
            run("ip", "link", "add", f"{made.mark}{side}", "type", "bridge")
            run("ip", "link", "set", "dev", f"{made.mark}{side}", "up")
        run("ip", "address", "add", f"{made.visitors}/24", "dev", f"{made.mark}{FRONT}")
        yield made
    finally:
        for machine in made.machines:
            subprocess.run(["ip", "netns", "delete", machine.name], check=False)
        for side in (FRONT, BACK):
            subprocess.run(["ip", "link", "delete", f"{made.mark}{side}"], check=False)
