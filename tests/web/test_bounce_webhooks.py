"""POST /bounces/NAME: what a provider proves is taken once; anything else changes nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from optin.consent.email_and_telephone import parse_email
from optin.consent.status_transitions import Status
from optin.services.provider_webhooks import ProviderWebhooks, WebhookUnproven
from optin.store.unreachable_addresses import unreachable_since
from optin.web import app as web_app
from optin.web.bounce_webhooks import bounce_routes
from optin.web.post_limits import PostLimits
from tests.own_site import add_settings
from tests.web.conftest import Visit as Visit  # noqa: PLC0414 - a fixture
from tests.web.conftest import visit as visit  # noqa: PLC0414 - a fixture

ALICE = "alice@example.com"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:bounces"
AMAZON = "https://sns.eu-west-1.amazonaws.com"
CERTIFICATE = f"{AMAZON}/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
SECRET = "a word of ours"
MAILGUN_KEY = "key-0123456789"


class Amazon:
    """What stands at Amazon's addresses, which no test reaches."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.asked: list[str] = []
        now = datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .sign(self.key, hashes.SHA256())
        )
        self.certificate = made.public_bytes(serialization.Encoding.PEM)

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if url == CERTIFICATE or "Action=ConfirmSubscription" in url:
            return self.certificate
        raise WebhookUnproven(url)

    def signed(self, message: dict[str, Any], version: str = "1") -> bytes:
        """Sign a message as SNS does."""
        confirms = message["Type"] != "Notification"
        names = (
            ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
            if confirms
            else ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
        )
        text = "".join(f"{it}\n{message[it]}\n" for it in names if it in message)
        algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 - version 1 has it
        signature = base64.b64encode(self.key.sign(text.encode(), padding.PKCS1v15(), algorithm)).decode()
        own = {"SignatureVersion": version, "Signature": signature, "SigningCertURL": CERTIFICATE}
        return json.dumps({**own, **message}).encode()


SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
SENDGRID_PUBLIC = base64.b64encode(
    SENDGRID_KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
).decode()
SETTINGS = f"""
[bounces.webhooks.ses]
provider = "ses"
topic = "{TOPIC}"

[bounces.webhooks.postmark]
provider = "postmark"

[bounces.webhooks.mailgun]
provider = "mailgun"
secret = "env:MAILGUN_KEY"

[bounces.webhooks.grid]
provider = "sendgrid"
key = "{SENDGRID_PUBLIC}"

[bounces.webhooks.brevo]
provider = "brevo"
"""


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Amazon:
    """Let optin ask this one; the variables hold the secrets."""
    found = Amazon()
    monkeypatch.setattr(web_app, "bounce_routes", lambda: bounce_routes(ProviderWebhooks(found.fetch)))
    monkeypatch.setenv("OPTIN_BOUNCES_POSTMARK", SECRET)
    monkeypatch.setenv("OPTIN_BOUNCES_BREVO", SECRET)
    monkeypatch.setenv("MAILGUN_KEY", MAILGUN_KEY)
    return found


@pytest.fixture
def told(amazon: Amazon, visit: Visit) -> Visit:
    """Serve a site that all providers tell, on which alice agreed an hour ago."""
    add_settings(visit.root, SETTINGS)
    visit.serve_again()
    visit.join(ALICE, consent="tips-email")
    visit.wait(timedelta(hours=1))
    assert amazon.asked == []
    return visit


def is_reachable(visit: Visit) -> bool:
    index = visit.installation.vault.index(parse_email(ALICE))
    return visit.installation.store.read(unreachable_since, email_index=index) is None


def status(visit: Visit) -> Status:
    rows = visit.installation.store.read(lambda tx: tx.all("SELECT status FROM consent"))
    return Status(rows[0][0])


def stamp(visit: Visit) -> str:
    return visit.moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def bounce_from_ses(visit: Visit, **more: str) -> dict[str, Any]:
    recipient = {"emailAddress": ALICE, "status": "5.1.1", "diagnosticCode": "550 5.1.1 user unknown"}
    about = {"bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": [recipient]}
    inner = {"notificationType": "Bounce", "bounce": about, "mail": {"timestamp": stamp(visit)}}
    return {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": TOPIC,
        "Subject": "Bounce",
        "Message": json.dumps(inner, indent=1),
        "Timestamp": stamp(visit),
        **more,
    }


def post(visit: Visit, name: str, body: bytes, **headers: str) -> int:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return int(visit.client.post(f"/bounces/{name}", content=body, headers=named).status_code)


