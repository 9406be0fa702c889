"""The tree and the notes: published examples, the definition written straight, properties."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.proof.commitment import leaf_digest
from optin.proof.inclusion_proof import InclusionProof
from optin.proof.merkle_tree import (
    Frontier,
    Node,
    ProofBroken,
    consistency_proof,
    inclusion_proof,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from optin.proof.signed_notes import (
    Checkpoint,
    NoteBroken,
    SignedNote,
    SigningKey,
    VerifierKey,
    open_checkpoint,
)

# The eight leaves and the roots that Certificate Transparency publishes for RFC 6962.
PUBLISHED_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
PUBLISHED_ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
LEAVES = [leaf_digest(str(number).encode()) for number in range(300)]


def mth(leaves: Sequence[bytes]) -> bytes:
    """Return the tree hash, written as RFC 6962 defines it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(mth(leaves[:split]), mth(leaves[split:]))


def nodes(leaves: Sequence[bytes]) -> Node:
    """Return what a store would answer."""
    _, completed = Frontier().grow(leaves)
    known = {(level, index): value for level, index, value in completed}
    known |= {(0, index): leaf for index, leaf in enumerate(leaves)}
    return lambda level, index: known[level, index]


def test_published_trees() -> None:
    """P4: the roots that others publish."""
    leaves = [leaf_digest(data) for data in PUBLISHED_LEAVES]
    for size, root in enumerate(PUBLISHED_ROOTS):
        assert Frontier().grow(leaves[:size])[0].root.hex() == root
    path = inclusion_proof(5, 8, nodes(leaves))
    assert [step.hex()[:8] for step in path] == ["bc1a0643", "ca854ea1", "d37ee418"]
    grown = consistency_proof(6, 8, nodes(leaves))
    assert [step.hex()[:8] for step in grown] == ["0ebc5d34", "ca854ea1", "d37ee418"]


def test_every_leaf_of_every_tree_is_proven() -> None:
    """P4: every index, every size up to 130; a tree grown in steps is the tree grown at once."""
    node, frontier = nodes(LEAVES), Frontier()
    for size in range(1, 131):
        frontier = frontier.grow(LEAVES[size - 1 : size])[0]
        root = mth(LEAVES[:size])
        assert frontier.root == root == root_of(size, node)
        assert Frontier.unpack(size, frontier.pack()) == frontier
        for index in range(size):
            verify_inclusion(LEAVES[index], index, size, inclusion_proof(index, size, node), root)


def test_every_tree_begins_with_every_smaller_one() -> None:
    """P4: every pair of sizes up to 130."""
    node = nodes(LEAVES)
    roots = [root_of(size, node) for size in range(131)]
    for new in range(131):
        for old in range(new + 1):
            verify_consistency(old, roots[old], new, roots[new], consistency_proof(old, new, node))


@given(st.data())
def test_a_proof_that_was_touched_never_verifies(data: st.DataObject) -> None:
    """P4: cut, swapped, lengthened, altered, for another leaf, index, size or root."""
    node = nodes(LEAVES)
    size = data.draw(st.integers(2, 300))
    index = data.draw(st.integers(0, size - 1))
    path, root = inclusion_proof(index, size, node), root_of(size, node)
    for broken in _touched(data, path):
        with pytest.raises(ProofBroken):
            verify_inclusion(LEAVES[index], index, size, broken, root)
    with pytest.raises(ProofBroken):
        verify_inclusion(LEAVES[index - 1], index, size, path, root)
    other = data.draw(st.integers(-1, 400).filter(lambda number: number != index))
    with pytest.raises(ProofBroken):
        verify_inclusion(LEAVES[index], other, size, path, root)
    with pytest.raises(ProofBroken):
        verify_inclusion(LEAVES[index], index, size, path, root_of(size - 1, node))


