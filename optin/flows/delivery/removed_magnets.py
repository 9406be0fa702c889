"""Magnets that were removed from the site: what they promised still holds.

A webinar that people have seats at takes place as it was announced last; a prize draw that people entered is
fixed and drawn. Whoever wants it otherwise says so on the magnet's own page, and removes it afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from optin.consent.prize import KIND, PrizeDraw
from optin.consent.webinar import Webinar
from optin.flows.policy import RequestPolicy
from optin.store.promises import KeptDetails, all_details
from optin.store.transaction import Tx


def with_removed(tx: Tx, policy: RequestPolicy) -> RequestPolicy:
    """Return a policy that knows the webinars and prize draws of removed magnets as well."""
    gone = [it for it in all_details(tx) if it.name not in policy.names]
    draws = {it.name: PrizeDraw.read(json.loads(it.details)) for it in gone if it.kind == KIND}
    return replace(
        policy,
        removed=frozenset(it.name for it in gone),
        webinars={**_webinars(gone), **policy.webinars},
        draws={**draws, **policy.draws},
    )


def _webinars(gone: list[KeptDetails]) -> Mapping[str, Webinar]:
    """Return the webinars by name; one that had several names is one and the same (`_seat_at`)."""
    made: dict[tuple[str, str], Webinar] = {}
    found: dict[str, Webinar] = {}
    for it in gone:
        if it.kind != KIND:
            webinar = made.setdefault((it.magnet, it.details), Webinar.read(json.loads(it.details)))
            found[it.name] = webinar
    return found
