"""Sweeping: what has had its time goes by itself, in small steps beside live traffic (D6, R8).

Each rule is one function that does one step in a transaction of its own: killed between two, a sweep goes on
where it was. `plan` says beforehand what would go, and why.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from optin.consent.erasure import Ground
from optin.consent.event import LINES, MEMBERS, forgotten, rfc3339
from optin.consent.prize import SETTLING
from optin.consent.purpose import RetentionPeriod
from optin.consent.record import EventKind, Happening, SubjectId, follow
from optin.consent.webhook import WebhookKind
from optin.errors import LinkSpent, LogDisagrees
from optin.flows.deciding import Passed, decide
from optin.flows.details import current_contact, vouch_anew
from optin.flows.draw import drawn_at, fix_entries, note_entries_forgotten, tell_entrants
from optin.flows.entering import promise_of
from optin.flows.erase import erase_person
from optin.flows.grounds import draw_over, expired, hold_over, idle, longest, unconfirmed
from optin.flows.history import by_right_clock, consents_by_events, person_history, request_history
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
from optin.store.events import add_events, said_about_nobody
from optin.store.exports import forget_exports, forget_strays, recorded_exports
from optin.store.limits import count_counts_over, forget_counts
from optin.store.outbox import forget_settled
from optin.store.replay import count_lines, forget_lines
from optin.store.requests import (
    Pending,
    due_for_erasure,
    erase_requests,
    kinds_to_blank,
    peek_request,
)
from optin.store.rights import end_hold, forget_actions, holds_over, read_hold
from optin.store.subjects import (
    StoredConsent,
    address_index,
    find_subject,
    refresh_idle,
    save_consent,
)
from optin.store.transaction import Tx
from optin.store.vault import Vault
from optin.store.webhooks import forget_given_up

STEP = 40  # rows that only go; measured: larger steps make live sign-ups wait
LINES_STEP = 500
PEOPLE_STEP = 20  # people with all that belongs to them
SETTLED_KEPT = timedelta(days=30)
NOTICES_KEPT = timedelta(days=1)
CLOCKS_DIFFER = timedelta(days=1)  # a server whose clock runs ahead may have made a request
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
    passed: Passed = field(default_factory=Passed)
    room: int = sys.maxsize  # so many people may lose something in this step


Rule = Callable[[Tx, Broom], int]


def sweep_unconfirmed(tx: Tx, broom: Broom) -> int:
    """Erase requests that were never confirmed."""
    periods, now = (broom.policy.keep, broom.policy.link), broom.now
    latest = longest(periods, now).after(now) + CLOCKS_DIFFER

    def ground(pending: Pending) -> Ground | None:
        history = by_right_clock(tx, broom.vault, request_history(tx, broom.vault, pending.request), now)
        found = unconfirmed(history, pending.erase_at, periods, now)
        if found is not None:
            kinds_to_blank(tx, broom.vault, [pending.request], found, now)
        return found

    due = decide(
        broom.passed,
        "unconfirmed",
        lambda most: [(it.request, it) for it in due_for_erasure(tx, now, latest, most)],
        ground,
        STEP,
    )
    if due:
        newest = max((found for _, found in due), key=lambda found: found.since or now)
        erase_requests(tx, broom.vault, [pending.request for pending, _ in due], newest, now)
    return len(due)


def sweep_expired(tx: Tx, broom: Broom) -> int:
    """End consents whose retention is over: an event says so, and nothing is done with them any more."""
    due = decide(
        broom.passed,
        "expired",
        lambda most: [(_name(it), it) for it in consents_over(tx, broom.now, most)],
        lambda it: expired(_by_events(tx, broom, *it), broom.now),
        min(STEP, broom.room),
    )
    for (subject, _), consent in due:
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


def _name(stored: tuple[SubjectId, StoredConsent]) -> bytes:
    subject, consent = stored
    return subject + f"{consent.purpose}:{consent.channel}".encode()


def _by_events(tx: Tx, broom: Broom, subject: SubjectId, stored: StoredConsent) -> StoredConsent | None:
    history = person_history(tx, broom.vault, address_index(tx, subject), subject)
    return consents_by_events(tx, history).get((stored.purpose, stored.channel.value))


def sweep_ending(tx: Tx, broom: Broom) -> int:
    """Ask once more for consents that end soon, where their purpose says so: one mail, as the first."""
    asked = 0
    for purpose, before in broom.policy.ask_again.items():
        until = _ahead(before, broom.now)
        due = decide(
            broom.passed,
            f"ending {purpose}",
            lambda most, purpose=purpose, until=until: [  # type: ignore[misc]
                (_name(it), it) for it in consents_ending(tx, purpose, broom.now, until, most)
            ],
            lambda it, until=until: expired(_by_events(tx, broom, *it), until),  # type: ignore[misc]
            STEP,
        )
        for (subject, _), consent in due:
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
        drawn = drawn_at(tx, broom.vault, magnet) if entries_left(tx, magnet, 1) else None
        due = decide(
            broom.passed,
            "entries",
            lambda most, magnet=magnet: [  # type: ignore[misc]
                (it.request, it) for it in entries_left(tx, magnet, most)
            ],
            lambda it, drawn=drawn: _entry_ground(tx, broom, it, drawn),  # type: ignore[misc]
            min(PEOPLE_STEP, broom.room),
        )
        kept = [entry for entry, ground in due if not _forget_entry(tx, broom, entry, ground)]
        if kept:
            note_entries_forgotten(tx, broom.vault, magnet, broom.now)
        if due:
            return len(due)
    return 0


def _entry_ground(tx: Tx, broom: Broom, entry: DrawEntry, drawn: datetime | None) -> Ground | None:
    """Return why an entry may be forgotten. Raises LogDisagrees."""
    stored = peek_request(tx, entry.request)
    if stored is None:
        msg = "an entry of a prize draw has no request"
        raise LogDisagrees(msg)
    opened = open_request(tx, broom.vault, stored)
    history = request_history(tx, broom.vault, entry.request)
    if any(logged.event.words != opened.form.words for logged in history):
        msg = "what the form of an entry declares was edited"
        raise LogDisagrees(msg)
    promise = promise_of(opened.declaration)
    kept = None if promise is None else promise.keep
    return draw_over(history, drawn, kept, broom.now, consented=bool(opened.declared.purposes))


def _forget_entry(tx: Tx, broom: Broom, entry: DrawEntry, ground: Ground) -> bool:
    """Erase an entry; False: with a consent the request is its proof, and stays; only its ticket goes."""
    stored = peek_request(tx, entry.request)
    if stored is None or open_request(tx, broom.vault, stored).declared.purposes:
        remove_entry(tx, entry.request)
        return False
    if request_ids(tx, stored.email_index, stored.subject) == [entry.request]:
        erase_person(tx, broom.vault, stored.email_index, ground, broom.now, suppress_all=False)
        return True
    contact = None if stored.subject is None else current_contact(tx, broom.vault, stored.subject)
    erase_requests(tx, broom.vault, [entry.request], ground, broom.now)
    if stored.subject is not None and contact is not None:
        vouch_anew(tx, broom.vault, stored.subject, contact, broom.now)
        refresh_idle(tx, stored.subject)
    return True


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
    return _erase_idle(tx, broom, "magnets", broom.policy.keep_magnet, consented=False)


def sweep_leads(tx: Tx, broom: Broom) -> int:
    """Erase people whose last consent ended so long ago that nobody needs its proof."""
    return _erase_idle(tx, broom, "leads", broom.policy.keep_proof, consented=True)


def sweep_holds(tx: Tx, broom: Broom) -> int:
    """Remove what a law kept, when its time is over."""
    due = decide(
        broom.passed,
        "holds",
        lambda most: [(str(row[0]).encode(), row) for row in holds_over(tx, broom.now, most)],
        lambda row: hold_over(read_hold(broom.vault, row), broom.now),
        STEP,
    )
    for _, hold in due:
        end_hold(tx, hold.number)
    return len(due)


def sweep_mails(tx: Tx, broom: Broom) -> int:
    """Forget deliveries that were settled long ago, and links to personal pages after a day."""
    forgotten = forget_settled(tx, broom.now - SETTLED_KEPT, STEP)
    forgotten += forget_given_up(tx, broom.now - SETTLED_KEPT, STEP)
    return forgotten + forget_notices(tx, broom.now - NOTICES_KEPT, STEP)


def sweep_records(tx: Tx, broom: Broom) -> int:
    """Forget what was done by letter or telephone, and who left an export, when the proof is not needed."""
    before = _ago(broom.policy.keep_proof, broom.now)
    strays = forget_strays(tx, broom.now - STRAYS_KEPT, STEP) if _all_recorded(tx, broom) else 0
    gone = forget_exports(tx, before, STEP)
    told = [forgotten(broom.now, MEMBERS, run.hex(), count) for run, count in sorted(gone.items())]
    add_events(tx, broom.vault, None, told)
    return forget_actions(tx, before, STEP) + gone.total() + strays


def _all_recorded(tx: Tx, broom: Broom) -> bool:
    """Tell whether every export that left is in the list: else who was in it seems to be a stray."""
    if not count_strays(tx, broom.now - STRAYS_KEPT):
        return True
    told = Counter(str(body.get("run")) for body in said_about_nobody(tx, broom.vault, EventKind.EXPORTED))
    if told == Counter(export.digest for export in recorded_exports(tx)):
        return True
    broom.passed.refuse("records", b"exports", LogDisagrees("an export is gone from the list"))
    return False


def sweep_limits(tx: Tx, broom: Broom) -> int:
    """Forget counts of limits when their window is over."""
    return forget_counts(tx, broom.now, STEP)


def sweep_journal(tx: Tx, broom: Broom) -> int:
    """Forget withdrawals and erasures that no backup needs to be told any more."""
    before = lines_before(broom)
    count = forget_lines(tx, before, LINES_STEP)
    told = [forgotten(broom.now, LINES, rfc3339(before), count)] if count else []
    add_events(tx, broom.vault, None, told)
    return count


def lines_before(broom: Broom) -> datetime:
    """Return before when lines are forgotten: a whole day at a time, as an event says it each time."""
    return datetime.combine((journal_from(broom.policy, broom.now) - FILE_FIRST).date(), time(), UTC)


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
            count_lines(tx, lines_before(broom)),
            "lines of the journal: withdrawals and erasures",
            f"no backup is older than {policy.keep_backups.text}",
        ),
    ]


def _untold(tx: Tx) -> int:
    return sum(count_untold(tx, magnet) for magnet, _, _ in drawn_magnets(tx))


def _erase_idle(tx: Tx, broom: Broom, rule: str, kept: RetentionPeriod, *, consented: bool) -> int:
    due = Due(consented=consented, before=_ago(kept, broom.now))

    def ground(email_index: bytes) -> Ground:
        history = person_history(tx, broom.vault, email_index, find_subject(tx, email_index))
        consents = consents_by_events(tx, history).values()
        return idle(history, consents, kept, broom.now, consented=consented)

    erased = 0
    while True:
        people = decide(
            broom.passed,
            rule,
            lambda most: [(it, it) for it in idle_people(tx, due, most)],
            ground,
            min(PEOPLE_STEP, broom.room),
        )
        for email_index, found in people:
            try:
                erase_person(tx, broom.vault, email_index, found, broom.now, suppress_all=False)
                erased += 1
            except LogDisagrees as problem:
                broom.passed.refuse(rule, email_index, problem)
        if erased or not people:
            return erased


def _ahead(period: RetentionPeriod, now: datetime) -> datetime:
    return period.after(now)


def _ago(period: RetentionPeriod, now: datetime) -> datetime:
    """Return the moment whose period ends now: what began before it has had its time."""
    return RetentionPeriod(period.text, -period.months, -period.hours).after(now)
