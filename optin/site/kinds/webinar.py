"""A webinar: a seat at an hour, with a calendar entry and reminders."""

from optin.consent.webinar import zone_of
from optin.site.kinds.kind import Kind, Question, Start
from optin.site.time_zone import nearest_zone
from optin.site.webinar_table import is_moment, read_webinar


def no_moment(answer: str) -> str:
    """Return why an answer is no moment, or ""."""
    return "" if is_moment(answer) else "Write day and time like 2027-03-10 14:00."


def no_zone(answer: str) -> str:
    """Return why an answer is no time zone, or ""."""
    return "" if zone_of(answer) else f"There is no such time zone. {nearest_zone(answer)}"


WEBINAR = Kind(
    name="webinar",
    about="an hour with people, with seats, calendar and reminders",
    questions=(
        Question("start", "Day and time, as the clock there shows it", "2035-03-13 14:00", no_moment),
        Question("zone", "Time zone", "Europe/Amsterdam", no_zone),
        Question("host", "Who speaks", "Your name, your role"),
        Question("place", "Where; only who confirmed is told", "https://meet.example.com/room"),
    ),
    hands_out_file=False,
    table="webinar",
    read=read_webinar,
    begin="""\
webinar:
  start: $start   # day and time as the clock in the zone shows it
  duration: 60 minutes
  zone: $zone
  host: $host
  place: $place   # only who confirmed is told
  # capacity: 100              # whoever comes after that waits for a seat
  # replay: https://…          # afterwards: where the recording is
  # cancelled: true            # tells everybody who has a seat""",
    start={
        "nl": Start(
            "Webinar over uw onderwerp",
            "Wat de deelnemer na dit uur kan, in één zin.",
            "Vertel voor wie dit webinar is en wat er aan bod komt.\n\n"
            "## Programma\n\n- Het eerste onderwerp\n- Het tweede onderwerp\n- Uw vragen\n",
        ),
        "en": Start(
            "Webinar on your subject",
            "What participants can do after this hour, in one sentence.",
            "Say who this webinar is for and what comes up.\n\n"
            "## Programme\n\n- The first subject\n- The second subject\n- Your questions\n",
        ),
        "de": Start(
            "Webinar zu Ihrem Thema",
            "Was die Teilnehmer nach dieser Stunde können, in einem Satz.",
            "Sagen Sie, für wen dieses Webinar ist und worum es geht.\n\n"
            "## Programm\n\n- Das erste Thema\n- Das zweite Thema\n- Ihre Fragen\n",
        ),
        "fr": Start(
            "Webinaire sur votre sujet",
            "Ce que les participants sauront faire après cette heure, en une phrase.",
            "Dites à qui s’adresse ce webinaire et ce qui sera abordé.\n\n"
            "## Programme\n\n- Le premier sujet\n- Le deuxième sujet\n- Vos questions\n",
        ),
    },
)
