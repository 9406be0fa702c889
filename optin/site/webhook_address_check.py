"""Check the text of a webhook's address (E7). No name is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import SplitResult, urlsplit

from optin.site.law_lint import Objection

# names that lead nowhere on the public internet (RFC 2606, 6761, 6762, 8375, and what routers call home)
PRIVATE_NAMES = frozenset(
    ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "localdomain")
) | {"arpa", "invalid", "test", "onion"}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_TOP_LABEL = re.compile(r"(?!-)(?=.*[a-z])[a-z0-9-]{2,63}(?<!-)")
CODE = "webhook"


def objections_to_webhook(url: str, own: Iterable[str]) -> Iterator[Objection]:
    """Check a webhook's address: https, a public name, no credentials, not the site itself (`own`)."""
    parts = _parts(url)
    if parts is None or not parts.scheme or parts.hostname is None:
        yield Objection(CODE, f"{url!r} is not an address.", "Write it like https://hooks.example.com/optin.")
        return
    if parts.scheme != "https":
        message = f"A webhook uses https only, not {parts.scheme}: it carries personal data (GDPR 32)."
        yield Objection(CODE, message, "Write https://…")
    if "@" in parts.netloc:
        message = "There are credentials in the address of this webhook."
        cure = "Remove them: the receiver recognises us by the signature (optin keys webhook ID)."
        yield Objection(CODE, message, cure)
    host = host_of(parts)
    if not is_public_name(host):
        message = (
            f"{host!r} is not a public name: webhooks go neither to an IP address nor to a private network."
        )
        yield Objection(CODE, message, "Write the name of the processor's server, as in its certificate.")
    elif host in {host_of(mine) for mine in map(_parts, own) if mine is not None}:
        message = f"{host!r} is this site itself: the webhook would call itself."
        yield Objection(CODE, message, "Write the address of the processor's server.")


def objections_to_server(url: str, own: Iterable[str]) -> Iterator[Objection]:
    """Check the address of a tool that a company runs itself, by the rules of a webhook's address."""
    if any(objections_to_webhook(url, own)):
        message = "The server is no https address with a public name, or it is this site itself."
        cure = "Write it like https://lists.example.com, as in its certificate, without credentials."
        yield Objection("connect", message, cure)
    elif "?" in url or "#" in url:
        message = "The server is more than an address: nothing may follow its path."
        yield Objection("connect", message, "Write it like https://lists.example.com.")


def host_of(parts: SplitResult) -> str:
    """Return the host of an address for comparison: in lower case, without a final dot."""
    return (parts.hostname or "").lower().removesuffix(".")


def _parts(url: str) -> SplitResult | None:
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.port != 0
    except ValueError:
        return None
    return parts if usable else None


def is_public_name(host: str) -> bool:
    """Return whether a host is a public name with a dot, and no number in disguise."""
    labels = host.split(".")
    return (
        len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels[:-1])
        and _TOP_LABEL.fullmatch(labels[-1]) is not None
        and re.fullmatch(r"0x[0-9a-f]*", labels[-1]) is None
        and labels[-1] not in PRIVATE_NAMES
    )
