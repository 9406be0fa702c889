"""A witness, written from the text of C2SP tlog-witness alone: nothing of optin's is in it.

Its consistency check is that of RFC 9162, section 2.1.4.2; its signatures those of C2SP tlog-cosignature.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

NAME = "witness.example/w1"
SIZE_TYPE = "text/x.tlog.size"


@dataclass
class Said:
    """An answer."""

    status: int
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"


class Refuse(Exception):
    def __init__(self, status: int, body: bytes = b"", kind: str = "text/plain") -> None:
        super().__init__(status)
        self.said = Said(status, body, kind)


@dataclass
class SpecWitness:
    """What a witness keeps: who may ask, and of each log the last tree that it cosigned."""

    logs: dict[str, list[str]]  # keys (NAME+ID+BASE64) by origin
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    seen: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)
    instead: Said | None = None  # said whatever is asked
    address: str = ""

    @property
    def verifier(self) -> str:
        material = b"\x04" + self.key.public_key().public_bytes_raw()
        return f"{NAME}+{self._id.hex()}+{base64.b64encode(material).decode()}"

    @property
    def _id(self) -> bytes:
        public = self.key.public_key().public_bytes_raw()
        return hashlib.sha256(NAME.encode() + b"\n\x04" + public).digest()[:4]

    def answer(self, body: bytes) -> Said:
        self.asked.append(body)
        if self.instead is not None:
            return self.instead
        try:
            return Said(200, self._add(body))
        except Refuse as refused:
            return refused.said

    def _add(self, body: bytes) -> bytes:
        head, found, checkpoint = body.partition(b"\n\n")
        old_line, *proof_lines = head.split(b"\n")
        old = re.fullmatch(rb"old (0|[1-9][0-9]{0,18})", old_line)
        text, below, signatures = checkpoint.partition(b"\n\n")
        if not found or old is None or not below or len(proof_lines) > 63 or not signatures.endswith(b"\n"):
            raise Refuse(400)
        proof, text = [_hash(line) for line in proof_lines], text + b"\n"
        origin, size_line, root_line, *_ = text.decode().split("\n")
        size, root = int(size_line), _hash(root_line.encode())

        if origin not in self.logs:
            raise Refuse(404)
        if not any(_signed(line, text, self.logs[origin]) for line in signatures[:-1].split(b"\n")):
            raise Refuse(403)
        if int(old[1]) > size:
            raise Refuse(400)
        last, last_root = self.seen.get(origin, (0, hashlib.sha256(b"").digest()))
        if int(old[1]) != last:
            raise Refuse(409, f"{last}\n".encode(), SIZE_TYPE)
        if last == size and root != last_root:
            raise Refuse(409)
        if not _is_consistent(last, last_root, size, root, proof):
            raise Refuse(422)
        self.seen[origin] = (size, root)

        moment = int(time.time())
        signed = self.key.sign(f"cosignature/v1\ntime {moment}\n".encode() + text)
        value = base64.b64encode(self._id + moment.to_bytes(8, "big") + signed).decode()
        return f"— {NAME} {value}\n".encode()


def _hash(line: bytes) -> bytes:
    try:
        value = base64.b64decode(line, validate=True)
    except ValueError:
        raise Refuse(400) from None
    if len(value) != 32 or base64.b64encode(value) != line:
        raise Refuse(400)
    return value


def _signed(line: bytes, text: bytes, keys: Sequence[str]) -> bool:
    name, _, value = line.decode().removeprefix("— ").partition(" ")
    data = base64.b64decode(value)
    for key in keys:
        known, short, material = key.split("+", 2)
        if (known, short) == (name, data[:4].hex()):
            public = Ed25519PublicKey.from_public_bytes(base64.b64decode(material)[1:])
            try:
                public.verify(data[4:], text)
            except InvalidSignature:
                raise Refuse(403) from None
            return True
    return False


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _is_consistent(first: int, first_root: bytes, second: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Follow RFC 9162, section 2.1.4.2, step by step."""
    if first in {0, second}:
        return not proof
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for step in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = _node(step, fr), _node(step, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = _node(sr, step)
        fn, sn = fn >> 1, sn >> 1
    return (fr, sr, sn) == (first_root, root, 0)


@contextmanager
def witnessing(witness: SpecWitness) -> Iterator[SpecWitness]:
    """Serve a witness on this machine; its prefix becomes its `address`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            said = witness.answer(body) if self.path == "/w/add-checkpoint" else Said(404)
            self.send_response(said.status)
            self.send_header("content-type", said.kind)
            self.send_header("content-length", str(len(said.body)))
            if said.status == 302:
                self.send_header("location", said.body.decode())
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    witness.address = f"http://127.0.0.1:{server.server_port}/w"
    try:
        yield witness
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
