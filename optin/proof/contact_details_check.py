"""Check a person's stored details against the newest event that commits to them. Pure."""

from __future__ import annotations

from typing import Protocol

from optin.consent.consent_history import History
from optin.consent.status_transitions import EventKind
from optin.proof.commitment import opens

SAYS_DETAILS = 2  # the version of events since which a confirmation does


class CommittedValue(Protocol):
    """Something that an event commits to."""

    @property
    def salt(self) -> bytes:
        """The salt of the commitment; empty without one."""

    @property
    def plain(self) -> bytes:
        """The committed bytes."""


class Details(CommittedValue, Protocol):
    """A person's stored details."""

    @property
    def correction(self) -> CommittedValue | None:
        """The person's corrections."""


def are_committed(details: Details, history: History) -> bool:
    """Return whether a person's details match the newest event about them.

    Events of older versions name only what was corrected.
    """
    bodies = [logged.body for logged in reversed(history.logged)]
    named = next((body for body in bodies if "details" in body), None)
    if named is not None:
        return bool(details.salt) and opens(named["details"], details.salt, details.plain)
    if any(body["version"] >= SAYS_DETAILS for body in bodies if body["kind"] == EventKind.CONFIRMED):
        return False
    corrected = next((body for body in bodies if body["kind"] == EventKind.CORRECTED), None)
    correction = details.correction
    if corrected is None or correction is None:
        return corrected is None and correction is None
    return opens(corrected["contact"], correction.salt, correction.plain)
