"""A copy of this repository's own site, in any look."""

from __future__ import annotations

import shutil
from pathlib import Path

from optin.site.load_site import SITE_FILE
from optin.site.picture_cache import FOLDER
from tests.house.requirements_table import ROOT

WRITTEN = 'theme = "calm"\n'


def copy_repository_site(folder: Path, look: str = "") -> None:
    """Copy it, with pictures that were drawn of it before. `look` empty: the one that it names."""
    for name in ("magnets", "privacy", FOLDER):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
    settings = (ROOT / SITE_FILE).read_text("utf-8")
    assert WRITTEN in settings
    (folder / SITE_FILE).write_text(
        settings.replace(WRITTEN, f'theme = "{look}"\n') if look else settings, "utf-8"
    )
