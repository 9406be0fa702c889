"""Verifiers that we did not write: sigstore's Merkle and checkpoint modules, openssl with a shell."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import verify_checkpoint
from sigstore._internal.trust import RekorKeyring

from optin.theme.verification_guide import SCRIPT


class Keyring:
    """What sigstore asks to verify a signature: the key, and nothing of ours."""

    def __init__(self, line: str) -> None:
        name, self.id, material = line.split("+", 2)
        self.name = name
        self.key = Ed25519PublicKey.from_public_bytes(base64.b64decode(material)[1:])

    def verify(self, *, key_id: bytes, signature: bytes, data: bytes) -> None:
        assert key_id.hex() == self.id
        self.key.verify(signature, data)


def check_with_sigstore(proof: str, key_line: str) -> bytes:
    """Verify a tlog-proof by sigstore-python; return the event. Raises whatever sigstore raises."""
    head, _, note = proof.partition("\n\n")
    lines = head.split("\n")
    event = base64.b64decode(lines[1].removeprefix("extra "))
    text = note.split("\n")
    keyring = Keyring(key_line)
    entry: Any = SimpleNamespace(
        _inner=SimpleNamespace(
            canonicalized_body=event,
            log_id=SimpleNamespace(key_id=bytes.fromhex(keyring.id)),
            inclusion_proof=SimpleNamespace(
                log_index=int(lines[2].removeprefix("index ")),
                tree_size=int(text[1]),
                root_hash=base64.b64decode(text[2]),
                hashes=[base64.b64decode(line) for line in lines[3:]],
                checkpoint=SimpleNamespace(envelope=note),
            ),
        )
    )
    verify_merkle_inclusion(entry)
    verify_checkpoint(cast("RekorKeyring", keyring), entry)
    return event


def check_with_shell(proof: str, keys: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Verify a tlog-proof by the published script: a POSIX shell, awk, xxd and openssl."""
    (folder / "verify.sh").write_text(SCRIPT)
    (folder / "event.tlog-proof").write_text(proof)
    (folder / "log-keys.txt").write_text(keys)
    command = ["sh", "verify.sh", "log-keys.txt", "event.tlog-proof"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
