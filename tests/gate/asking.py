"""Ask the gate of a world, as the command and the website do."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from optin.consent.channel import Channel
from optin.flows.gate.answer import SignedAnswer
from optin.flows.gate.question import QuestionText, read_question
from optin.flows.request_policy import GatePolicy, GatePurpose
from optin.rules.may_contact import Aim, Strictness
from optin.services.gate import ask
from tests.world import CALL, TIPS, World

NUMBER = "+31201234567"
# what differs between two answers that say the same
OF_ITS_OWN = ("about", "answer_id", "asked", "at", "valid_until", "salt", "signature")


def with_gate(world: World, strictness: Strictness | None = None, aim: Aim = Aim.MARKETING) -> None:
    """Let a world have the purposes of its form."""
    purposes = {TIPS: GatePurpose(Channel.EMAIL, aim), CALL: GatePurpose(Channel.PHONE, aim)}
    gate = GatePolicy("NL", purposes, strictness or Strictness())
    world.policy = replace(world.policy, gate=gate)


def may(world: World, who: str, purpose: str = TIPS, channel: str = "", **more: Any) -> SignedAnswer:
    """Ask about an address by the channel of the purpose; what is noted is stored at once."""
    if not world.policy.gate.purposes:
        with_gate(world)
    channel = channel or ("email" if purpose == TIPS else "phone")
    text = QuestionText(who, purpose, channel, more.pop("country", ""))
    question = read_question(world.policy.gate, text, more.pop("asker", "crm"))
    at: datetime | None = more.pop("at", None)
    installation = world.installation()
    answer = ask(installation, question, at)
    installation.store_questions()
    return answer


def plain(answer: SignedAnswer) -> dict[str, Any]:
    """Return what an answer says, without what each has of its own."""
    return {name: value for name, value in answer.as_json.items() if name not in OF_ITS_OWN}
