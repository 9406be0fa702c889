"""What mail programs understand, for the tests of our mails.

A property, an at-rule or an element stands here only if Gmail, Outlook for Windows and Apple Mail understand
it, or if a mail without it is as readable. Source: caniemail.com, data of github.com/hteumeuleu/caniemail as
of 2024-04, read on 2026-11-30; the slug is the name of its page.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One feature of CSS as mail programs have it: yes, no, or some of it (see `without`)."""

    slug: str
    gmail: str
    outlook_windows: str
    apple_mail: str
    without: str = ""  # what a program without it, or with some of it, shows


PROPERTIES = {
    "background": Feature("css-background", "yes", "some", "yes", "Outlook: colours alone; so do we"),
    "border": Feature("css-border", "yes", "some", "yes", "Outlook: at most 8 px, and not on paragraphs"),
    "border-radius": Feature("css-border-radius", "yes", "no", "yes", "square corners"),
    "display": Feature("css-display", "yes", "some", "yes", "Outlook: only none; cells have a colour"),
    "font-family": Feature("css-font", "yes", "yes", "yes"),
    "font-size": Feature("css-font-size", "yes", "some", "yes", "Outlook: no rem"),
    "font-weight": Feature("css-font-weight", "yes", "some", "yes", "Outlook: normal or bold"),
    "letter-spacing": Feature("css-letter-spacing", "yes", "some", "yes", "Outlook: negative ones differ"),
    "line-height": Feature("css-line-height", "yes", "some", "yes", "Outlook: other heights for em and px"),
    "margin": Feature("css-margin", "some", "some", "yes", "no negative values, no auto"),
    "max-height": Feature("css-max-height", "yes", "no", "yes", "display: none hides the same"),
    "max-width": Feature("css-max-width", "yes", "some", "yes", "Outlook before 2019: as wide as the window"),
    "overflow": Feature("css-overflow", "yes", "no", "some", "display: none hides the same"),
    "padding": Feature("css-padding", "yes", "some", "yes", "Outlook: in table cells alone"),
    "text-decoration": Feature("css-text-decoration", "yes", "some", "yes", "Outlook: one value"),
    "word-break": Feature("css-word-break", "some", "yes", "some", "a long address breaks anywhere, or not"),
    "color": Feature("", "yes", "yes", "yes"),  # CSS 1, of which caniemail.com has no page
    "color-scheme": Feature("css-color-scheme", "no", "no", "yes", "light colours"),
    "supported-color-schemes": Feature(
        "", "no", "no", "yes", "light colours"
    ),  # its name in older Apple Mail
}
LONGHANDS = {"border-top": "border", "border-bottom": "border", "border-color": "border"}
LONGHANDS |= {f"padding-{side}": "padding" for side in ("left", "right")}
IN_CELLS_ALONE = frozenset({"padding"})  # a link that is a button has its own beside its cell's colour
AT_RULES = {
    "@media (prefers-color-scheme: dark)": Feature(
        "css-at-media-prefers-color-scheme", "no", "no", "yes", "light colours"
    ),
    "@media (max-width: 480px)": Feature("css-at-media", "some", "no", "yes", "wider margins on a phone"),
}
# Text, tables and pictures of the oldest HTML, which every program shows; `style` in the head (html-style).
ELEMENTS = frozenset(
    {"html", "head", "meta", "title", "style", "body", "div", "table", "tbody", "tr", "td", "p", "h1", "h2"}
    | {"h3", "a", "br", "strong", "em", "code", "span", "ul", "ol", "li", "img", "blockquote"}
)
ATTRIBUTES = frozenset(
    {
        "lang",
        "charset",
        "name",
        "content",
        "role",
        "class",
        "width",
        "height",
        "cellpadding",
        "cellspacing",
        "valign",
    }
    | {"border", "style", "align", "bgcolor", "href", "src", "alt", "title"}
)
MOST_PIXELS_OF_A_BORDER = 8  # css-border, Outlook
MOST_BYTES = 102_000  # Gmail cuts off a longer message and hides the rest behind a link
