"""Requests to witnesses (C2SP tlog-witness): build the request, parse the answer.

A witness keeps the last checkpoint that it cosigned of each log, and cosigns another only when that begins
with it. Two histories of one log therefore never get the cosignature of one witness.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from optin.proof.signed_notes import MAX_SIZE_DIGITS, encoded

PATH: Final = "/add-checkpoint"
SIZE_TYPE: Final = "text/x.tlog.size"
OK, CONFLICT, OTHER_HISTORY = 200, 409, 422

_REFUSALS = {
    400: "it cannot read the request",
    403: "it does not trust the key that signed the checkpoint; give its operator what /log/key says",
    404: "it does not know this log; give its operator the first line of /log/checkpoint, and /log/key",
    429: "it was asked too often",
}


class WitnessRefused(Exception):
    """A witness does not cosign now. The text says why, for the log."""


class HistoriesDiffer(WitnessRefused):
    """A witness cosigned a history that is not the beginning of this log: evidence was lost or rewritten."""


def submission_address(text: str) -> str:
    """Return the address for checkpoints: `text` is a witness's submission prefix, or the address itself."""
    return text if text.endswith(PATH) else text.rstrip("/") + PATH


def submission(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """Return the request: the size the witness cosigned last, the proof from there, the checkpoint."""
    return "".join([f"old {old}\n", *(f"{encoded(step)}\n" for step in proof), "\n", note]).encode()


def read_answer(status: int, content_type: str, body: bytes) -> str | int:
    """Return the lines of cosignatures; or the size that the witness cosigned last, when it differs.

    Raises WitnessRefused; HistoriesDiffer when it found that the log does not continue what it knows.
    """
    if status == OK:
        return body.decode("utf-8", "replace")
    if status == CONFLICT and content_type == SIZE_TYPE:
        return _size(body)
    if status in {CONFLICT, OTHER_HISTORY}:
        msg = "it says that this log does not begin with what it cosigned before"
        raise HistoriesDiffer(msg)
    raise WitnessRefused(_REFUSALS.get(status, f"it answered {status}"))


def _size(body: bytes) -> int:
    text = body.removesuffix(b"\n").decode("ascii", "replace")
    if not (text.isascii() and text.isdigit()) or len(text) > MAX_SIZE_DIGITS or str(int(text)) != text:
        msg = "it answered with a size that is none"
        raise WitnessRefused(msg)
    return int(text)
