"""Two machines that serve one site, two processes on each, and what they need."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx

from tests.host.machine_pooler import MachinePooler
from tests.host.namespaces import BACK, Machine, Network, network
from tests.host.postgres_pair import PASSWORD, POSTGRES_PORT, Pair, postgres_pair
from tests.host.several_machines_page import address_of_both
from tests.mail.server import Script, mail_server
from tests.own_site import add_settings
from tests.postgres import NEWEST, programs_of
from tests.serving import NO_TLS, START_SECONDS, environment
from tests.web.conftest import site_at

POOLER_PORT = 6432  # of the page
POOLED = f"postgresql://optin:{PASSWORD}@127.0.0.1:{POOLER_PORT}/consents"
ENDED = 60.0


@dataclass
class Process:
    """One optin process, and how to ask it."""

    machine: Machine
    port: int
    site: Path
    store: str
    mail: str
    program: Path | None = None  # the folder of another version's code
    more: dict[str, str] = field(default_factory=dict)  # in its environment
    running: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        """Where it listens."""
        return f"http://{self.machine.front}:{self.port}"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.site.parent / f"{self.machine.name}-{self.port}.log"

    def begin(self, *words: str) -> None:
        """Start it, and wait for nothing."""
        command = [sys.executable, "-m", "optin", "serve", "--site", str(self.site), "--port", str(self.port)]
        own = {**environment(self.store, self.mail, str(self.site.parent / "keys.json")), **self.more}
        if self.program is not None:
            own["PYTHONPATH"] = str(self.program)
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.machine.command(*command, "--host", self.machine.front, *words),
                env=own, stdout=log, stderr=log, cwd=self.site,
            )  # fmt: skip

    def wait(self) -> None:
        """Wait until it is ready to serve people."""
        deadline = time.monotonic() + START_SECONDS
        with httpx.Client(verify=NO_TLS, timeout=3) as client:
            while True:
                assert self.running is None or self.running.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                try:
                    if client.get(f"{self.base}/health/ready").status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                time.sleep(0.05)

    def start(self, *words: str) -> None:
        """Start it, and wait until it is ready."""
        self.begin(*words)
        self.wait()

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it as an operator does; return its status."""
        return self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> int:
        if self.running is None:
            return 0
        self.running.send_signal(by)
        status = self.running.wait(ENDED)
        self.running = None
        return status


@dataclass
class Site:
    """All of it: the networks, the database, the processes, and the mails that arrived."""

    network: Network
    pair: Pair
    poolers: list[MachinePooler]
    processes: list[Process]
    mails: Script
    folder: Path

    @property
    def database(self) -> str:
        """The address of the present primary for a test, by a socket that no network can cut."""
        return f"postgresql://postgres@/consents?host={self.pair.primary.folder}&port={POSTGRES_PORT}"

    @property
    def keys(self) -> Path:
        """The key file; each machine has a copy."""
        return self.folder / "one" / "keys.json"

    def repoint(self) -> None:
        """Let every pooler lead to the present primary."""
        for pooler in self.poolers:
            pooler.point_to(self.pair.primary.machine.back)


@contextmanager
def site_machines(folder: Path, *, pooled: bool = True, started: bool = True) -> Iterator[Site]:
    """Run the site. `pooled`: through a pgbouncer on each machine; else by an address with both servers."""
    mails = Script()
    with ExitStack() as stack:
        net = stack.enter_context(network())
        hosts = [net.add("a", 11), net.add("b", 12)]
        databases = net.add("c", 21, (BACK,)), net.add("d", 22, (BACK,))
        ours = f"10.{net.number}.2.0/24"
        pair = stack.enter_context(postgres_pair(programs_of(NEWEST), databases, ours))
        poolers = [MachinePooler(host) for host in hosts] if pooled else []
        for pooler in poolers:
            stack.callback(pooler.stop)
            pooler.start(databases[0].back)
        both = ",".join(f"{it.back}:{POSTGRES_PORT}" for it in databases)
        direct = address_of_both(PASSWORD, both)
        store = POOLED if pooled else direct
        processes = []
        for host, name in zip(hosts, ("one", "two"), strict=True):
            site = _site(folder / name, net)
            port = stack.enter_context(mail_server(mails, listening=host.listen()))
            processes += [
                Process(host, number, site, store, f"smtp://127.0.0.1:{port}") for number in (8001, 8002)
            ]
        whole = Site(net, pair, poolers, processes, mails, folder)
        stack.callback(_end_all, whole)
        if started:
            start_all(whole)
        yield whole


def start_all(site: Site) -> None:
    """Start every process: the first makes keys and tables; the other machine begins a journal of its own."""
    first, second, third, fourth = site.processes
    first.start()
    third.site.parent.joinpath("keys.json").write_bytes(site.keys.read_bytes())
    third.site.parent.joinpath("keys.json").chmod(0o600)
    third.start("--new-journal")
    for process in (second, fourth):
        process.begin()
    for process in (second, fourth):
        process.wait()


def _site(folder: Path, net: Network) -> Path:
    folder.mkdir(parents=True)
    site_at(folder / "site")
    add_settings(
        folder / "site",
        f'\n[proxy]\ntrusted = ["{net.visitors}"]\n[limits]\nper_site_per_minute = 1_000_000\n'
        "mails_per_day = 1_000_000\n",
    )
    return folder / "site"


def _end_all(site: Site) -> None:
    threads = [threading.Thread(target=_end, args=(process,)) for process in site.processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _end(process: Process) -> None:
    try:
        process.stop()
    except subprocess.TimeoutExpired:
        process.kill()
