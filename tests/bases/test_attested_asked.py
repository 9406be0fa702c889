"""One mail asks a person to confirm what staff attested; only the person's own click proves it (L6, P8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.bases.attested import Grade
from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import BY_PERSON
from optin.consent.objection import DOMAIN
from optin.consent.purpose import ConsentKey
from optin.consent.served_forms import ServedForms
from optin.consent.status_transitions import RequestId, Status
from optin.errors import RequestRefused, RulesUnusable
from optin.flows.bases.record_basis import EvidenceFile, end_basis
from optin.flows.consents.ask_attested import PersonToAsk, ask_to_confirm
from optin.flows.consents.confirm import confirm
from optin.flows.delivery.mail_order import MailKind
from optin.flows.request_policy import GatePolicy
from optin.flows.rights.do_not_contact import ListedContact, add_to_list
from optin.flows.rights.erase import erase_person
from optin.flows.rights.object_to_contact import object_by_person
from optin.flows.rights.personal_data import view_personal
from optin.rules.asking import asking_rules, may_ask, read_asking
from optin.services.open_installation import open_installation
from optin.services.site_edition import load_edition
from optin.store.person_records import requests_of
from tests.bases.shop import findings
from tests.bases.test_attested import FAYE, NUMBER, attest, attested
from tests.bases.test_register import on_file
from tests.export.test_scrub import site as site  # noqa: PLC0414 - a site with people
from tests.flows.test_letters import FIRST, queue, write
from tests.flows.test_webhooks import register
from tests.installed import KINDS
from tests.shell import shell
from tests.world import CALL, TIPS, World, export_from

KEY = ConsentKey(TIPS, Channel.EMAIL)
CARD = EvidenceFile("card.png", b"card", "image/png")


@pytest.fixture
def world(world: World) -> World:
    """A world that serves its form, and has evidence of faye's consent on record."""
    world.policy = replace(world.policy, offers=ServedForms([world.form]))
    attested(world, lang="nl")
    return world


def ask(world: World, key: ConsentKey = KEY, country: str = "") -> list[str]:
    """Ask faye; return the rules that allow it."""
    asking = PersonToAsk(parse_email(FAYE), key, "Eva", country)
    return [it.id for it in world.run(ask_to_confirm, asking=asking, now=world.now)]


def refused(world: World, says: str, key: ConsentKey = KEY, country: str = "") -> None:
    """See that faye is not asked, and nothing is stored."""
    before = [world.count(it) for it in ("request", "outbox", "event", "rights_action")]
    with pytest.raises(RequestRefused, match=says):
        ask(world, key, country)
    assert [world.count(it) for it in ("request", "outbox", "event", "rights_action")] == before


def test_only_the_own_confirmation_proves_it(world: World) -> None:
    """L6, P8: asked, it is nothing; confirmed by the person, it is proven by its own events."""
    assert ask(world) == ["NL-ask-email"]
    assert world.status(FAYE, TIPS) is not Status.GIVEN
    assert list(export_from(world).proven()) == []
    order = world.mail(MailKind.RENEWAL)
    assert (order.recipient, order.attested, order.ends_at) == (FAYE, True, None)
    assert [it.purpose for it in order.questions] == [TIPS]
    assert list(export_from(world).proven()) == []
    world.wait(timedelta(hours=1))
    world.confirm(asked_request(world))
    assert world.status(FAYE, TIPS) is Status.GIVEN
    assert [it.email for it in export_from(world).proven()] == [FAYE]
    (entry,) = on_file(world, FAYE)
    world.run(end_basis, entry.id, now=world.now)  # the consent stands without it
    assert [it.email for it in export_from(world).proven()] == [FAYE]
    assert findings(world) == []


def test_letters_and_webhooks_wait_for_the_confirmation(world: World) -> None:
    """L6, P8, W11, W13: neither what is attested nor the question sends one; the person's own click does."""
    write(world, FIRST)
    register(world, crm=frozenset({TIPS}))
    for step in (lambda: None, lambda: ask(world)):
        step()
        world.send()
        world.wait(timedelta(days=4))
        assert queue(world) == 0
        assert world.count("webhook_outbox") == world.count("letter") == 0
    world.confirm(asked_request(world))
    world.wait(timedelta(days=4))
    assert queue(world) == 1
    assert world.count("webhook_outbox") == 1


def asked_request(world: World) -> RequestId:
    """Return the request that asks faye."""
    (stored,) = world.store.read(requests_of, email_index=world.vault.index(parse_email(FAYE)))
    return stored.id


def test_nobody_is_asked_twice(world: World) -> None:
    """L6: once for a person and purpose, also after the entry was ended and attested anew, or by a card."""
    ask(world)
    refused(world, "asked to confirm it before")
    world.run(end_basis, on_file(world, FAYE)[0].id, now=world.now)
    attested(world, CARD, grade=Grade.SIGNED, lang="nl")
    refused(world, "asked to confirm it before")
    data = world.view(view_personal, world.vault.index(parse_email(FAYE)), now=world.now)
    assert [(it.what, it.why) for it in data.handled] == [("ask", TIPS)]


@pytest.mark.parametrize("grade", Grade)
@pytest.mark.parametrize(
    ("country", "rules"), [("", ["NL-ask-email"]), ("de", ["NL-ask-email", "DE-ask-email"]), ("FR", [])]
)
def test_the_law_says_where_one_may_ask(world: World, country: str, rules: list[str], grade: Grade) -> None:
    """L6, L8: on evidence that shows a consent to e-mail; of no rule known: no; of two countries both."""
    world.run(end_basis, on_file(world, FAYE)[0].id, now=world.now)
    attested(world, CARD, grade=grade, lang="nl")
    if rules and grade is not Grade.STATED:
        assert ask(world, country=country) == rules
    else:
        refused(world, "advertising itself", country=country)


