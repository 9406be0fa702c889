"""What the QR code of a reply card says: the site, the form version, and where its boxes are. Pure.

    OPTIN-CARD:V1:HTTPS://TIPS.EXAMPLE.COM:<digest>:<size>:<edges>:<check>

`edges`: the upper edge of each consent box in tenths of a millimetre, in the form's order, joined by points.
`check`: the first 8 hexadecimal digits of the SHA-256 of everything before it. Capital letters make a QR
code a third smaller (ISO/IEC 18004, alphanumeric mode). The places of the boxes travel with the card, so that
old cards can be read after the layout changed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from optin.consent.form_version import FormDigest

PREFIX = "OPTIN-CARD:"
MOST_BOXES = 20
SIZES = {"A4": (210.0, 297.0), "A5": (148.0, 210.0), "A6": (105.0, 148.0)}  # width and height, mm
_CHECK_CHARACTERS = 8
_TENTHS = 10
_CODE = re.compile(
    r"OPTIN-CARD:V1:(?P<origin>HTTPS?://[^\s:/]+(?::\d+)?):(?P<digest>[0-9A-F]{64})"
    r":(?P<size>A[456]):(?P<edges>\d{1,4}(?:\.\d{1,4})*)",
    re.ASCII,
)


@dataclass(frozen=True)
class CardCode:
    """The content of the code. `edges`: the upper edge of each box in mm from the top, to a tenth."""

    origin: str
    digest: FormDigest
    size: str
    edges: tuple[float, ...]

    def as_text(self) -> str:
        """Return the text of the QR code."""
        edges = ".".join(str(round(edge * _TENTHS)) for edge in self.edges)
        before = f"{PREFIX}V1:{self.origin}:{self.digest}:{self.size}:{edges}".upper()
        return f"{before}:{_check(before)}"


def parse_card_code(text: str) -> CardCode | None:
    """Return what a QR code says; None where it is of no card, damaged, or of a later version."""
    before, _, check = text.rpartition(":")
    found = _CODE.fullmatch(before)
    if found is None or check != _check(before):
        return None
    size = found["size"]
    edges = tuple(int(edge) / _TENTHS for edge in found["edges"].split("."))
    if len(edges) > MOST_BOXES or max(edges) > SIZES[size][1]:
        return None
    return CardCode(found["origin"].lower(), FormDigest(found["digest"].lower()), size, edges)


def origin_of(base_url: str) -> str:
    """Return scheme, host and port of a base address, with the host in ASCII (RFC 6454)."""
    parts = urlsplit(base_url)
    host = (parts.hostname or "").encode("idna").decode()
    return f"{parts.scheme}://{host}{'' if parts.port is None else f':{parts.port}'}".lower()


def _check(before: str) -> str:
    return hashlib.sha256(before.encode()).hexdigest()[:_CHECK_CHARACTERS].upper()
