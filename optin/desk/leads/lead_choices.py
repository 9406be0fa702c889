"""What leads may be chosen by: purposes with their channel, and magnets; of sales only those they own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from optin.consent.email_and_telephone import EmailAddress, address_key
from optin.consent.purpose import ConsentKey, PurposeId
from optin.consent.staff_role import Role
from optin.desk.desk_route import StaffVisit
from optin.flows.evidence.prove_consent import ProvenConsent
from optin.flows.exports.lead_list import LeadFilter
from optin.site.model import Magnet
from optin.store.database_interface import to_ms

SEE_ALL = (Role.OFFICER,)
SHOWN_LETTERS = 1


@dataclass(frozen=True)
class PurposeChoice:
    """A purpose with its channel. `text`: its question in the reader's language."""

    key: ConsentKey
    text: str

    @property
    def value(self) -> str:
        """The value of its option in a form."""
        return self.key.purpose


def purpose_choices(visit: StaffVisit) -> tuple[PurposeChoice, ...]:
    """Return the site's purposes."""
    return tuple(
        PurposeChoice(ConsentKey(PurposeId(name), it.channel), it.text.get(visit.lang, ""))
        for name, it in visit.app_context.edition.site.settings.purposes.items()
    )


def magnets_for(visit: StaffVisit) -> tuple[Magnet, ...]:
    """Return the magnets whose leads somebody may see."""
    magnets = sorted(visit.app_context.edition.site.magnets.values(), key=lambda it: it.slug)
    return tuple(magnets) if visit.may(Role.OFFICER, Role.MARKETER) else own_magnets(visit, magnets)


def own_magnets(visit: StaffVisit, magnets: Iterable[Magnet]) -> tuple[Magnet, ...]:
    """Return the magnets that somebody is the owner of; only their leads are shown in full to sales."""
    own = address_key(visit.session.account.email)
    return tuple(it for it in magnets if it.owner and address_key(EmailAddress(it.owner)) == own)


def new_lead_filters(visit: StaffVisit) -> tuple[LeadFilter, ...]:
    """Return what is new to the reader: of each purpose, the leads since they last looked at it."""
    account = visit.session.account
    all_of_them = visit.may(Role.OFFICER, Role.MARKETER)
    magnets = None if all_of_them else addresses_of_magnets(magnets_for(visit))
    return tuple(
        LeadFilter(it.key, magnets, to_ms(account.looks.get(it.value, account.added)))
        for it in purpose_choices(visit)
    )


def addresses_of_magnets(magnets: tuple[Magnet, ...]) -> frozenset[str]:
    """Return the addresses of magnets, their earlier ones too: forms name the one of their time."""
    return frozenset(name for it in magnets for name in (it.slug, *it.was))


def full_name(lead: ProvenConsent) -> str:
    """Return the name that a person gave; empty when none was asked."""
    return " ".join(it for it in (lead.fields.get("first_name"), lead.fields.get("last_name")) if it)


def short_name(lead: ProvenConsent) -> str:
    """Return a name of which only the first letter of its second part shows."""
    first, last = lead.fields.get("first_name", ""), lead.fields.get("last_name", "")
    return " ".join(it for it in (first, f"{last[:SHOWN_LETTERS]}." if last else "") if it)


def short_email(email: str) -> str:
    """Return an address of which only the first letter and the domain show."""
    mailbox, _, domain = email.rpartition("@")
    return f"{mailbox[:SHOWN_LETTERS]}***@{domain}"
