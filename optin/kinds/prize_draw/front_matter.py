"""Read and check the table `draw` of front matter."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from optin.kinds.api.forms import FormField, RetentionPeriod
from optin.kinds.api.front_matter import (
    Complaint,
    FileProblem,
    Finding,
    Magnet,
    TableReading,
    absence_in_words,
    catalogue,
    find_inside,
    languages,
    nearest_zone,
    read_prose,
    read_text,
)
from optin.kinds.prize_draw.details import ANSWER_FIELD, SETTLING, Contest, PrizeDraw
from optin.kinds.prize_draw.front_matter_keys import DrawTable

TABLE = "draw"
MOMENT = "%Y-%m-%d %H:%M"
MOST_VALUE = 100_000  # euros, of all prizes of a year (Dutch code, article 4)
SMALL_VALUE = 4_500  # euros: below, the rules for small games (article 8)
TAXED_VALUE = 449  # euros a prize: above, Dutch tax on games of chance is due
ADULT = 18  # under it, the code asks a parent's permission (article 6)
YOUNGEST = 16  # who may consent alone (GDPR 8(1))
LONGEST_KEEP = RetentionPeriod.parse("12 months")


def read_draw(table: DrawTable, folder: Path, lang: str) -> TableReading:
    """Return the draw, with a complaint and its cure for every mistake in the table."""
    found: list[Complaint] = []
    zone = _zone(table.zone, found)
    closes = _moment(table.closes, zone, ("closes",), found)
    seed_at = _moment(table.seed.at, zone, ("seed", "at"), found)
    if closes is not None and seed_at is not None and seed_at <= closes + SETTLING:
        message = "The seed would be known before the entries are fixed: somebody could choose who wins."
        cure = "Name a moment a day after closes."
        found.append(Complaint((TABLE, "seed", "at"), message, cure))
    keep = _period(table.keep, found)
    terms = _terms(table.terms, folder, found)
    _look_at_code(table, found)
    contest = None
    if table.contest is not None:
        answer = table.contest.answer
        answers = tuple(table.contest.answers) or ((answer,) if answer else ())
        contest = Contest(table.contest.question, answers)
        if not answers or (answer and table.contest.answers):
            message = "A contest has a right answer, or several."
            found.append(Complaint((TABLE, "contest"), message, "Write either answer or answers."))
        elif not all(contest.is_right(it) and any(sign.isalnum() for sign in it) for it in answers):
            message = "An answer has no letter and no digit, so that anything would be right."
            found.append(Complaint((TABLE, "contest"), message, "Write the answer in words or numbers."))
    if closes is None or seed_at is None or keep is None or zone is None:
        return TableReading(None, tuple(found))
    details = PrizeDraw(
        prize=table.prize,
        value=table.value,
        winners=max(1, table.winners),
        closes=closes,
        zone=table.zone,
        age=table.age,
        terms=terms,
        terms_html=read_prose(terms).html,
        seed_source=table.seed.source,
        seed_at=seed_at,
        keep=keep,
        claim=table.claim,
        contest=contest,
    )
    return TableReading(details, tuple(found), _fields(contest, lang))


def _fields(contest: Contest | None, lang: str) -> tuple[FormField, ...]:
    if contest is None:
        return ()
    why = catalogue(lang if lang in languages() else "en")["draw.answer.why"]
    return (FormField(ANSWER_FIELD, contest.question, why, required=True),)


def keeps_its_address(magnet: Magnet) -> tuple[Complaint, ...]:
    """Object to former addresses of a draw."""
    if not magnet.was:
        return ()
    message = "A prize draw keeps its address: its entries are committed to under it."
    cure = "Give the folder its earlier name again."
    return (Complaint(("was", 0), message, cure, code="was"),)


def _zone(name: str, found: list[Complaint]) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"There is no time zone {name[:60]!r}."
        found.append(Complaint((TABLE, "zone"), message, nearest_zone(name)))
        return None


def _moment(
    text: str, zone: ZoneInfo | None, key: tuple[str, ...], found: list[Complaint]
) -> datetime | None:
    try:
        there = datetime.strptime(text.strip(), MOMENT).replace(tzinfo=zone or UTC)
        return there.astimezone(UTC)
    except (ValueError, OverflowError):
        message = f"{text[:40]!r} is no moment."
        found.append(Complaint((TABLE, *key), message, 'Write "2027-03-31 23:59", in the time of zone.'))
        return None


def _period(text: str, found: list[Complaint]) -> RetentionPeriod | None:
    try:
        period = RetentionPeriod.parse(text)
    except ValueError as problem:
        found.append(Complaint((TABLE, "keep"), f"{problem}.", 'Write "3 months".'))
        return None
    begin = datetime(2000, 1, 1, tzinfo=UTC)
    if period.after(begin) > LONGEST_KEEP.after(begin):
        message = "Entries are kept for over a year after the draw; nobody needs them so long (GDPR 5(1)(e))."
        found.append(Complaint((TABLE, "keep"), message, 'Write "3 months".', warning=True))
    return period


def _terms(name: str, folder: Path, found: list[Complaint]) -> str:
    where = (TABLE, "terms")
    if not (folder / "index.md").is_file():
        message, cure = "A draw with terms needs a folder of its own.", "Move this file to SLUG/index.md."
        found.append(Complaint(where, message, cure))
        return ""
    path = find_inside(folder, name)
    if isinstance(path, FileProblem):
        found.append(Complaint(where, *absence_in_words(folder, name, path, ("md",))))
        return ""
    text = read_text(path, name)
    if isinstance(text, Finding):
        found.append(Complaint(where, f"{name}: {text.message}", text.cure))
        return ""
    prose = read_prose(text)
    if prose.pictures or prose.foreign or prose.headings:
        message = "The terms hold a picture, a link that leads nowhere, or a heading of the first level."
        found.append(Complaint(where, message, "Write plain text, ## headings and https:// links."))
    return text.strip()


def _look_at_code(table: DrawTable, found: list[Complaint]) -> None:
    """Check a draw against the Dutch code of conduct for promotional games, as far as possible."""
    if table.winners < 1:
        message = "A draw has a winner, or several."
        found.append(Complaint((TABLE, "winners"), message, "Write a number from 1."))
    if table.cost > 0:
        message = "Who enters a promotional draw pays nothing for it (Dutch code, article 3)."
        cure = "Remove cost; a form costs nobody anything."
        found.append(Complaint((TABLE, "cost"), message, cure))
    if table.value > MOST_VALUE:
        message = f"The prizes are worth more than € {MOST_VALUE}; without a licence that is not allowed."
        found.append(Complaint((TABLE, "value"), message, "Lower the prizes (Dutch code, article 4)."))
    elif table.value > SMALL_VALUE:
        message = f"Prizes above € {SMALL_VALUE} make it a large game: one a year for each product."
        cure = "See docs/prize-draws-nl.md, and that it is the only one this year."
        found.append(Complaint((TABLE, "value"), message, cure, warning=True))
    if table.value > TAXED_VALUE * max(1, table.winners):
        message = f"A prize above € {TAXED_VALUE} is taxed in the Netherlands."
        cure = "Say in the terms who pays the tax on games of chance."
        found.append(Complaint((TABLE, "value"), message, cure, warning=True))
    if table.age < ADULT:
        message = f"Who is under {ADULT} enters only with a parent's permission (Dutch code, article 6)."
        if table.age < YOUNGEST:
            message = f"Who is under {YOUNGEST} can neither consent (GDPR 8) nor enter without a parent."
        found.append(Complaint((TABLE, "age"), message, f"Write age: {ADULT}.", warning=True))
    if not table.claim:
        message = "Winners are not told how to get their prize."
        found.append(Complaint((TABLE,), message, "Add claim, one or two sentences.", warning=True))
