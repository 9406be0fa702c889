"""Markdown to the HTML of a mail: styles stand in the elements, because mail programs know little else.

What mail programs do not show alike is left out: tables, blocks of code, pictures, headings below the third.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from optin.site.markdown_to_html import prose_as_text
from optin.theme.look import Look

_UNKNOWN_IN_MAILS = ("code", "fence", "table", "image")
_LOWEST_HEADING = 3


def mail_prose(text: str, base_url: str, look: Look) -> str:
    """Return a text as HTML for a mail. Links that begin with "/" get the site's address."""
    markdown = _markdown()
    tokens = markdown.parse(text)
    for token in tokens:
        _style(token, base_url, look)
    markdown.add_render_rule("hr", _rule(look))
    return str(markdown.renderer.render(tokens, markdown.options, {})).strip()


def mail_prose_as_text(text: str, base_url: str) -> str:
    """Return a text for the plain part of a mail. Links that begin with "/" get the site's address."""
    return prose_as_text(text, base_url)


def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).disable(list(_UNKNOWN_IN_MAILS), ignoreInvalid=True)


def _style(token: Token, base_url: str, look: Look) -> None:
    headings = look.design.shape.headings
    styles = {
        "p": "margin:0 0 16px;",
        "h1": f"margin:0 0 12px;font-size:27px;line-height:1.2;{headings}",
        "h2": f"margin:28px 0 8px;font-size:19px;line-height:1.3;{headings}",
        "h3": f"margin:20px 0 8px;font-size:17px;line-height:1.3;{headings}",
        "ul": "margin:0 0 16px;padding:0 0 0 24px;",
        "ol": "margin:0 0 16px;padding:0 0 0 24px;",
        "li": "margin:0 0 6px;",
        "blockquote": "margin:0 0 16px;font-size:17px;line-height:1.55;",
    }
    if token.type.startswith("heading_") and int(token.tag[1:]) > _LOWEST_HEADING:
        token.tag = f"h{_LOWEST_HEADING}"
    if token.nesting == 1 and token.tag in styles:
        token.attrSet("style", styles[token.tag])
    for child in token.children or ():
        if child.type == "link_open":
            target = str(child.attrGet("href") or "")
            child.attrSet("href", f"{base_url}{target}" if target.startswith("/") else target)
            child.attrSet("class", "link")
            child.attrSet("style", f"color:{look.colour};")


def _rule(look: Look) -> Any:
    line = (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr>'
        f'<td class="row" style="border-top:1px solid {look.light.line};font-size:1px;line-height:20px;">'
        "&nbsp;</td></tr></table>\n"
    )

    def render(_renderer: object, _tokens: Sequence[Token], _at: int, _options: object, _env: object) -> str:
        return line

    return render
