"""What a landing page shows in the end, whatever template made it, held against the law (M5, F1, F2, F3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser

from optin.consent.form import REQUEST_FIELDS, shows
from optin.consent.form_entry import CONSENT_FIELD
from optin.consent.prize import AGE_FIELD, CHOICE_FIELD, KIND, WITHOUT_CONSENT
from optin.site.lint import Objection
from optin.theme.views import LandingView, ResultView

CHOICES = 2  # of a prize draw
CURE = "Mend the template, or remove it to use ours."


def objections_to_page(page: str, view: LandingView) -> Iterator[Objection]:
    """Look at a rendered page: its boxes, the words beside them, the privacy statement, the controller."""
    seen = _Reader()
    seen.feed(page)
    seen.close()
    asked = Counter(str(question.purpose) for question in view.declaration.questions)
    if Counter(box.get("value") or "" for box in seen.boxes) != asked:
        message = "The page does not show exactly one box for each consent (GDPR recital 32)."
        yield Objection("boxes", message, CURE)
    if any(box.get("type") != "checkbox" for box in seen.boxes):
        yield Objection("boxes", "A consent is no box that the visitor ticks (GDPR 4(11)).", CURE)
    if any("checked" in box for box in seen.boxes):
        message = "The page shows a box that is ticked beforehand (GDPR 4(11), recital 32)."
        yield Objection("pre-ticked", message, CURE)
    if any("required" in box or box.get("aria-required") == "true" for box in seen.boxes):
        yield Objection("required", "The page makes a box the price of the magnet (GDPR 7(4)).", CURE)
    if not all(shows(page.encode(), view.declaration, it) for it in view.declaration.questions):
        message = "The page does not show a consent in its own words beside its box (GDPR 7(2))."
        yield Objection("words", message, CURE)
    told = " ".join(seen.words.split())
    yield from _objections_to_result(view, told)
    if view.declaration.kind == KIND:
        yield from _objections_to_draw(seen)
    if view.frame.privacy_url not in seen.links:
        yield Objection("privacy", "The page has no link to the privacy statement (GDPR 13).", CURE)
    if view.declaration.controller.name not in told:
        yield Objection("controller", "The page does not say who is responsible (GDPR 13).", CURE)


def _objections_to_result(view: LandingView, told: str) -> Iterator[Objection]:
    """Look at the result of a quiz: what is kept of it stands there."""
    if not isinstance(view, ResultView):
        return
    kept = [it.why for it in view.declaration.fields if it.name in REQUEST_FIELDS]
    if any(" ".join(text.split()) not in told for text in (view.outcome.title, *kept)):
        message = "The page does not show the result, or not why it is kept (GDPR 5(1)(c), 13)."
        yield Objection("result", message, CURE)


def _objections_to_draw(seen: _Reader) -> Iterator[Objection]:
    """Look at what a prize draw shows besides: the age box, unticked, and both choices alike."""
    ages = [box for box in seen.inputs if box.get("name") == AGE_FIELD]
    if len(ages) != 1 or "checked" in ages[0]:
        yield Objection("age", "The page does not show one unticked box for the age.", CURE)
    choices = [box for box in seen.buttons if box.get("name") == CHOICE_FIELD]
    none = [box for box in choices if box.get("value") == WITHOUT_CONSENT]
    looks = {(box.get("class"), box.get("style")) for box in choices}
    if seen.boxes and (len(none) != 1 or len(choices) != CHOICES or len(looks) > 1):
        message = "The page does not show two buttons that look alike: with what is ticked, without consent."
        yield Objection("choices", message, CURE)


class _Reader(HTMLParser):
    """Gathers the boxes, and the links and words of the page's own part: not those of its foot."""

    def __init__(self) -> None:
        super().__init__()
        self.boxes: list[dict[str, str | None]] = []
        self.inputs: list[dict[str, str | None]] = []
        self.buttons: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.words = ""
        self._outside = 0

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
        """Note the end of a foot."""
        self._outside -= tag in _OUTSIDE

    def handle_data(self, data: str) -> None:
        """Note words that are read on the page."""
        if not self._outside:
            self.words += data


_OUTSIDE = frozenset({"head", "header", "footer", "script", "style", "template"})
