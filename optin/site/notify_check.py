"""Check who is told of confirmed requests: `[notify]` in `optin.toml` (W12)."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator

from optin.consent.email_and_telephone import parse_email
from optin.settings.site import CONFIRMED, ENVIRONMENT, Notify
from optin.site.findings import nearest
from optin.site.law_lint import Objection
from optin.site.toml_and_markdown_reader import Path_

CODE = "notify"
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def objections_to_notify(name: str, receiver: Notify) -> Iterator[tuple[Path_, Objection]]:
    """Check one receiver: its id, and its address as far as that can be known without a call."""
    where: Path_ = ("notify", name)
    if _ID.fullmatch(name) is None:
        yield where, Objection("id", f"{name!r} is no id.", "Use a-z, 0-9 and hyphens.")
    if receiver.person and receiver.variable:
        message = "Messages through a chat service name nobody: the service would store who they are."
        cure = "Remove person, or write an e-mail address as to."
        yield (*where, "person"), Objection(CODE, message, cure)
    elif receiver.person and CONFIRMED not in receiver.events:
        message = "Who waits is nobody in particular, so these mails name nobody."
        yield (*where, "person"), Objection(CODE, message, "Remove person, or add confirmed to events.")
    if receiver.to.startswith(ENVIRONMENT):
        for objection in _to_variable(receiver.variable):
            yield (*where, "to"), objection
    elif "://" in receiver.to:
        message = "An address of a chat service holds a secret, so it does not belong in optin.toml."
        variable = f"{ENVIRONMENT}OPTIN_NOTIFY_{_shouted(name)}"
        cure = f'Put it into an environment variable, and write to = "{variable}".'
        yield (*where, "to"), Objection(CODE, message, cure)
    else:
        try:
            parse_email(receiver.to)
        except ValueError:
            message = f"{receiver.to!r} is not an e-mail address."
            cure = f"Write name@domain, or {ENVIRONMENT}NAME for a chat service."
            yield (*where, "to"), Objection(CODE, message, cure)


def _to_variable(variable: str) -> Iterator[Objection]:
    if _VARIABLE.fullmatch(variable) is None:
        yield Objection(
            CODE, f"{variable!r} is not the name of an environment variable.", "Write env:OPTIN_NOTIFY_SALES."
        )
    elif not (value := os.environ.get(variable, "")):
        message = f"The environment variable {variable} is not set here."
        yield Objection("variable", message, "Set it where the server runs.", warning=True)
    elif "://" not in value or value.lower().startswith("mailto"):
        message = f"The environment variable {variable} holds no address of a chat service."
        yield Objection(CODE, message, "Write it as apprise does, such as ntfys://host/topic.")


def objections_to_magnets(
    name: str, receiver: Notify, magnets: Collection[str]
) -> Iterator[tuple[Path_, Objection]]:
    """Check that the magnets a receiver is told of exist."""
    for place, magnet in enumerate(receiver.magnets):
        if magnet not in magnets:
            message = f"There is no magnet {magnet!r}."
            yield ("notify", name, "magnets", place), Objection(CODE, message, nearest(magnet, [*magnets]))


def _shouted(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", name.upper())
