"""Letters of a purpose: queue what is due, and compose each only while its consent is proven (W13, E1).

A letter is due a period after the consent began, and is sent no later than `LATEST` after that. So people who
gave the consent long before a letter was written do not get it, nor do those whose letter was held up too
long. Late letters of one consent are sent one after the other (`MOST_SPACING`), never all at once.

A letter is no event of the log, and its bytes are not kept: it proves nothing about a consent, and keeping
a copy for each person would only add personal data (GDPR 5(1)(c)).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.purpose import ConsentKey
from optin.consent.retention_period import RetentionPeriod
from optin.consent.signed_links import LinkKind
from optin.flows.context import Context
from optin.flows.deletion_clock import read_clock
from optin.flows.delivery.mail_order import LetterOrder, MailKind
from optin.flows.evidence.prove_consent import ProvenConsent, UnprovenReason, prove
from optin.flows.evidence.usable_consents import if_usable
from optin.flows.evidence.withdrawals_in_journal import EndingsOf, still_proven
from optin.flows.request_policy import Letter, RequestPolicy
from optin.store.database_interface import Tx, to_ms
from optin.store.leads import leads_of
from optin.store.letters import (
    DueConsent,
    LetterPlace,
    LetterSearch,
    QueuedLetter,
    consents_without_letter,
    letter_of,
    record_letter,
    release_letter,
)
from optin.store.mail_outbox import OutboxMail, Urgency, count_waiting_letters, enqueue_as, new_message_id
from optin.store.stored_forms import form_by_digest

MOST_SPACING = timedelta(hours=12)  # between two letters to one person; less where their periods are closer
LATEST = timedelta(days=7)  # after it was due: later, a letter is not sent at all
MOST_WAITING = 400  # letters in the outbox that are due: the others are found when there is room
STEP = 40  # letters queued in one transaction: larger steps make live sign-ups wait
_LOCK = b"letters"
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # periods are compared from the same day


@dataclass(frozen=True)
class QueuedLetters:
    """Result of one step. `place`: where to go on; None when no consent is left for now."""

    count: int
    place: LetterPlace | None


class LetterEarly(Exception):
    """A letter is not to be sent yet, and stays in the outbox."""


def first_place(letter: Letter, now: datetime) -> LetterPlace:
    """Return the place before the first consent that the letter may still go to."""
    return LetterPlace(_before(letter.after, now - LATEST))


def newest_consent_due(letter: Letter, now: datetime) -> datetime:
    """Return when the youngest consents began that the letter is due for."""
    return _before(letter.after, now)


def letters_in_order(policy: RequestPolicy) -> list[tuple[ConsentKey, Letter]]:
    """Return the letters that can be sent, those of each consent by their periods.

    One that has no text, because each has a mistake, is not used up by it.
    """
    return [
        (key, it)
        for key, letters in policy.letters.items()
        for it in sorted(letters, key=_length)
        if it.texts
    ]


def letter_search(
    key: ConsentKey, letter: Letter, letters: Collection[Letter], now: datetime
) -> LetterSearch:
    """Return how the consents are found that the letter is due for. `letters`: all of the purpose.

    Two letters are at least half as far apart as their periods, so that one that is on time never waits.
    """
    distances = (abs(_length(it) - _length(letter)) for it in letters)
    nearest = min((it for it in distances if it), default=MOST_SPACING)
    spacing = min(nearest / 2, MOST_SPACING)
    return LetterSearch(key, letter.name, newest_consent_due(letter, now), now - spacing)


def _length(letter: Letter) -> timedelta:
    return letter.after.after(_SOME_DAY) - _SOME_DAY


def queue_letters(
    tx: Tx, context: Context, key: ConsentKey, letter: Letter, after: LetterPlace, now: datetime
) -> QueuedLetters:
    """Queue a letter for the next consents that it is due for, one step of them; it goes once to each.

    By a clock that is doubted nothing is queued (O7).
    """
    if read_clock(tx, context, now).doubted:
        return QueuedLetters(0, None)
    tx.hold(_LOCK)  # two servers would fill the outbox twice
    room = min(STEP, MOST_WAITING - count_waiting_letters(tx, now))
    if room <= 0:
        return QueuedLetters(0, after)
    search = letter_search(key, letter, context.policy.letters.get(key, ()), now)
    found = consents_without_letter(tx, search, after, now, room)
    count = sum(_queue(tx, context, key, letter, due, now) for due in found)
    return QueuedLetters(count, found[-1].place if len(found) == room else None)


def _queue(tx: Tx, context: Context, key: ConsentKey, letter: Letter, due: DueConsent, now: datetime) -> bool:
    message_id = new_message_id(context.policy.mail_domain)
    if not record_letter(tx, key, due, letter.name, message_id):
        return False
    enqueue_as(tx, message_id, MailKind.LETTER, due.request, now, Urgency.LETTER)
    return True


def order_of_letter(
    tx: Tx, context: Context, mail: OutboxMail, now: datetime, endings_of: EndingsOf
) -> LetterOrder | None:
    """Return the letter to send for an outbox entry; None when it must not be sent any more.

    1. It is known whose letter it is, and the site still has it for that purpose.
    2. It is neither too late nor, since its time was changed, too early. Raises LetterEarly while the clock
       is doubted.
    3. The consent is proven now, is the one for which the letter was queued (E1, O9), and nobody objected to
       its use (L7), and its mailbox can be reached (O6). Raises LogDiverged or JournalUnusable, as
       `endings_of` does.
    4. There is a text in the language of the form by which it was given.
    """
    # 1. Whose letter, and which.
    queued = letter_of(tx, mail.message_id)
    letter = None if queued is None else _letter(context, queued)
    if queued is None:
        return None
    if letter is None:
        release_letter(tx, mail.message_id)  # the site may have it again while it is still due
        return None

    # 2. Its time.
    if read_clock(tx, context, now).doubted:
        raise LetterEarly
    if queued.begun_at > newest_consent_due(letter, now):
        release_letter(tx, mail.message_id)  # it is found again when it is due
        return None
    if queued.begun_at < first_place(letter, now).begun_at:
        return None

    # 3. The consent is proven now.
    proven = _proven(tx, context, queued, now, endings_of)
    if proven is None or to_ms(proven.begun_at) != to_ms(queued.begun_at):
        return None

    # 4. The text.
    form = proven.form.version.declaration
    text = letter.texts.get(form.lang)
    if text is None:
        return None
    payload = proven.request + queued.key.purpose.encode()
    return LetterOrder(
        number=mail.number,
        claim=mail.claim,
        message_id=mail.message_id,
        kind=MailKind.LETTER,
        recipient=EmailAddress(proven.email),
        form=form,
        question=proven.question,
        given_at=proven.begun_at,
        letter=text,
        unsubscribe_token=context.vault.links.sign(LinkKind.UNSUBSCRIBE, payload, now),
    )


def _letter(context: Context, queued: QueuedLetter) -> Letter | None:
    """Return the letter as the site has it now; none for a channel that is not written to."""
    letters = context.policy.letters.get(queued.key, ()) if queued.key.channel.by_mail else ()
    return next((it for it in letters if it.name == queued.name), None)


def _proven(
    tx: Tx, context: Context, queued: QueuedLetter, now: datetime, endings_of: EndingsOf
) -> ProvenConsent | None:
    lead = next(iter(leads_of(tx, queued.key, [queued.subject])), None)
    if lead is None:
        return None
    form = None if lead.request is None else form_by_digest(tx, lead.request.form)
    found = prove(context.vault, lead, form, queued.key, now)
    if isinstance(found, UnprovenReason):
        return None
    proven = still_proven(found, lead.email_index, endings_of(lead.email_index))
    proven = if_usable(tx, context.vault, proven)
    return None if isinstance(proven, UnprovenReason) else proven


def _before(period: RetentionPeriod, moment: datetime) -> datetime:
    """Return from when a period ends at a moment."""
    return RetentionPeriod(period.text, -period.months, -period.hours).after(moment)
