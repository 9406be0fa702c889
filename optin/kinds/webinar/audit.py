"""Audit of webinars: whoever registered and confirmed has a seat, or gave it up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from optin.kinds.api.event_log import EventKind, request_history
from optin.kinds.api.flows import ConfirmedRequest, EmailAddress
from optin.kinds.api.store import Runner, Vault
from optin.kinds.webinar.stored_seats import has_seat, is_one_of


def audit_seats(read: Runner, vault: Vault, confirmed: Sequence[ConfirmedRequest]) -> Iterator[str]:
    """Yield the confirmed people without a seat at their webinar.

    A person has one seat at a webinar, of one request, however often they register, and under whichever of
    its addresses. It goes with that request, and then an event of another one tells which details stay.
    """
    people: dict[bytes, list[ConfirmedRequest]] = defaultdict(list)
    for it in confirmed:
        people[vault.index(EmailAddress(it.declared.email))].append(it)
    for requests in people.values():
        magnets = [(it.request, it.form.magnet) for it in requests]
        seats = {magnet for request, magnet in magnets if read(has_seat, request=request, magnet=magnet)}
        lacking = [it for it in requests if not read(is_one_of, magnet=it.form.magnet, others=seats)]
        if not lacking or any(
            read(request_history, vault=vault, request=it.request).of(EventKind.KEPT) for it in requests
        ):
            continue
        for it in lacking:
            yield (
                f"request {it.request.hex()} has no seat at the webinar {it.form.magnet}, although it was"
                " confirmed"
            )
