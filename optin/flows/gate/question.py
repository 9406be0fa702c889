"""Questions to the gate: whose address, which purpose, which channel. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from optin.consent.channel import CHANNELS, MAILBOX, Address
from optin.consent.event_content import STAFF
from optin.consent.purpose import ConsentKey, PurposeId
from optin.errors import QuestionUnreadable
from optin.flows.request_policy import GatePolicy

MOST_CHARACTERS = 320  # of an address, however it is written
COUNTRY_LETTERS = 2


@dataclass(frozen=True)
class QuestionText:
    """A question as it was written. `country`: of the person, if the asker says so (ISO 3166)."""

    who: str = field(repr=False)
    purpose: str
    channel: str
    country: str = ""


@dataclass(frozen=True)
class Question:
    """A question that was read. `written`: the address as it was asked about; `value`: its normal form.

    `countries`: by whose rules it is answered; with several, by the strictest. `asker`: a processor's id, or
    STAFF.
    """

    written: str = field(repr=False)
    address: Address = field(repr=False)
    value: str = field(repr=False)
    key: ConsentKey
    countries: tuple[str, ...]
    asker: str
    who_asked: str = ""  # a person of the staff

    @property
    def asked_by(self) -> str:
        """The asker as the person is told: of staff, with the name."""
        return f"{self.asker}: {self.who_asked}" if self.who_asked else self.asker


def read_question(
    policy: GatePolicy, text: QuestionText, asker: str = STAFF, who_asked: str = ""
) -> Question:
    """Read a question. Raises QuestionUnreadable: no address, an unknown purpose, channel or country.

    A number tells its country. Of an e-mail address nothing is known, so it is the controller's. A country
    that the asker names is added: it can only make the answer stricter.
    """
    purpose, channel = PurposeId(text.purpose), CHANNELS.get(text.channel)
    if purpose not in policy.purposes:
        msg = "There is no such purpose."
        raise QuestionUnreadable(msg)
    if channel is None:
        msg = f"There is no such channel. There are: {', '.join(CHANNELS)}."
        raise QuestionUnreadable(msg)
    given = text.country.upper()
    if given and not (len(given) == COUNTRY_LETTERS and given.isascii() and given.isalpha()):
        msg = "A country is named by two letters, such as NL (ISO 3166)."
        raise QuestionUnreadable(msg)
    address = MAILBOX if "@" in text.who else channel.address
    value = _read(address, text.who, given or policy.country)
    return Question(
        written=text.who,
        address=address,
        value=value,
        key=ConsentKey(purpose, channel),
        countries=countries_of(address, value, policy.country, given),
        asker=asker,
        who_asked=who_asked,
    )


def countries_of(address: Address, value: str, home: str, given: str) -> tuple[str, ...]:
    """Return by whose rules a contact is judged. `home`: the controller's country; `given` by the asker."""
    country = address.country(value) or home
    return tuple(dict.fromkeys((country, given or country)))


def _read(address: Address, who: str, country: str) -> str:
    try:
        if len(who) > MOST_CHARACTERS:
            raise ValueError  # noqa: TRY301 - the same sentence as for any other
        return address.key(who.strip(), country)
    except ValueError:
        msg = f"This is no {address.noun}. Ask with an address, never with a name."
        raise QuestionUnreadable(msg) from None
