"""Rules of contact: who may be contacted by which channel, on which basis, on which day (L8).

A rule says for which country, channel, subscribers, senders, relations and days it holds. It lists the ways
in which such a contact is lawful; a rule without a way forbids it. If no rule covers a contact, it is
forbidden, too.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import ConfigDict, Field

from optin.settings.table_model import Table


class Subscriber(StrEnum):
    """To whom an address or a number belongs. Where that is unknown, a natural person is assumed."""

    NATURAL = "natural"
    TRADER = "trader"  # sole traders and partnerships: natural persons by law, with a trade
    LEGAL = "legal"  # companies, foundations, associations


class Sender(StrEnum):
    """Who contacts."""

    COMPANY = "company"
    CHARITY = "charity"
    PUBLISHER = "publisher"  # of a periodical
    LOTTERY = "lottery"  # with a licence


class Relation(StrEnum):
    """What a person is to the sender."""

    NONE = "none"
    ENQUIRY = "enquiry"  # asked for a quote or an answer; bought nothing
    CUSTOMER = "customer"
    FORMER = "former"  # was a customer, until the site's own term ended
    DONOR = "donor"
    VOLUNTEER = "volunteer"
    VISITOR = "visitor"  # of the sender's event


class LawfulBasis(StrEnum):
    """A lawful basis (GDPR 6(1)); its parts (d) and (e) never serve marketing."""

    CONSENT = "consent"  # (a)
    CONTRACT = "contract"  # (b)
    ENQUIRY = "enquiry"  # (b), steps before a contract at the person's request
    OBLIGATION = "obligation"  # (c)
    INTEREST = "interest"  # (f)


class DataTable(Table):
    """A table of a data file of optin: unknown keys are refused; texts and lists become values."""

    model_config = ConfigDict(strict=False)


class Condition(DataTable):
    """A fact that must be on record before a way of contact is lawful."""

    text: str
    missing: str  # what to do about it
    asks: bool = False  # without it somebody must decide; else the answer is no
    of_person: bool = False  # holds only where a natural person is named


class Hours(DataTable):
    """When people may be called, in the time zone of the person called."""

    law: bool  # False: a code of conduct
    source: str
    weekdays: tuple[str, ...]  # such as "09:00-22:00"; of Monday to Friday
    saturday: tuple[str, ...] = Field(default=())
    early: tuple[str, ...] = Field(default=())  # days such as "12-24" that end early
    early_until: str = ""


class Tries(DataTable):
    """How often somebody may be called without success, and the silence after a no; periods in days."""

    most: int = Field(ge=1)
    days: int = Field(ge=1)
    silence_days: int = Field(default=0, ge=0)


class Way(DataTable):
    """One way in which a contact is lawful: a basis, with conditions that must all be met."""

    basis: LawfulBasis
    conditions: tuple[str, ...] = Field(default=())


class ContactRule(DataTable):
    """One rule. `since` and `until`: its first and last day, in the country's time; None: without end."""

    id: str
    channel: str
    subscribers: frozenset[Subscriber] = Field(min_length=1)
    senders: frozenset[Sender] = Field(default=frozenset(Sender), min_length=1)
    relations: frozenset[Relation] = Field(default=frozenset(Relation), min_length=1)
    since: date
    until: date | None = None
    article: str
    ways: tuple[Way, ...] = Field(default=())
    duties: tuple[str, ...] = Field(default=())
    hours: str = ""
    tries: Tries | None = None

    def holds_on(self, day: date) -> bool:
        """Return whether it is in force on a day."""
        return self.since <= day and (self.until is None or day <= self.until)


class CountryRules(DataTable):
    """The rules of one country. `known_since`: the first day that they are about."""

    country: str
    name: str
    time_zone: str
    checked: date  # when the rules were last compared with their sources
    source: str
    complete: bool  # every contact has a rule; else what has none is not known
    known_since: date
    hours: dict[str, Hours] = Field(default={})
    rules: tuple[ContactRule, ...] = Field(min_length=1)

    def hours_of(self, channel: str, day: date) -> tuple[Hours, ...]:
        """Return the hours that rules of a channel name on a day, whoever is contacted."""
        named = {it.hours: it for it in self.rules if it.channel == channel and it.holds_on(day)}
        return tuple(self.hours[name] for name in sorted(named) if name in self.hours)
