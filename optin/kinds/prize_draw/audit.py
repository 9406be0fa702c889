"""Audit of prize draws: recompute each list, seed and result (M2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from optin.kinds.api.event_log import (
    EventKind,
    Json,
    canonical,
    contents_about_nobody,
    digest,
    parse,
    rfc3339,
)
from optin.kinds.api.flows import ConfirmedRequest
from optin.kinds.api.store import Runner, Vault
from optin.kinds.prize_draw import event_names
from optin.kinds.prize_draw.details import ANSWER_FIELD, PrizeDraw
from optin.kinds.prize_draw.draw_lots import SeedRefused, canonical_seed, draw_order, list_digest
from optin.kinds.prize_draw.participation import promise_of
from optin.kinds.prize_draw.stored_entries import (
    DrawEntry,
    DrawList,
    DrawResult,
    all_lists,
    all_results,
    entries_of,
)

Event = Mapping[str, Json]


def audit_draws(read: Runner, said: Sequence[Event]) -> Iterator[str]:
    """Yield the faults of the draws; `said`: logged events that belong to no request."""
    fixed: dict[str, Event] = {}
    told: dict[str, Event] = {}
    for event in said:
        kind, magnet = event.get("kind"), str(event.get("magnet"))
        if kind in {event_names.FIXED, event_names.DRAWN}:
            known = fixed if kind == event_names.FIXED else told
            if magnet in known:
                yield f"the draw of {magnet} has two events that say {kind}"
            known[magnet] = event
    lists: dict[str, DrawList] = {it.magnet: it for it in read(all_lists)}
    results: dict[str, DrawResult] = {it.magnet: it for it in read(all_results)}
    for magnet in sorted(fixed.keys() ^ lists.keys()):
        yield f"the list of the draw of {magnet} and its event are not both there"
    for magnet in sorted(told.keys() ^ results.keys()):
        yield f"the result of the draw of {magnet} and its event are not both there"
    for magnet in sorted(fixed.keys() & lists.keys()):
        found = lists[magnet]
        if rfc3339(found.at) != fixed[magnet].get("at"):
            yield f"the list of the draw of {magnet} is stored with another moment than its event says"
        if found.event != canonical(dict(fixed[magnet])).decode() or list_digest(found.tickets) != fixed[
            magnet
        ].get("digest"):
            yield f"the list of the draw of {magnet} is not the one that was fixed: it was edited"
    for magnet in sorted(told.keys() & results.keys() & lists.keys()):
        yield from _result(lists[magnet], results[magnet], told[magnet])


def _result(fixed: DrawList, result: DrawResult, event: Event) -> Iterator[str]:
    name = f"the result of the draw of {fixed.magnet}"
    if rfc3339(result.at) != event.get("at"):
        yield f"{name} is stored with another moment than its event says"
    if digest(result.transcript) != event.get("transcript") or event.get("seed") != result.seed:
        yield f"{name} is not the one that was logged: it was edited"
        return
    published = parse(result.transcript)
    try:
        seed = canonical_seed(str(published.get("seed")))
    except SeedRefused:
        seed = ""
    order = draw_order(seed, fixed.tickets)
    passed, won = published.get("passed_over"), published.get("winners")
    if seed != result.seed or published.get("order") != order or list(result.winners) != won:
        yield f"{name} does not follow from its seed"
    elif not isinstance(passed, list) or set(order[: len(won) + len(passed)]) != {*won, *passed}:
        yield f"{name} names others than those who came first"


def audit_entries(read: Runner, vault: Vault, confirmed: Sequence[ConfirmedRequest]) -> Iterator[str]:
    """Yield confirmed entries whose row differs from their confirmation, or is missing."""
    lists = {it.magnet: (it.at, frozenset(it.tickets)) for it in read(all_lists)}
    told = read(contents_about_nobody, vault=vault, kind=EventKind.FORGOTTEN)
    gone = frozenset(str(body.get("of")) for body in told if body.get("what") == event_names.ENTRIES)
    entries = read(entries_of, requests=[it.request for it in confirmed])
    for it in confirmed:
        promise, magnet = promise_of(it.form), it.form.magnet
        if promise is None:
            continue
        entry, fixed = entries.get(it.request), lists.get(magnet, (None, frozenset[str]()))
        if entry is not None or magnet not in gone:
            for fault in _entry(it, promise, entry, fixed):
                yield f"request {it.request.hex()} {fault}"


def _entry(
    confirmed: ConfirmedRequest,
    promise: PrizeDraw,
    entry: DrawEntry | None,
    fixed: tuple[datetime | None, frozenset[str]],
) -> Iterator[str]:
    """Yield the differences between a request's entry and its confirmation."""
    magnet, ticket, (fixed_at, tickets) = confirmed.form.magnet, confirmed.leaf.hex(), fixed
    if entry is None:
        yield f"takes no part in the draw of {magnet}, although it was confirmed"
        return
    right = promise.takes_part(confirmed.declared.fields.get(ANSWER_FIELD, ""))
    late = confirmed.at >= promise.closes or (fixed_at is not None and confirmed.at >= fixed_at)
    expected = {"late"} if late else {"in" if right else "wrong", "twice"}
    if (entry.magnet, entry.ticket) != (magnet, ticket) or entry.state not in expected:
        yield f"has another part in the draw of {magnet} than its confirmation says"
    elif entry.state == "in" and fixed_at is not None and ticket not in tickets:
        yield f"was left out of the list of the draw of {magnet}"
