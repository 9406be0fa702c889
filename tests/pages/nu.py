"""The Nu HTML checker (validator.nu): errors in the HTML of pages and mails."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

# Mail programs need what HTML calls obsolete, or does not know (caniemail.com)
FOR_MAIL_PROGRAMS = re.compile(r"attribute on the .* obsolete|supported-color-schemes")
# On a phone the cells of these tables are blocks, and Safari then forgets that they are cells unless told
FOR_NARROW_TABLES = re.compile(
    r"attribute must not be used on a “(tr|th|td)” element which has a “table” ancestor"
)


def mistakes(jar: Path, pages: Mapping[str, str], mails: frozenset[str]) -> dict[str, list[str]]:
    """Return every error by the name of the page; `mails`: names of pages that are mails."""
    with tempfile.TemporaryDirectory(prefix="optin-nu-") as folder:
        named = {Path(folder) / f"{at}.html": name for at, name in enumerate(pages)}
        for path, name in named.items():
            path.write_text(pages[name], "utf-8")
        command = ["java", "-jar", str(jar), "--format", "json", "--exit-zero-always", "--stdout", "--html"]
        done = subprocess.run([*command, *map(str, named)], capture_output=True, text=True, check=True)
        found: dict[str, list[str]] = {}
        for it in json.loads(done.stdout)["messages"]:
            name, message = named[Path(it["url"].removeprefix("file:"))], it["message"]
            for_mail = name in mails and FOR_MAIL_PROGRAMS.search(message)
            if it["type"] == "error" and not for_mail and not FOR_NARROW_TABLES.search(message):
                where = f"line {it.get('lastLine', '?')}: {it.get('extract', '').strip()}"
                found.setdefault(name, []).append(f"{message} ({where})")
    return found
