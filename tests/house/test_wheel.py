"""The wheel, as users get it: it serves a site outside the repository, with nothing but what it declares."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email import message_from_bytes
from importlib.metadata import distribution
from pathlib import Path

import httpx2 as httpx
import pytest
from packaging.requirements import Requirement

from tests.house.requirements_table import ROOT
from tests.own_site import replace_examples
from tests.ports import NO_MAIL
from tests.serving import answers, settings
from tests.waiting import SECONDS


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


def build(folder: Path) -> Path:
    """Build the wheel into a folder."""
    code = "import hatchling.build as b; print(b.build_wheel(__import__('sys').argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("optin-*.whl")
    return built


def declared(wheel: Path) -> list[str]:
    """Return what the wheel says it needs, one requirement a line."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (it for it in archive.namelist() if it.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])


def needed(lines: Iterable[str], extras: Sequence[str] = ()) -> Iterator[str]:
    """Return the names of the packages that these requirements mean here."""
    for line in lines:
        wanted = Requirement(line)
        if wanted.marker is None or any(wanted.marker.evaluate({"extra": it}) for it in ("", *extras)):
            yield wanted.name
            yield from (f"{wanted.name}[{extra}]" for extra in wanted.extras)


def with_theirs(names: Iterable[str]) -> set[str]:
    """Return these packages, with those that they need in turn."""
    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            package = Requirement(name)
            waiting += needed(distribution(package.name).requires or [], [*package.extras])
    return found


def clean_environment(folder: Path, names: Iterable[str]) -> Path:
    """Make a virtual environment with these packages alone; return the folder of its programs."""
    venv.create(folder, symlinks=True)
    (library,) = folder.rglob("site-packages")
    for name in names:
        package = distribution(Requirement(name).name)
        for top in {it.parts[0] for it in package.files or [] if it.parts[0] not in {"..", "__pycache__"}}:
            if not (library / top).exists():
                (library / top).symlink_to(Path(str(package.locate_file(top))))
    return folder / "bin"


@contextmanager
def running(words: Sequence[str], environment: Mapping[str, str], port: int) -> Iterator[httpx.Client]:
    """Run a server until the block ends; yield a client of it."""
    server = subprocess.Popen(
        words, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        base = f"http://127.0.0.1:{port}"
        assert answers(server, base)
        with httpx.Client(base_url=base, timeout=SECONDS) as client:
            yield client
    finally:
        server.terminate()
        server.wait(SECONDS)


def test_the_wheel_is_the_same_bytes_each_time_and_holds_the_product_alone(
    wheel: Path, tmp_path: Path
) -> None:
    """O10, M7: whoever builds it can compare it with ours."""
    assert build(tmp_path).read_bytes() == wheel.read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "optin/templates/pages/landing.html" in names
    for lang in ("de", "en", "fr", "nl"):
        assert f"optin/locale/{lang}/LC_MESSAGES/optin.mo" in names
        assert f"optin/locale/{lang}/starter/privacy.md" in names
    assert not any(name.startswith(("tests/", "magnets/")) for name in names)


def test_the_wheel_serves_a_site_outside_the_repository(wheel: Path, tmp_path: Path, free_port: int) -> None:
    """O10, M7, O2, M9: install, init, new, check, dev, serve, where only what it declares is installed."""
    programs = clean_environment(tmp_path / "installed", with_theirs(needed(declared(wheel))))
    bare = {it: value for it, value in os.environ.items() if not it.startswith(("PYTHON", "OPTIN_"))}
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--no-index", str(wheel)]
    subprocess.run(pip, env=bare, cwd=tmp_path, check=True, capture_output=True)
    assert not list((tmp_path / "installed").rglob("pytest")), "what only tests need is not there"
    script, site = str(programs / "optin"), tmp_path / "site"

    def optin(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [script, *words], cwd=tmp_path, env=bare, capture_output=True, text=True, check=False,
            timeout=SECONDS,
        )  # fmt: skip

    assert "optin, version" in optin("--version").stdout
    assert optin("init", str(site)).returncode == 0
    assert optin("new", "white-paper", "paper", "--site", str(site)).returncode == 0
    checked = optin("check", "--site", str(site))
    assert checked.returncode == 0, checked.stderr
    assert optin("papers", "--out", str(tmp_path / "papers"), "--site", str(site)).returncode == 0
    assert "Autoriteit Persoonsgegevens" in (tmp_path / "papers" / "breaches.html").read_text("utf-8")
    words = [script, "dev", "--site", str(site), "--port", str(free_port)]
    with running(words, bare, free_port) as client:
        assert "<h1>Titel van uw whitepaper</h1>" in client.get("/paper").text
        assert "/dev/reload.js" in client.get("/paper").text
    for tried in (site / "var", site / "magnets" / "paper"):
        shutil.rmtree(tried)
    replace_examples(site)
    known = {**bare, **settings(f"sqlite:///{tmp_path}/optin.db", NO_MAIL, f"{tmp_path}/keys.json")}
    words = [script, "serve", "--site", str(site), "--port", str(free_port)]
    with running(words, known, free_port) as client:
        assert client.get("/health/ready").status_code == 200
        assert "Elke tip komt van een klant." in client.get("/tips").text
