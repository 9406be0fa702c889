"""Check where a secret of `optin.toml` stands: an environment variable, or a file of its owner alone."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from optin.settings.site import ENVIRONMENT
from optin.site.law_lint import Objection
from optin.site.referenced_files import FileProblem, find_inside

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def objections_to_secret(root: Path, key: str, value: str, usual: str, code: str) -> Iterator[Objection]:
    """Check where a secret stands. What is written is never repeated: it may be the secret itself.

    `key`: of the setting with this value; `usual`: the variable that holds the secret without the setting.
    """
    if not value or value.startswith(ENVIRONMENT):
        variable = value.removeprefix(ENVIRONMENT) if value else usual
        if _VARIABLE.fullmatch(variable) is None:
            message = "What follows env: is not the name of an environment variable."
            yield Objection(code, message, f'Write {key} = "{ENVIRONMENT}{usual}".')
        elif not os.environ.get(variable):
            message = f"The environment variable {variable} is not set here."
            yield Objection("variable", message, "Set it where the server runs.", warning=True)
        return
    path = find_inside(root, value)
    if isinstance(path, FileProblem):
        message = f"The {key} is neither env:NAME nor a file of the site; it does not stand in optin.toml."
        cure = f'Put it into an environment variable, and write {key} = "{ENVIRONMENT}{usual}".'
        yield Objection(code, message, cure)
    elif stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Objection(code, f"Others can read the {key}'s file.", f"Run: chmod 600 {path.name}")
