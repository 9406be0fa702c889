"""Whether one contact is lawful, which basis carries it, and what to observe in it (L8). Pure.

Without a rule, without evidence or for an unknown country the answer is never yes. What staff wrote down is
evidence of its own kind, and never counts as a proven consent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from optin.rules.calling_hours import is_silence, is_within, too_many_tries
from optin.rules.contact_rule import (
    ContactRule,
    CountryRules,
    LawfulBasis,
    Relation,
    Sender,
    Subscriber,
    Way,
)
from optin.rules.rule_files import Cell, RuleBook

# What to do about a no.
ASK_CONSENT = "Do not contact. Ask for consent where people come by themselves, such as a form of this site."
NEVER = "Do not contact. Only the person can change it."
UNLIST = "Do not contact; see: optin do-not-contact list"
NO_RULE_YET = "Do not contact: no rule that allows it is known. Look the law up; see: optin rules"
SITE_FORBIDS = "Do not contact: the company forbids it in its settings ([rules.pinned])."
LATER = "Ask again when calls are allowed; see: optin rules"
CALL_LESS = "Wait, and call less often; see: optin rules"


class Aim(StrEnum):
    """What a contact is for."""

    MARKETING = "marketing"
    SERVICE = "service"  # performing a contract, without any praise
    REQUESTED = "requested"  # about what the person asked for, as they asked


class Decision(StrEnum):
    """Whether a contact may be made. ASK: somebody must decide first, and write it down."""

    PERMIT = "permit"
    PROHIBIT = "prohibit"
    ASK = "ask"


class Refusal(StrEnum):
    """Why a contact may not be made, in short."""

    NO_BASIS = "no basis"  # nothing on record serves
    ERASED = "erased"
    OBJECTED = "objected"
    LISTED = "on the company's list"  # of people whom it contacts no more
    CHANNEL = "other channel"  # the purpose is for another one
    NO_RULE = "no rule"
    SITE = "forbidden by the site"
    CONDITION = "condition not met"
    UNDECIDED = "not decided"  # somebody at the company must decide first
    HOUR = "not at this hour"
    TRIES = "called too often"
    UNREACHABLE = "unreachable"  # mails to the address came back


@dataclass(frozen=True)
class Contact:
    """A contact that somebody wants to make. `at`: a moment with a time zone.

    `subscriber`: None when unknown. `names_person`: whether a natural person is meant, also at a company.
    `refusals`: earlier calls in which the person said no. `tries`: earlier calls without success.
    `listed`: on the company's own list of people whom it contacts no more, for whatever aim.
    `at_any_hour`: whether the contact will be made within the hours, whenever that is.
    """

    country: str
    channel: str
    at: datetime
    subscriber: Subscriber | None = None
    sender: Sender = Sender.COMPANY
    relation: Relation = Relation.NONE
    aim: Aim = Aim.MARKETING
    names_person: bool = True
    objected: bool = False
    listed: bool = False
    erased: bool = False
    tries: Sequence[datetime] = ()
    refusals: Sequence[datetime] = ()
    at_any_hour: bool = False


@dataclass(frozen=True)
class HeldBasis:
    """A basis that is on record for a person, purpose and channel, with what is known of its conditions.

    `until`: when it ends; None: no end.
    """

    basis: LawfulBasis
    evidence: str
    met: frozenset[str] = frozenset()
    until: datetime | None = None


@dataclass(frozen=True)
class Answer:
    """Whether a contact may be made, by which rule, on which basis, and why not.

    `reasons` are sentences, `missing` conditions by id; `duties` are ids. `refusal`: None for a yes.
    `cure`: what to do about a no.
    """

    decision: Decision
    rule: str = ""
    basis: LawfulBasis | None = None
    evidence: str = ""
    until: datetime | None = None
    reasons: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    duties: tuple[str, ...] = ()
    refusal: Refusal | None = None
    cure: str = ""


@dataclass(frozen=True)
class Strictness:
    """How a site is stricter than the law. `codes`: whether it follows codes of conduct."""

    codes: bool = True
    pinned: Mapping[str, str] = field(default_factory=dict)  # rules that forbid here, each with its reason


def may_contact(
    contact: Contact, held: Sequence[HeldBasis], book: RuleBook, site: Strictness | None = None
) -> Answer:
    """Return whether a contact may be made.

    1. An erased person is not contacted, nor one on the company's list; one who objected gets no
       advertising (GDPR 17, 21(3)).
    2. What performs a contract, or answers a request, needs no rule of advertising, but its basis.
    3. The rule is that of the day of the contact, where the person is.
    4. Of the ways of the rule the first whose basis is on record, with every condition met, is taken.
    5. Hours and number of tries, where the rule has any.
    """
    site = site or Strictness()

    # 1. Erased, listed, or objected.
    if (wish := _wish(contact)) is not None:
        return wish

    # 2. Service and requested contacts.
    if contact.aim is not Aim.MARKETING:
        return _without_advertising(contact, held, book)

    # 3. The rule of the day.
    rules = book.countries.get(contact.country)
    if rules is None:
        return _no(Refusal.NO_RULE, NO_RULE_YET, f"No rules are known for {contact.country!r}.")
    local = contact.at.astimezone(ZoneInfo(rules.time_zone))
    rule = rule_of(contact, rules, local.date())
    if rule is None:
        reason = f"No rule is known for this contact in {rules.name} on {local.date()}."
        return _no(Refusal.NO_RULE, NO_RULE_YET, reason)
    if rule.id in site.pinned:
        return replace(_no(Refusal.SITE, SITE_FORBIDS, site.pinned[rule.id]), rule=rule.id)

    # 4. The first open way.
    found = replace(_by_ways(contact, rule, held, book), rule=rule.id)
    if found.decision is not Decision.PERMIT:
        return found

    # 5. Hours and tries.
    late = () if contact.at_any_hour else tuple(_out_of_hours(rule, rules, local, site))
    often = tuple(_too_often(contact, rule))
    if not late and not often:
        return found
    why, cure = (Refusal.HOUR, LATER) if late else (Refusal.TRIES, CALL_LESS)
    return replace(_no(why, cure, *late, *often), rule=rule.id)


def rule_of(contact: Contact, rules: CountryRules, day: date) -> ContactRule | None:
    """Return the rule for a contact on a local day; None when the country's rules say nothing of it."""
    subscriber = contact.subscriber or Subscriber.NATURAL
    cell = Cell(contact.channel, subscriber, contact.sender, contact.relation)
    return next((it for it in cell.of(rules.rules) if it.holds_on(day)), None)


