"""Two addresses are one person exactly where the mail system cannot tell them apart."""

from __future__ import annotations

import hmac
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.consent.channel import Channel
from optin.consent.email_and_telephone import EmailAddress, address_key, as_mailed, mailbox_of, parse_email
from optin.consent.purpose import PurposeId
from optin.errors import StoreUnusable
from optin.flows.delivery.mail_order import MailKind, NoticeOrder
from optin.flows.exports.scrub_contact_list import KEPT, UNKNOWN
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.personal_data import view_personal
from optin.flows.rights.personal_link import ask_for_link
from optin.keys import KeyRing
from optin.store.data_subjects import find_subject
from optin.store.encryption import Vault
from optin.store.move_address_indexes import index_today
from tests.export.test_export import lead_export
from tests.stores import open_store
from tests.world import CALL, TIPS, TIPS_BY_EMAIL, World, dropped_from_list, open_world

SHARP, DOUBLE = "jan@straße-example.de", "jan@strasse-example.de"
TWO_PEOPLE = [
    (SHARP, DOUBLE),  # two domains since IDNA 2008
    ("info@λόγος.example.gr", "info@λόγοσ.example.gr"),  # final sigma, likewise
    ("straße@example.de", "strasse@example.de"),  # two mailboxes of one server
    ("Äpfel@example.de", "äpfel@example.de"),  # RFC 5321: only that server knows whether case matters
    ("ﬁets@example.nl", "fiets@example.nl"),
    ("ſara@example.nl", "sara@example.nl"),
    ("jan@example.de", "jan@exämple.de"),
    ("jan+tips@example.de", "jan@example.de"),
]
ONE_PERSON = [
    ("Jan@Example.DE", "jan@example.de"),
    ("jan@straße-example.de", "jan@xn--strae-example-edb.de"),
    ("jan@EXÄMPLE.de", "JAN@exämple.DE"),
    ("Zoe\u0308@example.nl", "zo\u00eb@example.nl"),
    ("jan@exa\u0308mple.de", "jan@ex\u00e4mple.de"),
    ("jan@example。de", "jan@example.de"),  # a full stop of another script
]


def key(text: str) -> bytes:
    return address_key(parse_email(text))


@pytest.mark.parametrize(("one", "other"), TWO_PEOPLE)
def test_what_the_mail_system_tells_apart_is_two_people(one: str, other: str) -> None:
    """R1, P1: an address is never coarser than a mailbox."""
    assert key(one) != key(other)
    assert mailbox_of(parse_email(one)) != mailbox_of(parse_email(other)) or "+" in one


@pytest.mark.parametrize(("one", "other"), ONE_PERSON)
def test_what_the_mail_system_takes_as_one_is_one_person(one: str, other: str) -> None:
    """R1, P1: case of ASCII letters, A-labels and normal forms make nobody a second person."""
    assert key(one) == key(other)


@given(st.emails())
def test_an_ascii_address_keeps_its_index(text: str) -> None:
    """R7: what is stored of ASCII addresses is found as before."""
    try:
        address = parse_email(text)
    except ValueError:
        return
    if address.isascii():
        assert address_key(address) == address.casefold().encode()


def test_the_key_of_an_address_is_where_its_mail_goes() -> None:
    assert as_mailed(parse_email(SHARP)).encode() == key(SHARP) == b"jan@xn--strae-example-edb.de"


def test_a_domain_without_a_label_is_an_error_of_value() -> None:
    with pytest.raises(ValueError, match="domain"):
        address_key(EmailAddress("jan@-ß-.example"))


def exported(world: World) -> set[str]:
    return {lead.email for lead in lead_export(world, Channel.EMAIL)[0]}


def judged(world: World, *addresses: str, suppress_only: bool = False) -> list[str]:
    return dropped_from_list(world, TIPS_BY_EMAIL, addresses, suppress_only=suppress_only)


@pytest.mark.parametrize(("mine", "strange"), TWO_PEOPLE[:4])
def test_a_strangers_address_shows_proves_and_erases_nothing(world: World, mine: str, strange: str) -> None:
    """R1, R5, E1, E6: nobody reaches a person by another domain or mailbox."""
    world.join(mine, TIPS)
    world.sign_up(strange, TIPS)
    index = world.vault.index(parse_email(strange))
    view = partial(view_personal, context=world.context, email_index=index, now=world.now)
    assert [it.typed["email"] for it in world.store.read(view).requests] == [parse_email(strange)]
    assert exported(world) == {parse_email(mine)}
    assert judged(world, mine, strange) == [KEPT, UNKNOWN]
    erase = partial(erase_person, context=world.context, email_index=index, reason=BY_PERSON, now=world.now)
    world.do(erase)
    assert exported(world) == {parse_email(mine)}
    assert judged(world, mine, strange, suppress_only=True)[0] == KEPT


