"""Read what papers take from the law: countries and authorities, and when they were checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict

from optin.settings.site import Risk, Safeguard

CHECK_EVERY_DAYS = 365  # after that somebody should compare the data with their sources again


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Countries(_Data):
    """Countries, and the source that names them."""

    source: str
    countries: frozenset[str]


class Adequacy(_Data):
    """A decision that a country protects personal data adequately (GDPR 45)."""

    country: str
    decision: str
    until: date | None = None  # its last day; None: it has none
    only: Safeguard = ""  # what a receiver in that country must have besides


class AssessmentCriteria(_Data):
    """The criteria of an impact assessment; it is due where `due_from` of them hold."""

    source: str
    due_from: int
    criteria: tuple[Risk, ...]


class Authority(_Data):
    """A supervisory authority (GDPR 51)."""

    name: str
    url: str


class LawData(_Data):
    """Everything in law.toml. `checked`: the day on which it was compared with its sources."""

    checked: date
    eea: Countries
    adequate: tuple[Adequacy, ...]
    assessment: AssessmentCriteria
    authorities: Mapping[str, Authority]

    def adequacy(self, country: str, day: date) -> Adequacy | None:
        """Return the decision about a country that is in force on a day, if any."""
        found = (it for it in self.adequate if it.country == country)
        return next((it for it in found if it.until is None or day <= it.until), None)

    def is_stale(self, day: date) -> bool:
        """Return whether the data were checked more than a year before `day`."""
        return (day - self.checked).days > CHECK_EVERY_DAYS


@cache
def law_data() -> LawData:
    """Return the data that come with optin."""
    return LawData.model_validate(
        tomllib.loads(files("optin.rules.data_protection").joinpath("law.toml").read_text("utf-8"))
    )
