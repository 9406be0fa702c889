"""Read a posted form: small, urlencoded, in UTF-8; refuse anything else (S5)."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from starlette.requests import Request

from optin.errors import PostMalformed, PostTooLarge

MAX_POST_BYTES = 16_384
MAX_POST_FIELDS = 60
MOST_TEXT_BYTES = 3_500_000  # of an edited file of 1 MB, with its signs escaped
MOST_TEXT_FIELDS = 400
MOST_PICTURE_BYTES = 12_000_000
MOST_WEBHOOK_BYTES = 1 << 20  # of a provider's message about mails that came back
# read only once it is known who sends them, or a few at once
LARGE_POSTS = re.compile(r"/desk/magnets/[^/]+/edit(/preview|/picture)?|/bounces/[^/]+")
FORM_TYPE = "application/x-www-form-urlencoded"


async def read_post(request: Request, most: int = MAX_POST_BYTES) -> list[tuple[str, str]]:
    """Return the fields of a form in order. Raises PostTooLarge or PostMalformed.

    `most`: bytes of its body.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise PostMalformed
    body = await read_body(request, most)
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MAX_POST_FIELDS if most == MAX_POST_BYTES else MOST_TEXT_FIELDS,
        )
    except ValueError:
        raise PostMalformed from None


async def named_in_post(request: Request, name: str) -> str:
    """Return the value of one field, or nothing; from a body of any type, as mail providers post (RFC 8058).

    Raises PostTooLarge.
    """
    body = await read_body(request)
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=MAX_POST_FIELDS)).get(name, "")
    except ValueError:
        return ""


async def read_body(request: Request, most: int = MAX_POST_BYTES) -> bytearray:
    """Return a body of at most so many bytes. Raises PostTooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise PostTooLarge
    return body


def single(posted: list[tuple[str, str]], name: str) -> str:
    """Return the one value of `name`; empty when missing. Raises PostMalformed when repeated."""
    values = [value for field, value in posted if field == name]
    if len(values) > 1:
        raise PostMalformed
    return values[0] if values else ""