def _wish(contact: Contact) -> Answer | None:
    """Return why the person, or the company, wants no such contact; None: nobody said so."""
    if contact.erased:
        return _no(Refusal.ERASED, NEVER, "The person was erased.")
    if contact.listed:
        return _no(Refusal.LISTED, UNLIST, "The company put the person on its do-not-contact list.")
    if contact.objected and contact.aim is Aim.MARKETING:
        return _no(Refusal.OBJECTED, NEVER, "The person withdrew, objected or was erased (GDPR 7(3), 21(3)).")
    return None


def _without_advertising(contact: Contact, held: Sequence[HeldBasis], book: RuleBook) -> Answer:
    wanted = LawfulBasis.CONTRACT if contact.aim is Aim.SERVICE else LawfulBasis.ENQUIRY
    for it in held:
        # a consent to this very purpose serves, too, whatever the purpose is
        if it.basis in {wanted, LawfulBasis.CONSENT} and _lasts(it, contact.at):
            duties = book.words.channels.get(contact.channel, ())
            return Answer(Decision.PERMIT, "", it.basis, it.evidence, it.until, duties=duties)
    reason = f"No {wanted} is on record that this contact would serve."
    return _no(Refusal.NO_BASIS, ASK_CONSENT, reason)


def _by_ways(contact: Contact, rule: ContactRule, held: Sequence[HeldBasis], book: RuleBook) -> Answer:
    closest: Answer | None = None
    for way in rule.ways:
        for it in _bases_for(way, contact, held):
            missing = _missing(way, it, contact, book)
            if not missing:
                return Answer(Decision.PERMIT, "", it.basis, it.evidence, it.until, duties=rule.duties)
            if closest is None or len(missing) < len(closest.missing):
                closest = _closed(missing, book)
    if closest is not None:
        return closest
    served = " or ".join(dict.fromkeys(way.basis.value for way in rule.ways)) or "nothing"
    reason = f"Only {served} serves here ({rule.article}), and none is on record."
    return _no(Refusal.NO_BASIS, ASK_CONSENT, reason)


def _bases_for(way: Way, contact: Contact, held: Sequence[HeldBasis]) -> Iterator[HeldBasis]:
    """Yield the bases on record that a way may use; where nobody is named, none need be on record."""
    yield from (it for it in held if it.basis is way.basis and _lasts(it, contact.at))
    if way.basis is LawfulBasis.INTEREST and not contact.names_person:
        yield HeldBasis(way.basis, "")


def _missing(way: Way, held: HeldBasis, contact: Contact, book: RuleBook) -> tuple[str, ...]:
    conditions = book.words.conditions
    wanted = (it for it in way.conditions if contact.names_person or not conditions[it].of_person)
    return tuple(it for it in wanted if it not in held.met)


def _closed(missing: tuple[str, ...], book: RuleBook) -> Answer:
    conditions = [book.words.conditions[it] for it in missing]
    asks = all(it.asks for it in conditions)
    decision = Decision.ASK if asks else Decision.PROHIBIT
    refusal = Refusal.UNDECIDED if asks else Refusal.CONDITION
    reasons = tuple(f"Not on record: {it.text}. {it.missing}" for it in conditions)
    cure = " ".join(it.missing for it in conditions)
    return Answer(decision, reasons=reasons, missing=missing, refusal=refusal, cure=cure)


def _out_of_hours(rule: ContactRule, rules: CountryRules, local: datetime, site: Strictness) -> Iterator[str]:
    hours = rules.hours.get(rule.hours)
    counts = hours is not None and (hours.law or site.codes)
    if hours is not None and counts and not is_within(hours, rules.country, local):
        yield f"Not at this hour ({hours.source})."


def _too_often(contact: Contact, rule: ContactRule) -> Iterator[str]:
    if rule.tries is not None:
        if too_many_tries(rule.tries, contact.tries, contact.at):
            yield f"{rule.tries.most} calls in {rule.tries.days} days are the most ({rule.article})."
        if is_silence(rule.tries, contact.refusals, contact.at):
            yield f"The person said no less than {rule.tries.silence_days} days ago ({rule.article})."


def _lasts(held: HeldBasis, at: datetime) -> bool:
    return held.until is None or at < held.until


def _no(refusal: Refusal, cure: str, *reasons: str) -> Answer:
    return Answer(Decision.PROHIBIT, reasons=reasons, refusal=refusal, cure=cure)
