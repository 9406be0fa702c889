"""From a bare Debian to a confirmed lead over TLS, by the words of docs/run; then what may happen to it.

Put in the place of what cannot be had: a certificate of Caddy's own authority for one that the public trusts,
a name in /etc/hosts for the DNS, a mail server of the test, and wheels in a folder for the package index.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.handed_over import Clients
from tests.host.machines import Machine, booted, own_network, prepare, wheels
from tests.host.servers import FOLDER
from tests.house.requirements_table import ROOT
from tests.house.test_guide import BLOCK, with_tables
from tests.house.test_wheel import build
from tests.mail.server import Script, mail_server
from tests.serving import confirm_from_mail, form_key
from tests.waiting import SECONDS, wait_until

RUN = ROOT / "docs" / "run"
NAME = "tips.example.com"
AUTHORITY = "var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"
SITE = "var/lib/optin/site"
ASK = "runuser -u optin -- /opt/optin/bin/optin"


def blocks(name: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of a page, with their languages."""
    return BLOCK.findall((RUN / name).read_text("utf-8"))


@dataclass
class Server:
    """A server that was set up by the page."""

    machine: Machine
    mails: list[bytes]
    trusted: ssl.SSLContext
    said: list[str]

    def client(self) -> httpx.Client:
        """Return somebody at a browser."""
        return httpx.Client(base_url=f"https://{NAME}", verify=self.trusted, timeout=SECONDS, http2=False)


