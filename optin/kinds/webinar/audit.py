"""Audit of webinars: whoever registered and confirmed has a seat, or gave it up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from optin.kinds.api.flows import ConfirmedRequest, EmailAddress
from optin.kinds.api.log import EventKind, request_history
from optin.kinds.api.store import Runner, Vault
from optin.kinds.webinar.seats import has_seat


def audit_seats(read: Runner, vault: Vault, confirmed: Sequence[ConfirmedRequest]) -> Iterator[str]:
    """Yield the confirmed people without any seat.

    A seat is of one request, however often somebody registers; it goes with that request, and then an event
    of another one tells which details stay.
    """
    people: dict[bytes, list[ConfirmedRequest]] = defaultdict(list)
    for it in confirmed:
        people[vault.index(EmailAddress(it.declared.email))].append(it)
    for requests in people.values():
        if any(read(has_seat, request=it.request) for it in requests):
            continue
        if any(read(request_history, vault=vault, request=it.request).of(EventKind.KEPT) for it in requests):
            continue
        for it in requests:
            yield (
                f"request {it.request.hex()} has no seat at the webinar {it.form.magnet}, although it was"
                " confirmed"
            )
