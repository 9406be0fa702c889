"""Settings of one installation: where it keeps its store, mail and keys.

Each stands at the top level of `optin.toml` and is overridden by an environment variable: `OPTIN_STORE` for
`store`, and so on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, PrivateAttr

from optin.settings.table_model import SECRET, BaseAddress, Table

SHARED = "shared"  # marks a setting that every command must share with the server


@dataclass(frozen=True)
class ServedSettings:
    """The settings that a site's server runs with.

    `over_file`: it is `optin dev`, which has an address of its own whatever optin.toml says.
    """

    values: Mapping[str, str]
    over_file: bool = False


class Settings(Table):
    """Settings of one installation. Relative paths are below `root`."""

    base_url: Annotated[BaseAddress, SHARED] = Field(
        default="http://127.0.0.1:8000",
        description="Address at which visitors reach the site.",
        examples=["https://tips.example.com"],
    )
    store: Annotated[str, SECRET] = Field(
        default="sqlite:///var/optin.db",
        description="sqlite:///FILE or postgresql://…",
        examples=["sqlite:///var/optin.db", "postgresql://user:password@db.example.com/optin"],
    )
    mail: Annotated[str, SECRET] = Field(
        default="file:var/mail",
        description="smtp://…, smtps://… or file:FOLDER",
        examples=["smtp://user:password@mail.example.com:587", "smtps://mail.example.com:465"],
    )
    keys: str = Field(default="var/keys.json", description="The key file.")
    journal: Annotated[str, SHARED] = Field(
        default="var/journal.jsonl",
        description="The journal, a file outside the database that remembers the log.",
    )
    files: Annotated[str, SHARED] = Field(
        default="var/files",
        description="Folder for copies of files; they stay available after their magnet is removed.",
    )
    _root: Path = PrivateAttr(default=Path())
    _in_file: frozenset[str] = PrivateAttr(default=frozenset())
    _in_environment: frozenset[str] = PrivateAttr(default=frozenset())

    @classmethod
    def at(cls, root: Path, **values: str) -> Self:
        """Return the settings of the installation at `root`."""
        settings = cls(**values)
        settings._root = root
        return settings

    @property
    def root(self) -> Path:
        """The folder of the site."""
        return self._root

    @property
    def in_file(self) -> frozenset[str]:
        """The names that optin.toml sets."""
        return self._in_file

    @property
    def in_environment(self) -> frozenset[str]:
        """The names that the environment sets."""
        return self._in_environment

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
        return self._root / relative

    def read_at(self, root: Path, served: ServedSettings | None = None) -> Self:
        """Return these values from the file at `root`; the environment overrides them.

        `served`: what the site's server runs with, for a command in another shell: used where nothing is set.
        """
        in_file = {name: getattr(self, name) for name in SETTING_NAMES if name in self.model_fields_set}
        told = {
            name: os.environ[environment_name(name)]
            for name in SETTING_NAMES
            if os.environ.get(environment_name(name))
        }
        values = {} if served is None else served.values
        lower = {**in_file, **values} if served and served.over_file else {**values, **in_file}
        chosen = {**lower, **told}
        checked = Settings(**chosen)
        settings = self.model_copy(update={name: getattr(checked, name) for name in chosen})
        settings._root = root  # noqa: SLF001 - of this class
        settings._in_file, settings._in_environment = frozenset(in_file), frozenset(told)  # noqa: SLF001 - same
        return settings

    @property
    def shared(self) -> dict[str, str]:
        """The settings that a command must share with the server: links and files depend on them."""
        fields = Settings.model_fields.items()
        return {name: getattr(self, name) for name, field in fields if SHARED in field.metadata}

    def differing_from(self, served: ServedSettings) -> dict[str, str]:
        """Return the server's values that this installation sets differently."""
        said = self._in_environment if served.over_file else self._in_environment | self._in_file
        return {
            name: value
            for name, value in served.values.items()
            if name in said and getattr(self, name) != value
        }


SETTING_NAMES = tuple(Settings.model_fields)


def environment_name(setting: str) -> str:
    """Return the environment variable that overrides a setting."""
    return f"OPTIN_{setting.upper()}"
