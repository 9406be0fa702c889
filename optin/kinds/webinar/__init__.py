"""A webinar: a seat at a date, with a calendar entry and reminders."""

from optin.kinds.api import FilePart, Kind
from optin.kinds.api.front_matter import Question
from optin.kinds.webinar.calendar_file import MAILS
from optin.kinds.webinar.desk import DESK
from optin.kinds.webinar.flow_hooks import FLOWS
from optin.kinds.webinar.front_matter import (
    WebinarTable,
    counts_seats_apart,
    no_moment,
    no_zone,
    read_webinar,
)
from optin.kinds.webinar.page_samples import PAGES
from optin.kinds.webinar.routes import ROUTES
from optin.kinds.webinar.tables import TABLES

WEBINAR = Kind(
    "webinar",
    flows=FLOWS,
    mails=MAILS,
    pages=PAGES,
    file=FilePart(
        about="an hour with people, with seats, calendar and reminders",
        questions=(
            Question("start", "Day and time, as the clock there shows it", "2035-03-13 14:00", no_moment),
            Question("zone", "Time zone", "Europe/Amsterdam", no_zone),
            Question("host", "Who speaks", "Your name, your role"),
            Question("place", "Where; only who confirmed is told", "https://meet.example.com/room"),
        ),
        table="webinar",
        model=WebinarTable,
        read=read_webinar,
        check=counts_seats_apart,
    ),
    tables=TABLES,
    routes=ROUTES,
    desk=DESK,
)
