"""Where this installation keeps its store, mail and keys. Not what the marketer wrote: that is `site`.

Each value stands at the top level of `optin.toml` and is overridden by an environment variable
(`OPTIN_STORE`, `OPTIN_MAIL`, `OPTIN_BASE_URL`, `OPTIN_KEYS`, `OPTIN_JOURNAL`, `OPTIN_FILES`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SETTING_NAMES = ("base_url", "store", "mail", "keys", "journal", "files")


@dataclass(frozen=True)
class Settings:
    """One installation. Relative paths are seen from `root`."""

    root: Path
    base_url: str = "http://127.0.0.1:8000"
    store: str = "sqlite:///var/optin.db"
    mail: str = "file:var/mail"
    keys: str = "var/keys.json"
    journal: str = "var/journal.jsonl"  # what is remembered outside the database (S7, O9)
    files: str = "var/files"  # what was promised for download, kept apart from the magnets
    in_file: frozenset[str] = frozenset()  # names that optin.toml sets
    in_environment: frozenset[str] = frozenset()  # names that the environment sets

    @property
    def secure(self) -> bool:
        """Whether visitors come over https."""
        return self.base_url.startswith("https://")

    @property
    def log_origin(self) -> str:
        """The name of this site's log: its base address without the scheme (C2SP tlog-tiles)."""
        return self.base_url.partition("://")[2].rstrip("/") + "/log"

    def path(self, relative: str) -> Path:
        """Return a path of this installation, absolute."""
        return self.root / relative


@dataclass(frozen=True)
class Served:
    """The settings that a site's server runs with.

    `over_file`: it is `optin dev`, which has an address of its own whatever optin.toml says.
    """

    values: Mapping[str, str]
    over_file: bool = False

    def disagreeing(self, settings: Settings) -> dict[str, str]:
        """Return the server's values that a command with `settings` was told otherwise."""
        said = settings.in_environment if self.over_file else settings.in_environment | settings.in_file
        return {
            name: value
            for name, value in self.values.items()
            if name in said and getattr(settings, name) != value
        }


def name_of(setting: str) -> str:
    """Return the environment variable that overrides a setting."""
    return f"OPTIN_{setting.upper()}"


def load_settings(root: Path, table: Mapping[str, object], served: Served | None = None) -> Settings:
    """Read the settings of the site at `root`: the environment over `table` over the defaults.

    `served`: what the site's server runs with, for a command in another shell: used where nothing is set.
    """
    in_file = {name: value for name in SETTING_NAMES if isinstance(value := table.get(name), str)}
    told = {name: os.environ[name_of(name)] for name in SETTING_NAMES if os.environ.get(name_of(name))}
    values = {} if served is None else served.values
    chosen = {**in_file, **values, **told} if served and served.over_file else {**values, **in_file, **told}
    if "base_url" in chosen:
        chosen["base_url"] = chosen["base_url"].rstrip("/")
    return Settings(root=root, in_file=frozenset(in_file), in_environment=frozenset(told), **chosen)
