"""What every rule of a sweep works with, and how its periods are reckoned."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from optin.consent.purpose import RetentionPeriod
from optin.flows.policy import RequestPolicy
from optin.flows.retention.sweep_candidates import Skipped
from optin.store.transaction import Tx
from optin.store.vault import Vault

STEP = 40  # rows that only go; measured: larger steps make live sign-ups wait
PEOPLE_STEP = 20  # people with all that belongs to them


@dataclass(frozen=True)
class SweepContext:
    """What a sweep works with. `now` is an argument: time is never read here."""

    vault: Vault
    policy: RequestPolicy
    now: datetime
    skipped: Skipped = field(default_factory=Skipped)
    room: int = sys.maxsize  # so many people may lose something in this step


Rule = Callable[[Tx, SweepContext], int]


def ago(period: RetentionPeriod, now: datetime) -> datetime:
    """Return the moment whose period ends now: what began before it has had its time."""
    return RetentionPeriod(period.text, -period.months, -period.hours).after(now)