@pytest.mark.parametrize("version", ["1", "2"])
def test_amazon_is_believed_by_its_signature(told: Visit, amazon: Amazon, version: str) -> None:
    """O6: SNS of both versions; the certificate is fetched once, from Amazon."""
    body = amazon.signed(bounce_from_ses(told), version)
    assert post(told, "ses", body) == 200
    assert not is_reachable(told)
    assert post(told, "ses", body) == 200
    assert amazon.asked == [CERTIFICATE]


def test_what_amazon_did_not_sign_changes_nothing(told: Visit, amazon: Amazon) -> None:
    """O6: another topic, key, host, path, scheme or text; an old one; none at all."""
    sound = bounce_from_ses(told)

    def altered(**more: str) -> bytes:
        return json.dumps({**json.loads(amazon.signed(sound)), **more}).encode()

    other = Amazon()
    old = (told.moment - timedelta(days=2)).isoformat()
    for false in (
        amazon.signed({**sound, "TopicArn": f"{TOPIC}2"}),
        amazon.signed({**sound, "Timestamp": old}),
        other.signed(sound),
        altered(Signature=""),
        altered(Message=sound["Message"].replace("alice", "bob")),
        altered(SigningCertURL=CERTIFICATE.replace("https:", "http:")),
        altered(SigningCertURL=CERTIFICATE.replace("amazonaws.com", "amazonaws.com.evil.example")),
        altered(SigningCertURL=CERTIFICATE.replace("sns.", "sns.evil.example/sns.")),
        altered(SigningCertURL=CERTIFICATE.replace("https://", "https://evil.example@")),
        altered(SigningCertURL=CERTIFICATE.replace("eu-west-1", "us-east-1")),
        altered(SigningCertURL=f"{AMAZON}/?Action=GetTopicAttributes"),
        altered(SigningCertURL=f"{CERTIFICATE}?a=b"),
        b"{}",
        b"[]",
        b"",
        b"[" * 100_000,
    ):
        assert post(told, "ses", false) == 403
    assert amazon.asked == [CERTIFICATE]
    assert is_reachable(told)


def test_what_is_no_text_and_no_moment_is_refused(told: Visit, amazon: Amazon) -> None:
    """O6: half of a character, a year before the first; no error of the server."""
    sound = json.loads(amazon.signed(bounce_from_ses(told)))
    for altered in ({"Message": "\ud800"}, {"Timestamp": "0001-01-01T00:00:00+23:00"}):
        assert post(told, "ses", json.dumps({**sound, **altered}).encode()) == 403
    assert is_reachable(told)


def test_a_subscription_is_confirmed_at_amazon_alone(told: Visit, amazon: Amazon) -> None:
    """O6: signed, for the topic, at Amazon's own address."""
    asked = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "m-2",
        "Token": "t",
        "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe",
        "SubscribeURL": f"{AMAZON}/?Action=ConfirmSubscription&Token=t",
        "Timestamp": stamp(told),
    }
    elsewhere = {**asked, "SubscribeURL": "https://evil.example/?Action=ConfirmSubscription"}
    assert post(told, "ses", amazon.signed(elsewhere)) == 403
    assert post(told, "ses", amazon.signed(asked)) == 200
    assert amazon.asked == [CERTIFICATE, asked["SubscribeURL"]]


def mailgun(visit: Visit, event: str = "failed", token: str = "t" * 50, key: str = MAILGUN_KEY) -> bytes:
    seconds = str(int(visit.moment.timestamp()))
    signature = hmac.new(key.encode(), f"{seconds}{token}".encode(), hashlib.sha256).hexdigest()
    about = {"event": event, "severity": "permanent", "reason": "bounce", "recipient": ALICE}
    return json.dumps(
        {
            "signature": {"timestamp": seconds, "token": token, "signature": signature},
            "event-data": {**about, "timestamp": visit.moment.timestamp()},
        }
    ).encode()


def test_mailgun_is_believed_by_its_signature_and_once(told: Visit) -> None:
    """O6: a copy that comes after the person has agreed again ends nothing."""
    complained = mailgun(told, "complained")
    assert post(told, "mailgun", mailgun(told, key="wrong")) == 403
    assert status(told) is Status.GIVEN
    assert post(told, "mailgun", complained) == 200
    assert status(told) is Status.WITHDRAWN
    told.wait(timedelta(hours=1))
    told.join(ALICE, consent="tips-email")
    assert post(told, "mailgun", complained) == 200
    assert status(told) is Status.GIVEN
    told.wait(timedelta(days=2))
    assert post(told, "mailgun", complained) == 403
    assert status(told) is Status.GIVEN


