"""Anchors: send checkpoints to a time-stamp authority and to witnesses (P5).

Never in the way of a sign-up: it works beside, and what fails is tried again in a minute. Whoever answers may
answer anything: each call has a deadline, each answer a bound, and one cosignature is kept of each witness.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TypeVar

from optin.consent.wrong_clock import FOLLOWED
from optin.jobs.background_job import Job, RoundDone, every
from optin.jobs.witness_client import COSIGNATURE, PLAIN, cosigned_by
from optin.proof.signed_notes import Signature, SignedNote, cosignatures
from optin.proof.trusted_time_stamp import read_stamp
from optin.proof.witness_request import HistoriesDiffer, WitnessRefused, submission_address
from optin.services.event_log_signer import advance_log
from optin.services.http_client import CallFailed, HttpAnswer, VettedClient
from optin.services.installation import Installation
from optin.settings.site import Anchors, Witness
from optin.store.event_log import StoredCheckpoint, last_attested, latest_checkpoint, store_attestation

T = TypeVar("T")

log = logging.getLogger("optin.log")

ROUND_SECONDS = 60.0
STALE_SECONDS = 900.0
CALL_SECONDS = 30.0  # for a whole call, however slowly an answer drips
MAX_ANSWER_BYTES = 100_000
CHUNK_BYTES = 8_192
OK = 200
QUERY = {"content-type": "application/timestamp-query"}
TIMESTAMP = "rfc3161"
# over http as well: what is sent is public, and the answer is signed
CLIENT = VettedClient(schemes=("https", "http"), seconds=CALL_SECONDS, most_bytes=MAX_ANSWER_BYTES)


def anchor_job(installation: Installation, anchors: Anchors, client: VettedClient = CLIENT) -> Job:
    """Return the job that sends checkpoints to the configured anchors; shutdown waits for no call."""
    shown: dict[str, int] = {}

    async def keep_anchors(stop: asyncio.Event, round_done: RoundDone) -> None:
        if anchors.timestamp or anchors.witnesses:
            act = partial(anchor, installation, anchors, shown, client)
            await every(ROUND_SECONDS, lambda: _beside(act, stop), stop, round_done)

    return Job("anchors", keep_anchors, STALE_SECONDS)


async def _beside(act: Callable[[], object], stop: asyncio.Event) -> None:
    """Run `act` in a thread; return when it is done or `stop` is set. Raises what `act` raised."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    problems: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as problem:  # noqa: BLE001 - it is raised where it is waited for
            problems.append(problem)
        with suppress(RuntimeError):  # the loop may be closed
            loop.call_soon_threadsafe(done.set)

    # a daemon: the program ends although it still waits for somebody
    threading.Thread(target=run, name="anchors", daemon=True).start()
    waiting = [asyncio.ensure_future(event.wait()) for event in (done, stop)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for wait in waiting:
        wait.cancel()
    if problems and not stop.is_set():  # after that the store may be closed, and nobody is interested
        raise problems[0]


def anchor(
    installation: Installation, anchors: Anchors, shown: dict[str, int], client: VettedClient = CLIENT
) -> int:
    """Send the last checkpoint to every due anchor; return the number that accepted it.

    `shown`: the size that each witness saw last.
    """
    latest = installation.store.read(latest_checkpoint) or advance_log(installation)
    took = 0
    if anchors.timestamp and _is_due(installation, anchors, latest):
        took += _attempt(anchors.timestamp, partial(_stamp, installation, anchors.timestamp, latest, client))
    for name, witness in anchors.named_witnesses.items():
        due = shown.get(name, -1) < latest.size and not _has_signed(installation, name, latest)
        if due and _attempt(name, partial(_show, installation, name, witness, latest, client)):
            shown[name] = latest.size
            took += 1
    return took


def _is_due(installation: Installation, anchors: Anchors, latest: StoredCheckpoint) -> bool:
    last = installation.store.read(last_attested, kind=TIMESTAMP, source=anchors.timestamp)
    if last is None:
        return True
    now = installation.clock()
    ahead = last.at > now + FOLLOWED  # it is of a clock that was wrong
    return latest.size > last.size and (ahead or anchors.timestamp_every.after(last.at) <= now)


def _has_signed(installation: Installation, name: str, latest: StoredCheckpoint) -> bool:
    """Return whether a cosignature of this checkpoint is stored: one from each witness is enough."""
    last = installation.store.read(last_attested, kind=COSIGNATURE, source=name)
    return last is not None and last.size >= latest.size


def _attempt(name: str, act: partial[None]) -> bool:
    try:
        act()
    except HistoriesDiffer as problem:
        log.error(  # noqa: TRY400 - a sentence, no place in the code
            "the witness %s contradicts this log: %s; run optin audit with a receipt from outside",
            name,
            problem,
        )
        return False
    except (CallFailed, WitnessRefused) as problem:
        log.warning("%s did not accept the checkpoint: %s", name, problem)
        return False
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        log.warning("%s did not accept the checkpoint: %s", name, type(problem).__name__)
        return False
    return True


def _stamp(installation: Installation, address: str, latest: StoredCheckpoint, client: VettedClient) -> None:
    """Get a time-stamp over the bytes of a checkpoint; store it if it is valid (RFC 3161, section 3.4).

    Raises CallFailed, ValueError, OSError.
    """
    from rfc3161_client import (  # noqa: PLC0415 - a library that few sites use
        HashAlgorithm,
        PKIStatus,
        TimestampRequestBuilder,
        decode_timestamp_response,
    )

    data = latest.note.encode()
    builder = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256)
    query = builder.build().as_bytes()
    answered = _in_time(address, partial(_post, client, address, QUERY, query))
    answer = answered.body
    if answered.status != OK:
        msg = f"it answered {answered.status}"
        raise CallFailed(msg)
    if decode_timestamp_response(answer).status not in {PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS}:
        raise ValueError(address)
    read_stamp(answer, data)
    _keep(installation, latest, TIMESTAMP, address, answer)


