"""A command given in a shell that has only the settings of the test.

It runs in this process: a new Python takes a second. Where the process itself is what is tested, start one.
"""

from __future__ import annotations

import os
from contextlib import chdir
from pathlib import Path

from click.testing import CliRunner, Result

from optin.app.main import main


def shell(site: Path, *words: str, **settings: str) -> Result:
    """Run a command beside the folder of a site. What is neither an answer nor a refusal fails the test."""
    hidden = {name: None for name in os.environ if name.startswith("OPTIN_")}
    with chdir(site.parent):
        return CliRunner().invoke(
            main, [*words, "--site", str(site)], env={**hidden, **settings}, catch_exceptions=False
        )
