"""Read a rendered page: its boxes, inputs, buttons, links and words."""

from __future__ import annotations

from html.parser import HTMLParser

from optin.consent.posted_form import CONSENT_FIELD


class SeenPage(HTMLParser):
    """Collects a page's boxes, and the links and words outside its footer."""

    def __init__(self, page: str) -> None:
        """Read a page."""
        super().__init__()
        self.boxes: list[dict[str, str | None]] = []
        self.inputs: list[dict[str, str | None]] = []
        self.buttons: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.words = ""
        self._outside = 0
        self.feed(page)
        self.close()

    @property
    def text(self) -> str:
        """Its words, separated by single spaces."""
        return " ".join(self.words.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a box or a link."""
        values = dict(attrs)
        self._outside += tag in _OUTSIDE
        if tag == "input":
            self.inputs.append(values)
        elif tag == "button":
            self.buttons.append(values)
        if tag == "input" and values.get("name") == CONSENT_FIELD:
            self.boxes.append(values)
        elif tag == "a" and not self._outside:
            self.links.append(values.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        """Note the end of a footer."""
        self._outside -= tag in _OUTSIDE

    def handle_data(self, data: str) -> None:
        """Note visible words."""
        if not self._outside:
            self.words += data


_OUTSIDE = frozenset({"head", "header", "footer", "script", "style", "template"})
