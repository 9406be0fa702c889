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
_AROUND, _DETAIL, _FIELD, _LEGEND, _BOX, _LINE, _CHARACTERS = 700, 45, 130, 100, 60, 23, 34


def frame_height(form: FormDeclaration) -> int:
    """Return a height in pixels that fits a form on a phone; on wider screens some room is left."""
    fields = [it for it in form.fields if address_at(it.name) is None]
    questions = sum(_BOX + _LINE * -(-len(it.wording) // _CHARACTERS) for it in form.questions)
    return (
        _AROUND
        + _DETAIL * len(form.detail)
        + _FIELD * len(fields)
        + (_LEGEND + questions if questions else 0)
    )


def origin_in_browsers(page: str) -> str:
    """Return the origin of a page as it stands in the header Origin (RFC 6454); empty for what has none."""
    try:
        parts = urlsplit(page)
        name, port = parts.hostname or "", parts.port
        host = f"[{IPv6Address(name)}]" if ":" in name else name.encode("idna").decode()
    except ValueError:  # also of a name that cannot be written so
        return ""
    default = _PORTS.get(parts.scheme)
    if ":" not in host and _NAME.fullmatch(host) is None:
        return ""
    if default is None or port == 0 or parts.username is not None:
        return ""
    return f"{parts.scheme}://{host}{'' if port in {None, default} else f':{port}'}"


def objections_to_site(address: str) -> Iterator[Objection]:
    """Check the address of a site that may show forms: an origin, written as browsers send it (RFC 6454)."""
    origin = "" if len(address) > MOST_CHARACTERS else origin_in_browsers(address)
    if not origin:
        cure = "Write it like https://www.example.com, without a path."
        yield Objection("embed", f"{address[:60]!r} is not the address of a website.", cure)
    elif origin.startswith("http://") and urlsplit(origin).hostname not in _THIS_MACHINE:
        message = f"{address[:60]!r} has no https: others could change the page around the form on its way."
        yield Objection("embed", message, "Write https://…, and let the site answer there.")
    elif address != origin:
        message = f"Browsers call the site {address[:60]!r} otherwise."
        yield Objection("embed", message, f"Write it as they do: {origin}")
