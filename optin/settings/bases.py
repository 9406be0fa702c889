"""The tables of `optin.toml` about lawful bases besides consent (L1): products, obligations, enquiries."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from optin.consent.retention_period import RetentionPeriod
from optin.settings.table_model import Period, Table, Text

_period = RetentionPeriod.parse


class Product(Table):
    """A line of products or services: how long its buyers are customers (L2)."""

    life_cycle: Period = Field(
        description="How long after the newest invoice somebody is a customer.",
        examples=["5 years", "18 months"],
    )
    similar: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Ids of purposes that offer products of your own like these.",
    )
    obligation: str = Field(
        default="", description="The id of the obligation under which its invoices are kept."
    )


class Obligation(Table):
    """A law that requires to keep a kind of document, and for how long (GDPR 6(1)(c), 17(3)(b))."""

    keep: Period = Field(description="How long the documents are kept.", examples=["7 years", "10 years"])
    law: Text = Field(description="The law and its article.", examples=["AWR 52"])
    starts: Literal["end of year", "day"] = Field(
        default="end of year",
        description="From when the time counts: the end of the document's calendar year, or its day.",
        examples=["end of year", "day"],
    )


class Enquiries(Table):
    """People who asked for a quote or an answer by themselves (GDPR 6(1)(b))."""

    keep: Period = Field(
        default=_period("3 months"),
        description="When an enquiry that led to no contract is erased.",
        examples=["3 months", "6 months"],
    )
