"""Counts of leads for pages of the desk: exact while that is quick, a few minutes old where it is slow."""

from __future__ import annotations

import time
from datetime import timedelta

from optin.consent.purpose import ConsentKey
from optin.flows.exports.lead_list import LeadCounts, count_leads_of
from optin.services.installation import Installation

QUICK_SECONDS = 0.05
SHOWN_AGAIN = timedelta(minutes=10)


def counted_leads(installation: Installation, key: ConsentKey) -> LeadCounts:
    """Count the leads of a purpose; what took long is not counted again for ten minutes."""
    now, name = installation.clock(), f"leads {key}"
    until, counts = installation.slow_counts.get(name, (now, None))
    if counts is not None and now < until:
        kept: LeadCounts = counts
        return kept
    begun = time.perf_counter()
    found = count_leads_of(installation.store.read, key, now)
    if time.perf_counter() - begun > QUICK_SECONDS:
        installation.slow_counts[name] = now + SHOWN_AGAIN, found
    return found
