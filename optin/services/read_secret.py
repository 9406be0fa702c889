"""Read a secret that `optin.toml` names: from an environment variable, or from a file of the site."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from optin.settings.site import ENVIRONMENT

MOST_BYTES = 8_192  # of a file


class SecretUnusable(Exception):
    """A secret that cannot be used. Its text says where it is looked for, and holds nothing of it."""


def read_secret(root: Path, key: str, value: str, usual: str) -> str:
    """Return the secret that a setting names, read now. Raises SecretUnusable.

    `key`: of the setting with this value; `usual`: the variable that holds the secret without the setting.
    """
    if value and not value.startswith(ENVIRONMENT):
        secret, where = _in_file(root / value, key), "in its file"
    else:
        variable = value.removeprefix(ENVIRONMENT) or usual
        secret, where = os.environ.get(variable, "").strip(), f"in the environment variable {variable}"
    if not secret or not secret.isascii() or not secret.isprintable():
        msg = f"there is no usable {key} {where}"
        raise SecretUnusable(msg)
    return secret


def _in_file(path: Path, key: str) -> str:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            msg = f"others can read the {key}'s file; run: chmod 600 {path.name}"
            raise SecretUnusable(msg)
        with path.open("rb") as file:
            return file.read(MOST_BYTES).decode().strip()
    except (OSError, ValueError):
        return ""
