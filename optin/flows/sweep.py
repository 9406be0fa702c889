"""Sweeping: what has had its time goes by itself, in small steps beside live traffic (D6, R8).

Each rule is one function that does one step in a transaction of its own: killed between two, a sweep goes on
where it was. `plan` says beforehand what would go, and why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from optin.consent.prize import SETTLING
from optin.consent.purpose import RetentionPeriod
from optin.consent.record import EventKind, Happening, follow
from optin.consent.webhook import WebhookKind
from optin.errors import LinkSpent
from optin.flows.draw import fix_entries, tell_entrants
from optin.flows.erase import BY_RETENTION, erase_person
from optin.flows.opened import open_request
from optin.flows.policy import RequestPolicy
from optin.flows.renew import RECONFIRMATION, ask_again
from optin.flows.webhooks import tell_ended
from optin.flows.webinars import count_due, keep_up
from optin.store.dossier import request_ids
from optin.store.draws import (
    DrawEntry,
    count_entries,
    count_untold,
    drawn_magnets,
    entries_left,
    fixed_at,
    remove_entry,
)
from optin.store.due import (
    Due,
    consents_ending,
    consents_over,
    count_actions,
    count_ending,
    count_gone,
    count_holds_over,
    count_idle,
    count_notices_over,
    count_over,
    count_settled,
    count_strays,
    count_unconfirmed,
    forget_notices,
    idle_people,
    mark_asked_again,
)
from optin.store.events import add_events
from optin.store.exports import forget_exports, forget_strays
from optin.store.limits import count_counts_over, forget_counts
from optin.store.outbox import forget_settled
from optin.store.replay import count_lines, forget_lines
from optin.store.requests import due_for_erasure, erase_requests, peek_request
from optin.store.rights import end_holds, forget_actions
from optin.store.subjects import address_index, refresh_idle, save_consent
from optin.store.transaction import Tx
from optin.store.vault import Vault
from optin.store.webhooks import forget_given_up

STEP = 40  # rows that only go; measured: larger steps make live sign-ups wait
PEOPLE_STEP = 20  # people with all that belongs to them
SETTLED_KEPT = timedelta(days=30)
NOTICES_KEPT = timedelta(days=1)
STRAYS_KEPT = timedelta(days=7)  # longer than any export takes
JOURNAL = "journal"
DRAWS = "draws"
FILE_FIRST = timedelta(hours=1)  # a line that the journal's file tells a backup is known in the database


@dataclass(frozen=True)
class Broom:
    """What a sweep works with. `now` is an argument: time is never read here."""

    vault: Vault
    policy: RequestPolicy
    now: datetime


Rule = Callable[[Tx, Broom], int]


def sweep_unconfirmed(tx: Tx, broom: Broom) -> int:
    """Erase requests that were never confirmed."""
    due = due_for_erasure(tx, broom.now, STEP)
    erase_requests(tx, broom.vault, due, "unconfirmed", broom.now)
    return len(due)


def sweep_expired(tx: Tx, broom: Broom) -> int:
    """End consents whose retention is over: an event says so, and nothing is done with them any more."""
    due = consents_over(tx, broom.now, STEP)
    for subject, consent in due:
        request = consent.record.request
        stored = None if request is None else peek_request(tx, request)
        happening = Happening(EventKind.EXPIRED, broom.now, request)
        if stored is not None and request is not None:
            opened = open_request(tx, broom.vault, stored)
            question = opened.declaration.question(consent.purpose)
            questions = () if question is None else (question,)
            bodies = opened.circumstances.bodies(EventKind.EXPIRED, broom.now, questions)
            add_events(tx, broom.vault, request, bodies)
        save_consent(tx, subject, replace(consent, record=follow(consent.record, happening)))
        refresh_idle(tx, subject)
        about = (str(consent.purpose), consent.channel.value)
        tell_ended(tx, subject, address_index(tx, subject), WebhookKind.EXPIRED, about, broom.now)
    return len(due)


def sweep_ending(tx: Tx, broom: Broom) -> int:
    """Ask once more for consents that end soon, where their purpose says so: one mail, as the first."""
    asked = 0
    for purpose, before in broom.policy.ask_again.items():
        for subject, consent in consents_ending(tx, purpose, broom.now, _ahead(before, broom.now), STEP):
            mark_asked_again(tx, subject, consent, broom.now)
            try:
                ask_again(tx, broom.vault, subject, consent, RECONFIRMATION, broom.policy, broom.now)
            except LinkSpent:
                continue
            asked += 1
    return asked


def sweep_draws(tx: Tx, broom: Broom) -> int:
    """Fix the entries of each prize draw that closed, before its seed is known."""
    due = _to_fix(tx, broom)
    for magnet in due:
        fix_entries(tx, broom.vault, magnet, broom.policy.draws[magnet], broom.now)
    return len(due)


def sweep_results(tx: Tx, broom: Broom) -> int:
    """Tell the entrants of a draw its result."""
    for magnet, _, _ in drawn_magnets(tx):
        if told := tell_entrants(tx, broom.policy, magnet, STEP, broom.now):
            return told
    return 0


def sweep_entries(tx: Tx, broom: Broom) -> int:
    """Forget who took part in a draw that is long over: whoever gave no consent is erased."""
    for magnet in _entries_over(tx, broom):
        entries = entries_left(tx, magnet, PEOPLE_STEP)
        for entry in entries:
            _forget_entry(tx, broom, entry)
        if entries:
            return len(entries)
    return 0


def _forget_entry(tx: Tx, broom: Broom, entry: DrawEntry) -> None:
    """Erase an entry. With a consent the request is its proof, and stays; only its ticket goes."""
    stored = peek_request(tx, entry.request)
    if stored is None or open_request(tx, broom.vault, stored).declared.purposes:
        remove_entry(tx, entry.request)
    elif request_ids(tx, stored.email_index) == [entry.request]:
        erase_person(tx, broom.vault, stored.email_index, BY_RETENTION, broom.now, suppress_all=False)
    else:
        erase_requests(tx, broom.vault, [entry.request], BY_RETENTION, broom.now)


def _to_fix(tx: Tx, broom: Broom) -> list[str]:
    return [
        magnet
        for magnet, promise in broom.policy.draws.items()
        if promise.closes + SETTLING <= broom.now < promise.seed_at
        and fixed_at(tx, magnet) is None
        and (magnet not in broom.policy.removed or count_entries(tx, magnet))
    ]


def missed_draws(tx: Tx, broom: Broom) -> list[str]:
    """Return the draws that nobody fixed before their seed: they are refused until a later one is named."""
    return [
        magnet
        for magnet, it in broom.policy.draws.items()
        if it.seed_at <= broom.now
        and fixed_at(tx, magnet) is None
        and (magnet not in broom.policy.removed or count_entries(tx, magnet))
    ]


def _entries_over(tx: Tx, broom: Broom) -> list[str]:
    return [magnet for magnet, at, promise in drawn_magnets(tx) if promise.keep.after(at) <= broom.now]


def sweep_magnets(tx: Tx, broom: Broom) -> int:
    """Erase people who asked for a magnet long ago and gave no consent."""
    return _erase_idle(tx, broom, Due(consented=False, before=_ago(broom.policy.keep_magnet, broom.now)))


def sweep_leads(tx: Tx, broom: Broom) -> int:
    """Erase people whose last consent ended so long ago that nobody needs its proof."""
    return _erase_idle(tx, broom, Due(consented=True, before=_ago(broom.policy.keep_proof, broom.now)))


def sweep_holds(tx: Tx, broom: Broom) -> int:
    """Remove what a law kept, when its time is over."""
    return end_holds(tx, broom.now, STEP)


def sweep_mails(tx: Tx, broom: Broom) -> int:
    """Forget deliveries that were settled long ago, and links to personal pages after a day."""
    forgotten = forget_settled(tx, broom.now - SETTLED_KEPT, STEP)
    forgotten += forget_given_up(tx, broom.now - SETTLED_KEPT, STEP)
    return forgotten + forget_notices(tx, broom.now - NOTICES_KEPT, STEP)


def sweep_records(tx: Tx, broom: Broom) -> int:
    """Forget what was done by letter or telephone, and who left an export, when the proof is not needed."""
    before = _ago(broom.policy.keep_proof, broom.now)
    strays = forget_strays(tx, broom.now - STRAYS_KEPT, STEP)
    return forget_actions(tx, before, STEP) + forget_exports(tx, before, STEP) + strays


def sweep_limits(tx: Tx, broom: Broom) -> int:
    """Forget counts of limits when their window is over."""
    return forget_counts(tx, broom.now, STEP)


def sweep_journal(tx: Tx, broom: Broom) -> int:
    """Forget withdrawals and erasures that no backup needs to be told any more."""
    return forget_lines(tx, journal_from(broom.policy, broom.now) - FILE_FIRST, STEP)


def journal_from(policy: RequestPolicy, now: datetime) -> datetime:
    """Return how far the journal goes back: as far as the oldest backup that may be put back."""
    return _ago(policy.keep_backups, now)


def sweep_webinars(tx: Tx, broom: Broom) -> int:
    """Tell people of webinars that moved or were cancelled, fill free seats, say where recordings are."""
    for magnet, webinar in broom.policy.webinars.items():
        if done := keep_up(tx, magnet, webinar, broom.policy, broom.now):
            return done
    return 0


RULES: dict[str, Rule] = {
    "webinars": sweep_webinars,
    "unconfirmed": sweep_unconfirmed,
    DRAWS: sweep_draws,
    "results": sweep_results,
    "entries": sweep_entries,
    "ending": sweep_ending,
    "expired": sweep_expired,
    "magnets": sweep_magnets,
    "leads": sweep_leads,
    "holds": sweep_holds,
    "mails": sweep_mails,
    "records": sweep_records,
    "limits": sweep_limits,
    JOURNAL: sweep_journal,
}
ERASING = frozenset({"unconfirmed", "entries", "magnets", "leads", "holds", "mails"})


@dataclass(frozen=True)
class Planned:
    """What one rule would do now: how many rows, what they are, and why they go."""

    rule: str
    count: int
    what: str
    why: str


def plan(tx: Tx, broom: Broom) -> list[Planned]:
    """Return what a sweep would do now; changes nothing."""
    policy, now = broom.policy, broom.now
    magnets = Due(consented=False, before=_ago(policy.keep_magnet, now))
    proof = _ago(policy.keep_proof, now)
    leads = Due(consented=True, before=proof)
    ending = sum(
        count_ending(tx, purpose, now, _ahead(before, now)) for purpose, before in policy.ask_again.items()
    )
    return [
        Planned(
            "unconfirmed", count_unconfirmed(tx, now), "requests", f"not confirmed within {policy.keep.text}"
        ),
        Planned(DRAWS, len(_to_fix(tx, broom)), "prize draws", "closed; their entries are fixed"),
        Planned("results", _untold(tx), "mails", "tell entrants the result of a draw"),
        Planned(
            "entries",
            sum(count_entries(tx, magnet) for magnet in _entries_over(tx, broom)),
            "entries of prize draws",
            "drawn longer ago than the draw said that it keeps them",
        ),
        Planned("ending", ending, "consents", "end soon; their people are asked once more by mail"),
        Planned("expired", count_over(tx, now), "consents", "past the retention of their purpose"),
        Planned(
            "magnets",
            count_idle(tx, magnets),
            "people",
            f"no consent, asked over {policy.keep_magnet.text} ago",
        ),
        Planned(
            "leads", count_idle(tx, leads), "people", f"last consent ended over {policy.keep_proof.text} ago"
        ),
        Planned(
            "webinars",
            sum(count_due(tx, magnet, webinar, now) for magnet, webinar in policy.webinars.items()),
            "people",
            "are told by mail of another time, a seat that is free, or the recording",
        ),
        Planned("holds", count_holds_over(tx, now), "legal holds", "their date is past"),
        Planned(
            "mails",
            count_settled(tx, now - SETTLED_KEPT),
            "deliveries",
            f"settled over {SETTLED_KEPT.days} days ago",
        ),
        Planned(
            "mails",
            count_notices_over(tx, now - NOTICES_KEPT),
            "links to personal pages",
            f"mailed over {NOTICES_KEPT.days} day ago",
        ),
        Planned(
            "records",
            count_actions(tx, proof) + count_gone(tx, proof),
            "records of what officers did, and of erased people in exports",
            f"older than {policy.keep_proof.text}",
        ),
        Planned(
            "records", count_strays(tx, now - STRAYS_KEPT), "people", "read for exports that came to nothing"
        ),
        Planned("limits", count_counts_over(tx, now), "counts of limits", "their window is over"),
        Planned(
            JOURNAL,
            count_lines(tx, journal_from(policy, now) - FILE_FIRST),
            "withdrawals and erasures told to backups",
            f"no backup is older than {policy.keep_backups.text}",
        ),
    ]


def _untold(tx: Tx) -> int:
    return sum(count_untold(tx, magnet) for magnet, _, _ in drawn_magnets(tx))


def _erase_idle(tx: Tx, broom: Broom, due: Due) -> int:
    people = idle_people(tx, due, PEOPLE_STEP)
    for email_index in people:
        erase_person(tx, broom.vault, email_index, BY_RETENTION, broom.now, suppress_all=False)
    return len(people)


def _ahead(period: RetentionPeriod, now: datetime) -> datetime:
    return period.after(now)


def _ago(period: RetentionPeriod, now: datetime) -> datetime:
    """Return the moment whose period ends now: what began before it has had its time."""
    return RetentionPeriod(period.text, -period.months, -period.hours).after(now)
