"""The pages of a prize draw: its public state, and the check of its form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from optin.kinds.api import PagesPart
from optin.kinds.api.forms import RetentionPeriod
from optin.kinds.api.pages import CURE, ConfirmedView, Frame, LandingView, Objection, SeenPage
from optin.kinds.api.samples import (
    AT,
    SEE,
    URL,
    WITHDRAW,
    declaration,
    delivery,
    kind_mail,
    landing,
    personal_page,
)
from optin.kinds.prize_draw.details import AGE_FIELD, CHOICE_FIELD, KIND, WITHOUT_CONSENT, Contest, PrizeDraw
from optin.kinds.prize_draw.draw_lots import ShownTicket, shown_ticket
from optin.kinds.prize_draw.draw_winners import DECIDING
from optin.kinds.prize_draw.participation import Participation

CHOICES = 2


def look(seen: SeenPage, _view: LandingView) -> Iterator[Objection]:
    """Check the form of a prize draw: an unticked age box, and no button for a yes that is louder than a no.

    Ours has one button, and the boxes decide. A template of one's own may have two that look alike.
    """
    ages = [box for box in seen.inputs if box.get("name") == AGE_FIELD]
    if len(ages) != 1 or "checked" in ages[0]:
        yield Objection("age", "The page does not show one unticked box for the age.", CURE)
    choices = [box for box in seen.buttons if box.get("name") == CHOICE_FIELD]
    none = [box for box in choices if box.get("value") == WITHOUT_CONSENT]
    looks = {(box.get("class"), box.get("style")) for box in choices}
    if choices and (len(none) != 1 or len(choices) != CHOICES or len(looks) > 1):
        message = "The page has a button for consents, and none without that looks like it (GDPR 4(11))."
        yield Objection("choices", message, CURE)


DRAW = PrizeDraw(
    "A bicycle", 500, 2, AT, "Europe/Amsterdam", 18, "Terms.", "<p>Terms.</p>", "The close of AEX", AT,
    RetentionPeriod.parse("3 months"), "Answer this e-mail.", Contest("How many?", ("42",)),
)  # fmt: skip
TICKET = shown_ticket("7" * 64)
CHANGED = tuple((name, 3) for name in DECIDING)


@dataclass(frozen=True)
class DrawView:
    """The public page of a draw: the digest of its list, and after the draw the winning tickets (M2)."""

    template: ClassVar = "kinds/prize-draw/draw.html"

    frame: Frame
    title: str
    page_url: str  # empty: the magnet was removed
    file_url: str
    promise: PrizeDraw
    scheme: str
    entries: int = 0
    digest: str = ""  # empty: the list is not fixed yet
    seed: str = ""  # empty: it is not drawn yet
    seed_canonical: str = ""
    winners: tuple[ShownTicket, ...] = ()
    passed_over: tuple[ShownTicket, ...] = ()
    changed: tuple[tuple[str, int], ...] = ()  # what was promised otherwise, and to how many who entered


def samples(frame: Frame) -> Iterator[Any]:
    """Yield sample draws: open, fixed, drawn; and a form without consents."""
    open_ = DrawView(frame, "Title", URL, f"{URL}/draw.json", DRAW, "optin draw 1")
    fixed = replace(open_, entries=7, digest="d" * 64)
    drawn = replace(fixed, seed="912,34", seed_canonical="912.34/", changed=CHANGED)
    yield from (open_, fixed, drawn, replace(drawn, winners=(TICKET,), passed_over=(shown_ticket("8" * 64),)))
    for state in ("in", "twice", "late"):
        yield ConfirmedView(frame, "Title", KIND, (), own=Participation(state, TICKET, DRAW))
    yield personal_page(frame, KIND, {"ticket": TICKET.full, "ticket_short": TICKET.short})
    unasked = replace(declaration(frame.lang, KIND), questions=())
    yield replace(landing(frame, KIND, DRAW), declaration=unasked)


def mail_samples(lang: str) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield samples of the kind's own mails, and of its part in the delivery mail."""
    for state in ("in", "twice", "late"):
        yield delivery(lang, KIND, Participation(state, TICKET, DRAW)), (WITHDRAW,)
    part = Participation("in", TICKET, DRAW, drawn=True)
    for result in (replace(part, won=True), part, replace(part, answer_counts=False)):
        yield kind_mail(lang, KIND, "drawn", "drawn", result), (f"{URL}/draw", SEE)


MOVED = {
    "pages/draw.html": "kinds/prize-draw/draw.html",
    "mails/drawn.html": "kinds/prize-draw/drawn.html",
    "mails/drawn.txt": "kinds/prize-draw/drawn.txt",
}
PAGES = PagesPart(look=look, samples=samples, mail_samples=mail_samples, sample=DRAW, moved_templates=MOVED)
