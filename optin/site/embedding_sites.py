"""The websites that may show forms (W6, W7), and the room that a form needs there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from optin.consent.channel import address_at
from optin.consent.form_version import FormDeclaration
from optin.site.law_lint import Objection

MOST_CHARACTERS = 200
_PORTS = {"https": 443, "http": 80}  # which browsers leave out
_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
# pixels of a form on a phone 360 wide, in the look with the largest letters; test_embedding measures them
_AROUND, _DETAILS, _FIELD, _LEGEND, _BOX, _LINE, _CHARACTERS = 700, 300, 130, 100, 60, 23, 34


def frame_height(form: FormDeclaration) -> int:
    """Return a height in pixels that fits a form on a phone; on wider screens some room is left."""
    fields = [it for it in form.fields if address_at(it.name) is None]
    questions = sum(_BOX + _LINE * -(-len(it.wording) // _CHARACTERS) for it in form.questions)
    around = _AROUND + (_DETAILS if form.details else 0)
    return around + _FIELD * len(fields) + (_LEGEND + questions if questions else 0)


def objections_to_site(address: str) -> Iterator[Objection]:
    """Check the address of a site that may show forms: an origin, written as browsers send it (RFC 6454)."""
    cure = "Write it like https://www.example.com, without a path."
    sent = _as_browsers_send(address)
    if not sent or len(address) > MOST_CHARACTERS:
        yield Objection("embed", f"{address[:60]!r} is not the address of a website.", cure)
    elif address != sent:
        message = f"Browsers call the site {address[:60]!r} otherwise."
        yield Objection("embed", message, f"Write it as they do: {sent}")
    elif sent.startswith("http://") and urlsplit(sent).hostname not in _THIS_MACHINE:
        message = f"{address[:60]!r} has no https: others could change the page around the form on its way."
        yield Objection("embed", message, "Write https://…, and let the site answer there.")


def _as_browsers_send(address: str) -> str:
    """Return an address as it stands in the header Origin; empty for one that is no site's."""
    try:
        parts = urlsplit(address)
        name, port = parts.hostname or "", parts.port
        host = f"[{IPv6Address(name)}]" if ":" in name else name.encode("idna").decode()
    except ValueError:  # also of a name that cannot be written so
        return ""
    default = _PORTS.get(parts.scheme)
    if ":" not in host and _NAME.fullmatch(host) is None:
        return ""
    if (
        default is None
        or port == 0
        or parts.username is not None
        or parts.path
        or parts.query
        or parts.fragment
    ):
        return ""
    return f"{parts.scheme}://{host}{'' if port in {None, default} else f':{port}'}"
