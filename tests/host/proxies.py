"""The proxies of docs/run, each started with the configuration that its page shows."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.documented_configurations import blocks, replaced
from tests.host import nginx
from tests.host.authority import HOST, Authority
from tests.host.servers import FOLDER
from tests.ports import reserved_port

PLACES = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
USUAL_PORT = 8_000  # of optin, where nobody names another
WRITTEN_HOST, WRITTEN_SERVER = "tips.example.com", f"127.0.0.1:{USUAL_PORT}"
WRITTEN_NETWORK = "203.0.113.0/24"
START_SECONDS = 30
USUAL_LEFT = timedelta(days=60)


def program(name: str) -> str | None:
    """Return the program: that of this machine, else the one that was fetched."""
    fetched = next((FOLDER / name / "usr").glob(f"*bin/{name}"), None) if (FOLDER / name).is_dir() else None
    return shutil.which(name, path=PLACES) or (None if fetched is None else str(fetched))


def fetch() -> str:
    """Fetch Debian's packages, without installing them: that would start servers. Return what is missing."""
    missing = []
    for name in ("caddy", "haproxy"):
        FOLDER.mkdir(parents=True, exist_ok=True)
        if program(name) is None and shutil.which("apt-get") and shutil.which("dpkg"):
            with tempfile.TemporaryDirectory() as folder:
                command = ["apt-get", "download", "-q", name]
                subprocess.run(command, cwd=folder, check=False, stdout=sys.stderr)
                for package in Path(folder).glob("*.deb"):
                    subprocess.run(["dpkg", "-x", str(package), str(FOLDER / name)], check=True)
        if program(name) is None or _is_unable(name):
            missing.append(name)
    words = " ".join(missing)
    return f"The tests need {words}: install it (apt-get install {words}), and try again." if missing else ""


def _is_unable(name: str) -> bool:
    """Return whether a program does not run here, for want of its libraries."""
    found = program(name)
    word = {"caddy": "version"}.get(name, "-v")
    return found is None or subprocess.run([found, word], capture_output=True, check=False).returncode != 0


@dataclass(frozen=True)
class Place:
    """Where a proxy of a test runs. `tls`, `plain`: its ports; `server`: that of optin behind it.

    `left`: for how long its certificate holds; `inside`: the network that alone reaches the desk, if any.
    """

    folder: Path
    authority: Authority
    tls: int
    plain: int
    server: int
    left: timedelta = USUAL_LEFT
    inside: str = ""


@dataclass(frozen=True)
class Started:
    """How a proxy is checked and run, and whom its visitors trust."""

    check: list[str]
    run: list[str]
    root: Path


def _text(page: str, language: str, place: Place, before: str) -> str:
    """Return the first block of a page; with the second one before a line, where staff has a network."""
    whole, *rest = blocks(page, language)
    if place.inside:
        (more,) = rest
        whole = replaced(whole, (before, replaced(more, (WRITTEN_NETWORK, place.inside)) + before))
        whole = whole.replace(" 127.0.0.1\n", "\n").replace("        allow 127.0.0.1;\n", "")
    return replaced(whole, (WRITTEN_SERVER, f"127.0.0.1:{place.server}"))


def _caddy(place: Place) -> Started:
    text = _text("caddy.md", "caddy", place, "\treverse_proxy ")
    own = (
        f"{{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\thttp_port {place.plain}\n"
        f"\thttps_port {place.tls}\n\tdefault_bind 127.0.0.1\n\tstorage file_system {place.folder}/store\n"
        "\tservers {\n"
    )
    text = replaced(text, (f"{WRITTEN_HOST} {{", f"{HOST} {{"), ("{\n\tservers {\n", own))
    file = place.folder / "Caddyfile"
    file.write_text(text)
    found = program("caddy")
    assert found is not None, "caddy is not here; make test-host fetches it"
    words = ["--config", str(file), "--adapter", "caddyfile"]
    root = place.folder / "store" / "pki" / "authorities" / "local" / "root.crt"
    return Started([found, "validate", *words], [found, "run", *words], root)


