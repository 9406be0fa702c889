"""The wheel, as users get it: it serves a site outside the repository, templates and languages included."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx2 as httpx

from tests.house.requirements_table import ROOT
from tests.waiting import SECONDS


def test_the_wheel_serves_a_site_outside_the_repository(tmp_path: Path, free_port: int) -> None:
    """M7, O2, M9: build, install, init, new, check, dev, from the built package alone."""
    build = "import hatchling.build as b; print(b.build_wheel(__import__('sys').argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "optin/templates/pages/landing.html" in names
    for lang in ("de", "en", "fr", "nl"):
        assert f"optin/locale/{lang}/LC_MESSAGES/optin.mo" in names
        assert f"optin/locale/{lang}/starter/privacy.md" in names
    assert not any(name.startswith(("tests/", "magnets/")) for name in names)
    installed = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--ignore-installed"]
    subprocess.run([*pip, "--prefix", str(installed), str(wheel)], check=True, capture_output=True)
    (library,) = installed.rglob("site-packages")
    outside = {**os.environ, "PYTHONPATH": str(library)}  # before the checkout, which is installed as well
    where = [sys.executable, "-c", "import optin; print(optin.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=outside, capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(library))
    script = str(installed / "bin" / "optin")
    site = tmp_path / "site"

    def optin(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [script, *words], cwd=tmp_path, env=outside, capture_output=True, text=True, check=False,
            timeout=120,
        )  # fmt: skip

    assert "optin, version" in optin("--version").stdout
    assert optin("init", str(site)).returncode == 0
    assert optin("new", "white-paper", "paper", "--site", str(site)).returncode == 0
    checked = optin("check", "--site", str(site))
    assert checked.returncode == 0, checked.stderr
    assert optin("papers", "--out", str(tmp_path / "papers"), "--site", str(site)).returncode == 0
    assert "Autoriteit Persoonsgegevens" in (tmp_path / "papers" / "breaches.html").read_text("utf-8")
    server = subprocess.Popen(
        [script, "dev", "--site", str(site), "--port", str(free_port)], cwd=tmp_path, env=outside,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        transport = httpx.HTTPTransport(retries=20)
        with httpx.Client(
            base_url=f"http://127.0.0.1:{free_port}", transport=transport, timeout=SECONDS
        ) as client:
            assert "<h1>Titel van uw whitepaper</h1>" in client.get("/paper").text
            assert "/dev/reload.js" in client.get("/paper").text
    finally:
        server.terminate()
        server.wait(120)
