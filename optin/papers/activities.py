"""What a site processes, activity by activity (GDPR 30(1)): every paper is made from this one list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from optin.consent.channel import MAILBOX, address_at, declared_addresses
from optin.consent.form_version import NAME_FIELDS
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.purpose import PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.papers.paper_words import PaperWords
from optin.rules.contact_rule import LawfulBasis
from optin.rules.data_protection.lawful_bases import bases_of, keeps_enquiries
from optin.settings.site import Purpose
from optin.site.kind_front_matter_hooks import FilePart
from optin.site.model import Magnet, Site
from optin.site.statement_blocks import wording_in


@dataclass(frozen=True)
class PersonalData:
    """A category of personal data: its name in words, and the published term (DPV), if there is one."""

    name: str
    term: str = "dpv:PersonalData"


@dataclass(frozen=True)
class Activity:
    """One processing activity. `recipients`: ids of processors; `kept`: the periods that `keep` is about."""

    id: str
    title: str
    purpose: str
    bases: tuple[LawfulBasis, ...]
    people: str
    data: tuple[PersonalData, ...]
    recipients: tuple[str, ...]
    keep: str
    kept: tuple[RetentionPeriod, ...]
    terms: tuple[str, ...]  # DPV terms of its purpose


@dataclass(frozen=True)
class PaperSite:
    """What papers are made from: a site, its kinds, a language and a day. `day`: the day of the papers."""

    site: Site
    kinds: PartsByKind[FilePart]
    words: PaperWords
    day: date

    @property
    def scoring(self) -> tuple[Magnet, ...]:
        """The magnets whose answers decide what a person gets."""
        return tuple(it for it in self.site.magnets.values() if self.kinds[it.kind].forks)


def activities(of: PaperSite) -> tuple[Activity, ...]:
    """Return every activity: one for each purpose, then what optin does for all of them."""
    purposes = of.site.settings.purposes.items()
    return (
        *(_for_purpose(of, name, purpose) for name, purpose in purposes),
        _requests(of),
        *_held_bases(of),
        _own(of, "proof", LawfulBasis.OBLIGATION, "consenting", "proof", of.site.settings.retention.proof),
        _own(of, "suppression", LawfulBasis.INTEREST, "former", "fingerprint"),
        _own(of, "rights", LawfulBasis.OBLIGATION, "asking", "requests", of.site.settings.retention.requests),
        _own(of, "security", LawfulBasis.INTEREST, "anybody", "network"),
    )


def _for_purpose(of: PaperSite, name: PurposeId, purpose: Purpose) -> Activity:
    words = of.words
    asking = [it for it in of.site.magnets.values() if any(q.purpose == name for q in it.questions)]
    wording = wording_in(purpose.text, words.lang)
    title = words.text("activities.purpose", purpose=name, channel=words.channel(purpose.channel))
    unasked = f" ({words.text('activities.unasked')})" if not asking else ""
    address = purpose.channel.address
    data = [_mailbox(words), PersonalData(words.field(address.field, address.noun), address.personal_data)]
    data += [*_fields(of, asking), PersonalData(words.text("data.consent"))]
    return Activity(
        id=f"purpose-{name}",
        title=title,
        purpose=f"{wording}{unasked}",
        bases=bases_of(of.site.settings, name),
        people=words.text("people.consenting"),
        data=tuple(dict.fromkeys(data)),
        recipients=_recipients(of, name),
        keep=words.text("keep.consent", period=words.period(purpose.retention)),
        kept=(purpose.retention,),
        terms=("dpv:DirectMarketing",),
    )


def _recipients(of: PaperSite, name: PurposeId) -> tuple[str, ...]:
    """Return the processors that get this purpose's consents at once, and those that an export may go to."""
    found = of.site.settings.processors.items()
    return tuple(
        key for key, it in found if not it.is_over(of.day) and (not it.told_of or name in it.told_of)
    )


def _requests(of: PaperSite) -> Activity:
    words, settings = of.words, of.site.settings
    magnets = [*of.site.magnets.values()]
    names = ", ".join(dict.fromkeys(words.kind(it.kind) for it in magnets)) or words.text("paper.none")
    data = [_mailbox(words), *_fields(of, magnets)]
    if settings.sources.keep:
        data.append(PersonalData(words.text("data.source")))
    with_details = dict.fromkeys(words.kind(it.kind) for it in magnets if it.details is not None)
    if with_details:
        data.append(PersonalData(words.text("data.kind", kinds=", ".join(with_details))))
    kept = (settings.unconfirmed.keep, settings.retention.magnet, settings.download.link)
    unconfirmed, magnet, link = map(words.period, kept)
    return Activity(
        id="requests",
        title=words.text("activities.request"),
        purpose=words.text("activities.request-purpose", kinds=names),
        bases=(LawfulBasis.ENQUIRY,),
        people=words.text("people.visitors"),
        data=tuple(dict.fromkeys(data)),
        recipients=(),
        keep=words.text("keep.request", unconfirmed=unconfirmed, magnet=magnet, link=link),
        kept=kept,
        terms=("dpv:ServiceProvision",),
    )


