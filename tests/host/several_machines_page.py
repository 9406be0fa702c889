"""The configurations of docs/run/several-machines.md, as the tests run them."""

from __future__ import annotations

import re
from textwrap import dedent

from tests.house.requirements_table import ROOT

PAGE = ROOT / "docs" / "run" / "several-machines.md"


def block(language: str, first: str) -> str:
    """Return the block of a language that begins so, without its indent."""
    found = re.search(rf"```{language}\n( *{re.escape(first)}.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None, f"{PAGE} has no block of {language} that begins with {first}"
    return dedent(found[1])


def pooler_settings() -> str:
    """Return pgbouncer.ini."""
    return block("ini", "; pgbouncer.ini")


def standby_statements(standby: str) -> list[str]:
    """Return the statements that let a primary wait for the standby of that name."""
    text = block("sql", "ALTER SYSTEM")
    assert text.count("'standby1'") == 1
    return [it.removesuffix(";") for it in text.replace("standby1", standby).splitlines()]


def address_of_both(password: str, hosts: str) -> str:
    """Return the address that names both servers. `hosts`: with ports, and a comma between."""
    text = block("sh", "OPTIN_STORE='").strip().removeprefix("OPTIN_STORE='").removesuffix("'")
    theirs = ":password@db1.example.com,db2.example.com/"
    assert theirs in text
    return text.replace(theirs, f":{password}@{hosts}/")
