"""The configurations of other programs that the pages in docs/run show, and which test runs each."""

from __future__ import annotations

import re

from tests.house.requirements_table import ROOT

FOLDER = ROOT / "docs" / "run"
RUN_BY = {
    ("caddy.md", "caddy"): "tests/host/test_proxies.py",
    ("haproxy.md", "haproxy"): "tests/host/test_proxies.py",
    ("nginx.md", "nginx"): "tests/host/test_proxies.py",
    ("behind-a-cdn.md", "nginx"): "tests/host/test_behind_a_cdn.py",
}
"""Each page and language, and the test that runs what the page shows."""
OF_OUR_OWN = {"toml", "sh", "json", "text"}  # settings of optin, commands, and what they print
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of a page in that language, in their order."""
    text = (FOLDER / page).read_text("utf-8")
    return [block for found, block in _BLOCK.findall(text) if found == language]


def documented() -> set[tuple[str, str]]:
    """Return each page with each language of another program's configuration that it shows."""
    return {
        (path.name, language)
        for path in FOLDER.glob("*.md")
        for language, _ in _BLOCK.findall(path.read_text("utf-8"))
        if language not in OF_OUR_OWN
    }


def replaced(text: str, *changes: tuple[str, str]) -> str:
    """Return a configuration with names and ports of a test; each that is replaced must stand in it."""
    for written, instead in changes:
        assert written in text, f"the page does not say {written!r} any more"
        text = text.replace(written, instead)
    return text
