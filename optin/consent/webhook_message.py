"""Webhook messages after the Standard Webhooks specification 1.0: their content and signature (E7).

Signed is `id.timestamp.body` by HMAC-SHA256; a receiver tells thereby that we said it, that nobody changed
it, and how old it is. The id stays the same at every try, so that a receiver can drop what it has had.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from optin.consent.event_content import rfc3339

SECRET_PREFIX = "whsec_"  # noqa: S105 - what every such secret begins with
ID_PREFIX = "msg_"


class WebhookKind(StrEnum):
    """The kind of a message; its `type`."""

    CONFIRMED = "consent.confirmed"
    WITHDRAWN = "consent.withdrawn"  # also: the number may not be called any more
    EXPIRED = "consent.expired"
    ERASED = "consent.erased"  # GDPR 17, 19: delete everything about the person


def body_of(kind: WebhookKind, at: datetime, data: Mapping[str, Any]) -> bytes:
    """Return a message: its type, its moment (RFC 3339, UTC), and its data."""
    message = {"type": kind.value, "timestamp": rfc3339(at), "data": dict(data)}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secret: bytes, message_id: str, seconds: int, body: bytes) -> str:
    """Return a signature, `v1,` and BASE64. `seconds`: the time of this attempt, since 1970."""
    signed = f"{message_id}.{seconds}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()


def signed_headers(secrets: Sequence[bytes], message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """Return the three headers of a message; the signatures by `secrets` are separated by spaces."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signature(secret, message_id, seconds, body) for secret in secrets),
    }


def secret_text(secret: bytes) -> str:
    """Return a secret in the form that receivers configure."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()
