"""The Merkle tree of the log (RFC 6962, section 2.1; RFC 9162, section 2.1): grow, prove, verify.

A tree is known by the hashes of its complete subtrees: `node(level, index)` is the hash over the leaves
`index · 2^level` up to `(index + 1) · 2^level`; level 0 are the leaves. Everything else follows from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

HASH_BYTES = 32
TILE_LEAVES = 256  # C2SP tlog-tiles
NODE_PREFIX = b"\x01"  # RFC 6962, section 2.1: separates nodes from leaves
EMPTY_ROOT = hashlib.sha256(b"").digest()
MAX_PATH = 64  # a tree of 2^64 leaves; a longer proof is none

Node: TypeAlias = Callable[[int, int], bytes]
Placed: TypeAlias = tuple[int, int, bytes]  # level, index, hash


class ProofBroken(ValueError):
    """A Merkle proof whose computed root differs from the claimed root."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two neighbours."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """A growing tree: its size, and its complete subtrees from the largest to the smallest."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> Frontier:
        """Read what `pack` returned. Raises ValueError when the peaks do not fit the size."""
        peaks = tuple(packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES))
        if len(packed) != size.bit_count() * HASH_BYTES:
            msg = "not the frontier of a tree of this size"
            raise ValueError(msg)
        return cls(size, peaks)

    def pack(self) -> bytes:
        """Return the peaks as bytes."""
        return b"".join(self.peaks)

    def grow(self, leaves: Sequence[bytes]) -> tuple[Frontier, list[Placed]]:
        """Return the tree with more leaves, and every subtree completed by them."""
        peaks = list(self.peaks)
        size = self.size
        completed: list[Placed] = []
        for leaf in leaves:
            peak, level, index = leaf, 0, size
            while index & 1:
                peak, level, index = node_hash(peaks.pop(), peak), level + 1, index >> 1
                completed.append((level, index, peak))
            peaks.append(peak)
            size += 1
        return Frontier(size, tuple(peaks)), completed

    @property
    def root(self) -> bytes:
        """The root: the peaks, folded from the right."""
        if not self.peaks:
            return EMPTY_ROOT
        *rest, root = self.peaks
        for peak in reversed(rest):
            root = node_hash(peak, root)
        return root


def subtree(begin: int, end: int, node: Node) -> bytes:
    """Return the hash over the leaves from `begin` up to `end`; `begin` is where a subtree may begin."""
    count = end - begin
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return node(level, begin >> level)
    split = begin + _split(count)
    return node_hash(subtree(begin, split, node), subtree(split, end, node))


def root_of(size: int, node: Node) -> bytes:
    """Return the root of the tree as it was at `size`."""
    return subtree(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Return the path from leaf `index` to the root at `size` (RFC 6962, 2.1.1). Raises ValueError."""
    if not 0 <= index < size:
        msg = f"there is no leaf {index} in a tree of {size}"
        raise ValueError(msg)
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        split = begin + _split(end - begin)
        if index < split:
            path.append(subtree(split, end, node))
            end = split
        else:
            path.append(subtree(begin, split, node))
            begin = split
    return path[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """Return the proof that the tree at `new` begins with the tree at `old` (RFC 6962, 2.1.2)."""
    if not 0 <= old <= new:
        msg = f"a tree of {new} cannot begin with one of {old}"
        raise ValueError(msg)
    if old in {0, new}:
        return []
    path: list[bytes] = []
    begin, end, whole = 0, new, True
    while old != end:
        split = begin + _split(end - begin)
        if old <= split:
            path.append(subtree(split, end, node))
            end = split
        else:
            path.append(subtree(begin, split, node))
            begin, whole = split, False
    if not whole:
        path.append(subtree(begin, end, node))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Verify that `leaf` has number `index` in the tree (RFC 9162, 2.1.3.2). Raises ProofBroken."""
    if not 0 <= index < size or len(path) > MAX_PATH or any(len(step) != HASH_BYTES for step in path):
        raise ProofBroken
    at, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            raise ProofBroken
        if at & 1 or at == last:
            found = node_hash(step, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, step)
        at, last = at >> 1, last >> 1
    if last != 0 or found != root:
        raise ProofBroken


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Verify that the tree at `new` begins with the tree at `old` (RFC 9162, 2.1.4.2). Raises ProofBroken."""
    if not 0 <= old <= new or len(path) > MAX_PATH + 1 or any(len(step) != HASH_BYTES for step in path):
        raise ProofBroken
    if old in {0, new}:
        expected = EMPTY_ROOT if old == 0 else new_root
        if path or old_root != expected:
            raise ProofBroken
        return
    found = _follow(old, new, [*path] if old & (old - 1) else [old_root, *path])
    if found != (old_root, new_root):
        raise ProofBroken


def _follow(old: int, new: int, steps: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the two roots computed from a consistency proof. Raises ProofBroken."""
    if not steps:
        raise ProofBroken
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise ProofBroken
        if at & 1 or at == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, step)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise ProofBroken
    return first, second


def _split(count: int) -> int:
    """Return the largest power of two that is smaller than `count`."""
    return 1 << (count - 1).bit_length() - 1
