"""A port that the tests reserve goes to nobody but the server that is to listen on it."""

from __future__ import annotations

import re
import socket
import struct

import pytest

from optin.web.run_server import open_port
from tests.house.requirements_table import ROOT
from tests.ports import NOBODY, reserved_port

IP_LOCAL_PORT_RANGE = 51  # Linux 6.3: from which numbers the kernel chooses for one socket


def choosing_from(port: int) -> socket.socket:
    """Return a socket for which the kernel can choose no other port."""
    asking = socket.socket()
    asking.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("I", port << 16 | port))
    return asking


def test_the_kernel_gives_a_reserved_port_to_nobody() -> None:
    """Neither to a server that asks for any port, nor to an outgoing connection."""
    with reserved_port() as port, socket.create_server(("127.0.0.1", 0)) as other:
        with choosing_from(port) as server, pytest.raises(OSError, match="in use"):
            server.bind(("127.0.0.1", 0))
        with choosing_from(port) as client, pytest.raises(OSError, match="Cannot assign"):
            client.connect(other.getsockname())


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])  # noqa: S104 - tried on this machine
def test_our_server_listens_on_a_reserved_port(host: str) -> None:
    """At each kind of address."""
    with reserved_port() as port, open_port(host, port) as listening:
        assert listening.getsockname()[1] == port


def test_nobody_listens_where_nobody_is_expected() -> None:
    """A connection is refused at once."""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", NOBODY), 5)


GUESSED = re.compile(
    r"port \+ 1|(?:127\.0\.0\.1|localhost):[1-9]\d*|\bPORTS? = \(?[1-9]|bind\(\([^)]*, 0\)\)"
)
READ_ONLY = {  # addresses that are read, never opened
    "site/test_what_slips_through.py",
    "proof/test_anchors.py",
    "house/test_ports.py",
    "house/test_units.py",
    "host/test_image.py",  # opened in a network of its own
    "ports.py",
}


def test_no_test_guesses_a_port() -> None:
    """Whoever needs one takes it from tests/ports.py, or lets its own server choose while it binds."""
    found = [
        f"{name}: {line.strip()}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if (name := path.relative_to(ROOT / "tests").as_posix()) not in READ_ONLY
        for line in path.read_text("utf-8").splitlines()
        if GUESSED.search(line)
    ]
    assert found == []
