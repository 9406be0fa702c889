"""A prize draw: a raffle, or a contest with a question; entering requires no consent (M2)."""

from optin.kinds.api import FilePart, Kind, MailPart
from optin.kinds.prize_draw.desk import DESK
from optin.kinds.prize_draw.details import KIND
from optin.kinds.prize_draw.draw_winners import DRAWN
from optin.kinds.prize_draw.flow_hooks import FLOWS
from optin.kinds.prize_draw.form_fields import DETAILS
from optin.kinds.prize_draw.front_matter import TABLE, keeps_its_address, read_draw
from optin.kinds.prize_draw.front_matter_keys import DrawTable
from optin.kinds.prize_draw.pages import PAGES
from optin.kinds.prize_draw.routes import ROUTES
from optin.kinds.prize_draw.tables import TABLES
from optin.kinds.prize_draw.yearly_limits import draws_of_a_year

PRIZE_DRAW = Kind(
    KIND,
    details=DETAILS,
    pages=PAGES,
    flows=FLOWS,
    mails=MailPart(templates={DRAWN: "drawn"}),
    file=FilePart(
        about="a prize, drawn so that anybody can work it out again",
        table=TABLE,
        check_site=draws_of_a_year,
        model=DrawTable,
        read=read_draw,
        check=keeps_its_address,
    ),
    tables=TABLES,
    routes=ROUTES,
    desk=DESK,
    commands={"draw": "optin.kinds.prize_draw.command:draw"},
)
