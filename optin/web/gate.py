"""The gate for processors: whether a person may be contacted now (G1, G5).

POST /may answers one question; no address ever stands in a URL or in a log. The public keys of its answers
and its description are at /may/keys.json and /may/openapi.json.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from optin.errors import PostTooLarge, QuestionUnreadable, StoreBusy
from optin.flows.gate.answer import SignedAnswer, make_answer
from optin.flows.gate.decide import decide
from optin.flows.gate.log_answer import log_answer
from optin.flows.gate.processor_keys import processor_with_key
from optin.flows.gate.question import Question, QuestionText, read_question
from optin.services.gate import TRIES
from optin.web.app_context import AppContext, app_context_of
from optin.web.gate_description import QuestionBody, description
from optin.web.problems import problem
from optin.web.read_posted_form import MAX_POST_BYTES
from optin.web.security_headers import NO_STORE
from optin.web.timing_protection import Handler

JSON_TYPE = "application/json"
KEYS_CACHE = "public, max-age=300"
PACE_SECONDS = 0.005  # an answer "no basis" leaves at a multiple of it: its time tells nothing (G2)
NO_JSON = "Send a question as JSON, with content-type: application/json."


async def ask_gate(request: Request) -> Response:
    """Answer a question of a processor, or refuse it with the details of the problem.

    1. By whose key. 2. Within its limit. 3. What is asked, and whether this processor may ask it.
    4. The answer; one without a basis at an even time.
    """
    app_context, loop = app_context_of(request), asyncio.get_running_loop()
    came = loop.time()

    # 1. and 2. Who asks, and how often.
    installation = app_context.installation
    authorization = request.headers.get("authorization", "")
    asker = processor_with_key(installation.vault, installation.policy, authorization, installation.clock())
    await app_context.questions.count(asker)

    # 3. What is asked.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON_TYPE:
        return problem(415, NO_JSON)
    body = await request.body()
    if len(body) > MAX_POST_BYTES:
        raise PostTooLarge
    try:
        asked = QuestionBody.model_validate_json(body)
    except ValidationError as faults:
        return _unreadable(faults)
    allowed = installation.policy.gate.processors[asker].purposes
    if allowed and asked.purpose not in allowed:
        return problem(403, "This processor may not ask about that purpose.")
    text = QuestionText(asked.who, asked.purpose, asked.channel, asked.country)
    question = read_question(installation.policy.gate, text, asker)

    # 4. The answer.
    answer, has_basis = await answer_question(app_context, question)
    if not has_basis:
        await asyncio.sleep((came - loop.time()) % PACE_SECONDS)
    return JSONResponse(answer.as_json, headers={"cache-control": NO_STORE})


async def answer_question(app_context: AppContext, question: Question) -> tuple[SignedAnswer, bool]:
    """Return the answer, logged, and whether it speaks of a basis. Raises StoreBusy, JournalUnusable."""
    installation = app_context.installation
    key = installation.vault.answer_keys[-1]
    for _ in range(TRIES):
        now = installation.clock()
        decided = await app_context.view(
            decide, question=question, now=now, endings_of=installation.endings_of
        )
        answer = make_answer(question, decided, now, key)
        if not decided.resting:
            installation.questions.note(question, decided, now)
            return answer, False
        if await app_context.run(log_answer, question=question, decided=decided, answer=answer, now=now):
            installation.questions.count(question, answer.said, now)
            return answer, True
    raise StoreBusy


def _unreadable(faults: ValidationError) -> Response:
    """Return why a question cannot be read, without a word of it."""
    found = faults.errors(include_url=False, include_context=False, include_input=False)
    if any(it["type"] == "json_invalid" for it in found):
        return problem(400, NO_JSON)
    known = QuestionBody.model_fields
    said = [f"{it['loc'][0]}: {it['msg']}" for it in found if it["loc"] and it["loc"][0] in known]
    unknown = "" if len(said) == len(found) else f"The fields are: {', '.join(known)}."
    raise QuestionUnreadable(" ".join([*said, unknown]).strip())


async def get_keys(request: Request) -> Response:
    """Send the public keys that sign, or ever signed, answers, newest first (RFC 7517)."""
    keys = [it.as_jwk for it in reversed(app_context_of(request).installation.vault.answer_keys)]
    return JSONResponse({"keys": keys}, headers={"cache-control": KEYS_CACHE})


async def get_description(request: Request) -> Response:
    """Send the description of the gate (OpenAPI 3.1)."""
    base_url = app_context_of(request).edition.site.settings.base_url
    content: Mapping[str, Any] = description(base_url)
    return JSONResponse(content, headers={"cache-control": KEYS_CACHE})


class ForMethods:
    """An endpoint that refuses every other method itself: the page of a magnet might take it."""

    def __init__(self, handler: Handler, *methods: str) -> None:
        """Answer `methods` by `handler`."""
        self._handler = handler
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["method"] in self._methods:
            response = await self._handler(Request(scope, receive, send))
        else:
            response = problem(405, allow=", ".join(self._methods))
        await response(scope, receive, send)


GATE_ROUTES = (
    Route("/may", ForMethods(ask_gate, "POST")),
    Route("/may/keys.json", ForMethods(get_keys, "GET", "HEAD")),
    Route("/may/openapi.json", ForMethods(get_description, "GET", "HEAD")),
)
