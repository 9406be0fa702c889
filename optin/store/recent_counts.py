"""Count requests by form and week, and the consents in force, without reading what is sealed.

Each question looks at every row once, so its caller asks seldom and keeps the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from optin.store.database_interface import Tx, from_ms, to_ms
from optin.store.tables import ASKED_WITHOUT_FORM

_FIRST_MONDAY = date(1970, 1, 5)
_WEEK_MS = 604_800_000
_FIRST_MS = 345_600_000  # that Monday, in UTC
# a request made by a renewal mail or on the personal page is no posted form
_POSTED = (
    "NOT EXISTS (SELECT 1 FROM event WHERE event.request_id = request.id"
    f" AND event.{ASKED_WITHOUT_FORM})"  # word for word as in the index, which is used then
)


@dataclass(frozen=True)
class Window:
    """A time from `begins` until just before `ends`."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class FormWeek:
    """The posted forms of one version in one week, as stored now.

    `waiting`: not confirmed, and the link works still. `earlier`: of those asked, the ones in the window that
    was asked about; `confirmed_in`: confirmations in each of the two windows, whenever the form was sent.
    """

    form: str
    monday: date
    asked: int
    confirmed: int
    waiting: int
    earlier: int
    confirmed_in: tuple[int, int]


def count_forms_by_week(tx: Tx, now: datetime, this: Window, before: Window, oldest: date) -> list[FormWeek]:
    """Return the posted forms by version and week; nothing for a week without any.

    `oldest`: a Monday; what came before it counts together, as of the week before.
    """
    rows = tx.all(
        "SELECT form, CASE WHEN created_at < :oldest THEN (:oldest - :first) / :week - 1"
        " ELSE (created_at - :first) / :week END AS place, COUNT(*), COUNT(confirmed_at),"
        " SUM(CASE WHEN confirmed_at IS NULL AND COALESCE(link_until, erase_at) > :now"
        " THEN 1 ELSE 0 END),"
        " SUM(CASE WHEN created_at >= :begins AND created_at < :ends THEN 1 ELSE 0 END),"
        " SUM(CASE WHEN confirmed_at >= :this THEN 1 ELSE 0 END),"
        " SUM(CASE WHEN confirmed_at >= :begins AND confirmed_at < :ends THEN 1 ELSE 0 END)"
        f" FROM request WHERE {_POSTED} GROUP BY form, place",
        first=_FIRST_MS,
        week=_WEEK_MS,
        now=to_ms(now),
        this=to_ms(this.begins),
        begins=to_ms(before.begins),
        ends=to_ms(before.ends),
        oldest=_FIRST_MS + (oldest - _FIRST_MONDAY).days // 7 * _WEEK_MS,
    )
    return [
        FormWeek(
            form=row[0],
            monday=_FIRST_MONDAY + timedelta(weeks=int(row[1])),
            asked=int(row[2]),
            confirmed=int(row[3]),
            waiting=int(row[4]),
            earlier=int(row[5]),
            confirmed_in=(int(row[6]), int(row[7])),
        )
        for row in rows
    ]


def forms_posted_since(tx: Tx, since: datetime) -> list[tuple[str, datetime, bool]]:
    """Return the posted forms since a moment: version, when it was sent, whether it is confirmed."""
    rows = tx.all(
        f"SELECT form, created_at, confirmed_at FROM request WHERE created_at >= :since AND {_POSTED}",
        since=to_ms(since),
    )
    return [(row[0], from_ms(row[1]), row[2] is not None) for row in rows]


@dataclass(frozen=True)
class FormCount:
    """The posted forms of one version of a magnet, as stored now. `declaration`: as JSON."""

    form: str
    declaration: str
    asked: int
    confirmed: int


def count_forms_of(tx: Tx, magnet: str) -> list[FormCount]:
    """Return the counts of every form version of a magnet; those that nobody sent, too."""
    rows = tx.all(
        "SELECT digest, declaration, COUNT(request.id), COUNT(request.confirmed_at) FROM form_version"
        f" LEFT JOIN request ON request.form = form_version.digest AND {_POSTED}"
        " WHERE form_version.magnet = :magnet GROUP BY digest, declaration ORDER BY digest",
        magnet=magnet,
    )
    return [FormCount(str(row[0]), str(row[1]), int(row[2]), int(row[3])) for row in rows]


@dataclass(frozen=True)
class ConsentCounts:
    """The consents for a purpose by a channel.

    `begun`, `begun_before`: in force, by the window in which they began. `ending`: within the days asked
    about.
    """

    purpose: str
    channel: str
    in_force: int
    begun: int
    begun_before: int
    withdrawn: int
    ending: int


def count_consents(
    tx: Tx, now: datetime, this: Window, before: Window, ending: datetime
) -> Sequence[ConsentCounts]:
    """Return the counts of every purpose and channel that has a consent."""
    rows = tx.all(
        "SELECT purpose, channel,"
        " SUM(CASE WHEN status = 'given' AND expires_at > :now THEN 1 ELSE 0 END),"
        " SUM(CASE WHEN status = 'given' AND begun_at >= :this THEN 1 ELSE 0 END),"
        " SUM(CASE WHEN status = 'given' AND begun_at >= :begins AND begun_at < :ends THEN 1 ELSE 0 END),"
        " SUM(CASE WHEN withdrawn_at >= :this THEN 1 ELSE 0 END),"
        " SUM(CASE WHEN status = 'given' AND expires_at > :now AND expires_at <= :ending THEN 1 ELSE 0 END)"
        " FROM consent GROUP BY purpose, channel ORDER BY purpose, channel",
        now=to_ms(now),
        this=to_ms(this.begins),
        begins=to_ms(before.begins),
        ends=to_ms(before.ends),
        ending=to_ms(ending),
    )
    return [ConsentCounts(row[0], row[1], *(int(it) for it in row[2:7])) for row in rows]