def _held_bases(of: PaperSite) -> Iterator[Activity]:
    """Yield what staff put on record on other bases than consent, where `optin.toml` speaks of it."""
    words, settings = of.words, of.site.settings
    contact = [_mailbox(words)]
    contact += [PersonalData(words.field(it.field, it.noun), it.personal_data) for it in declared_addresses()]
    if settings.products:
        lines = settings.products.items()
        said = [(f"{name}: {words.period(it.life_cycle)}", it.life_cycle) for name, it in lines]
        yield _on_basis(of, "customers", LawfulBasis.CONTRACT, (*contact, _named(words, "invoice")), said)
    if keeps_enquiries(settings):
        said = [(words.period(settings.enquiries.keep), settings.enquiries.keep)]
        yield _on_basis(of, "enquiries", LawfulBasis.ENQUIRY, (*contact, _named(words, "enquiry")), said)
    for name, it in settings.obligations.items():
        said = [(f"{it.law}: {words.period(it.keep)}", it.keep)]
        made = _on_basis(of, "obligation", LawfulBasis.OBLIGATION, (_named(words, "document"),), said)
        yield replace(made, id=f"obligation-{name}", title=f"{made.title}: {name}")


_BASIS_TERMS = {
    "customers": "dpv:FulfilmentOfContractualObligation",
    "enquiries": "dpv:ServiceProvision",
    "obligation": "dpv:LegalCompliance",
}


def _on_basis(
    of: PaperSite,
    name: str,
    basis: LawfulBasis,
    data: tuple[PersonalData, ...],
    said: Sequence[tuple[str, RetentionPeriod]],
) -> Activity:
    """Return an activity of its own texts. `said`: its terms in words, with the periods."""
    words = of.words
    return Activity(
        id=name,
        title=words.text(f"activities.{name}"),
        purpose=words.text(f"activities.{name}-purpose"),
        bases=(basis,),
        people=words.text(f"people.{name}"),
        data=data,
        recipients=(),
        keep=words.text(f"keep.{name}", terms="; ".join(text for text, _ in said)),
        kept=tuple(period for _, period in said),
        terms=(_BASIS_TERMS[name],),
    )


def _named(words: PaperWords, name: str) -> PersonalData:
    return PersonalData(words.text(f"data.{name}"))


_OWN_TERMS: Mapping[str, tuple[str, ...]] = {
    "proof": ("dpv:LegalCompliance",),
    "suppression": ("dpv:RightsFulfilment",),
    "rights": ("dpv:RightsFulfilment",),
    "security": ("dpv:EnforceSecurity",),
}
_OWN_DATA = {"network": "pd:IPAddress", "fingerprint": "dpv:PseudonymisedData"}


def _own(
    of: PaperSite,
    name: str,
    basis: LawfulBasis,
    people: str,
    data: str,
    period: RetentionPeriod | None = None,
) -> Activity:
    """Return an activity that optin itself makes necessary, whatever the site asks."""
    words = of.words
    values = {} if period is None else {"period": words.period(period)}
    return Activity(
        id=name,
        title=words.text(f"activities.{name}"),
        purpose=words.text(f"activities.{name}-purpose"),
        bases=(basis,),
        people=words.text(f"people.{people}"),
        data=(PersonalData(words.text(f"data.{data}"), _OWN_DATA.get(data, "dpv:PersonalData")),),
        recipients=(),
        keep=words.text(f"keep.{name}", **values),
        kept=() if period is None else (period,),
        terms=_OWN_TERMS[name],
    )


def _mailbox(words: PaperWords) -> PersonalData:
    return PersonalData(words.field(MAILBOX.field, MAILBOX.noun), MAILBOX.personal_data)


def _fields(of: PaperSite, magnets: Iterable[Magnet]) -> list[PersonalData]:
    """Return what the forms of magnets ask besides the mailbox."""
    found = []
    for magnet in magnets:
        for field in magnet.fields:
            address = address_at(field.name)
            term = "pd:Name" if field.name in NAME_FIELDS else "dpv:PersonalData"
            term = term if address is None else address.personal_data
            found.append(PersonalData(of.words.field(field.name, field.label), term))
    return found
