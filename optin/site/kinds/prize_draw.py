"""A prize draw: a raffle, or with a question a contest; nobody needs to consent to enter (M2)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from optin.consent.form import FormField
from optin.consent.prize import ANSWER_FIELD, KIND, SETTLING, Contest, PrizeDraw
from optin.consent.purpose import RetentionPeriod
from optin.site.documents import read_text
from optin.site.file_models import DrawTable
from optin.site.files import Absence, absence_in_words, find_inside
from optin.site.findings import Finding
from optin.site.kinds.kind import Complaint, Kind, Reading, Start
from optin.site.prose import read_prose
from optin.site.time_zone import nearest_zone
from optin.theme.catalogue import catalogue

TABLE = "draw"
MOMENT = "%Y-%m-%d %H:%M"
MOST_VALUE = 100_000  # euros, of all prizes of a year (Dutch code, article 4)
SMALL_VALUE = 4_500  # euros: below, the rules for small games (article 8)
TAXED_VALUE = 449  # euros a prize: above, Dutch tax on games of chance is due
ADULT = 18  # under it, the code asks a parent's permission (article 6)
YOUNGEST = 16  # who may consent alone (GDPR 8(1))
LONGEST_KEEP = RetentionPeriod.parse("12 months")


def read_draw(table: DrawTable, folder: Path, lang: str) -> Reading:
    """Read the table `draw`; every mistake in it is a complaint with its cure."""
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
        return Reading(None, tuple(found))
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
    return Reading(details, tuple(found), _fields(contest, lang))


def _fields(contest: Contest | None, lang: str) -> tuple[FormField, ...]:
    if contest is None:
        return ()
    try:
        why = catalogue(lang)["draw.answer.why"]
    except (KeyError, LookupError, OSError):
        why = ""  # the language is none of ours, which is said elsewhere
    return (FormField(ANSWER_FIELD, contest.question, why, required=True),)


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
    if isinstance(path, Absence):
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
    """Hold a draw against the Dutch code of conduct for promotional games of chance, as far as it shows."""
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


PRIZE_DRAW = Kind(
    name=KIND,
    about="a prize, drawn so that anybody can work it out again",
    hands_out_file=False,
    table=TABLE,
    read=read_draw,
    begin=(
        "draw:\n"
        '  prize: "$prize"\n'
        "  value: 150  # euros, of all prizes together\n"
        "  winners: 1\n"
        '  closes: "2030-03-31 23:59"\n'
        "  zone: Europe/Amsterdam\n"
        "  age: 18\n"
        "  terms: terms.md\n"
        "  seed:\n"
        '    source: "$source"\n'
        '    at: "2030-04-02 12:00"\n'
        '  keep: "3 months"\n'
        '  claim: "$claim"'
    ),
    words={
        "nl": {
            "prize": "Een boekenpakket naar keuze",
            "source": "De slotkoers van de AEX-index op 1 april 2030, met twee cijfers achter de komma,"
            " en die van de DAX",
            "claim": "Beantwoord deze mail binnen vier weken met uw adres; dan sturen wij de prijs toe.",
        },
        "en": {
            "prize": "A parcel of books of your choice",
            "source": "The closing value of the AEX index on 1 April 2030, with two decimals,"
            " and that of the DAX",
            "claim": "Answer this e-mail within four weeks with your address; we will send you the prize.",
        },
        "de": {
            "prize": "Ein Buchpaket nach Wahl",
            "source": "Der Schlusskurs des DAX am 1. April 2030, mit zwei Nachkommastellen, und der des AEX",
            "claim": "Antworten Sie innerhalb von vier Wochen mit Ihrer Anschrift auf diese E-Mail;"
            " dann senden wir Ihnen den Gewinn zu.",
        },
        "fr": {
            "prize": "Un lot de livres au choix",
            "source": "Le cours de clôture du CAC 40 au 1er avril 2030, avec deux décimales,"
            " et celui de l’AEX",
            "claim": "Répondez à cet e-mail avec votre adresse dans les quatre semaines ;"
            " nous vous enverrons le lot.",
        },
    },
    files={
        "terms.md": {
            "nl": "## Wie deze actie houdt\n\nSchrijf hier uw naam en adres, en welk product of welke dienst"
            " u ermee onder de aandacht brengt.\n\n"
            "## Deelnemen\n\nDeelnemen kost niets en gaat met het formulier op deze pagina. Eén deelname per"
            " persoon. Toestemming voor reclame is niet nodig om mee te doen.\n\n"
            "## De prijs\n\nSchrijf hier wat er te winnen is, wat het waard is, en wie een eventuele"
            " kansspelbelasting betaalt.\n\n"
            "## De trekking\n\nDe trekking staat op deze pagina uitgelegd; iedereen kan haar narekenen."
            " Winnaars krijgen een mail.\n\n"
            "## Klachten\n\nSchrijf hier waar iemand terechtkan met een klacht, en binnen welke tijd u"
            " antwoordt.\n",
            "en": "## Who holds this draw\n\nWrite your name and address here, and which product or service"
            " you promote by it.\n\n"
            "## Entering\n\nEntering costs nothing and is done with the form on this page. One entry for each"
            " person. No consent to advertising is needed to enter.\n\n"
            "## The prize\n\nWrite here what can be won, what it is worth, and who pays a tax on it, if"
            " any.\n\n"
            "## The draw\n\nThis page says how the draw is done; anybody can do it again. Winners get an"
            " e-mail.\n\n"
            "## Complaints\n\nWrite here where complaints go, and how soon you answer.\n",
            "de": "## Wer dieses Gewinnspiel veranstaltet\n\nSchreiben Sie hier Ihren Namen und Ihre"
            " Anschrift, und für welches Produkt oder welche Leistung Sie damit werben.\n\n"
            "## Teilnehmen\n\nDie Teilnahme kostet nichts und geschieht mit dem Formular auf dieser Seite."
            " Jede Person nimmt einmal teil. Eine Einwilligung in Werbung ist dafür nicht nötig.\n\n"
            "## Der Gewinn\n\nSchreiben Sie hier, was zu gewinnen ist, was es wert ist, und wer"
            " gegebenenfalls eine Steuer darauf zahlt.\n\n"
            "## Die Ziehung\n\nDiese Seite erklärt die Ziehung; jeder kann sie nachrechnen. Wer gewinnt,"
            " erhält eine E-Mail.\n\n"
            "## Beschwerden\n\nSchreiben Sie hier, wohin man sich mit einer Beschwerde wendet, und wie"
            " bald Sie antworten.\n",
            "fr": "## Qui organise ce tirage\n\nÉcrivez ici votre nom et votre adresse, et le produit ou le"
            " service que vous faites connaître ainsi.\n\n"
            "## Participer\n\nLa participation est gratuite et se fait par le formulaire de cette page. Une"
            " participation par personne. Aucun consentement à la publicité n’est nécessaire.\n\n"
            "## Le lot\n\nÉcrivez ici ce que l’on peut gagner, sa valeur, et qui paie un impôt"
            " éventuel.\n\n"
            "## Le tirage\n\nCette page explique le tirage ; chacun peut le recalculer. Les gagnants"
            " reçoivent un e-mail.\n\n"
            "## Réclamations\n\nÉcrivez ici où adresser une réclamation, et sous quel délai vous"
            " répondez.\n",
        },
    },
    start={
        "nl": Start(
            "Win een boekenpakket",
            "Doe mee en maak kans op een boekenpakket naar keuze.",
            "Vertel wat er te winnen is en waarom u het weggeeft.\n",
        ),
        "en": Start(
            "Win a parcel of books",
            "Enter the draw for a parcel of books of your choice.",
            "Say what can be won and why you give it away.\n",
        ),
        "de": Start(
            "Gewinnen Sie ein Buchpaket",
            "Machen Sie mit und gewinnen Sie ein Buchpaket nach Wahl.",
            "Sagen Sie, was zu gewinnen ist und warum Sie es verschenken.\n",
        ),
        "fr": Start(
            "Gagnez un lot de livres",
            "Participez au tirage et gagnez un lot de livres au choix.",
            "Dites ce que l’on peut gagner et pourquoi vous l’offrez.\n",
        ),
    },
)
