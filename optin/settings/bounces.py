"""The table of `optin.toml` about mails that come back (O6)."""

from __future__ import annotations

from pydantic import Field

from optin.consent.retention_period import RetentionPeriod
from optin.settings.table_model import Period, ShortValue, Table


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
