"""A stranger's check of a draw, from public files alone: `python draw_again.py draw.json LEAVES`.

Written from docs/guide/prize-draw.md; it knows nothing of optin. LEAVES: the log's entries, 32 bytes each.
"""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path


def sha(data: bytes) -> bytes:
    """Hash."""
    return hashlib.sha256(data).digest()


def root(leaves: list[bytes]) -> bytes:
    """Return the root of a Merkle tree (RFC 6962)."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\x01" + root(leaves[:half]) + root(leaves[half:]))


told = json.loads(Path(sys.argv[1]).read_text("utf-8"))
log = Path(sys.argv[2]).read_bytes()
leaves = [log[at : at + 32] for at in range(0, len(log), 32)]
event = json.loads(told["fixed_event"])
tickets = sorted(told["order"])
digest = hashlib.sha256("".join(f"{it}\n" for it in tickets).encode()).hexdigest()
assert digest == told["digest"] == event["digest"], "another list"
assert len(set(tickets)) == event["entries"], "another number of tickets"
# the list was logged, after every ticket of it, and the signed root covers it
size, signed = told["checkpoint"].split("\n")[1:3]
place = leaves.index(sha(b"\x00" + told["fixed_event"].encode()))
assert place < int(size), "no checkpoint covers the list"
assert root(leaves[: int(size)]) == base64.b64decode(signed), "the log is another"
assert {bytes.fromhex(it) for it in tickets} <= set(leaves[:place]), "a ticket that is not in the log"
assert event["at"] < event["seed_at"] <= told["drawn"], "the seed was known before"
# the seed in its one form, the lots, and the winners
parts = [p.lstrip("0") or "0" if p.isdigit() else p for p in re.findall("[0-9a-z]+", told["seed"].lower())]
seed = ".".join(parts) + "/"
lots = sorted((sha(f"optin draw 1\n{seed}\n{digest}\n{it}\n".encode()), it) for it in tickets)
order = [ticket for _, ticket in lots]
assert order == told["order"], "another order"
first = [it for it in order if it not in told["passed_over"]][: event["winners"]]
assert first == told["winners"], "other winners"
print("\n".join(told["winners"]))
