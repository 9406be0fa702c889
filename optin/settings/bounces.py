"""The table of `optin.toml` about mails that come back (O6)."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from optin.consent.retention_period import RetentionPeriod
from optin.settings.table_model import SECRET, Period, ShortValue, Stripped, Table

Provider: TypeAlias = Literal["ses", "postmark", "mailgun", "sendgrid", "brevo"]


class BounceWebhook(Table):
    """A provider of mail that tells optin at once which mails came back, at /bounces/NAME."""

    provider: Provider = Field(description="Whose messages it takes.", examples=["ses", "postmark"])
    secret: Annotated[Stripped, SECRET] = Field(
        default="",
        description=(
            "Of Postmark and Brevo the password that they send, of Mailgun the signing key: env:NAME, or a"
            " key file that only its owner can read; else OPTIN_BOUNCES_NAME."
        ),
        examples=["env:OPTIN_BOUNCES_MAILGUN"],
        json_schema_extra={"maxLength": 200},
    )
    topic: Stripped = Field(
        default="",
        description="Of SES: the ARN of the one SNS topic whose messages count.",
        examples=["arn:aws:sns:eu-west-1:123456789012:bounces"],
    )
    key: Stripped = Field(
        default="", description="Of SendGrid: the public key that it shows, in base64.", max_length=500
    )

    @property
    def has_secret(self) -> bool:
        """Whether optin shares a secret with the provider."""
        return self.provider in {"postmark", "mailgun", "brevo"}


IMAP_PASSWORD = "OPTIN_IMAP_PASSWORD"  # noqa: S105 - the name of the variable that holds it
IMAPS_PORT = 993


class ImapTable(Table):
    """The mailbox to which mails come back, where optin reads it by IMAP (RFC 9051)."""

    host: ShortValue = Field(description="The server of the mailbox.", examples=["imap.example.com"])
    port: int = Field(
        default=IMAPS_PORT,
        ge=1,
        le=65_535,
        description="993: TLS from the start; another port: STARTTLS, on this machine without TLS.",
        examples=[993, 143],
    )
    user: ShortValue = Field(description="Name to sign in with.", examples=["bounces@example.com"])
    password: Annotated[Stripped, SECRET] = Field(
        default="",
        description="env:NAME, or a key file that only its owner can read; else OPTIN_IMAP_PASSWORD.",
        examples=["env:OPTIN_IMAP_PASSWORD"],
        json_schema_extra={"maxLength": 200},
    )
    folder: ShortValue = Field(default="INBOX", description="The folder that is read.")
    handled: Stripped = Field(
        default="",
        description="Folder for messages that came back from mails of optin; empty: they are deleted.",
        examples=["Bounces"],
        max_length=200,
    )


def bounce_secret_variable(name: str) -> str:
    """Return the environment variable that holds the secret of a webhook without the setting."""
    return f"OPTIN_BOUNCES_{re.sub('[^A-Z0-9]', '_', name.upper())}"


class BouncesTable(Table):
    """Mails that come back, and complaints about mails."""

    address: ShortValue = Field(
        default="",
        description=(
            "Mailbox to which mails come back; each mail has its own address there, NAME+TOKEN@DOMAIN."
            " Empty: they come back to the sender's address, and nobody reads them for optin."
        ),
        examples=["bounces@example.com"],
    )
    soft_times: int = Field(
        default=5,
        ge=2,
        le=100,
        description="So many mails that do not arrive for now make an address unreachable.",
    )
    soft_within: Period = Field(
        default=RetentionPeriod.parse("14 days"),
        description="The time in which they are counted.",
        examples=["14 days", "1 month"],
    )
    webhooks: dict[str, BounceWebhook] = Field(
        default={}, description="Providers of mail that tell at /bounces/NAME which mails came back."
    )
    lmtp: Stripped = Field(
        default="",
        description=(
            "Where the server listens for mails that come back, by LMTP (RFC 2033): address and port, or a"
            " socket's path with a slash in it, seen from the site's folder. Empty: nowhere."
        ),
        examples=["127.0.0.1:2424", "/run/optin/lmtp.sock"],
        max_length=100,  # a path of a socket has at most 107 bytes
    )
    lmtp_anywhere: bool = Field(
        default=False,
        description="Allow an address for LMTP that other machines reach; a firewall must guard it.",
    )
    imap: ImapTable | None = Field(
        default=None, description="The mailbox, where optin reads it itself: a table, [bounces.imap]."
    )
