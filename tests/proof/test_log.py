"""The log in both stores: every event a leaf, no gap, receipts that strangers verify."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from pymerkle import InmemoryTree

from optin.errors import StoreBusy
from optin.flows.delivery.mail_order import MailKind
from optin.keys import KeyRing, load_keys, make_keys, write_rotated
from optin.proof.inclusion_proof import InclusionProof
from optin.proof.merkle_tree import root_of, verify_consistency
from optin.proof.signed_notes import open_checkpoint
from optin.services.event_log_signer import sign_log
from optin.store.database_interface import Tx
from optin.store.encryption import Vault
from optin.store.event_log import (
    integrate,
    latest_checkpoint,
    log_frontier,
    prove_growth,
    stored_node,
    verifier_keys,
)
from tests.proof.strangers import check_with_shell, check_with_sigstore
from tests.stores import open_store
from tests.world import CALL, TIPS, World, about_requests

PHONE = "+31201234567"


def grow(world: World, people: int) -> None:
    """Let people join; take everything into the log."""
    for number in range(people):
        world.join(f"person{number}@example.com", TIPS)
    world.do(integrate)


def check_log(world: World) -> list[bytes]:
    """See that the log is gapless, complete and its nodes are right; return the events in its order."""
    rows = world.store.read(
        lambda tx: tx.all(
            "SELECT log_leaf.seq, event.body, log_leaf.leaf, event.leaf FROM log_leaf"
            " JOIN event ON event.id = log_leaf.event_id ORDER BY seq"
        )
    )
    assert [row[0] for row in rows] == list(range(world.count("event")))
    assert world.count("log_leaf") == world.count("event")
    assert world.count("log_queue") == 0
    assert all(bytes(row[2]) == bytes(row[3]) for row in rows)
    frontier = world.store.read(log_frontier)
    assert frontier.size == len(rows)
    assert world.store.read(lambda tx: root_of(frontier.size, stored_node(tx))) == frontier.root
    return [row[1].encode() for row in rows]


def test_every_event_becomes_a_leaf(world: World) -> None:
    """P4: the root over the stored events is the one that pymerkle computes from their bytes."""
    grow(world, 9)
    events = check_log(world)
    tree = InmemoryTree(algorithm="sha256")
    for event in events:
        tree.append_entry(event)
    assert tree.get_root() == world.store.read(log_frontier).root
    signed = sign_log(world.store, world.vault, None, world.now)
    keys = world.store.read(verifier_keys)
    assert open_checkpoint(signed.note, keys).root == tree.get_root()


def test_on_sqlite_whoever_is_answered_is_in_the_log(tmp_path: Path) -> None:
    """P4: the log is integrated in the commit of the sign-up itself."""
    vault = Vault(KeyRing.fresh("dev"))
    world = World(open_store(f"sqlite:///{tmp_path}/optin.db", tmp_path, vault), vault)
    world.serve(world.form)
    world.sign_up("alice@example.com", TIPS)
    assert len(check_log(world)) == 1
    world.store.close()


def test_a_checkpoint_grows_out_of_every_earlier_one(world: World) -> None:
    """P4: consistency proofs from the stored nodes lead from each checkpoint to the last."""
    notes = []
    for number in range(6):
        world.join(f"person{number}@example.com", TIPS)
        world.do(integrate)
        notes.append(sign_log(world.store, world.vault, None, world.now))
    keys = world.store.read(verifier_keys)
    last = open_checkpoint(notes[-1].note, keys)
    for stored in notes:
        early = open_checkpoint(stored.note, keys)
        path = world.store.read(prove_growth, old=early.size, new=last.size)
        verify_consistency(early.size, early.root, last.size, last.root, path)
    again = sign_log(world.store, world.vault, None, world.now)
    assert again == notes[-1]


def test_the_receipt_carries_proof_that_strangers_verify(world: World, tmp_path: Path) -> None:
    """P5: each event of the receipt, by sigstore-python and by a shell with openssl."""
    grow(world, 3)
    request = world.sign_up("alice@example.com", TIPS, CALL, phone=PHONE, first_name="Alice")
    world.claim()
    world.wait(timedelta(seconds=5))
    world.confirm(request)
    (order,) = [order for order in about_requests(world.claim(), MailKind.DELIVERY) if order.first_name]
    files = {name: data.decode() for name, data in order.proof.items()}
    proofs = [text for name, text in files.items() if name.endswith(".tlog-proof")]
    assert len(proofs) == 4  # asked twice, confirmed twice
    keys = files["log-keys.txt"]
    for text in proofs:
        event = check_with_sigstore(text, keys.split("\n", 1)[0])
        assert InclusionProof.parse(text).event == event
    done = check_with_shell(proofs[-1], keys, tmp_path)
    assert (done.returncode, "OK: event" in done.stdout) == (0, True), done.stdout + done.stderr
    assert '"kind":"confirmed"' in done.stdout
    broken = proofs[-1].replace("index 9", "index 8", 1)
    other = make_other_keys()
    for text, known in (
        (broken, keys),
        (proofs[-1], other),
        (proofs[-1][:-3], keys),
        ("x", keys),
        ("", keys),
    ):
        refused = check_with_shell(text, known, tmp_path)
        assert (refused.returncode, "NOT PROVEN" in refused.stdout) == (1, True), text


def make_other_keys() -> str:
    """Return the public key of some other log of the same name."""
    key = Vault(KeyRing.fresh("dev")).log_keys("localhost/log")[0].verifier
    return f"{key.text}\n{key.pem}"


def test_a_receipt_waits_until_its_events_are_in_the_log(postgres_url: str, tmp_path: Path) -> None:
    """P5: while another process integrates, the mail waits a moment and is not counted as tried."""
    vault = Vault(KeyRing.fresh("dev"))
    world = World(open_store(postgres_url, tmp_path, vault), vault)
    world.serve(world.form)
    world.join("alice@example.com", TIPS)
    held, free = threading.Event(), threading.Event()

    def hold(tx: Tx) -> None:
        tx.one("SELECT size FROM log_state WHERE id = 1 FOR UPDATE")
        held.set()
        free.wait(20)

    holding = world.store.submit(hold)
    held.wait(20)
    assert [order for order in world.claim() if order.kind is MailKind.DELIVERY] == []
    free.set()
    holding.result()
    world.wait(timedelta(seconds=1))
    assert [order.kind for order in world.claim()] == [MailKind.DELIVERY]
    world.store.close()


def close(worlds: list[World]) -> None:
    for world in worlds:
        world.store.close()


def join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join()


def test_several_processes_leave_no_gap(postgres_url: str, tmp_path: Path) -> None:
    """P4, O1: sign-ups and integration by several at once: no gap, no duplicate, the root recomputed."""
    vault = Vault(KeyRing.fresh("dev"))
    worlds = [World(open_store(postgres_url, tmp_path, vault), vault) for _ in range(3)]
    worlds[0].serve(worlds[0].form)
    stop = threading.Event()

    def sequence(world: World) -> None:
        while not stop.is_set():
            try:
                world.do(integrate)
            except StoreBusy:
                continue

    def sign(world: World, name: str) -> None:
        for number in range(25):
            world.sign_up(f"{name}{number}@example.com", TIPS)

    sequencing = [threading.Thread(target=sequence, args=(world,)) for world in worlds]
    signing = [
        threading.Thread(target=sign, args=(world, f"p{place}-")) for place, world in enumerate(worlds * 2)
    ]
    for thread in (*sequencing, *signing):
        thread.start()
    join(signing)
    stop.set()
    join(sequencing)
    worlds[0].do(integrate)
    assert len(check_log(worlds[0])) == 150
    close(worlds)


def test_keys_rotate_and_old_checkpoints_still_verify(store_url: str, tmp_path: Path) -> None:
    """P4, S2: after a rotation the old public key stays known, and both keys sign."""
    make_keys("keys.json", tmp_path, "serve")
    first = load_keys("keys.json", tmp_path)
    assert first is not None
    world = World(open_store(store_url, tmp_path, Vault(first)), Vault(first))
    world.serve(world.form)
    request = world.join("alice@example.com", TIPS)
    world.do(integrate)
    old = sign_log(world.store, world.vault, None, world.now)
    old_keys = world.store.read(verifier_keys)
    world.store.close()
    write_rotated("keys.json", tmp_path, first.rotated())
    second = load_keys("keys.json", tmp_path)
    assert second is not None
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    world = World(open_store(store_url, tmp_path, Vault(second)), Vault(second))
    world.withdraw(request)
    world.do(integrate)
    new = sign_log(world.store, world.vault, None, world.now)
    keys = world.store.read(verifier_keys)
    assert len(keys) == 2
    assert open_checkpoint(old.note, keys).size < open_checkpoint(new.note, keys).size
    assert open_checkpoint(new.note, old_keys).size == new.size  # who knows the old key only can follow
    assert open_checkpoint(new.note, keys[:1]).size == new.size
    latest = world.store.read(latest_checkpoint)
    assert latest is not None
    assert latest.note == new.note
    world.store.close()


@pytest.mark.parametrize("people", [1, 5])
def test_the_consent_receipt_is_the_standard_vocabulary(world: World, people: int) -> None:
    """P5, P6: JSON-LD that PyLD expands and rdflib parses, without a network, in published terms only."""
    from tests.proof.published import check_document  # noqa: PLC0415 - heavy

    for number in range(people):
        world.join(f"person{number}@example.com", TIPS, CALL, phone=PHONE)
    orders = about_requests(world.claim(), MailKind.DELIVERY)
    text = orders[0].proof["consent-receipt.jsonld"]
    statuses = check_document(text.decode())
    assert statuses == {"ConsentRequested", "ConsentGiven", "ExpressedConsent"}
