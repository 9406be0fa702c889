"""Parse XML that a stranger made: no entities, no document type, no network, bounded size and depth."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

MOST_ELEMENTS = 400_000  # an invoice of ten thousand lines has about half of it
MOST_CHARACTERS = 300  # of a number, name or address
_CHUNK_BYTES = 64 * 1024
_SPACE = re.compile(r"\s+")


class XmlRefused(Exception):
    """The file is no XML that is safe to read. The message continues "The file …"."""


def parse_xml(data: bytes) -> Any:
    """Return the root element of a document. Raises XmlRefused.

    libxml2 ends by itself at a depth of 256 and at a text of 10 MB (`huge_tree` off).
    """
    from lxml import etree  # noqa: PLC0415 - heavy, and seldom needed

    parser = etree.XMLPullParser(
        events=("start",),
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    found = 0
    root = None
    try:
        for begin in range(0, len(data), _CHUNK_BYTES):
            parser.feed(data[begin : begin + _CHUNK_BYTES])
            for _, element in parser.read_events():
                if root is None:
                    root = element
                    _refuse_document_type(root)
                found += 1
                if found > MOST_ELEMENTS:
                    msg = "has more parts than any invoice"
                    raise XmlRefused(msg)
        root = parser.close()
    except (etree.LxmlError, LookupError, ValueError) as problem:  # LookupError: an unknown encoding
        msg = "is not well-formed XML"
        raise XmlRefused(msg) from problem
    _refuse_document_type(root)
    return root


def _refuse_document_type(root: Any) -> None:
    about = root.getroottree().docinfo
    if about.internalDTD is not None or about.doctype:
        msg = "has a document type, which no invoice has"
        raise XmlRefused(msg)


def local_name(element: Any) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def namespace(element: Any) -> str:
    """Return an element's namespace; empty where it has none."""
    return str(element.tag)[1:].rpartition("}")[0]


def inside(element: Any, path: str) -> Iterator[Any]:
    """Yield the elements at a path of local names, such as "Party/Contact", in any namespace."""
    yield from element.iterfind("/".join(f"{{*}}{name}" for name in path.split("/")))


def text_at(element: Any, *paths: str) -> str:
    """Return the first text at one of these paths, in one line; empty where there is none.

    Raises XmlRefused for a text longer than any.
    """
    return next((text for path in paths for it in inside(element, path) if (text := text_of(it))), "")


def text_of(element: Any) -> str:
    """Return an element's text in one line, without characters that only change how a screen shows it."""
    text = _SPACE.sub(" ", "".join(_shown(element.text or ""))).strip()
    if len(text) > MOST_CHARACTERS:
        msg = f"has a name or number of more than {MOST_CHARACTERS} characters"
        raise XmlRefused(msg)
    return text


def _shown(text: str) -> Iterator[str]:
    """Yield what is shown of a text: controls and marks of direction could hide what it says."""
    for character in text[: 10 * MOST_CHARACTERS]:
        if character.isspace() or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn"}:
            yield character
