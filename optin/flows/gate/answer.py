"""Signed answers of the gate, for people and programs (G1). Pure."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from optin.consent.event_content import rfc3339
from optin.flows.gate.decide import GateDecision
from optin.flows.gate.question import Question
from optin.proof.canonical_json import Json, canonical
from optin.proof.commitment import SALT_BYTES, commit, digest
from optin.proof.signed_answer import AnswerKey
from optin.rules.rule_files import rule_book
from optin.store.contact_questions import YES

VALID_FOR = timedelta(minutes=1)
ID_BYTES = 16


@dataclass(frozen=True)
class AnswerSecrets:
    """The random parts of an answer: its id, and the salt of the digest that says whom it is about."""

    id: str = field(default_factory=lambda: secrets.token_hex(ID_BYTES))
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(SALT_BYTES), repr=False)


@dataclass(frozen=True)
class SignedAnswer:
    """An answer with its salt and signature; unsigned for another moment than now."""

    content: dict[str, Json]
    salt: bytes = field(repr=False)
    signature: str | None
    digest: str  # of what was signed

    @property
    def may(self) -> bool:
        """Whether the contact may be made."""
        return bool(self.content["may"])

    @property
    def said(self) -> str:
        """The answer as counted in sums: yes, or the reason of a no."""
        return YES if self.may else str(self.content["reason"])

    @property
    def as_json(self) -> dict[str, Any]:
        """The whole answer, for the asker."""
        return {**self.content, "salt": self.salt.hex(), "signature": self.signature}


def make_answer(
    question: Question,
    decided: GateDecision,
    asked: datetime,
    key: AnswerKey | None,
    at: datetime | None = None,
    random: AnswerSecrets | None = None,
) -> SignedAnswer:
    """Return the answer to a question. `key`: None leaves it unsigned, since it permits nothing.

    Nothing in it tells a person who is unknown from one without a basis.
    """
    random = random or AnswerSecrets()
    answer, rule = decided.answer, decided.rule
    known_basis = None if answer.basis is None else answer.basis.value
    content: dict[str, Json] = {
        "about": commit(random.salt, question.written.encode()),
        "answer_id": random.id,
        "article": None if rule is None else rule.article,
        "asked": rfc3339(asked),
        "asker": question.asker,
        "at": rfc3339(at or asked),
        "basis": known_basis,
        "channel": question.key.channel.value,
        "cure": answer.cure or None,
        "duties": [{"id": it, "text": rule_book().words.duties[it]} for it in answer.duties],
        "evidence": answer.evidence or None,
        "may": decided.may,
        "purpose": question.key.purpose,
        "reason": None if answer.refusal is None else answer.refusal.value,
        "reasons": list(answer.reasons),
        "rule": answer.rule or None,
        "until": None if answer.until is None else rfc3339(answer.until),
        "valid_until": None if key is None else rfc3339(asked + VALID_FOR),
    }
    payload = canonical(content)
    signature = None if key is None else key.sign(payload)
    return SignedAnswer(content, random.salt, signature, digest(payload))
