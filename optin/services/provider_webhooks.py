"""Tell whether a message of a webhook comes from the provider of mail that it names (O6).

1. Amazon SNS signs with a key whose certificate is fetched over https, from its own hosts alone; only the
   topic that is configured counts, for anybody can have one.
2. Mailgun signs a moment and a word by a shared key, SendGrid signs all of it by a key of its own.
3. Postmark and Brevo sign nothing: they send a password that was agreed with them.

A signature that is older than a day is refused; a younger one is taken once (`take_provider_reports`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from optin.services.http_client import CallFailed, VettedClient
from optin.services.read_secret import SecretUnusable, read_secret
from optin.settings.bounces import BounceWebhook, bounce_secret_variable

FRESH, SKEW = timedelta(hours=24), timedelta(minutes=5)
MOST_CERTIFICATES = 8
_TOPIC = re.compile(r"arn:aws[a-z-]{0,20}:sns:([a-z0-9-]{4,30}):\d{12}:[\w.-]{1,256}")
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem")
_SIGNED = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SIGNED_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_CONFIRMATIONS = frozenset({"SubscriptionConfirmation", "UnsubscribeConfirmation"})

Fetch = Callable[[str], Awaitable[bytes]]


class WebhookUnproven(Exception):
    """A message that is not known to come from the provider. Its text is a word for the log."""


@dataclass(frozen=True)
class WebhookPost:
    """What was posted. Header names are in lower case; `token`: of the query of the address."""

    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class ProvenMessage:
    """A message that comes from the provider. `number`: tells it from others; `confirm`: address to call."""

    number: bytes
    content: Any
    confirm: str = ""


async def fetch_from_amazon(url: str) -> bytes:
    """Return what stands at an address. Raises WebhookUnproven."""
    try:
        answer = await VettedClient(seconds=10.0).request("GET", url, None, {})
    except CallFailed:
        msg = "Amazon cannot be reached"
        raise WebhookUnproven(msg) from None
    if answer.status != HTTPStatus.OK:
        msg = "Amazon refuses"
        raise WebhookUnproven(msg)
    return answer.body


class ProviderWebhooks:
    """Verifies what is posted. `fetch`: calls Amazon's hosts; certificates are kept."""

    def __init__(self, fetch: Fetch = fetch_from_amazon) -> None:
        """Begin without certificates."""
        self._fetch = fetch
        self._certificates: dict[str, x509.Certificate] = {}

    async def prove(
        self, name: str, webhook: BounceWebhook, root: Path, post: WebhookPost, now: datetime
    ) -> ProvenMessage:
        """Return a message that comes from the provider. Raises WebhookUnproven.

        `name`: of the webhook in optin.toml; `root`: the site's folder, for a secret in a file.
        """
        if webhook.provider == "ses":
            return await self._amazon(webhook, post, now)
        if webhook.provider == "sendgrid":
            return _sendgrid(webhook, post, now)
        try:
            secret = read_secret(root, "secret", webhook.secret, bounce_secret_variable(name))
        except SecretUnusable as problem:
            raise WebhookUnproven(str(problem)) from None
        if webhook.provider == "mailgun":
            return _mailgun(secret, post, now)
        if not _knows(secret, post):
            msg = "wrong password"
            raise WebhookUnproven(msg)
        return ProvenMessage(hashlib.sha256(post.body).digest(), _json(post.body))

    async def confirm(self, url: str, topic: str) -> None:
        """Confirm the subscription to a topic. Raises WebhookUnproven."""
        _amazon_address(url, topic)
        await self._fetch(url)

    async def _amazon(self, webhook: BounceWebhook, post: WebhookPost, now: datetime) -> ProvenMessage:
        said = _table(_json(post.body))
        if not hmac.compare_digest(_text(said, "TopicArn").encode(), webhook.topic.encode()):
            msg = "another topic"
            raise WebhookUnproven(msg)
        _fresh(_iso(_text(said, "Timestamp")), now)
        confirms = _text(said, "Type") in _CONFIRMATIONS
        names = _SIGNED_CONFIRMATION if confirms else _SIGNED
        signed = "".join(f"{it}\n{_text(said, it)}\n" for it in names if it != "Subject" or it in said)
        algorithm = hashes.SHA256() if _text(said, "SignatureVersion") == "2" else hashes.SHA1()  # noqa: S303 - version 1 has it
        key = (await self._certificate(_text(said, "SigningCertURL"), webhook.topic, now)).public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise _false_signature()
        try:
            key.verify(_base64(_text(said, "Signature")), signed.encode(), padding.PKCS1v15(), algorithm)
        except (InvalidSignature, UnicodeEncodeError):
            raise _false_signature() from None
        number = _text(said, "MessageId").encode()
        if confirms:
            subscribes = _text(said, "Type") == "SubscriptionConfirmation"
            return ProvenMessage(number, {}, _text(said, "SubscribeURL") if subscribes else "")
        return ProvenMessage(number, _json(_text(said, "Message").encode()))

    async def _certificate(self, url: str, topic: str, now: datetime) -> x509.Certificate:
        parts = _amazon_address(url, topic)
        if parts.query or _CERTIFICATE.fullmatch(parts.path) is None:
            msg = "an address that is no certificate's"
            raise WebhookUnproven(msg)
        known = self._certificates.get(url)
        if known is None:
            try:
                known = x509.load_pem_x509_certificate(await self._fetch(url))
            except ValueError:
                msg = "no certificate"
                raise WebhookUnproven(msg) from None
            if len(self._certificates) >= MOST_CERTIFICATES:
                self._certificates.pop(next(iter(self._certificates)))
            self._certificates[url] = known
        if not known.not_valid_before_utc <= now <= known.not_valid_after_utc:
            msg = "a certificate that is over"
            raise WebhookUnproven(msg)
        return known


