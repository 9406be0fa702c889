"""The OpenAPI 3.1 description of the gate (G5)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import models_json_schema

from optin import __version__
from optin.consent.channel import CHANNELS
from optin.flows.gate.question import MOST_CHARACTERS
from optin.rules.contact_rule import LawfulBasis
from optin.rules.may_contact import Refusal

Moment: TypeAlias = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Digest: TypeAlias = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Body(BaseModel):
    """The body of a question; other fields are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class QuestionBody(Body):
    """A question: whether a person may be contacted now, for a purpose, by a channel."""

    who: str = Field(
        min_length=1,
        max_length=MOST_CHARACTERS,
        description="An e-mail address or a telephone number, in any writing. Never a name.",
        examples=["alice@example.com", "+31 20 123 45 67"],
    )
    purpose: str = Field(
        min_length=1, max_length=100, description="The id of a purpose.", examples=["follow-up-phone"]
    )
    channel: str = Field(
        min_length=1,
        max_length=40,
        description="How the person would be contacted.",
        examples=[*CHANNELS],
    )
    country: str = Field(
        default="",
        pattern="^([A-Za-z]{2})?$",
        description="The person's country, if you know it (ISO 3166). It can only make the answer stricter.",
        examples=["BE"],
    )


class Duty(Body):
    """A duty to observe in the contact."""

    id: str
    text: str


class AnswerBody(Body):
    """An answer; it always holds every field."""

    about: Digest = Field(
        description="SHA-256 of the 32 bytes of `salt` and the bytes of `who`, as you sent them."
    )
    answer_id: str = Field(pattern="^[0-9a-f]{32}$", description="Names this answer, in the log as well.")
    article: str | None = Field(description="The article behind the rule.")
    asked: Moment = Field(description="When it was asked.")
    asker: str = Field(description="The processor that asked, by its id.")
    at: Moment = Field(description="The moment that is asked about; here always that of `asked`.")
    basis: Literal[*(it.value for it in LawfulBasis)] | None = Field(  # type: ignore[valid-type]  # as unpacked
        description="The lawful basis (GDPR 6), of a yes."
    )
    channel: str
    cure: str | None = Field(description="What to do about a no.")
    duties: list[Duty] = Field(description="A duty to observe in the contact.")
    evidence: str | None = Field(description="Names the evidence: the same as in an export.")
    may: bool = Field(description="Whether the contact may be made.")
    purpose: str
    reason: Literal[*(it.value for it in Refusal)] | None = Field(  # type: ignore[valid-type]  # the same
        description="Why not, in short."
    )
    reasons: list[str] = Field(description="Why not, in sentences.")
    rule: str | None = Field(description="The rule of contact that decided, by its id.")
    salt: Digest = Field(description="Opens `about`.")
    signature: str = Field(
        description="A JSON Web Signature (RFC 7515, EdDSA) over every field but `salt` and itself."
    )
    until: Moment | None = Field(description="When the basis ends, if it does.")
    valid_until: Moment = Field(description="Do not rely on this answer after this moment; ask again.")


class Problem(BaseModel):
    """What is wrong with a question (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = ""


PROBLEMS = {
    400: "Not JSON.",
    401: "No key, or one that is unknown or was revoked; also when the processor's agreement has ended.",
    403: "The processor may not ask about this purpose.",
    405: "Only POST.",
    408: "The question did not arrive in time.",
    413: "The question is too large.",
    415: "Not application/json.",
    422: "No address, or no purpose or channel of this site.",
    429: "More questions than the processor's limit; see Retry-After.",
    503: "The database is busy; see Retry-After.",
}
_REFERENCE = "#/components/schemas/{model}"


def description(base_url: str) -> dict[str, Any]:
    """Return the description of the gate at a site."""
    models = [(QuestionBody, "validation"), (AnswerBody, "validation"), (Problem, "validation")]
    _, schemas = models_json_schema(models, ref_template=_REFERENCE)  # type: ignore[arg-type]  # its literal
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "May we contact this person now?",
            "version": __version__,
            "description": "Ask at the moment of each contact. The answer is valid for a minute.",
        },
        "servers": [{"url": base_url}],
        "paths": {"/may": {"post": _operation()}, "/may/keys.json": {"get": _keys()}},
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The key that the company gave to the processor (optin keys may ID).",
                }
            },
        },
    }


def _operation() -> dict[str, Any]:
    answers: dict[str, Any] = {"200": _content("The answer, yes or no.", "AnswerBody", "application/json")}
    for status, meaning in PROBLEMS.items():
        answers[str(status)] = _content(meaning, "Problem", "application/problem+json")
    return {
        "operationId": "may",
        "summary": "Whether a person may be contacted now",
        "security": [{"key": []}],
        "requestBody": {"required": True, **_body("QuestionBody", "application/json")},
        "responses": answers,
    }


def _keys() -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["keys"],
        "properties": {"keys": {"type": "array", "items": {"type": "object"}}},
    }
    return {
        "operationId": "keys",
        "summary": "The public keys that sign answers, newest first (RFC 7517)",
        "responses": {
            "200": {"description": "The keys.", "content": {"application/json": {"schema": schema}}}
        },
    }


def _content(meaning: str, model: str, media_type: str) -> dict[str, Any]:
    return {"description": meaning, **_body(model, media_type)}


def _body(model: str, media_type: str) -> dict[str, Any]:
    return {"content": {media_type: {"schema": {"$ref": _REFERENCE.format(model=model)}}}}
