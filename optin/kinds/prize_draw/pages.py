"""The form of a prize draw, held against what it must show."""

from __future__ import annotations

from collections.abc import Iterator

from optin.consent.prize import AGE_FIELD, CHOICE_FIELD, WITHOUT_CONSENT
from optin.site.kind_pages import PagesPart
from optin.site.lint import Objection
from optin.site.page_check import CURE
from optin.site.seen_page import SeenPage
from optin.theme.views import LandingView

CHOICES = 2


def look(seen: SeenPage, _view: LandingView) -> Iterator[Objection]:
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


PAGES = PagesPart(look=look)
