"""The keys by which processors ask the gate; a key ends with the processor's agreement (G5). Pure."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime

from optin.errors import ProcessorKeyUnknown
from optin.flows.request_policy import AskingProcessor, RequestPolicy
from optin.store.encryption import Vault

PREFIX = "optin_may_"
SCHEME = "bearer "


def key_text(secret: bytes) -> str:
    """Return a processor's secret as it is sent with each question."""
    return PREFIX + base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def processor_with_key(vault: Vault, policy: RequestPolicy, authorization: str, now: datetime) -> str:
    """Return the id of the processor whose key a request brings in its Authorization header (RFC 6750).

    Raises ProcessorKeyUnknown, with the same words for every reason.
    """
    if authorization[: len(SCHEME)].lower() != SCHEME:
        raise ProcessorKeyUnknown
    given = authorization[len(SCHEME) :].strip().encode()
    found = ""
    for name, asker in policy.gate.processors.items():
        keys = [key_text(it).encode() for it in vault.gate_secrets(name)]
        if any(hmac.compare_digest(given, key) for key in keys) and not has_agreement_ended(
            asker, policy, now
        ):
            found = name
    if not found:
        raise ProcessorKeyUnknown
    return found


def has_agreement_ended(asker: AskingProcessor, policy: RequestPolicy, now: datetime) -> bool:
    """Return whether a processor's agreement is over; its last day is a day of the controller's calendar."""
    return asker.ends is not None and now.astimezone(policy.zone).date() > asker.ends
