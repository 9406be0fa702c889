"""A webinar: a seat at an hour, with a calendar entry and reminders."""

from optin.consent.webinar import zone_of
from optin.kinds.kind import Kind
from optin.site.kind_file import FilePart, Question
from optin.site.time_zone import nearest_zone
from optin.site.webinar_table import is_moment, read_webinar


def no_moment(answer: str) -> str:
    """Return why an answer is no moment, or ""."""
    return "" if is_moment(answer) else "Write day and time like 2027-03-10 14:00."


def no_zone(answer: str) -> str:
    """Return why an answer is no time zone, or ""."""
    return "" if zone_of(answer) else f"There is no such time zone. {nearest_zone(answer)}"


WEBINAR = Kind(
    "webinar",
    file=FilePart(
        about="an hour with people, with seats, calendar and reminders",
        questions=(
            Question("start", "Day and time, as the clock there shows it", "2035-03-13 14:00", no_moment),
            Question("zone", "Time zone", "Europe/Amsterdam", no_zone),
            Question("host", "Who speaks", "Your name, your role"),
            Question("place", "Where; only who confirmed is told", "https://meet.example.com/room"),
        ),
        table="webinar",
        read=read_webinar,
    ),
)
