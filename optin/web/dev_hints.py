"""The bar with hints that `optin dev` adds to a page.

It is put in after the page was made and is no part of it: a form version is the page without it, as with the
script for live reload.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from optin.site.findings import Finding

STYLE = """.dev-hints { position: fixed; left: .5rem; bottom: .5rem; z-index: 9;
  max-width: min(34rem, 100vw - 1rem);
  font: .8125rem/1.45 system-ui, sans-serif; color: #f6f4ee; background: #24303a; border-radius: .5rem; }
.dev-hints summary { padding: .35rem .7rem; cursor: pointer; }
.dev-hints ul { margin: 0; padding: 0 .9rem .4rem 1.7rem; max-height: 50vh; overflow: auto; }
.dev-hints li { margin: 0 0 .5rem; }
.dev-hints p { margin: 0; padding: .2rem .9rem .6rem; }
.dev-hints a { color: #b9d8ff; }
.dev-hints code { color: #b9d8ff; overflow-wrap: anywhere; }
.dev-hints :focus-visible { outline-color: #b9d8ff; }
@media print { .dev-hints { display: none; } }
"""
GALLERY = '<p><a href="/dev/gallery">See every page and mail</a></p>'
STYLE_LINK = b'<link rel="stylesheet" href="/dev/hints.css">'


def hints_bar(hints: Sequence[Finding]) -> bytes:
    """Return the bar as HTML; empty without hints."""
    if not hints:
        return b""
    count = f"{len(hints)} hint{'' if len(hints) == 1 else 's'}"
    items = "".join(
        f"<li><code>{escape(f'{it.path}:{it.line}')}</code> {escape(it.message)} {escape(it.cure)}</li>"
        for it in hints
    )
    html = (
        f'<details class="dev-hints" lang="en"><summary>{count}</summary><ul>{items}</ul>{GALLERY}</details>'
    )
    return STYLE_LINK + html.encode()
