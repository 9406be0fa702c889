"""Check a rendered landing page against the law, whatever template made it (M5, F1, F2, F3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from optin.consent.form_version import shows
from optin.site.kind_page_hooks import PagesPart
from optin.site.law_lint import Objection
from optin.site.rendered_page_reader import SeenPage
from optin.theme.views import LandingView

CURE = "Correct the template, or remove it to use ours."


def objections_to_page(page: str, view: LandingView, kind: PagesPart) -> Iterator[Objection]:
    """Check a rendered page: its boxes and their words, the privacy statement, the controller."""
    seen = SeenPage(page)
    asked = Counter(str(question.purpose) for question in view.declaration.questions)
    if Counter(box.get("value") or "" for box in seen.boxes) != asked:
        message = "The page does not show exactly one box for each consent (GDPR recital 32)."
        yield Objection("boxes", message, CURE)
    if any(box.get("type") != "checkbox" for box in seen.boxes):
        yield Objection("boxes", "A consent is not a box that the visitor ticks (GDPR 4(11)).", CURE)
    if any("checked" in box for box in seen.boxes):
        message = "The page shows a box that is ticked beforehand (GDPR 4(11), recital 32)."
        yield Objection("pre-ticked", message, CURE)
    if any("required" in box or box.get("aria-required") == "true" for box in seen.boxes):
        yield Objection("required", "The page makes a box the price of the magnet (GDPR 7(4)).", CURE)
    if not all(shows(page.encode(), view.declaration, it) for it in view.declaration.questions):
        message = "The page does not show a consent in its own words beside its box (GDPR 7(2))."
        yield Objection("words", message, CURE)
    kept = view.declaration.source_field
    if kept is not None and " ".join(kept.why.split()) not in seen.text:
        message = "The page does not say why the source of a request is kept (GDPR 13)."
        yield Objection("source", message, CURE)
    yield from kind.look(seen, view)
    if view.frame.privacy_url not in seen.links:
        yield Objection("privacy", "The page has no link to the privacy statement (GDPR 13).", CURE)
    if view.declaration.controller.name not in seen.text:
        yield Objection("controller", "The page does not say who is responsible (GDPR 13).", CURE)