def test_a_personal_link_goes_to_the_address_that_was_confirmed(world: World) -> None:
    """R1: never to another spelling that somebody typed, should a server tell cases apart."""
    world.join("jan@example.de", TIPS)
    world.send()
    world.sign_up("JAN@example.de", TIPS)
    world.send()
    ask = partial(ask_for_link, context=world.context, lang="nl", now=world.now)
    world.do(ask, address=parse_email("JAN@example.de"))
    (notice,) = [it for it in world.send() if it.kind is MailKind.PERSONAL]
    assert isinstance(notice, NoticeOrder)
    assert notice.recipient == "jan@example.de"


def test_a_list_is_judged_by_the_same_key(world: World) -> None:
    """E6: a list may write the domain in letters or as it is resolved."""
    world.join(SHARP, TIPS)
    found = (SHARP, "jan@xn--strae-example-edb.de", DOUBLE, "Jan@Straße-Example.de")
    assert judged(world, *found) == [KEPT, KEPT, UNKNOWN, KEPT]


# Stores made under the rule before: by the casefolded text of an address.


def index_before(keys: KeyRing, text: str) -> bytes:
    return hmac.digest(keys.index, text.casefold().encode(), "sha256")


def made_before(world: World, keys: KeyRing, *addresses: str) -> None:
    """Bring every digest of these people to what the rule before made of them."""
    world.tampered = True
    for text in addresses:
        old, new = index_before(keys, text), world.vault.index(parse_email(text))
        for table in ("subject", "request", "suppression", "legal_hold"):
            world.do(
                lambda tx, table, old, new: tx.run(
                    f"UPDATE {table} SET email_index = :old WHERE email_index = :new", old=old, new=new
                ),
                table=table,
                old=old,
                new=new,
            )
    world.do(lambda tx: tx.run("DELETE FROM installation WHERE name = 'address_rule'"))


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing.fresh("dev")


def test_a_store_of_the_rule_before_is_moved_once(store_url: str, tmp_path: Path, keys: KeyRing) -> None:
    """R7, S7: people are found, suppressed and proven as before; ASCII rows are not touched."""
    world = open_world(store_url, tmp_path, Vault(keys))
    world.join("alice@example.com", TIPS)
    request = world.join(SHARP, TIPS, CALL, phone="+31201234567")
    world.withdraw(request, PurposeId(CALL))
    world.sign_up("bob@straße.example", TIPS)
    made_before(world, keys, "alice@example.com", SHARP, "bob@straße.example")
    world.store.close()

    world.store = open_store(store_url, tmp_path, world.vault)
    world.tampered = False
    world.wait(timedelta(seconds=1))
    assert exported(world) == {"alice@example.com", SHARP}
    assert judged(world, SHARP, DOUBLE, "alice@example.com") == [KEPT, UNKNOWN, KEPT]
    index = world.vault.index(parse_email(SHARP))
    suppressed = world.store.read(
        lambda tx: tx.all("SELECT purpose FROM suppression WHERE email_index = :i", i=index)
    )
    assert [tuple(row) for row in suppressed] == [(CALL,)]
    before = index_before(keys, SHARP)
    assert world.store.read(index_today, person=before) == index  # a journal still names it so
    bob = world.vault.index(parse_email("bob@straße.example"))
    view = partial(view_personal, context=world.context, email_index=bob, now=world.now)
    assert len(world.store.read(view).requests) == 1
    world.check_evidence()
    world.store.close()
    open_store(store_url, tmp_path, world.vault).close()


def test_two_people_kept_as_one_are_refused_with_a_sentence(
    store_url: str, tmp_path: Path, keys: KeyRing
) -> None:
    """P1: nothing is guessed about whose consent it is, and nothing is changed."""
    world = open_world(store_url, tmp_path, Vault(keys))
    world.join(SHARP, TIPS)
    world.join(DOUBLE, TIPS)
    one = world.store.read(find_subject, email_index=world.vault.index(parse_email(SHARP)))
    two = world.store.read(find_subject, email_index=world.vault.index(parse_email(DOUBLE)))
    assert one is not None
    assert two is not None
    world.do(
        lambda tx: tx.run("UPDATE request SET subject_id = :one WHERE subject_id = :two", one=one, two=two)
    )
    world.do(lambda tx: tx.run("DELETE FROM installation WHERE name = 'address_rule'"))
    world.store.close()
    with pytest.raises(StoreUnusable, match="1 records"):
        open_store(store_url, tmp_path, world.vault)
