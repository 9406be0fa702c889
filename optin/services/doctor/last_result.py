"""Keep the result of an examination, to report only what changed since.

`optin doctor` keeps its own in a file of the site's var folder, so it works while the database does not. The
server keeps its own in the database, sealed, where every process of the site finds it.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from optin.services.doctor.finding import Finding
from optin.settings.installation import Settings

FILE = "var/doctor.json"


@dataclass(frozen=True)
class Examined:
    """The findings of an examination, and when it was."""

    at: datetime
    findings: tuple[Finding, ...]

    def as_text(self) -> str:
        """Return the result as JSON."""
        return json.dumps({"at": self.at.isoformat(), "findings": [it.as_json() for it in self.findings]})


def read_result(text: str) -> Examined | None:
    """Return what `Examined.as_text` returned; None when it cannot be read."""
    try:
        plain: Any = json.loads(text)
        found = tuple(Finding.from_json(it) for it in plain["findings"])
        return Examined(datetime.fromisoformat(plain["at"]), found)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def load_result(settings: Settings) -> Examined | None:
    """Return the result of the last `optin doctor`; None when there was none."""
    try:
        return read_result(settings.path(FILE).read_text("utf-8", "replace"))
    except OSError:
        return None


def keep_result(settings: Settings, at: datetime, findings: Sequence[Finding]) -> bool:
    """Keep the result of `optin doctor`, whole or not at all; return whether that was possible."""
    path = settings.path(FILE)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(Examined(at, tuple(findings)).as_text() + "\n")
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        return False
    return True
