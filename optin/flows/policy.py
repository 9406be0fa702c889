"""What the site decided about requests, links and limits, as far as the flows obey it."""

from __future__ import annotations

from dataclasses import dataclass

from optin.consent.purpose import RetentionPeriod


@dataclass(frozen=True)
class RequestPolicy:
    """How long requests and links live, and how many mails one address may cause."""

    mail_domain: str  # of every Message-ID
    base_url: str = "http://localhost"  # of links that stand in evidence
    keep: RetentionPeriod = RetentionPeriod.parse("7 days")  # unconfirmed requests (D6)
    link: RetentionPeriod = RetentionPeriod.parse("72 hours")  # confirmation link and code (D4)
    download: RetentionPeriod = RetentionPeriod.parse("7 days")  # the magnet (S8)
    resend: int = 3
    per_address_per_day: int = 5
