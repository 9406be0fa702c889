"""A whole Debian in a folder, made by mmdebstrap; booted, it is a container with a systemd of its own.

It shares the network of the thread that boots it. `own_network` gives that thread one with nothing but a
loopback: so ports such as 443 are free, and nothing inside reaches anything outside.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.host.servers import FOLDER
from tests.house.requirements_table import ROOT
from tests.waiting import SECONDS, wait_until

PROGRAMS = {
    "mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "podman": "podman",
    "buildah": "buildah", "runc": "runc", "newuidmap": "uidmap", "ip": "iproute2", "zstd": "zstd",
}  # fmt: skip
ROOTS = {  # what it is made from, and the packages in it
    "systemd": ("apt", "systemd-sysv", "dbus", "ca-certificates"),
    "python": ("essential", "python3", "ca-certificates", "tzdata", "media-types", "netbase"),
}
DATE = "1700000000"  # of every file; seconds since 1970 (reproducible-builds.org, SOURCE_DATE_EPOCH)
PAGE = ROOT / "docs" / "run" / "container.md"
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET of sched.h
_libc = ctypes.CDLL(None, use_errno=True)


def fetch() -> str:
    """Install what is missing, and make the roots; return what cannot be had, in a sentence, or nothing."""
    if os.geteuid() != 0:
        return "The tests with containers need root."
    lacking = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if lacking and shutil.which("apt-get"):
        install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *lacking]
        subprocess.run(install, check=False, stdout=sys.stderr)
    lacking = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if lacking:
        return f"The tests need {', '.join(lacking)}: install them (apt-get install …), and try again."
    for name in ROOTS:
        if not root(name).exists():
            make_root(name, root(name))
    wheels()
    return ""


def root(name: str) -> Path:
    """Return the archive of a root."""
    return FOLDER / "roots" / f"{name}.tar"


def make_root(name: str, archive: Path) -> None:
    """Make a bare Debian 12 with the packages of that root; the same bytes while the mirror stays."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_suffix(".part.tar")
    variant, *packages = ROOTS[name]
    command = ["mmdebstrap", f"--variant={variant}", f"--include={','.join(packages)}"]
    command += [f"--dpkgopt=path-exclude=/usr/share/{it}/*" for it in ("doc", "man", "locale")]
    command += ["bookworm"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": DATE}
    subprocess.run([*command, str(unfinished)], check=True, env=environment)
    unfinished.rename(archive)


def wheels() -> Path:
    """Return a folder with the wheel of every locked package, made as container.md says."""
    folder = FOLDER / "wheels"
    if not folder.exists():
        (line,) = re.findall(
            r"^pip (wheel .*--require-hashes .*) wheels$", PAGE.read_text("utf-8"), re.MULTILINE
        )
        unfinished = folder.with_suffix(".part")
        command = [sys.executable, "-m", "pip", *line.split(), str(unfinished)]
        subprocess.run(command, check=True, cwd=ROOT)
        unfinished.rename(folder)
    return folder


@contextmanager
def own_network() -> Iterator[None]:
    """Give this thread, and what it starts, a network with nothing but a loopback of its own."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if _libc.unshare(_NEW_NETWORK) != 0:
            raise OSError(ctypes.get_errno(), "no network of its own")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield
    finally:
        _libc.setns(before, _NEW_NETWORK)
        os.close(before)


def prepare(folder: Path, name: str, *lines: str) -> None:
    """Unpack a root, and run lines in it before it is booted, with the network of this machine."""
    subprocess.run(["tar", "-xf", root(name), "-C", folder, "--numeric-owner"], check=True)
    shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
    for line in lines:
        done = subprocess.run(
            ["systemd-nspawn", "-D", folder, "--register=no", "--keep-unit", "-q", "--resolv-conf=off",
             "--setenv=DEBIAN_FRONTEND=noninteractive", "sh", "-ec", line],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (line, done.stdout[-3_000:], done.stderr[-3_000:])


class Machine:
    """A booted Debian. `root`: its folder as seen from here."""

    def __init__(self, root: Path, process: subprocess.Popen[bytes], environment: dict[str, str]) -> None:
        """Take it from the process that runs it; what is run in it gets an environment."""
        self.root = root
        wait_until(lambda: psutil.Process(process.pid).children())
        self._leader = psutil.Process(process.pid).children()[0].pid
        self._environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", **environment}

    def do(self, line: str, status: int = 0) -> str:
        """Run a line of shell as root; return what it printed. Fails at another exit status."""
        done = subprocess.run(
            ["nsenter", f"--target={self._leader}", "--mount", "--uts", "--ipc", "--pid", "--cgroup",
             "--root", "--wd", "bash", "-ec", line],
            env=self._environment, capture_output=True, text=True, check=False, timeout=SECONDS * 3,
        )  # fmt: skip
        assert done.returncode == status, (line, done.returncode, done.stdout[-3_000:], done.stderr[-3_000:])
        return done.stdout + done.stderr


@contextmanager
def booted(folder: Path, environment: dict[str, str]) -> Iterator[Machine]:
    """Boot the Debian of a folder until the block ends."""
    log = folder.parent / "boot.log"
    command = ["systemd-nspawn", "-D", str(folder), "--register=no", "--keep-unit", "--resolv-conf=off", "-b"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--console=pipe"], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        machine = Machine(folder, process, environment)
        wait_until(lambda: _is_up(machine))
        yield machine
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        time.sleep(0.1)


def _is_up(machine: Machine) -> bool:
    try:
        return "active" in machine.do("systemctl is-active multi-user.target")
    except AssertionError:
        return False
