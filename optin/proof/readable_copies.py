"""Readable copies of a bundle's pages and mails, each in one file that needs no network.

The page that counts is the exact one, `forms/DIGEST.html`: it asks for its stylesheet at an address of the
site, so that from a folder it shows bare. The copy has everything inside, leads nowhere and sends nothing.
Anybody can make it again from the exact bytes, and `optin verify` does, so that a forged copy is found.

Copies in bundles of earlier versions are made again by this, too: what it writes never changes. Whoever wants
other copies puts them into a folder of another name, and leaves this as it is.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from html import escape

from optin.proof.page_assets import ADDRESS, STYLESHEET_ENDING, content_type_of

ASSETS = "assets/"
FOLDER = "view/"
MOST_EMBEDDED_BYTES = 30_000_000  # in one copy: a hostile page may name one large picture a million times
_SOURCES = (("forms/", ".html", "form"), ("privacy/", ".html", "privacy"), ("mails/", ".eml", "mail"))
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; form-action 'none';"
    " base-uri 'none'"
)
_TAG = re.compile(r"<[a-zA-Z](?:\"[^\"]*+\"?|'[^']*+'?|[^'\">])*+>?")
_WAY_OUT = re.compile(r"(?<=[\s\"'])(href|action|formaction)(\s*=\s*)(\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_STATEMENT = re.compile(r"/privacy/([0-9a-f]{16,64})")
_EMBEDDED = re.compile(rf"(?<=[\"'(\s,=]){ADDRESS.pattern}")
_STYLE_END = re.compile(r"</(?=style)", re.IGNORECASE)  # would end the element; CSS reads "<\/" as the same
_HEAD, _BODY = re.compile(r"<head\b[^<>]*>", re.IGNORECASE), re.compile(r"<body\b[^<>]*>", re.IGNORECASE)
_HEADERS = ("From", "To", "Date", "Subject")


def asset_file(address: str) -> str:
    """Return the name in a bundle of the file that pages refer to as `address`."""
    return ASSETS + address.rpartition("/")[2]


def copy_names(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the name of each copy in a bundle with `files`, with the name of its exact file."""
    return {
        f"{FOLDER}{kind}-{name.removeprefix(folder).removesuffix(ending)}.html": name
        for folder, ending, kind in _SOURCES
        for name in sorted(files)
        if name.startswith(folder) and name.endswith(ending)
    }


def viewable_copies(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield each copy in a bundle with `files`: its name and its bytes."""
    for name, source in copy_names(files).items():
        if source.endswith(".eml"):
            yield name, viewable_mail(files[source], source)
        else:
            yield name, viewable_page(files[source], files, source)


def viewable_page(page: bytes, files: Mapping[str, bytes], source: str = "") -> bytes:
    """Return a copy of a page, with its assets from `files` embedded.

    `source`: its exact bytes in the bundle; without, the copy links no other file.
    """
    embed = _Embedding(files)
    text = _TAG.sub(
        lambda tag: _tag(tag[0], files, embed, linked=bool(source)), page.decode("utf-8", "replace")
    )
    return _with_head(text, source).encode("utf-8", "replace")


def viewable_mail(data: bytes, source: str) -> bytes:
    """Return a page that shows a mail: sender, recipient, date, subject and text."""
    mail = message_from_bytes(data)
    rows = "".join(
        f'<tr style="vertical-align:top"><td style="padding-right:12px">{name}</td>'
        f"<td>{escape(_header(mail, name))}</td></tr>"
        for name in _HEADERS
    )
    head = f'<table style="font:14px/1.5 sans-serif;margin:12px;overflow-wrap:anywhere">{rows}</table><hr>'
    html = _part(mail, "text/html")
    if html is None:
        words = _part(mail, "text/plain")
        shown = data.decode("utf-8", "replace") if words is None else words
        html = (
            f'<html><head></head><body><pre style="white-space:pre-wrap">{escape(shown)}</pre></body></html>'
        )
    text = _TAG.sub(lambda tag: _tag(tag[0], {}, _Embedding({}), linked=False), html)
    return _with_head(_inserted(_BODY, text, head), source).encode("utf-8", "replace")


class _Embedding:
    """Embeds assets into one copy, up to its size limit."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._room = MOST_EMBEDDED_BYTES

    def asset(self, address: str) -> bytes | None:
        data = self._files.get(asset_file(address))
        if data is None or len(data) > self._room:
            return None
        self._room -= len(data)
        return data

    def style(self, address: str) -> str | None:
        """Return a stylesheet with its fonts and pictures inside."""
        data = self.asset(address)
        if data is None:
            return None
        css = _EMBEDDED.sub(self.data_address, data.decode("utf-8", "replace"))
        return _STYLE_END.sub(r"<\\/", css)

    def data_address(self, found: re.Match[str]) -> str:
        """Return a data address with an asset's bytes."""
        data = self.asset(found[0])
        if data is None:
            return found[0]
        return f"data:{content_type_of(found[0])};base64,{base64.b64encode(data).decode()}"


def _tag(tag: str, files: Mapping[str, bytes], embed: _Embedding, *, linked: bool) -> str:
    """Return a tag of a copy with its pictures embedded and its links removed."""
    address = _EMBEDDED.search(tag)
    if tag[:5].lower() == "<link" and "stylesheet" in tag and address is not None:
        css = embed.style(address[0]) if address[0].endswith(STYLESHEET_ENDING) else None
        return tag if css is None else f"<style>{css}</style>"

    def lead(way: re.Match[str]) -> str:
        target = way[3][1:-1]
        statement = _STATEMENT.fullmatch(target)
        if statement is not None and linked:
            name = min((it for it in files if it.startswith(f"privacy/{statement[1]}")), default="")
            if name:
                return f'{way[1]}{way[2]}"privacy-{name.removeprefix("privacy/")}"'
        if target.startswith("#") or _EMBEDDED.fullmatch(way[3], 1, len(way[3]) - 1):
            return way[0]
        return f"data-{way[0]}"

    return _EMBEDDED.sub(embed.data_address, _WAY_OUT.sub(lead, tag))


def _with_head(text: str, source: str) -> str:
    told = f"<!-- A copy to look at. What counts is the exact file: {source} -->" if source else ""
    policy = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    return _inserted(_HEAD, text, f"{policy}{told}")


def _inserted(after: re.Pattern[str], text: str, what: str) -> str:
    found = after.search(text)
    place = 0 if found is None else found.end()
    return f"{text[:place]}{what}{text[place:]}"


def _header(mail: Message, name: str) -> str:
    value = str(mail.get(name, ""))
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError, MessageError):
        return value


def _part(mail: Message, content_type: str) -> str | None:
    """Return the text of the first part of a type that is no attachment."""
    for part in mail.walk():
        attached = "attachment" in str(part.get("Content-Disposition", ""))
        data = part.get_payload(decode=True)
        if part.get_content_type() == content_type and not attached and isinstance(data, bytes):
            try:
                return data.decode(part.get_content_charset("utf-8"), "replace")
            except LookupError:
                return data.decode("utf-8", "replace")
    return None
