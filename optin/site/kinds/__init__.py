"""The kinds of magnets, one file each. A new kind is a new file and its name in KINDS."""

from optin.site.kinds.checklist import CHECKLIST
from optin.site.kinds.kind import Kind
from optin.site.kinds.newsletter import NEWSLETTER
from optin.site.kinds.prize_draw import PRIZE_DRAW
from optin.site.kinds.quiz import QUIZ
from optin.site.kinds.tip_booklet import TIP_BOOKLET
from optin.site.kinds.webinar import WEBINAR
from optin.site.kinds.white_paper import WHITE_PAPER

__all__ = ["KINDS", "Kind"]

KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (WHITE_PAPER, TIP_BOOKLET, CHECKLIST, NEWSLETTER, WEBINAR, QUIZ, PRIZE_DRAW)
}