def _show(
    installation: Installation, name: str, witness: Witness, latest: StoredCheckpoint, client: VettedClient
) -> None:
    """Send a checkpoint to a witness; store the cosignature in its answer.

    Raises CallFailed, WitnessRefused, ValueError, OSError, SubprocessError.
    """
    if witness.is_address:
        post = partial(_post, client, submission_address(witness.to), PLAIN)
        answer = cosigned_by(installation, name, latest, lambda body: _in_time(name, partial(post, body)))
    else:
        command = partial(_run, witness.to, latest.note.encode())
        answer = _in_time(name, command).decode("utf-8", "replace")
    said = cosignatures(latest.note, answer)
    first = next((signature for signature in said if _is_of(witness, signature, latest)), None)
    if first is not None:
        _keep(installation, latest, COSIGNATURE, name, first.line.encode())
    elif witness.is_address:
        msg = "it answered without a cosignature of its key"
        raise WitnessRefused(msg)
    elif said:
        log.warning("%s answered with a signature that its key did not make; it is not stored", name)


def _is_of(witness: Witness, signature: Signature, latest: StoredCheckpoint) -> bool:
    """Return whether a witness made a signature; accept any when no key of the witness is configured."""
    key = witness.key
    if key is None:
        return True
    text = SignedNote.parse(latest.note).text.encode()
    return (key.name, key.id) == (signature.name, signature.id) and key.verifies(signature.value, text)


def _keep(installation: Installation, latest: StoredCheckpoint, kind: str, source: str, value: bytes) -> None:
    keep = partial(
        store_attestation, size=latest.size, kind=kind, source=source, value=value, now=installation.clock()
    )
    installation.store.submit(keep).result()


def _in_time(name: str, ask: Callable[[], T]) -> T:
    """Return an answer that arrives before the deadline. Raises TimeoutError, and what `ask` raises.

    Names, handshakes and headers may drip too, and only another thread can turn its back on them. Nobody is
    asked again while such a thread of his is left.
    """
    title = f"anchor {name}"
    if any(thread.name == title for thread in threading.enumerate()):
        raise TimeoutError(name)
    came: list[T | BaseException] = []

    def run() -> None:
        try:
            came.append(ask())
        except BaseException as problem:  # noqa: BLE001 - raised again below, in the thread that asked
            came.append(problem)

    thread = threading.Thread(target=run, name=title, daemon=True)
    thread.start()
    thread.join(CALL_SECONDS)
    if not came:
        raise TimeoutError(name)
    if isinstance(came[0], BaseException):
        raise came[0]
    return came[0]


def _post(client: VettedClient, address: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
    return asyncio.run(client.post(address, body, headers))


def _run(command: str, data: bytes) -> bytes:
    """Return the output of the operator's command for `data`; kill it at the deadline."""
    words = shlex.split(command)
    if not words:
        raise ValueError(command)
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        with subprocess.Popen(  # noqa: S603 - the operator's own command
            words, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:
            end = threading.Timer(CALL_SECONDS, _kill, [process])
            end.daemon = True
            end.start()
            try:
                body = _read(partial(os.read, process.stdout.fileno()))  # type: ignore[union-attr]  # a pipe
                if process.wait() != 0:
                    raise subprocess.CalledProcessError(process.returncode, words)
            finally:
                end.cancel()
                if process.poll() is None:
                    _kill(process)
    return body


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a command and its child processes."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _read(read1: Callable[[int], bytes]) -> bytes:
    """Return everything received, within the size limit and the deadline. Raises ValueError, TimeoutError."""
    body, ends = b"", time.monotonic() + CALL_SECONDS
    while piece := read1(CHUNK_BYTES):
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            msg = "an answer that is too long"
            raise ValueError(msg)
        if time.monotonic() > ends:
            raise TimeoutError
    return body
