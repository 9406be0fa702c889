"""Draw winners: the list is fixed and logged, then the seed is published, then the result (M2).

What is public names tickets only, the leaves of the log that each entrant has in the receipt; who holds
one is known as long as the request is kept. A list never changes, whoever leaves afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from optin.kinds.api.errors import RequestRefused
from optin.kinds.api.event_log import (
    EventKind,
    Json,
    StoredCheckpoint,
    add_events,
    canonical,
    contents_about_nobody,
    digest,
    first_checkpoint_over,
    of_magnet,
    own_forgotten,
    parse,
    rfc3339,
)
from optin.kinds.api.flows import (
    Context,
    EmailAddress,
    RequestPolicy,
    RightsAction,
    current_contact,
    open_request,
    peek_request,
    record_action,
    trust_clock,
)
from optin.kinds.api.forms import EMAIL_FIELD, SOURCE_FIELD
from optin.kinds.api.mail import enqueue
from optin.kinds.api.store import Tx, Vault
from optin.kinds.prize_draw import event_names
from optin.kinds.prize_draw.details import SETTLING, PrizeDraw
from optin.kinds.prize_draw.draw_lots import (
    SCHEME,
    SeedRefused,
    canonical_seed,
    draw_order,
    list_digest,
    pick_winners,
)
from optin.kinds.prize_draw.stored_entries import (
    DrawEntry,
    DrawList,
    DrawResult,
    declarations_entered,
    entries_with,
    keep_list,
    keep_result,
    load_list,
    load_result,
    mark_told,
    tickets_in,
    untold_entries,
)

DRAWN = "drawn"  # the mail that tells each entrant the result
# what an entrant goes by
DECIDING = ("prize", "value", "winners", "closes", "age", "terms", "seed", "contest")


def fix_entries(tx: Tx, context: Context, magnet: str, promise: PrizeDraw, now: datetime) -> DrawList:
    """Fix the list of entries, once: an event commits to the list before its seed can be known.

    Raises RequestRefused while the draw is open, when the seed may be known already, and when another draw
    had this address; ClockDoubted when the clock jumped, for this is done once (O7).
    """
    fixed = load_list(tx, magnet)
    if fixed is not None:
        if fixed.promise.closes != promise.closes:
            msg = (
                f"/{magnet} drew already, for what closed at {rfc3339(fixed.promise.closes)}."
                " Give each draw an address of its own."
            )
            raise RequestRefused(msg)
        return fixed
    if now < promise.closes + SETTLING:
        msg = f"/{magnet} takes entries until {rfc3339(promise.closes)}; a minute later they are fixed."
        raise RequestRefused(msg)
    if now >= promise.seed_at:
        msg = (
            f"The entries of /{magnet} were not fixed before {rfc3339(promise.seed_at)}, when its seed became"
            " known: nobody could trust this draw. Name a later seed in the front matter, tell the entrants"
            " why, and run this again."
        )
        raise RequestRefused(msg)
    trust_clock(tx, context, now)
    tickets = tickets_in(tx, magnet)
    said: dict[str, Json] = {
        "closed": rfc3339(promise.closes),
        "digest": list_digest(tickets),
        "entries": len(tickets),
        "seed_at": rfc3339(promise.seed_at),
        "seed_source": promise.seed_source,
        "winners": promise.winners,
        "changed": _changed(tx, magnet, promise),
    }
    body = of_magnet(event_names.FIXED, now, magnet, said)
    fixed = DrawList(magnet, now, promise, canonical(body).decode(), tuple(tickets))
    if not keep_list(tx, fixed):  # a server's sweep and `optin draw` at once: the first one's list stands
        return fix_entries(tx, context, magnet, promise, now)
    add_events(tx, context.vault, None, [body])
    return fixed


def _changed(tx: Tx, magnet: str, promise: PrizeDraw) -> dict[str, Json]:
    """Return what was promised differently to earlier entrants, and to how many; the log records it.

    A promise may be put right. That it was, after people entered, is for everybody to see.
    """
    now, counts = promise.declared(), Counter[str]()
    for declaration, entrants in declarations_entered(tx, magnet):
        details = parse(declaration).get("details")
        promised = details if isinstance(details, dict) else {}
        counts.update({key: entrants for key in DECIDING if promised.get(key) != now.get(key)})
    return {key: counts[key] for key in DECIDING if counts[key]}


def draw_winners(tx: Tx, context: Context, magnet: str, typed: str, now: datetime) -> DrawResult:
    """Draw once, with the announced seed; the same seed again returns the same result.

    The first who can still be reached win; who cannot is passed over, by ticket, in the transcript.
    Raises RequestRefused; ClockDoubted when the clock jumped (O7).
    """
    fixed = load_list(tx, magnet)
    if fixed is None:
        msg = f"The entries of /{magnet} are not fixed yet."
        raise RequestRefused(msg)
    try:
        seed = canonical_seed(typed)
    except SeedRefused as problem:
        raise RequestRefused(str(problem)) from None
    result = load_result(tx, magnet)
    if result is not None:
        if result.seed != seed:
            msg = (
                f"/{magnet} was drawn at {rfc3339(result.at)} with another seed, {result.seed}; that stands."
            )
            raise RequestRefused(msg)
        return result
    if now < fixed.promise.seed_at:
        msg = f"The seed of /{magnet} may be typed in from {rfc3339(fixed.promise.seed_at)} on."
        raise RequestRefused(msg)
    trust_clock(tx, context, now)
    checkpoint = first_checkpoint_over(tx, fixed.leaf)
    if checkpoint is None:
        msg = "The list is not under a signed checkpoint yet; run this again in a moment."
        raise RequestRefused(msg)
    order = draw_order(seed, fixed.tickets)
    picked = pick_winners(order, fixed.promise.winners, frozenset(tickets_in(tx, magnet)))
    transcript = canonical(
        {
            **_published(fixed, checkpoint),
            "seed": typed.strip(),
            "seed_canonical": seed,
            "drawn": rfc3339(now),
            "order": [*order],
            "winners": list(picked.winners),
            "passed_over": list(picked.passed_over),
        }
    )
    result = DrawResult(magnet, now, seed, picked.winners, transcript)
    if not keep_result(tx, result):  # somebody else drew at the same moment: that result stands
        return draw_winners(tx, context, magnet, typed, now)
    said: dict[str, Json] = {"seed": seed, "transcript": digest(transcript)}
    add_events(tx, context.vault, None, [of_magnet(event_names.DRAWN, now, magnet, said)])
    return result


def _published(fixed: DrawList, checkpoint: StoredCheckpoint | None) -> dict[str, Json]:
    event = parse(fixed.event)
    return {
        "scheme": SCHEME,
        "magnet": fixed.magnet,
        "prize": fixed.promise.prize,
        "prizes": fixed.promise.winners,
        "entries": len(fixed.tickets),
        "digest": event["digest"],
        "closed": event["closed"],
        "fixed": event["at"],
        "fixed_event": fixed.event,
        "fixed_leaf": fixed.leaf.hex(),
        "seed_source": event["seed_source"],
        "seed_at": event["seed_at"],
        "changed": event["changed"],
        "checkpoint": "" if checkpoint is None else checkpoint.note,
        "checkpoint_at": "" if checkpoint is None else rfc3339(checkpoint.at),
    }


def drawn_at(tx: Tx, vault: Vault, magnet: str) -> datetime | None:
    """Return when a prize draw was drawn, by its genuine event; None when there is none."""
    told = (
        body for body in contents_about_nobody(tx, vault, event_names.DRAWN) if body.get("magnet") == magnet
    )
    return next((datetime.fromisoformat(str(body["at"])) for body in told), None)


def note_entries_forgotten(tx: Tx, vault: Vault, magnet: str, now: datetime) -> None:
    """Log once that entries of a draw are deleted from now on, or an audit would miss them."""
    known = contents_about_nobody(tx, vault, EventKind.FORGOTTEN)
    if not any((body.get("what"), body.get("of")) == (event_names.ENTRIES, magnet) for body in known):
        add_events(tx, vault, None, [own_forgotten(now, event_names.ENTRIES, magnet)])


def publication_of(tx: Tx, magnet: str) -> bytes | None:
    """Return a draw's published file: its list, and after the draw the transcript; None before."""
    result = load_result(tx, magnet)
    if result is not None:
        return result.transcript
    fixed = load_list(tx, magnet)
    if fixed is None:
        return None
    told = _published(fixed, first_checkpoint_over(tx, fixed.leaf))
    return canonical({**told, "tickets": list(fixed.tickets)})


