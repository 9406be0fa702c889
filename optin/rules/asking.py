"""Whether a person may be asked by e-mail to confirm an attested consent: dated data by country (L6, L8)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from importlib.resources import files

from pydantic import Field

from optin.errors import RulesUnusable
from optin.rules.contact_rule import DataTable
from optin.rules.rule_files import ASKING, read_table


class AskingRule(DataTable):
    """One row: which evidence of a consent by which channel lets you ask. `until` None: without end."""

    id: str
    country: str
    consent: str  # the channel that the attested consent is for
    grades: tuple[str, ...] = Field(min_length=1)
    since: date
    until: date | None = None
    article: str
    source: str
    checked: date  # when it was last compared with its source

    def allows(self, country: str, channel: str, grade: str, day: date) -> bool:
        """Return whether it is the law of a country on a day, and this evidence is enough."""
        in_force = self.since <= day and (self.until is None or day <= self.until)
        return in_force and (self.country, self.consent) == (country, channel) and grade in self.grades


class _AskingTable(DataTable):
    asking: tuple[AskingRule, ...] = Field(min_length=1)


@cache
def asking_rules() -> tuple[AskingRule, ...]:
    """Return the rows that come with optin. Raises RulesUnusable."""
    return read_asking(files("optin.rules").joinpath(ASKING).read_text("utf-8"))


def read_asking(text: str) -> tuple[AskingRule, ...]:
    """Read rows. Raises RulesUnusable for two with one name."""
    rows = read_table(_AskingTable, ASKING, text).asking
    names = [row.id for row in rows]
    if len({*names}) < len(names):
        raise RulesUnusable(ASKING, "two rows have one id")
    return rows


def asking_checked() -> date:
    """Return the day on which the oldest row that is the law now was compared with its source."""
    return min(it.checked for it in asking_rules() if it.until is None)


def may_ask(countries: Iterable[str], channel: str, grade: str, day: date) -> tuple[AskingRule, ...]:
    """Return the row of each country that allows to ask; nothing where one of them has none."""
    found = []
    for country in countries:
        row = next((it for it in asking_rules() if it.allows(country, channel, grade, day)), None)
        if row is None:
            return ()
        found.append(row)
    return tuple(found)