def with_own_authority(caddyfile: str) -> str:
    """Return a Caddyfile whose certificates come from Caddy's own authority."""
    return re.sub(r"\A\{\n", "{\n\tlocal_certs\n\tskip_install_trust\n", caddyfile)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Do what vps.md and caddy.md say."""
    steps = blocks("vps.md")
    with (
        tempfile.TemporaryDirectory(dir=FOLDER, prefix="vps-") as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        root = Path(name, "root")
        root.mkdir()
        install, _, others = steps[0][1].partition("\n")
        assert install.startswith("apt-get install")
        prepare(root, "systemd", f"apt-get update -q && {install}")
        shutil.copytree(wheels(), root / "wheels")
        build(root / "wheels")
        (root / "etc/hosts").write_text(f"127.0.0.1 localhost {NAME} mail.example.com\n")
        steps[0] = ("sh", others)
        found = socket.getaddrinfo
        patch.setattr(socket, "getaddrinfo", lambda host, *more, **kind: found(
            "127.0.0.1" if host == NAME else host, *more, **kind
        ))  # fmt: skip
        script = Script()
        told = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        with own_network(), mail_server(script) as mail, booted(root, told) as machine:
            server = Server(machine, script.mails, ssl.create_default_context(), [])
            for language, text in steps:
                if language == "toml":
                    path = root / SITE / "optin.toml"
                    own = text.replace("user:password@mail.example.com:587", f"127.0.0.1:{mail}")
                    path.write_text(with_tables(path.read_text("utf-8"), own), "utf-8")
                elif "optin doctor" in text:
                    let_in(server)
                    server.said.append(examine(server))
                elif "optin stats" in text:
                    sign_up(server)
                    server.said.append(machine.do(text))
                elif language == "sh":
                    if "daemon-reload" in text:
                        for unit in ("optin.service", "optin.socket"):
                            shutil.copy(RUN / unit, root / "etc/systemd/system")
                    server.said.append(machine.do(text))
            yield server


def let_in(server: Server) -> None:
    """Do what caddy.md says, and trust the authority that stands for a public one."""
    machine = server.machine
    (caddyfile,) = (text for language, text in blocks("caddy.md") if language == "caddy" and NAME in text)
    (machine.root / "etc/caddy/Caddyfile").write_text(with_own_authority(caddyfile))
    (lines,) = (text for language, text in blocks("caddy.md") if language == "sh")
    for line in lines.splitlines():
        if not line.startswith("optin doctor"):
            machine.do(line)
    authority = machine.root / AUTHORITY
    wait_until(authority.exists)
    shutil.copy(authority, machine.root / "usr/local/share/ca-certificates/caddy.crt")
    machine.do("update-ca-certificates")
    server.trusted.load_verify_locations(authority)


def examine(server: Server) -> str:
    """Return what the doctor finds, whatever its exit status."""
    return server.machine.do(f"{ASK} doctor --json --site /{SITE} || true")


def sign_up(server: Server, email: str = "lead@example.com") -> None:
    """Fill in the form, and follow the link of the mail."""
    with server.client() as client:
        before = len(server.mails)
        data = {"form": form_key(client, "tips"), "email": email, "consent": "tips-email"}
        assert client.post("/tips", data=data).status_code == 303
        wait_until(lambda: len(server.mails) > before)
        assert "<h1>" in confirm_from_mail(client, server.mails[before])


def main_process(server: Server) -> int:
    return int(server.machine.do("systemctl show optin.service --property MainPID --value"))


def is_replaced(server: Server, before: int) -> bool:
    """Return whether another process serves in the place of that one."""
    return main_process(server) not in {0, before}


def test_the_pages_lead_from_a_bare_debian_to_a_confirmed_lead(server: Server) -> None:
    """O10, O1, M1: install, site, units, proxy, doctor, account, a sign-up over TLS, the mailed link."""
    assert re.search(r"\b1\b", server.said[-1]), server.said[-1]
    findings = {it["name"]: it["verdict"] for it in json.loads(server.said[-3])["findings"]}
    passed = {"address", "certificate", "plain-http", "proxy", "keys", "mail-server", "server", "database"}
    assert {it: findings[it] for it in passed} == dict.fromkeys(passed, "passed")


def test_the_units_are_sound_and_grant_little(server: Server) -> None:
    """O10, S2: systemd itself reads them without a word, and rates the exposure under 2.0."""
    units = "/etc/systemd/system/optin.service /etc/systemd/system/optin.socket"
    assert server.machine.do(f"systemd-analyze verify {units}") == ""
    said = server.machine.do("systemd-analyze security --threshold=20 optin.service")
    assert re.search(r"exposure level for optin.service: [01]\.\d", said)


def test_the_process_has_no_rights_and_its_files_are_its_own(server: Server) -> None:
    """O10, S2: no capability, no new privileges, filtered calls; every file of `var` 0600."""
    status = server.machine.do(f"cat /proc/{main_process(server)}/status")
    for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert line in status
    var = server.machine.root / SITE / "var"
    files = [it for it in var.rglob("*") if it.is_file()]
    assert {it.stat().st_mode & 0o777 for it in files} == {0o600}
    assert any(it.name == "keys.json" for it in files)


def test_a_killed_and_a_hanging_server_are_started_again(server: Server) -> None:
    """O10, O2: at once after a death; after WatchdogSec when it answers nothing (here three seconds)."""
    folder = server.machine.root / "etc/systemd/system/optin.service.d"
    folder.mkdir(exist_ok=True)
    (folder / "test.conf").write_text("[Service]\nWatchdogSec=3\nLimitCORE=0\n")
    server.machine.do("systemctl daemon-reload && systemctl restart optin.service")
    for signal in ("KILL", "STOP"):
        before = main_process(server)
        server.machine.do(f"kill -{signal} {before}")
        wait_until(partial(is_replaced, server, before))
        with server.client() as client:
            assert client.get("/tips").status_code == 200
    assert int(server.machine.do("systemctl show optin.service --property NRestarts --value")) >= 2
    (folder / "test.conf").unlink()
    server.machine.do("systemctl daemon-reload && systemctl restart optin.service")


def test_an_upgrade_under_requests_loses_none(server: Server) -> None:
    """O10: by upgrades.md, asked at the port and through Caddy over TLS; the leads are still there."""
    steps = [text for language, text in blocks("upgrades.md") if language == "sh"]
    at_port, through_proxy = Clients(8_000, "/tips"), Clients(443, "/tips", NAME, server.trusted)
    with at_port.asking(), through_proxy.asking():
        at_port.went_on()
        through_proxy.went_on()
        for text in steps[:2]:
            server.machine.do(text)
        at_port.went_on()
        through_proxy.went_on()
    assert (at_port.lost, through_proxy.lost) == ([], [])
    assert {*at_port.answered, *through_proxy.answered} == {200}
    assert "/opt/optin-2" in server.machine.do(f"readlink -f /proc/{main_process(server)}/cwd /opt/optin")
    sign_up(server, "second@example.com")


def test_the_way_back_is_the_backup(server: Server) -> None:
    """O10, S7: what came after it is gone, what was before is there."""
    server.machine.do([text for language, text in blocks("upgrades.md") if language == "sh"][2])
    with server.client() as client:
        assert client.get("/health/ready").status_code == 200
    said = server.machine.do(f"{ASK} stats --site /{SITE}")
    assert re.search(r"\b1\b", said)
    assert not re.search(r"\b2\b", said)
