"""How the doctor recognises this installation at an address: a question and an answer that need its keys.

Only who holds the keys can ask, and a question holds for a few minutes; to anybody else the path does not
exist. The answer proves the keys, and tells through which address the question came.
"""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import datetime

from optin.store.database_interface import to_ms
from optin.store.encryption import Vault

PATH = "/health/site/"
HOLDS_SECONDS = 300  # clocks of two servers of one site differ less
_QUESTION = re.compile(r"([0-9a-f]{12})([0-9a-f]{32})([0-9a-f]{64})")
_ASKS, _ANSWERS = b"doctor asks", b"doctor is answered"


def make_question(vault: Vault, now: datetime) -> str:
    """Return a new question, for the end of the path."""
    asked = f"{to_ms(now) // 1000:012x}{secrets.token_hex(16)}"
    return asked + vault.site_proof(_ASKS, asked.encode())


def is_question(vault: Vault, text: str, now: datetime) -> bool:
    """Return whether somebody with the keys asked this, a short while ago."""
    found = _QUESTION.fullmatch(text)
    if found is None:
        return False
    at, nonce, proof = found.groups()
    genuine = hmac.compare_digest(proof, vault.site_proof(_ASKS, f"{at}{nonce}".encode()))
    return genuine and abs(to_ms(now) // 1000 - int(at, 16)) <= HOLDS_SECONDS


def answer_to(vault: Vault, question: str) -> str:
    """Return the answer, which only this installation can give."""
    return vault.site_proof(_ANSWERS, question.encode())
