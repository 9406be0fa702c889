"""Migrate the address indexes of an older store to the present rule of equal addresses (`address_key`), once.

An address index is the keyed digest by which a person is found. Older versions computed it from the
casefolded address, so that two domains could be one person (straße and strasse). Indexes of ASCII addresses
are the same under both rules. A store that already keeps two mailboxes as one person is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.status_transitions import ID_BYTES, RequestId, SubjectId
from optin.errors import StoreUnusable
from optin.store.contacts import open_contact
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.journal_lines import rename_person
from optin.store.requests import DeclaredData, SealedRequest

_RULE = "address_rule"
_TODAY = b"2"
_MOVED = "moved:"  # and the earlier index in hexadecimal: a journal or backup may still name it


def note_address_rule(tx: Tx) -> bool:
    """Record that this store follows the present rule; return False when it was recorded before."""
    added = tx.run(
        "INSERT INTO installation(name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING",
        name=_RULE,
        value=_TODAY,
    )
    return added > 0


def needs_new_indexes(tx: Tx) -> bool:
    """Return whether rows must be migrated; until then nobody may write by the earlier rule."""
    known = tx.one("SELECT name FROM installation WHERE name = :name", name=_RULE)
    return known is None and tx.one("SELECT id FROM request LIMIT 1") is not None


def renew_address_indexes(tx: Tx, vault: Vault) -> int:
    """Recompute the index in every row of an address outside ASCII; return how many people moved.

    Raises StoreUnusable when two different mailboxes were confirmed as one person.
    """
    # 1. Whose requests and contacts are not ASCII, and what their indexes are today.
    requests, identities = _requests_to_move(tx, vault)
    people = _people_to_move(tx, vault, identities)

    # 2. Refuse what nobody can take apart.
    merged = sum(len(found) > 1 for found in people.values())
    if merged:
        msg = (
            f"{merged} records of this database each mix two mailboxes whose addresses differ only in letters"
            " such as ß or ς; this version tells them apart. Erase them with the version before (optin"
            " subject erase), then start this one. Nothing was changed."
        )
        raise StoreUnusable(msg)

    # 3. Move requests, people, and what is kept by digest alone.
    for request, new in requests.items():
        tx.run("UPDATE request SET email_index = :new WHERE id = :id", new=new, id=request)
    moved: dict[bytes, bytes] = {}
    for subject, found in people.items():
        new = next(iter(found))
        row = tx.one("SELECT email_index FROM subject WHERE id = :id", id=subject)
        if row is not None and bytes(row[0]) != new:
            moved[bytes(row[0])] = new
            tx.run("UPDATE subject SET email_index = :new WHERE id = :id", new=new, id=subject)
    for old, new in moved.items():
        _move_digests(tx, old, new)
    return len(moved)


def index_today(tx: Tx, person: bytes) -> bytes:
    """Return the present index of a person, given one that an older journal or backup may contain."""
    row = tx.one("SELECT value FROM installation WHERE name = :name", name=_MOVED + person.hex())
    return person if row is None else bytes(row[0])


def _requests_to_move(tx: Tx, vault: Vault) -> tuple[dict[bytes, bytes], Mapping[bytes, set[bytes]]]:
    """Return the requests to move with their new index, and for each person the indexes of their requests."""
    moving: dict[bytes, bytes] = {}
    identities: defaultdict[bytes, set[bytes]] = defaultdict(set)
    for key, stored, subject, sealed in tx.each("SELECT id, email_index, subject_id, sealed FROM request"):
        request = RequestId(bytes(key))
        declared = DeclaredData.parse(SealedRequest.open(vault, request, bytes(sealed)).declaration)
        new = vault.index(EmailAddress(declared.email))
        if new != bytes(stored):
            moving[request] = new
        if subject is not None:
            identities[bytes(subject)].add(new)
    return moving, identities


def _people_to_move(
    tx: Tx, vault: Vault, identities: Mapping[bytes, set[bytes]]
) -> dict[SubjectId, set[bytes]]:
    """Return the people whose index changes, each with all indexes found: several are several mailboxes."""
    found: dict[SubjectId, set[bytes]] = {}
    for key, stored, sealed in tx.each("SELECT id, email_index, sealed FROM subject"):
        subject = SubjectId(bytes(key))
        contact = open_contact(vault, subject, bytes(sealed))
        today = set(identities.get(subject, ()))
        if contact.values:
            today.add(vault.index(contact.email))
        if today and today != {bytes(stored)}:
            found[subject] = today
    return found


def _move_digests(tx: Tx, old: bytes, new: bytes) -> None:
    for table in ("suppression", "number_objection", "legal_hold", "rights_action"):
        tx.run(f"UPDATE {table} SET email_index = :new WHERE email_index = :old", new=new, old=old)
    tx.run("UPDATE webhook_outbox SET person = :new WHERE person = :old", new=new, old=old)
    short, before = new[:ID_BYTES], old[:ID_BYTES]
    tx.run("UPDATE outbox SET request_id = :new WHERE request_id = :old", new=short, old=before)
    rename_person(tx, old.hex(), new.hex())
    tx.run("INSERT INTO installation(name, value) VALUES (:name, :value)", name=_MOVED + old.hex(), value=new)
