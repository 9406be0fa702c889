"""Anchors: checkpoints leave the house, to a time-stamp authority and to witnesses (P5).

Never in the way of a sign-up: it works beside, and what fails is tried again in a minute.
"""

from __future__ import annotations

import asyncio
import logging
import shlex
import subprocess
import urllib.request
from contextlib import suppress
from functools import partial
from urllib.error import URLError

from rfc3161_client import HashAlgorithm, PKIStatus, TimestampRequestBuilder, decode_timestamp_response

from optin.bootstrap.office import Office, advance_log
from optin.errors import OptinError
from optin.flows.verify_bundle import stamp_of
from optin.proof.note import Note, NoteBroken
from optin.site.model import Anchors
from optin.store.log import StoredCheckpoint, attest, last_attested, latest_checkpoint

log = logging.getLogger("optin.log")

ROUND_SECONDS = 60.0
TIMEOUT_SECONDS = 30
MAX_ANSWER_BYTES = 100_000
TIMESTAMP, COSIGNATURE = "rfc3161", "cosignature"


async def keep_anchors(office: Office, anchors: Anchors, stop: asyncio.Event) -> None:
    """Show checkpoints to whoever is configured, until `stop` is set."""
    shown: dict[str, int] = {}
    while not stop.is_set() and (anchors.timestamp or anchors.witnesses):
        try:
            await asyncio.to_thread(anchor, office, anchors, shown)
        except OptinError as problem:
            log.warning("anchors put off: %s", problem.log_line)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), ROUND_SECONDS)


def anchor(office: Office, anchors: Anchors, shown: dict[str, int]) -> int:
    """Show the last checkpoint to everybody whose turn it is; return how many took it.

    `shown`: the size that each witness saw last.
    """
    latest = office.store.read(latest_checkpoint) or advance_log(office)
    took = 0
    if anchors.timestamp and _is_due(office, anchors, latest):
        took += _attempt(anchors.timestamp, partial(_stamp, office, anchors.timestamp, latest))
    for name, where in anchors.witnesses.items():
        if shown.get(name, -1) < latest.size and _attempt(name, partial(_show, office, name, where, latest)):
            shown[name] = latest.size
            took += 1
    return took


def _is_due(office: Office, anchors: Anchors, latest: StoredCheckpoint) -> bool:
    last = office.store.read(partial(last_attested, kind=TIMESTAMP, source=anchors.timestamp))
    if last is None:
        return True
    return latest.size > last.size and anchors.timestamp_every.after(last.at) <= office.clock()


def _attempt(name: str, act: partial[None]) -> bool:
    try:
        act()
    except (OSError, URLError, ValueError, subprocess.SubprocessError) as problem:
        log.warning("%s did not take the checkpoint: %s", name, type(problem).__name__)
        return False
    return True


def _stamp(office: Office, address: str, latest: StoredCheckpoint) -> None:
    """Get a time-stamp over the bytes of a checkpoint; keep it if it is one. Raises ValueError, OSError."""
    data = latest.note.encode()
    builder = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256)
    answer = _post(address, builder.build().as_bytes(), "application/timestamp-query")
    if decode_timestamp_response(answer).status not in {PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS}:
        raise ValueError(address)
    if stamp_of(answer, data) is None:
        raise ValueError(address)
    _keep(office, latest, TIMESTAMP, address, answer)


def _show(office: Office, name: str, where: str, latest: StoredCheckpoint) -> None:
    """Hand a checkpoint to a witness; keep its cosignature when it answers with one. Raises as `_stamp`."""
    data = latest.note.encode()
    if where.startswith(("https://", "http://")):
        answer = _post(where, data, "text/plain; charset=utf-8")
    else:
        done = subprocess.run(  # noqa: S603 - the operator's own command
            shlex.split(where), input=data, capture_output=True, timeout=TIMEOUT_SECONDS, check=True
        )
        answer = done.stdout
    for line in answer[:MAX_ANSWER_BYTES].decode("utf-8", "replace").splitlines():
        with suppress(NoteBroken):
            said = Note.parse(f"{latest.note.partition(chr(10) * 2)[0]}\n\n{line}\n").signatures[0]
            if said.line not in latest.note:
                _keep(office, latest, COSIGNATURE, name, said.line.encode())


def _keep(office: Office, latest: StoredCheckpoint, kind: str, source: str, value: bytes) -> None:
    keep = partial(attest, size=latest.size, kind=kind, source=source, value=value, now=office.clock())
    office.store.submit(keep).result()


def _post(address: str, data: bytes, content_type: str) -> bytes:
    request = urllib.request.Request(  # noqa: S310 - http and https only; `check` refuses others
        address, data=data, headers={"content-type": content_type, "user-agent": "optin"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
        body: bytes = answer.read(MAX_ANSWER_BYTES)
    return body
