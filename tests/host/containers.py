"""Images without a registry: Podman with runc, in a storage of its own, as a page's commands call it.

What is added to a command is what this machine lacks: a base that was made here, no registry, and limits that
a container without rights over its host's may have.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.host.machines import root, wheels
from tests.house.requirements_table import ROOT
from tests.house.test_wheel import build
from tests.waiting import SECONDS

BASE = "localhost/optin-base"
_PODMAN = """#!/bin/sh
verb=$1; shift
case "$verb" in
  build) set -- --isolation chroot --network host --pull=never --build-arg BASE={base} "$@" ;;
  run) set -- --network host --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$@" ;;
esac
exec {podman} --root {storage}/root --runroot {runroot} --cgroup-manager cgroupfs --runtime runc \\
  "$verb" "$@"
"""


@dataclass
class Containers:
    """A folder with a copy of the repository's files that an image is made of, and Podman."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def do(self, line: str, status: int = 0) -> str:
        """Run a line of shell in the folder; return what it printed. Fails at another exit status."""
        done = subprocess.run(
            ["bash", "-ec", line], cwd=self.folder, env=self.environment, capture_output=True, text=True,
            check=False, timeout=SECONDS * 8,
        )  # fmt: skip
        assert done.returncode == status, (line, done.returncode, done.stdout[-2_000:], done.stderr[-3_000:])
        return done.stdout


@contextmanager
def containers(folder: Path) -> Iterator[Containers]:
    """Prepare a folder and a storage; end what runs in it."""
    for name in ("Containerfile", ".containerignore"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(wheels(), folder / "wheels")
    build(folder / "wheels")
    programs = folder / "programs"
    programs.mkdir()
    podman = programs / "podman"
    short = tempfile.mkdtemp(dir="/run", prefix="optin-")  # Podman takes at most 50 characters
    told = {"base": BASE, "podman": shutil.which("podman"), "storage": folder / "storage", "runroot": short}
    podman.write_text(_PODMAN.format(**told))
    podman.chmod(0o755)
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = Containers(folder, {**os.environ, "PATH": path})
    own.do(f"podman import --quiet {root('python')} {BASE}")
    try:
        yield own
    finally:
        own.do("podman rm --all --force --time 5 >&2; podman rmi --all --force >&2")
        shutil.rmtree(short)
