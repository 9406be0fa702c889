"""Read a posted form: small, urlencoded, in UTF-8; refuse anything else (S5)."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from optin.errors import PostMalformed, PostTooLarge

MAX_POST_BYTES = 16_384
MAX_POST_FIELDS = 60
FORM_TYPE = "application/x-www-form-urlencoded"


async def read_post(request: Request) -> list[tuple[str, str]]:
    """Return the fields of a form in order. Raises PostTooLarge or PostMalformed."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise PostMalformed
    body = await _body(request)
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MAX_POST_FIELDS,
        )
    except ValueError:
        raise PostMalformed from None


async def named_in_post(request: Request, name: str) -> str:
    """Return the value of one field, or nothing; from a body of any type, as mail providers post (RFC 8058).

    Raises PostTooLarge.
    """
    body = await _body(request)
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=MAX_POST_FIELDS)).get(name, "")
    except ValueError:
        return ""


async def _body(request: Request) -> bytearray:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_POST_BYTES:
            raise PostTooLarge
    return body


def single(posted: list[tuple[str, str]], name: str) -> str:
    """Return the one value of `name`; empty when missing. Raises PostMalformed when repeated."""
    values = [value for field, value in posted if field == name]
    if len(values) > 1:
        raise PostMalformed
    return values[0] if values else ""