def test_a_consent_to_calls_lets_nobody_ask_by_mail(world: World) -> None:
    """L6: it is no consent to e-mail."""
    key = ConsentKey(CALL, Channel.PHONE)
    attested(world, CARD, key=key, addresses={"email": FAYE, "phone": NUMBER}, lang="nl")
    refused(world, "advertising itself", key)


def test_the_strongest_evidence_counts(world: World) -> None:
    """L6: somebody's word beside a signed card."""
    attested(world, CARD, grade=Grade.STATED, lang="nl")
    assert ask(world) == ["NL-ask-email"]


def withdrawn(world: World) -> None:
    world.withdraw(world.join(FAYE, TIPS))


def erased(world: World) -> None:
    world.run(erase_person, world.vault.index(parse_email(FAYE)), BY_PERSON, now=world.now)
    attested(world, CARD, lang="nl")


def objected(world: World) -> None:
    world.run(object_by_person, world.vault.index(parse_email(FAYE)), now=world.now)


def listed(world: World) -> None:
    world.run(add_to_list, ListedContact(DOMAIN, "example.com"), who="Eva", why="lawyers", now=world.now)


@pytest.mark.parametrize("act", [withdrawn, erased, objected, listed])
def test_who_said_no_is_not_asked(world: World, act: Any) -> None:
    """L6, L7: after a withdrawal, an erasure, an objection, or on the do-not-contact list."""
    act(world)
    refused(world, "do not ask")


@pytest.mark.parametrize("act", [objected, listed])
def test_a_no_before_the_mail_left_stops_it(world: World, act: Any) -> None:
    """L6, L7: the mail is dropped."""
    ask(world)
    act(world)
    assert [it.kind for it in world.send()] == []


def test_what_is_not_there_is_not_asked(world: World) -> None:
    """L6: no evidence, evidence that is over, a proven consent, no page that asks it, a full mailbox."""
    world.policy = replace(world.policy, offers=ServedForms([]))
    refused(world, "publish one first")
    world.policy = replace(world.policy, offers=ServedForms([world.form]), gate=GatePolicy("BE"))
    refused(world, "No rule of BE")
    world.policy = replace(world.policy, gate=GatePolicy("NL"))
    refused(world, "Nothing attested", ConsentKey(CALL, Channel.PHONE))
    world.join(FAYE, TIPS)
    refused(world, "it is proven")
    world.now = datetime(2028, 3, 2, tzinfo=UTC)
    refused(world, "Nothing attested")


def test_the_rows_are_dated_and_named_once() -> None:
    """L8: with article and source; two of one name are refused; before the first row nobody may be asked."""
    rows = asking_rules()
    assert all(it.article and it.source and it.checked <= date(2026, 12, 1) for it in rows)
    assert may_ask(["NL"], "email", "signed", date(2020, 1, 1)) == ()
    assert may_ask(["NL"], "email", "signed", date(2026, 12, 1))
    row = '[[asking]]\nid = "A"\ncountry = "NL"\nconsent = "email"\ngrades = ["signed"]\nsince = 2021-07-01\n'
    row += 'article = "x"\nsource = "y"\nchecked = 2026-12-01\n'
    with pytest.raises(RulesUnusable, match="one id"):
        read_asking(row * 2)


def test_the_command_asks_once_and_says_by_which_rule(site: Path) -> None:
    """L6, S5: and gives a sentence where nobody may be asked."""
    words = ("attest", "ask", FAYE, "--purpose", "tips-email")
    assert "Nothing attested" in shell(site, *words).stderr
    assert attest(site).exit_code == 0
    done = shell(site, *words, "--who", "Eva")
    assert done.exit_code == 0, done.output
    assert "NL-ask-email: Tw 11.7(1)" in done.stdout
    again = shell(site, *words)
    assert again.exit_code == 1
    assert "asked to confirm it before" in again.stderr


def test_a_bundle_of_evidence_says_who_asked(site: Path) -> None:
    """P5, P8, L6: attested alone proves nothing; asked, it is no consent; confirmed, nobody ticked it."""
    assert attest(site).exit_code == 0
    assert "Nothing is stored" in shell(site, "evidence", FAYE, "--out", "-").output
    assert shell(site, "attest", "ask", FAYE, "--purpose", "tips-email").exit_code == 0
    assert "asked, never confirmed: NO consent" in verified(site, "asked.zip")

    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    with open_installation(edition.site.settings, edition.policy, KINDS, "serve") as installation:
        index = installation.vault.index(parse_email(FAYE))
        (stored,) = installation.store.read(requests_of, email_index=index)
        installation.run(confirm, request=stored.id, now=installation.clock())
    told = verified(site, "confirmed.zip")
    assert "consent GIVEN" in told
    assert f"{FAYE} was asked ('attested') “" in told
    assert "ticked" not in told


def verified(site: Path, name: str) -> str:
    """Write the bundle of faye's evidence, and return what its check says."""
    bundle = site.parent / name
    assert shell(site, "evidence", FAYE, "--out", str(bundle)).exit_code == 0
    return CliRunner().invoke(main, ["verify", str(bundle)]).output
