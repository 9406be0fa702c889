"""Sends a checkpoint to a witness over HTTP (C2SP tlog-witness)."""

from __future__ import annotations

from collections.abc import Callable

from optin.proof.witness_request import HistoriesDiffer, WitnessRefused, read_answer, submission
from optin.services.http_client import HttpAnswer
from optin.services.installation import Installation
from optin.store.event_log import StoredCheckpoint, last_attested, latest_checkpoint, prove_growth

COSIGNATURE = "cosignature"
PLAIN = {"content-type": "text/plain; charset=utf-8"}

Post = Callable[[bytes], HttpAnswer]


def cosigned_by(installation: Installation, name: str, latest: StoredCheckpoint, post: Post) -> str:
    """Return the lines of a witness's answer to a checkpoint; none of them is verified yet.

    1. Prove growth from the checkpoint that it cosigned last, as far as we know.
    2. When it knows another size, prove growth from there, once.

    Raises WitnessRefused, and what `post` raises.
    """
    # 1. Prove growth from the checkpoint that it cosigned last, as far as we know.
    last = installation.store.read(last_attested, kind=COSIGNATURE, source=name)
    said = _ask(installation, 0 if last is None else min(last.size, latest.size), latest, post)

    # 2. When it knows another size, prove growth from there, once.
    if isinstance(said, int):
        _see_that_it_is_behind(installation, said, latest)
        said = _ask(installation, said, latest, post)
    if isinstance(said, int):
        msg = "it knows another size at each call"
        raise WitnessRefused(msg)
    return said


def _ask(installation: Installation, old: int, latest: StoredCheckpoint, post: Post) -> str | int:
    proof = installation.store.read(prove_growth, old=old, new=latest.size)
    answered = post(submission(old, proof, latest.note))
    return read_answer(answered.status, answered.headers.get("content-type", ""), answered.body)


def _see_that_it_is_behind(installation: Installation, size: int, latest: StoredCheckpoint) -> None:
    """Check that a witness's checkpoint is no larger than this log. Raises WitnessRefused."""
    if size <= latest.size:
        return
    now = installation.store.read(latest_checkpoint)  # another process may have shown it more meanwhile
    if now is not None and size <= now.size:
        msg = "it was shown a later checkpoint meanwhile"
        raise WitnessRefused(msg)
    msg = f"it cosigned {size} events of this log, which has {latest.size}"
    raise HistoriesDiffer(msg)
