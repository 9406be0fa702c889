"""The pages of a prize draw: its public state, and the check of its form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from optin.kinds.api import PagesPart
from optin.kinds.api.forms import RetentionPeriod
from optin.kinds.api.pages import CURE, Frame, LandingView, Objection, SeenPage
from optin.kinds.api.samples import (
    AFTER,
    AT,
    PERSONAL,
    Sample,
    SampleLinks,
    SampleMail,
    confirmed,
    delivery,
    kind_mail,
    personal_page,
)
from optin.kinds.prize_draw.details import AGE_FIELD, CHOICE_FIELD, WITHOUT_CONSENT, Contest, PrizeDraw
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


def samples(of: LandingView) -> Iterator[Sample]:
    """Yield a draw: open, fixed, drawn; tickets; and a form without consents."""
    draw, title = _draw_of(of), of.declaration.title
    page, url = "Draw", of.page_url
    open_ = DrawView(of.frame, title, url, f"{url}/draw.json", draw, "optin draw 1")
    fixed = replace(open_, entries=7, digest="d" * 64)
    drawn = replace(fixed, seed="912,34", seed_canonical="912.34/", winners=(TICKET,))
    yield Sample(page, "open", open_)
    yield Sample(page, "the list is fixed", fixed)
    yield Sample(page, "drawn, one passed over", replace(drawn, passed_over=(shown_ticket("8" * 64),)))
    yield Sample(page, "promised otherwise", replace(drawn, changed=CHANGED, winners=(), page_url=""))
    for state, what in STATES.items():
        yield Sample(AFTER, what, confirmed(of, Participation(state, TICKET, draw)))
    kept = {"ticket": TICKET.full, "ticket_short": TICKET.short}
    yield Sample(PERSONAL, "with a ticket", personal_page(of, kept))
    yield Sample("Form", "no consent asked", replace(of, declaration=replace(of.declaration, questions=())))


def mail_samples(of: LandingView) -> Iterator[SampleMail]:
    """Yield the receipt of a ticket, and the mails after the draw."""
    draw, links = _draw_of(of), SampleLinks(of)
    for state, what in STATES.items():
        yield SampleMail(what, delivery(of, Participation(state, TICKET, draw)), (links.withdraw,))
    part = Participation("in", TICKET, draw, drawn=True)
    results = {
        "won": replace(part, won=True),
        "not won": part,
        "not won, the answer does not count": replace(part, answer_counts=False),
    }
    for what, result in results.items():
        mail = kind_mail(of, "drawn", "drawn", result)
        yield SampleMail(what, mail, (f"{of.page_url}/draw", links.ask))


def _draw_of(of: LandingView) -> PrizeDraw:
    return of.details if isinstance(of.details, PrizeDraw) else DRAW


STATES = {"in": "takes part", "twice": "took part before", "late": "too late"}
MOVED = {
    "pages/draw.html": "kinds/prize-draw/draw.html",
    "mails/drawn.html": "kinds/prize-draw/drawn.html",
    "mails/drawn.txt": "kinds/prize-draw/drawn.txt",
}
PAGES = PagesPart(look=look, samples=samples, mail_samples=mail_samples, sample=DRAW, moved_templates=MOVED)
