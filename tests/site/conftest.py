"""A sound site to break, and what `check` says about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optin.app.main import main
from optin.services.site_edition import load_edition
from optin.site.findings import Finding
from optin.site.load_site import load_site
from tests.installed import KINDS
from tests.own_site import own_site

FRONT = {
    "kind": "newsletter",
    "lang": "nl",
    "title": "Brief",
    "description": "Een brief.",
    "purposes": "[tips-email]",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Make a sound site."""
    return own_site(tmp_path / "site")


def magnet(site: Path, **changes: str | None) -> Path:
    """Write a magnet at /brief; a change to None leaves the key out."""
    values = {key: value for key, value in {**FRONT, **changes}.items() if value is not None}
    text = "\n".join(["---", *(f"{key}: {value}" for key, value in values.items()), "---", "Tekst."])
    path = site / "magnets" / "brief.md"
    path.write_text(text, "utf-8")
    return path


def toml(site: Path, old: str, new: str) -> None:
    """Change optin.toml."""
    path = site / "optin.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def findings(site: Path) -> list[Finding]:
    return list(load_site(site, KINDS.files).findings)


def run(site: Path, *words: str) -> Result:
    """Run a command on a site."""
    return CliRunner().invoke(main, [*words, "--site", str(site)])


def only(site: Path) -> Finding:
    (finding,) = findings(site)
    return finding


def paper(site: Path, front: str = "", body: str = "Tekst.") -> Path:
    """Write a checklist at /paper with a file; return its folder."""
    folder = site / "magnets" / "paper"
    folder.mkdir(exist_ok=True)
    (folder / "x.pdf").write_bytes(b"%PDF")
    text = "---\nkind: checklist\nlang: nl\ntitle: t\ndescription: d\nfile: x.pdf\n"
    (folder / "index.md").write_text(f"{text}{front}---\n{body}\n", "utf-8")
    return folder


def all_findings(site: Path) -> tuple[Finding, ...]:
    """Return what `check` reports, its rendered pages included."""
    return load_edition(site, KINDS)[1]