def _amazon_address(url: str, topic: str) -> SplitResult:
    """Return an address of Amazon SNS itself in the topic's region. Raises WebhookUnproven for any other."""
    region = _TOPIC.fullmatch(topic)
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    host = f"sns.{region[1]}.amazonaws.com" if region else ""
    if not host or parts.scheme != "https" or parts.netloc not in {host, f"{host}.cn"}:
        msg = "an address that is not Amazon's"
        raise WebhookUnproven(msg)
    return parts


def _sendgrid(webhook: BounceWebhook, post: WebhookPost, now: datetime) -> ProvenMessage:
    timestamp = post.headers.get("x-twilio-email-event-webhook-timestamp", "")
    signature = _base64(post.headers.get("x-twilio-email-event-webhook-signature", ""))
    _fresh(_seconds(timestamp), now)
    try:
        key = serialization.load_der_public_key(_base64(webhook.key))
    except ValueError:
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise _false_signature()
    try:
        key.verify(signature, timestamp.encode() + post.body, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise _false_signature() from None
    # a signature can be written in two ways: what was signed tells one message from another
    return ProvenMessage(hashlib.sha256(timestamp.encode() + post.body).digest(), _json(post.body))


def _mailgun(secret: str, post: WebhookPost, now: datetime) -> ProvenMessage:
    content = _json(post.body)
    said = _table(_table(content).get("signature"))
    timestamp, token = _text(said, "timestamp"), _text(said, "token")
    expected = hmac.new(secret.encode(), f"{timestamp}{token}".encode(), "sha256").hexdigest()
    if not token or not hmac.compare_digest(expected.encode(), _text(said, "signature").encode()):
        raise _false_signature()
    _fresh(_seconds(timestamp), now)
    return ProvenMessage(f"{timestamp}{token}".encode(), content)


def _knows(secret: str, post: WebhookPost) -> bool:
    """Return whether the password was sent: as that of a user, as a bearer's, or in the address."""
    scheme, _, value = post.headers.get("authorization", "").partition(" ")
    given = [post.token]
    if scheme.lower() == "bearer":
        given.append(value.strip())
    if scheme.lower() == "basic":
        pair = _base64(value).decode("utf-8", "replace")
        given += [pair, pair.partition(":")[2]]
    return any(hmac.compare_digest(it.encode(), secret.encode()) for it in given)


def _false_signature() -> WebhookUnproven:
    msg = "false signature"
    return WebhookUnproven(msg)


def _fresh(signed_at: datetime | None, now: datetime) -> None:
    if signed_at is None or not now - FRESH <= signed_at <= now + SKEW:
        msg = "signed too long ago, or by another clock"
        raise WebhookUnproven(msg)


def _seconds(text: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(text), UTC) if len(text) <= 12 else None  # noqa: PLR2004 - as digits
    except (ValueError, OverflowError, OSError):
        return None


def _iso(text: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        msg = "no JSON"
        raise WebhookUnproven(msg) from None


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(said: Mapping[str, Any], key: str) -> str:
    """Return a text without line breaks, which could pass for another field; of the message, any text."""
    value = said.get(key)
    return value if isinstance(value, str) and (key == "Message" or value.isprintable()) else ""


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