def tell_entrants(tx: Tx, policy: RequestPolicy, magnet: str, most: int, now: datetime) -> int:
    """Queue the result mail for the next entrants of a completed draw; return how many."""
    entries = untold_entries(tx, magnet, most)
    for entry in entries:
        enqueue(tx, DRAWN, entry.request, policy.mail_domain, now, now)
        mark_told(tx, entry)
    return len(entries)


@dataclass(frozen=True)
class Winner:
    """A winner, for whoever hands out the prize."""

    place: int
    ticket: str
    email: str
    fields: dict[str, str]


def read_winners(
    tx: Tx, context: Context, result: DrawResult, who: str, why: str, now: datetime
) -> Sequence[Winner]:
    """Return the winners still stored; each reading is recorded for each person (R9)."""
    entries = entries_with(tx, result.magnet, result.winners)
    found: list[Winner] = []
    for place, ticket in enumerate(result.winners, start=1):
        entry = entries.get(ticket)
        if entry is not None:
            found.append(_winner(tx, context.vault, place, entry))
            index = context.vault.index(EmailAddress(found[-1].email))
            record_action(tx, context.vault, index, RightsAction(now, "draw", who, why))
    return found


def _winner(tx: Tx, vault: Vault, place: int, entry: DrawEntry) -> Winner:
    opened = open_request(tx, vault, peek_request(tx, entry.request))
    # whoever hands out prizes has no use for a source
    values = {name: value for name, value in opened.declared.fields.items() if name != SOURCE_FIELD}
    email = opened.declared.email
    if opened.stored.subject is not None:  # as it was put right since
        newest = current_contact(tx, vault, opened.stored.subject).values
        email = newest.get(EMAIL_FIELD, email)
        values |= {name: newest[name] for name in values if name in newest}
    return Winner(place, entry.ticket, email, values)
