"""A site in earnest behind a proxy: how it is served, and how visitors reach it by TLS."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from io import BytesIO
from pathlib import Path

import httpx2 as httpx
import psutil
from PIL import Image

from optin.keys import load_keys
from optin.services.doctor.site_proof import PATH, make_question
from optin.services.steady_clock import utc_now
from optin.store.encryption import Vault
from tests.documented_configurations import blocks
from tests.handed_over import SmallManager
from tests.host.authority import HOST, trusting
from tests.mail.server import Script, mail_server
from tests.own_site import add_settings
from tests.ports import reserved_port
from tests.serving import answers, nobody_answers
from tests.started import Running, run_optin, start_optin
from tests.waiting import SECONDS, wait_until
from tests.web.conftest import site_at

SECRET = "a-word-of-ours"
PER_HOUR = 8  # posts of one network
FILE = b"%PDF-1.4" + bytes(range(256)) * 20_000  # that is handed out
SETTINGS = f"""
[limits]
per_site_per_minute = 100000
per_network_per_hour = {PER_HOUR}

[bounces.webhooks.brevo]
provider = "brevo"
secret = "env:BREVO"

[desk]
edit = true

[metrics]
listen = "127.0.0.1:{{metrics}}"
"""
LOOPBACK = "127.0.0.1"


def own_address() -> str:
    """Return an address of this machine that counts as a network: the loopback address is nobody's."""
    found = [
        str(it.address)
        for several in psutil.net_if_addrs().values()
        for it in several
        if it.family.name == "AF_INET" and not it.address.startswith("127.")
    ]
    assert found, "this machine needs an address besides 127.0.0.1"
    return found[0]


@dataclass
class ProxiedSite:
    """A site, its server, and the mail that it sends. `port`: of the server; `base`: of the proxy.

    `manager`: who holds the port of the server, if not the server itself.
    """

    root: Path
    port: int
    base: str
    metrics: int
    mail_port: int
    script: Script
    running: Running | None = field(default=None, repr=False)
    manager: SmallManager | None = None

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "OPTIN_BASE_URL": self.base,
            "OPTIN_STORE": f"sqlite:///{self.root.parent}/optin.db",
            "OPTIN_MAIL": f"smtp://127.0.0.1:{self.mail_port}",
            "OPTIN_KEYS": f"{self.root.parent}/keys.json",
            "BREVO": SECRET,
        }
        others = {name: value for name, value in os.environ.items() if not name.startswith("OPTIN_")}
        return {**others, **own}

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        if self.manager is not None:
            self.running = self.manager.start(self.environment, "serve", "--site", str(self.root))
            return
        nobody_answers(self.port)
        log = self.root.parent / "serve.log"
        words = ["serve", "--site", str(self.root), "--port", str(self.port)]
        self.running = start_optin(words, self.environment, log)
        assert answers(self.running, f"http://127.0.0.1:{self.port}"), log.read_text()

    def stop(self) -> None:
        """Stop it as an operator does."""
        assert self.running is not None
        self.running.send_signal(signal.SIGTERM)
        assert self.running.wait(120) == 0

    def optin(self, *words: str, root: Path | None = None) -> str:
        """Run a command beside the server; return what it printed. `root`: whom it trusts."""
        more = {} if root is None else {"SSL_CERT_FILE": str(root)}
        done = run_optin(*words, "--site", str(self.root), environment={**self.environment, **more})
        assert done.returncode in {0, 1, 2}, done.stdout + done.stderr
        return done.stdout

    def question(self) -> str:
        """Return the path at which the server says who asks."""
        ring = load_keys(f"{self.root.parent}/keys.json", self.root)
        assert ring is not None
        return f"{PATH}{make_question(Vault(ring), utc_now())}"

    def mailed(self, who: str, part: str) -> str:
        """Wait for a mail with a link to a part of the site; return the path of the newest."""

        def paths() -> list[str]:
            mails = [message_from_bytes(it, policy=default) for it in list(self.script.mails)]
            texts = [str(it.get_body(("plain",)).get_content()) for it in mails if it["To"] == who]  # type: ignore[union-attr]  # each has one
            return [path for text in texts for path in re.findall(rf"(/{part}/[\w.~-]+)", text)]

        wait_until(paths)
        return paths()[-1]


@contextmanager
def proxied_site(
    folder: Path, page: str, port: int, tls: int, manager: SmallManager | None = None
) -> Iterator[ProxiedSite]:
    """Make a site with what a page tells to write into optin.toml, and serve it.

    `port`: of the server; `tls`: of the proxy.
    """
    root, script = folder / "site", Script()
    site_at(root)
    told = blocks(page, "toml")[0]
    assert tomllib.loads(told).keys() == {"base_url", "proxy"}
    add_settings(root, "\n".join(it for it in told.splitlines() if not it.startswith("base_url")))
    (root / "magnets" / "paper" / "witboek.pdf").write_bytes(FILE)
    with mail_server(script) as mail_port, reserved_port() as metrics:
        add_settings(root, SETTINGS.format(metrics=metrics))
        site = ProxiedSite(root, port, f"https://{HOST}:{tls}", metrics, mail_port, script, manager=manager)
        site.start()
        try:
            yield site
        finally:
            if site.running is not None and site.running.poll() is None:
                site.running.send_signal(signal.SIGTERM)
                site.running.wait(120)


def visitor(base: str, root: Path, source: str = LOOPBACK) -> httpx.Client:
    """Return a browser of somebody at an address of this machine."""
    transport = httpx.HTTPTransport(verify=trusting(root), local_address=source)
    return httpx.Client(base_url=base, transport=transport, timeout=60)


def picture(pixels: int) -> bytes:
    """Return a picture that no packing makes smaller: three bytes a pixel."""
    out = BytesIO()
    side = int(pixels**0.5)
    Image.frombytes("RGB", (side, side), os.urandom(3 * side * side)).save(out, "PNG")
    return out.getvalue()


@dataclass(frozen=True)
class Slow:
    """What each of a crowd sends at once, and every second after that."""

    opening: bytes
    drip: bytes = b""


@contextmanager
def slow_crowd(tls: int, root: Path, source: str, crowd: list[Slow]) -> Iterator[list[bytes | None]]:
    """Let a crowd come in by TLS from one address; yield what each got when it was sent away, None before."""
    got: list[bytes | None] = [None] * len(crowd)
    ready, leave = threading.Event(), threading.Event()
    context = trusting(root)

    async def one(number: int, kind: Slow) -> None:
        reader, writer = await asyncio.open_connection(
            LOOPBACK, tls, ssl=context, server_hostname=HOST, local_addr=(source, 0)
        )
        writer.write(kind.opening)
        reading = asyncio.create_task(reader.read(65_536))
        while not reading.done() and not leave.is_set():
            await asyncio.wait({reading}, timeout=1)
            with suppress(OSError):
                writer.write(kind.drip)
        if reading.done():
            got[number] = b"" if reading.exception() else reading.result()
        reading.cancel()
        writer.transport.abort()

    async def all_of_them() -> None:
        tasks = []
        for number in range(len(got)):
            tasks.append(asyncio.create_task(one(number, crowd[number])))
            await asyncio.sleep(0.005)
        ready.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=asyncio.run, args=(all_of_them(),), daemon=True)
    thread.start()
    assert ready.wait(SECONDS)
    try:
        yield got
    finally:
        leave.set()
        thread.join(30)