def test_sendgrid_is_believed_by_its_signature(told: Visit) -> None:
    """O6: over the moment and the whole body; the key stands in optin.toml."""
    event = {"email": ALICE, "event": "bounce", "type": "bounce", "status": "5.1.1"}
    body = json.dumps(
        [{**event, "reason": "user unknown", "timestamp": int(told.moment.timestamp())}]
    ).encode()
    seconds = str(int(told.moment.timestamp()))

    def signed(key: ec.EllipticCurvePrivateKey, text: bytes, at: str = seconds) -> dict[str, str]:
        signature = base64.b64encode(key.sign(at.encode() + text, ec.ECDSA(hashes.SHA256()))).decode()
        return {
            "x_twilio_email_event_webhook_signature": signature,
            "x_twilio_email_event_webhook_timestamp": at,
        }

    old = str(int(seconds) - 2 * 86_400)
    for headers in (
        {},
        signed(ec.generate_private_key(ec.SECP256R1()), body),
        signed(SENDGRID_KEY, body + b" "),
        signed(SENDGRID_KEY, body, old),
    ):
        assert post(told, "grid", body, **headers) == 403
    assert is_reachable(told)
    assert post(told, "grid", body, **signed(SENDGRID_KEY, body)) == 200
    assert not is_reachable(told)


def postmark(visit: Visit) -> bytes:
    told = {"RecordType": "Bounce", "ID": 4, "Type": "HardBounce", "Email": ALICE, "Details": "user unknown"}
    return json.dumps({**told, "BouncedAt": stamp(visit)}).encode()


def brevo(visit: Visit) -> bytes:
    told = {"event": "hard_bounce", "email": ALICE, "reason": "user unknown"}
    return json.dumps({**told, "ts_epoch": int(visit.moment.timestamp() * 1000)}).encode()


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"any:{password}".encode()).decode()


@pytest.mark.parametrize(("name", "body"), [("postmark", postmark), ("brevo", brevo)])
def test_a_provider_without_signatures_sends_its_password(
    told: Visit, name: str, body: Callable[[Visit], bytes]
) -> None:
    """O6: as a user's, as a bearer's or in the address; no other opens."""
    for headers in ({}, {"authorization": basic("another")}, {"authorization": "Bearer x"}):
        assert post(told, name, body(told), **headers) == 403
    assert post(told, f"{name}?token=x", body(told)) == 403
    assert is_reachable(told)
    assert post(told, name, b"{}", authorization=f"Bearer {SECRET}") == 200
    assert post(told, f"{name}?token={SECRET}", b"[]") == 200
    assert is_reachable(told)
    assert post(told, name, body(told), authorization=basic(SECRET)) == 200
    assert not is_reachable(told)


def test_what_is_not_configured_is_not_there(told: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """O6: another name, another method; without its secret a webhook takes nothing."""
    assert post(told, "other", b"{}") == 404
    assert told.client.get("/bounces/ses").status_code == 405
    monkeypatch.delenv("OPTIN_BOUNCES_POSTMARK")
    assert post(told, "postmark", postmark(told), authorization=basic("")) == 403
    assert is_reachable(told)


def test_a_large_message_is_refused(told: Visit) -> None:
    """O6, O8: a megabyte at most; a batch of thousands of events is taken."""
    assert post(told, "brevo", b" " * (2 << 20), authorization=basic(SECRET)) == 413
    many = [json.loads(brevo(told)) | {"email": f"nobody{it}@example.com"} for it in range(1500)]
    body = json.dumps([*many, json.loads(brevo(told))]).encode()
    assert post(told, "brevo", body, authorization=basic(SECRET)) == 200
    assert not is_reachable(told)


def test_whoever_guesses_is_limited_as_other_posts_are(told: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """O6, O8: false messages are counted; the provider's own are not."""
    counted: list[str] = []

    async def count(_self: PostLimits, _request: object) -> None:
        counted.append("one")

    monkeypatch.setattr(PostLimits, "count", count)
    assert post(told, "brevo", b"{}") == 403
    assert post(told, "other", b"{}") == 404
    assert post(told, "brevo", b"{}", authorization=basic(SECRET)) == 200
    assert counted == ["one", "one"]
