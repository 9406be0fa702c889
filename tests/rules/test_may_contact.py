"""Whether a contact is lawful: 25 cases from practice, and what must hold of every rule there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.rules.contact_rule import LawfulBasis, Relation, Sender, Subscriber
from optin.rules.may_contact import Aim, Contact, Decision, HeldBasis, Strictness, may_contact, rule_of
from optin.rules.rule_files import rule_book

BOOK = rule_book()
CHANNELS = tuple(BOOK.words.channels)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
MONDAY = datetime(2026, 11, 30, 10, tzinfo=AMSTERDAM)
SUNDAY = datetime(2026, 11, 29, 11, tzinfo=AMSTERDAM)
NATURAL, TRADER, LEGAL = Subscriber.NATURAL, Subscriber.TRADER, Subscriber.LEGAL
CONSENT = HeldBasis(LawfulBasis.CONSENT, "leaf 40")
SOFT = frozenset({"own-sale", "own-similar", "told-at-collection"})
YES, NO, ASK = Decision.PERMIT, Decision.PROHIBIT, Decision.ASK


def interest(*met: str, **more: datetime) -> HeldBasis:
    return HeldBasis(LawfulBasis.INTEREST, "invoice 2026-77", frozenset(met), **more)


def of(basis: LawfulBasis, until: datetime | None = None) -> HeldBasis:
    return HeldBasis(basis, "note 7", until=until)


def nl(channel: str, **more: object) -> Contact:
    return replace(Contact("NL", channel, MONDAY, NATURAL), **more)  # type: ignore[arg-type]  # its fields


MAIL, CALL = nl("email"), nl("phone")
CUSTOMER = replace(MAIL, relation=Relation.CUSTOMER)
LINKEDIN = replace(CALL, subscriber=LEGAL)
SWITCHBOARD = replace(LINKEDIN, names_person=False)
FRENCH = replace(CALL, country="FR", relation=Relation.CUSTOMER)
RUNNING = interest("running-contract", "related-offer")
PARIS_SATURDAY = datetime(2026, 11, 28, 11, tzinfo=ZoneInfo("Europe/Paris"))
PARIS_MONDAY = datetime(2026, 11, 30, 15, tzinfo=ZoneInfo("Europe/Paris"))
SUBSCRIBER_2026 = replace(CALL, sender=Sender.PUBLISHER, relation=Relation.CUSTOMER)
BELGIAN = replace(CALL, country="BE")
ENQUIRY = of(LawfulBasis.ENQUIRY, MONDAY + timedelta(days=90))
QUOTE = replace(CALL, relation=Relation.ENQUIRY, aim=Aim.REQUESTED)


@pytest.mark.parametrize(
    ("contact", "held", "decision", "rule"),
    [
        pytest.param(MAIL, [CONSENT], YES, "NL-email-natural", id="1 consent by e-mail"),
        pytest.param(MAIL, [replace(CONSENT, until=MONDAY - timedelta(hours=1))], NO, None, id="2 withdrawn"),
        pytest.param(CUSTOMER, [interest(*SOFT)], YES, "NL-email-customer-natural", id="3 customer"),
        pytest.param(CUSTOMER, [interest(*SOFT - {"told-at-collection"})], NO, None, id="4 never told"),
        pytest.param(CUSTOMER, [interest(*SOFT - {"own-similar"})], NO, None, id="5 of a sister company"),
        pytest.param(
            replace(CUSTOMER, channel="phone", at=datetime(2026, 6, 30, 10, tzinfo=AMSTERDAM)),
            [interest(*SOFT)],
            YES,
            "NL-phone-customer-2021",
            id="6 by phone on 30 June",
        ),
        pytest.param(
            replace(CUSTOMER, channel="phone", at=datetime(2026, 7, 1, 10, tzinfo=AMSTERDAM)),
            [interest(*SOFT)],
            NO,
            "NL-phone-customer-2026",
            id="6 by phone on 1 July",
        ),
        pytest.param(
            replace(CALL, sender=Sender.CHARITY, relation=Relation.VOLUNTEER),
            [interest("told-at-collection")],
            YES,
            "NL-phone-supporter-charity",
            id="7 a volunteer by phone",
        ),
        pytest.param(
            replace(MAIL, sender=Sender.CHARITY, relation=Relation.VOLUNTEER),
            [interest("told-at-collection", "donation")],
            NO,
            "NL-email-natural",
            id="7 a volunteer by e-mail",
        ),
        pytest.param(
            SUBSCRIBER_2026, [interest(*SOFT)], YES, "NL-phone-subscriber-2026", id="8 subscriber of a paper"
        ),
        pytest.param(SWITCHBOARD, [], YES, "NL-phone-legal", id="9 a switchboard"),
        pytest.param(replace(CALL, subscriber=TRADER), [interest()], NO, "NL-phone-trader", id="10 a VOF"),
        pytest.param(
            replace(CALL, subscriber=TRADER),
            [interest("published-for-offers")],
            YES,
            "NL-phone-trader",
            id="10 a VOF that asks for offers",
        ),
        pytest.param(
            CALL, [interest("assessment", "told-source")], NO, None, id="11 a director's own mobile"
        ),
        pytest.param(
            replace(MAIL, subscriber=LEGAL), [interest()], NO, "NL-email-business", id="12 info@ of a BV"
        ),
        pytest.param(
            replace(MAIL, subscriber=LEGAL),
            [interest("published-for-offers")],
            YES,
            "NL-email-business",
            id="12 acquisition: sales@",
        ),
        pytest.param(
            LINKEDIN, [interest("assessment", "told-source")], YES, "NL-phone-legal", id="13 from LinkedIn"
        ),
        pytest.param(LINKEDIN, [interest("told-source")], ASK, None, id="13 without an assessment"),
        pytest.param(LINKEDIN, [interest("assessment")], NO, None, id="14 never told"),
        pytest.param(
            replace(CALL, subscriber=None), [interest("assessment", "told-source")], NO, None, id="15 unknown"
        ),
        pytest.param(QUOTE, [ENQUIRY], YES, "", id="16 about the quote"),
        pytest.param(
            replace(QUOTE, aim=Aim.MARKETING), [ENQUIRY], NO, "NL-phone-natural", id="16 about anything else"
        ),
        pytest.param(
            replace(QUOTE, at=MONDAY + timedelta(days=270)), [ENQUIRY], NO, "", id="17 nine months later"
        ),
        pytest.param(
            replace(CUSTOMER, objected=True),
            [interest(*SOFT), CONSENT],
            NO,
            "",
            id="18 objected, then bought",
        ),
        pytest.param(
            replace(CUSTOMER, objected=True, aim=Aim.SERVICE),
            [of(LawfulBasis.CONTRACT)],
            YES,
            "",
            id="18 delivery message",
        ),
        pytest.param(
            replace(MAIL, erased=True), [of(LawfulBasis.OBLIGATION)], NO, "", id="19 erased, invoice held"
        ),
        pytest.param(
            CUSTOMER, [interest(*SOFT, until=MONDAY + timedelta(days=1))], YES, None, id="20 within the term"
        ),
        pytest.param(
            CUSTOMER, [interest(*SOFT, until=MONDAY - timedelta(days=1))], NO, None, id="20 after the term"
        ),
        pytest.param(replace(CALL, at=SUNDAY), [CONSENT], NO, "NL-phone-natural", id="21 on a Sunday"),
        pytest.param(
            replace(CALL, at=SUNDAY, aim=Aim.REQUESTED), [ENQUIRY], YES, "", id="21 an agreed call-back"
        ),
        pytest.param(
            replace(CALL, country="DE", relation=Relation.CUSTOMER),
            [interest(*SOFT)],
            NO,
            "DE-phone-natural",
            id="22 a German customer",
        ),
        pytest.param(replace(CALL, country="DE"), [CONSENT], YES, "DE-phone-natural", id="22 with consent"),
        pytest.param(
            replace(CALL, country="DE", subscriber=LEGAL),
            [interest("assessment")],
            ASK,
            "DE-phone-business",
            id="22 a GmbH",
        ),
        pytest.param(BELGIAN, [CONSENT], NO, "BE-phone", id="23 listed after the consent"),
        pytest.param(
            BELGIAN,
            [replace(CONSENT, met=frozenset({"newest-act"}))],
            YES,
            "BE-phone",
            id="23 consent after the listing",
        ),
        pytest.param(
            replace(FRENCH, at=PARIS_SATURDAY), [RUNNING], NO, "FR-phone-customer", id="24 on a Saturday"
        ),
        pytest.param(
            replace(FRENCH, at=PARIS_MONDAY), [RUNNING], YES, "FR-phone-customer", id="24 on a Monday"
        ),
        pytest.param(
            replace(
                FRENCH, at=PARIS_MONDAY, tries=[PARIS_MONDAY - timedelta(days=it) for it in (1, 2, 3, 29)]
            ),
            [RUNNING],
            NO,
            "FR-phone-customer",
            id="24 the fifth try",
        ),
        pytest.param(MAIL, [], NO, "NL-email-natural", id="25 a white paper without a box"),
        pytest.param(
            replace(CUSTOMER, country="IE"),
            [interest(*SOFT)],
            NO,
            "IE-email-customer",
            id="25 an Irish sale 13 months ago",
        ),
        pytest.param(
            replace(MAIL, country="GB", subscriber=LEGAL),
            [interest("assessment")],
            YES,
            "GB-email-company",
            id="25 a British company",
        ),
    ],
)
def test_the_cases(contact: Contact, held: list[HeldBasis], decision: Decision, rule: str | None) -> None:
    """L8: what people who contact others ask, with the answer of the law on that day."""
    answer = may_contact(contact, held, BOOK)
    assert answer.decision is decision, answer
    assert rule is None or answer.rule == rule
    assert bool(answer.reasons) == (decision is not YES)
    assert (answer.basis is None) == (decision is not YES)


def test_duties_come_with_the_answer() -> None:
    """L8: what to say and to keep in the contact itself."""
    assert "number-shown" in may_contact(SWITCHBOARD, [], BOOK).duties
    german = may_contact(replace(CALL, country="DE"), [CONSENT], BOOK)
    assert "keep-five-years" in german.duties
    assert "objection" in may_contact(LINKEDIN, [interest("assessment", "told-source")], BOOK).duties


def test_a_site_may_be_stricter_only() -> None:
    """L8: a code can be switched off, the law cannot; a rule can be closed, with its reason."""
    sunday = replace(CALL, at=SUNDAY)
    assert may_contact(sunday, [CONSENT], BOOK, Strictness(codes=False)).decision is YES
    saturday = replace(FRENCH, at=PARIS_SATURDAY)
    assert may_contact(saturday, [RUNNING], BOOK, Strictness(codes=False)).decision is NO
    closed = Strictness(pinned={"NL-email-natural": "We send no e-mail to consumers."})
    answer = may_contact(MAIL, [CONSENT], BOOK, closed)
    assert (answer.decision, answer.rule) == (NO, "NL-email-natural")
    assert answer.reasons == ("We send no e-mail to consumers.",)


@pytest.mark.parametrize(
    ("at", "is_lawful"),
    [
        ("2026-11-30 08:59", False),
        ("2026-11-30 09:00", True),
        ("2026-11-30 21:59", True),
        ("2026-11-30 22:00", False),
        ("2026-11-28 16:00", False),
        ("2026-11-28 15:59", True),
        ("2026-12-24 18:29", True),
        ("2026-12-24 18:30", False),
        ("2026-12-25 12:00", False),
        ("2026-04-27 12:00", False),
        ("2026-12-05 15:59", True),
        ("2026-12-05 17:00", False),
    ],
)
def test_dutch_hours(at: str, *, is_lawful: bool) -> None:
    """L8: the code's hours, days that end early, public holidays; wherever the caller's clock is."""
    moment = datetime.fromisoformat(at).replace(tzinfo=AMSTERDAM)
    for zone in (AMSTERDAM, UTC, ZoneInfo("Asia/Tokyo")):
        contact = replace(CALL, at=moment.astimezone(zone))
        assert (may_contact(contact, [CONSENT], BOOK).decision is YES) == is_lawful


def test_a_no_is_followed_by_silence() -> None:
    """L8: sixty days in France, to the second."""
    no = PARIS_MONDAY - timedelta(days=60)
    for refused, decision in ((no, YES), (no + timedelta(seconds=1), NO), (PARIS_MONDAY, NO)):
        contact = replace(FRENCH, at=PARIS_MONDAY, refusals=[refused])
        assert may_contact(contact, [RUNNING], BOOK).decision is decision


CELLS = st.builds(
    Contact,
    st.sampled_from([*BOOK.countries, "US", ""]),
    st.sampled_from([*CHANNELS, "fax"]),
    st.datetimes(datetime(2010, 1, 1), datetime(2100, 1, 1), timezones=st.sampled_from([UTC, AMSTERDAM])),  # noqa: DTZ001 - the zone is drawn
    st.sampled_from([*Subscriber, None]),
    st.sampled_from(list(Sender)),
    st.sampled_from(list(Relation)),
    st.sampled_from(list(Aim)),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
HELD = st.lists(
    st.builds(
        HeldBasis,
        st.sampled_from(list(LawfulBasis)),
        st.just("x"),
        st.frozensets(st.sampled_from(sorted(BOOK.words.conditions))),
        st.none() | st.datetimes(datetime(2010, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants bounds without a zone
    ),
    max_size=4,
)


@given(CELLS, HELD)
def test_nobody_is_contacted_without_a_ground(contact: Contact, held: list[HeldBasis]) -> None:
    """L8: a yes always rests on a basis that lasts, and never on a rule that nobody knows."""
    answer = may_contact(contact, held, BOOK)
    if answer.decision is not YES:
        assert answer.reasons
        return
    assert not contact.erased
    assert not (contact.objected and contact.aim is Aim.MARKETING)
    assert (answer.basis is LawfulBasis.INTEREST and not contact.names_person) or answer.basis in {
        it.basis for it in held if it.until is None or contact.at < it.until
    }
    if contact.aim is Aim.MARKETING:
        assert answer.rule
        assert answer.basis in {LawfulBasis.CONSENT, LawfulBasis.INTEREST}


@given(CELLS, HELD)
def test_losing_what_is_held_never_opens_a_way(contact: Contact, held: list[HeldBasis]) -> None:
    """L8: with less on record there is never more allowed; whoever is unknown counts as a person."""
    if may_contact(contact, held, BOOK).decision is not YES:
        for gone in range(len(held)):
            fewer = held[:gone] + held[gone + 1 :]
            assert may_contact(contact, fewer, BOOK).decision is not YES
    unknown, person = (replace(contact, subscriber=it) for it in (None, NATURAL))
    assert may_contact(unknown, held, BOOK) == may_contact(person, held, BOOK)


@given(
    st.dates(date(2021, 7, 1), date(2100, 1, 1)),
    st.sampled_from(list(Subscriber)),
    st.sampled_from(list(Sender)),
    st.sampled_from(list(Relation)),
    st.sampled_from(CHANNELS),
)
def test_every_dutch_contact_has_its_rule(
    day: date, subscriber: Subscriber, sender: Sender, relation: Relation, channel: str
) -> None:
    """L8: no gap on any day; that no two rules hold at once is looked at when they are read."""
    contact = Contact("NL", channel, MONDAY, subscriber, sender, relation)
    assert rule_of(contact, BOOK.countries["NL"], day) is not None
