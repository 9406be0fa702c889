"""The proxy before the pages that are measured: TLS and HTTP/2, as browsers meet them everywhere.

Over HTTP/1.1 each font would wait for a connection of its own, and lower the score of a page that has two.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.front_door import FrontDoor
from tests.mail.server import certificate

PROGRAM = Path(__file__).with_name("proxy.mjs")


@contextmanager
def http2_proxy(folder: Path, inward: int) -> Iterator[FrontDoor]:
    """Run the proxy of node.js before the server at a port; its certificate lies in `folder`."""
    file, _ = certificate(folder)
    command = ["node", str(PROGRAM), str(file), str(folder / "key.pem"), str(inward)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise TypeError(process)
        try:
            yield FrontDoor(int(process.stdout.readline()), inward)
        finally:
            process.stdin.close()
