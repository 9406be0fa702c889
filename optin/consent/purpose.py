"""Purposes of consents: purpose, channel, retention, and the controller (GDPR 4(7), 4(11))."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NewType

from optin.consent.channel import Channel, channel_named
from optin.consent.retention_period import RetentionPeriod

PurposeId = NewType("PurposeId", str)


@dataclass(frozen=True, order=True, slots=True)
class ConsentKey:
    """Identifies a consent of a person: one purpose, by one channel."""

    purpose: PurposeId
    channel: Channel

    def __str__(self) -> str:
        return f"{self.purpose} by {self.channel}"

    @staticmethod
    def parse(purpose: str, channel: str) -> ConsentKey:
        """Return the key of two stored words. Raises ValueError for a malformed channel name."""
        return _key(purpose, channel_named(channel))


@lru_cache(maxsize=1_024)  # few are used, and each event names one
def _key(purpose: str, channel: Channel) -> ConsentKey:
    return ConsentKey(PurposeId(purpose), channel)


@dataclass(frozen=True)
class Controller:
    """Who decides about the data and must prove the consent (GDPR 4(7), 7(1), 13(1)(a))."""

    name: str
    address: tuple[str, ...]
    email: str
    phone: str = ""
    register: str = ""


@dataclass(frozen=True)
class ConsentQuestion:
    """One box: one purpose, one channel, in the words shown (recital 32)."""

    purpose: PurposeId
    channel: Channel
    wording: str
    retention: RetentionPeriod

    @property
    def key(self) -> ConsentKey:
        """The consent that it asks for."""
        return ConsentKey(self.purpose, self.channel)