@given(st.data())
def test_a_consistency_proof_that_was_touched_never_verifies(data: st.DataObject) -> None:
    """P4: nor for a history that is another."""
    node = nodes(LEAVES)
    new = data.draw(st.integers(2, 300))
    old = data.draw(st.integers(1, new - 1))
    path = consistency_proof(old, new, node)
    first, second = root_of(old, node), root_of(new, node)
    for broken in _touched(data, path):
        with pytest.raises(ProofBroken):
            verify_consistency(old, first, new, second, broken)
    rewritten = [leaf_digest(b"another"), *LEAVES[1:]]
    with pytest.raises(ProofBroken):
        verify_consistency(
            old, first, new, root_of(new, nodes(rewritten)), consistency_proof(old, new, nodes(rewritten))
        )


def _touched(data: st.DataObject, path: list[bytes]) -> list[list[bytes]]:
    broken = [[*path, LEAVES[0]], [LEAVES[1], *path]]
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        bit = 1 << data.draw(st.integers(0, 7))
        altered = bytes([path[place][0] ^ bit]) + path[place][1:]
        broken += [path[:place] + path[place + 1 :], [*path[:place], altered, *path[place + 1 :]]]
        broken.append([*path[:place], path[place][:-1], *path[place + 1 :]])
    if len(path) > 1:
        broken.append([path[1], path[0], *path[2:]])
    return broken


SPEC_NOTE = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0"
    "xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)
SPEC_CHECKPOINT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGz"
    "Gku9nTo+zyWE+xeMcTOAYQ8=\n"
)
KEY = SigningKey("optin.example.com/log", bytes(range(32)))


def test_the_published_examples_are_read() -> None:
    """P4: notes and checkpoints of others, byte for byte."""
    note = SignedNote.parse(SPEC_NOTE)
    assert note.text.endswith("\n\ned è subito sera.\n")
    assert note.signed == SPEC_NOTE
    assert note.signatures[0].name == "quasimodo.example/salvatore"
    checkpoint = Checkpoint.read(SignedNote.parse(SPEC_CHECKPOINT))
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert SignedNote.parse(SPEC_CHECKPOINT).text == checkpoint.text


def test_a_checkpoint_is_believed_from_its_own_key_only() -> None:
    """P4: not from another key, not under another name, not altered."""
    text = Checkpoint(KEY.name, 300, mth(LEAVES)).sign([KEY]).signed
    assert open_checkpoint(text, [KEY.verifier]).size == 300
    assert VerifierKey.parse(KEY.verifier.text) == KEY.verifier
    thief = SigningKey(KEY.name, bytes(32))
    for note, keys in (
        (text, []),
        (text, [thief.verifier]),
        (text.replace("\n300\n", "\n301\n"), [KEY.verifier]),
        (text.replace("optin.example", "other.example"), [KEY.verifier]),
        (text, [VerifierKey("other.example/log", KEY.verifier.public)]),
        (text.replace("\n\n", "\n"), [KEY.verifier]),
        (text[:-1], [KEY.verifier]),
        (text.replace("\n300\n", "\n0300\n"), [KEY.verifier]),
        (text.replace("\n300\n", "\n³00\n"), [KEY.verifier]),
    ):
        with pytest.raises(NoteBroken):
            open_checkpoint(note, keys)


@given(st.text())
def test_no_text_is_taken_for_a_proof_or_a_note(text: str) -> None:
    """P4, S5: whatever is handed in, it is refused in our own words."""
    with pytest.raises(NoteBroken):
        open_checkpoint(text, [KEY.verifier])
    with pytest.raises((ProofBroken, NoteBroken)):
        InclusionProof.parse(text).verify(b"event", [KEY.verifier])
    with pytest.raises(NoteBroken):
        VerifierKey.parse(text)


def test_a_proof_file_stands_alone() -> None:
    """P5: the event in it, the path, the signed root; and it fits no other event."""
    events = [str(number).encode() for number in range(300)]
    note = Checkpoint(KEY.name, 300, mth(LEAVES)).sign([KEY]).signed
    proof = InclusionProof(17, tuple(inclusion_proof(17, 300, nodes(LEAVES))), note, events[17])
    read = InclusionProof.parse(proof.text)
    assert read == proof
    assert read.verify(events[17], [KEY.verifier]).size == 300
    with pytest.raises(ProofBroken):
        read.verify(events[18], [KEY.verifier])
    with pytest.raises(ProofBroken):
        InclusionProof(18, proof.path, note).verify(events[17], [KEY.verifier])
