"""Transfers to other countries: whether a processor is outside the EEA, and what protects data there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from optin.rules.data_protection.law_data import LawData
from optin.settings.site import Processor

# The published terms for what protects a transfer (DPV 2.3, eu-gdpr), by the setting `safeguard`.
SAFEGUARD_TERMS: Mapping[str, str] = {
    "privacy-framework": "eu-gdpr:A45-3",
    "binding-rules": "eu-gdpr:A46-2-b",
    "standard-clauses": "eu-gdpr:A46-2-c",
    "authority-clauses": "eu-gdpr:A46-2-d",
    "code-of-conduct": "eu-gdpr:A46-2-e",
    "certification": "eu-gdpr:A46-2-f",
    "authorised-clauses": "eu-gdpr:A46-3-a",
}
ADEQUACY_TERM = "eu-gdpr:A45-3"


class Protection(StrEnum):
    """What protects the data that a processor gets."""

    HOME = "home"  # in the EEA, or in the controller's own country
    UNKNOWN = "unknown"  # the configuration names no country
    ADEQUATE = "adequate"  # by a decision of the European Commission
    SAFEGUARD = "safeguard"
    NONE = "none"


@dataclass(frozen=True)
class Transfer:
    """Where the data of one processor go. `term`: the DPV term of what protects them; "" at home."""

    country: str
    protection: Protection
    decision: str = ""
    term: str = ""

    @property
    def is_abroad(self) -> bool:
        """Whether the data leave the EEA, and the controller's country."""
        return self.protection not in {Protection.HOME, Protection.UNKNOWN}


def transfer_of(processor: Processor, home: str, law: LawData, day: date) -> Transfer:
    """Return the transfer to a processor of a controller in the country `home` (GDPR 44 to 46)."""
    country = processor.country.upper()
    if not country:
        return Transfer("", Protection.UNKNOWN)
    if country == home.upper() or country in law.eea.countries:
        return Transfer(country, Protection.HOME)
    decision = law.adequacy(country, day)
    if decision is not None and decision.only in {"", processor.safeguard}:
        return Transfer(country, Protection.ADEQUATE, decision.decision, ADEQUACY_TERM)
    if processor.safeguard and processor.safeguard not in {it.only for it in law.adequate}:
        return Transfer(country, Protection.SAFEGUARD, "", SAFEGUARD_TERMS[processor.safeguard])
    return Transfer(country, Protection.NONE)