_OF_NGINX = """daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{text}
}}
"""


def _nginx(place: Place) -> Started:
    text = _text("nginx.md", "nginx", place, "    location / {")
    issued = place.authority.issue(place.left)
    live = f"/etc/letsencrypt/live/{WRITTEN_HOST}"
    text = replaced(
        text,
        (f"{live}/fullchain.pem", str(issued.chain)),
        (f"{live}/privkey.pem", str(issued.key)),
        (f"server_name {WRITTEN_HOST}", f"server_name {HOST}"),
        *nginx_ports(place),
    )
    return nginx_started(place, text)


def nginx_ports(place: Place) -> tuple[tuple[str, str], ...]:
    """Return what stands in place of the ports for https."""
    changes = (
        ("listen 443 ", f"listen 127.0.0.1:{place.tls} "),
        ("listen [::]:443 ", f"listen [::1]:{place.tls} "),
        ("listen 80;", f"listen 127.0.0.1:{place.plain};"),
        ("listen [::]:80;", f"listen [::1]:{place.plain};"),
    )
    return changes if place.plain else changes[:2]


def nginx_started(place: Place, text: str) -> Started:
    """Return how an nginx with that configuration is started."""
    place.folder.chmod(0o755)  # its workers are another user, where root starts it
    file = place.folder / "nginx.conf"
    file.write_text(_OF_NGINX.format(folder=place.folder, text=text))
    found = nginx.program()
    assert found is not None, "nginx is not here; make test-host fetches it"
    run = [found, "-p", str(place.folder), "-c", str(file)]
    return Started([*run, "-t"], run, place.authority.root)


def _haproxy(place: Place) -> Started:
    text = _text("haproxy.md", "haproxy", place, "    default_backend ")
    text = replaced(
        text,
        ("bind :::80 v4v6\n", f"bind 127.0.0.1:{place.plain}\n"),
        ("bind :::443 v4v6 ", f"bind 127.0.0.1:{place.tls} "),
        (f"/etc/haproxy/{WRITTEN_HOST}.pem", str(place.authority.issue(place.left).both)),
    )
    file = place.folder / "haproxy.cfg"
    file.write_text(f"global\n    maxconn 2000\n{text}")
    found = program("haproxy")
    assert found is not None, "haproxy is not here; make test-host fetches it"
    return Started([found, "-c", "-f", str(file)], [found, "-db", "-f", str(file)], place.authority.root)


PROXIES: dict[str, Callable[[Place], Started]] = {
    "caddy.md": _caddy,
    "nginx.md": _nginx,
    "haproxy.md": _haproxy,
}


@contextmanager
def running(make: Callable[[Place], Started], place: Place) -> Iterator[Path]:
    """Check a proxy's configuration, and run it; yield the file of the authority that its visitors trust."""
    started = make(place)
    home = {**os.environ, "HOME": str(place.folder), "XDG_DATA_HOME": str(place.folder)}
    checked = subprocess.run(started.check, env=home, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    with (place.folder / "log").open("wb") as log:
        process = subprocess.Popen(started.run, env=home, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not (started.root.exists() and _answers(place.tls)):
            assert process.poll() is None, (place.folder / "log").read_text()
            assert time.monotonic() < deadline, (place.folder / "log").read_text()
            time.sleep(0.05)
        yield started.root
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def place_for(server: int, left: timedelta = USUAL_LEFT, inside: str = "") -> Iterator[Place]:
    """Reserve ports for a proxy before `server`; make it an authority and a folder."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="optin-proxy-")))
        tls, plain = stack.enter_context(reserved_port()), stack.enter_context(reserved_port())
        yield Place(folder, Authority(folder), tls, plain, server, left, inside)
