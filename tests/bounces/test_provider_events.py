"""What providers call a bounce, and what it says of the address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.bounces.provider_events import PROVIDERS, read_events
from optin.bounces.returned_mail import Meaning

ANNA = "anna@reader.example"
UNKNOWN = "550 5.1.1 user unknown"
POLICY = "550 5.7.1 Message rejected due to policy"
AT = "2026-11-30T08:00:00.000Z"
SECONDS = datetime(2026, 11, 30, 8, tzinfo=UTC).timestamp()


def ses(kind: str, sub_type: str, words: str = "", status: str = "") -> dict[str, Any]:
    recipient = {"emailAddress": ANNA, "action": "failed", "status": status, "diagnosticCode": words}
    about = {"bounceType": kind, "bounceSubType": sub_type, "bouncedRecipients": [recipient]}
    return {"notificationType": "Bounce", "bounce": about, "mail": {"timestamp": AT}}


def ses_complaint(kind: str) -> dict[str, Any]:
    about = {"complainedRecipients": [{"emailAddress": ANNA}], "complaintFeedbackType": kind}
    return {"eventType": "Complaint", "complaint": about, "mail": {"timestamp": AT}}


def postmark(kind: str, words: str = "", record: str = "Bounce") -> dict[str, Any]:
    return {"RecordType": record, "Type": kind, "Email": ANNA, "Details": words, "BouncedAt": AT}


def mailgun(event: str, severity: str = "", reason: str = "", words: str = "") -> dict[str, Any]:
    told = {"event": event, "severity": severity, "reason": reason, "recipient": ANNA, "timestamp": SECONDS}
    return {"signature": {}, "event-data": {**told, "delivery-status": {"message": words, "code": 550}}}


def sendgrid(event: str, **more: str) -> list[dict[str, Any]]:
    return [{"email": ANNA, "event": event, "timestamp": int(SECONDS), **more}]


def brevo(event: str, reason: str = "") -> dict[str, Any]:
    return {"event": event, "email": ANNA, "ts_epoch": int(SECONDS * 1000), "reason": reason}


@pytest.mark.parametrize(
    ("provider", "content", "meaning"),
    [
        ("ses", ses("Permanent", "General", UNKNOWN, "5.1.1"), Meaning.HARD),
        ("ses", ses("Permanent", "NoEmail"), Meaning.HARD),
        ("ses", ses("Permanent", "General", POLICY, "5.7.1"), None),
        ("ses", ses("Permanent", "General", "552 5.2.2 mailbox full", "5.2.2"), Meaning.SOFT),
        ("ses", ses("Transient", "MailboxFull"), Meaning.SOFT),
        ("ses", ses("Transient", "General", "451 4.4.1 timed out", "4.4.1"), Meaning.SOFT),
        ("ses", ses("Transient", "General"), None),
        ("ses", ses("Transient", "ContentRejected", POLICY), None),
        ("ses", ses_complaint("abuse"), Meaning.COMPLAINT),
        ("ses", ses_complaint("not-spam"), None),
        ("ses", {"notificationType": "Delivery", "delivery": {"recipients": [ANNA]}}, None),
        ("postmark", postmark("HardBounce", UNKNOWN), Meaning.HARD),
        ("postmark", postmark("HardBounce", POLICY), None),
        ("postmark", postmark("SoftBounce", "mailbox full"), Meaning.SOFT),
        ("postmark", postmark("Transient"), None),
        ("postmark", postmark("AutoResponder"), None),
        ("postmark", postmark("Blocked", POLICY), None),
        ("postmark", postmark("SpamComplaint", record="SpamComplaint"), Meaning.COMPLAINT),
        ("postmark", postmark("Unsubscribe"), Meaning.OPT_OUT),
        ("mailgun", mailgun("failed", "permanent", "bounce", UNKNOWN), Meaning.HARD),
        ("mailgun", mailgun("failed", "permanent", "generic", POLICY), None),
        ("mailgun", mailgun("failed", "permanent", "old", "timed out"), Meaning.SOFT),
        ("mailgun", mailgun("failed", "temporary", "generic", "timed out"), None),
        ("mailgun", mailgun("failed", "permanent", "suppress-unsubscribe"), None),
        ("mailgun", mailgun("complained"), Meaning.COMPLAINT),
        ("mailgun", mailgun("opened"), None),
        ("sendgrid", sendgrid("bounce", type="bounce", status="5.1.1", reason=UNKNOWN), Meaning.HARD),
        ("sendgrid", sendgrid("bounce", type="blocked", status="5.7.1", reason=POLICY), None),
        ("sendgrid", sendgrid("bounce", bounce_classification="Reputation", reason=POLICY), None),
        ("sendgrid", sendgrid("bounce", bounce_classification="Invalid Address"), Meaning.HARD),
        ("sendgrid", sendgrid("dropped", reason="Bounced Address"), Meaning.HARD),
        ("sendgrid", sendgrid("dropped", reason="Unsubscribed Address"), None),
        ("sendgrid", sendgrid("deferred"), None),
        ("sendgrid", sendgrid("spamreport"), Meaning.COMPLAINT),
        ("sendgrid", sendgrid("group_unsubscribe"), Meaning.OPT_OUT),
        ("brevo", brevo("hard_bounce", UNKNOWN), Meaning.HARD),
        ("brevo", brevo("hard_bounce", POLICY), None),
        ("brevo", brevo("soft_bounce"), Meaning.SOFT),
        ("brevo", brevo("blocked"), None),
        ("brevo", brevo("spam"), Meaning.COMPLAINT),
        ("brevo", brevo("invalid_email"), Meaning.HARD),
        ("brevo", brevo("delivered"), None),
    ],
)
def test_each_provider_is_read_by_its_own_words(provider: str, content: Any, meaning: Meaning | None) -> None:
    """O6: permanent is hard unless the mail server spoke of the mail; what says nothing is left out."""
    found = read_events(provider, content)
    assert [it.meaning for it in found] == ([] if meaning is None else [meaning])
    for it in found:
        assert it.address == ANNA
        assert it.at == datetime(2026, 11, 30, 8, tzinfo=UTC)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["bounce", "mail", "event", "event-data", "timestamp", "Type", "email", "ts", "status"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(ANYTHING)
def test_any_json_is_read(content: Any) -> None:
    """O6: a provider that changes its words brings nothing down."""
    for provider in PROVIDERS:
        read_events(provider, content)
