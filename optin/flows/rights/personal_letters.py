"""The letters of a consent for the personal page: which were sent, and which are to come (GDPR 15)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from optin.consent.status_transitions import ConsentState
from optin.flows.delivery.letters import LATEST
from optin.flows.request_policy import RequestPolicy
from optin.store.letters import SentLetter


@dataclass(frozen=True)
class PersonalLetter:
    """One letter. `sent_at`: when it was sent; None: it comes at `due_at`."""

    subject: str
    sent_at: datetime | None = None
    due_at: datetime | None = None


def letters_of_consent(
    policy: RequestPolicy, consent: ConsentState, lang: str, sent: Iterable[SentLetter], now: datetime
) -> tuple[PersonalLetter, ...]:
    """Return the letters of a consent in force: those sent, in their order, then those to come.

    `lang`: of the form by which it was given. A letter that the site no longer has is told by its name.
    """
    letters = policy.letters.get(consent.key, ())
    subjects = {it.name: it.texts[lang].subject for it in letters if lang in it.texts}
    got = {it.name: it.sent_at for it in sent if it.key == consent.key}
    begun = consent.record.begun_at
    coming = (
        (it.after.after(begun), subjects[it.name])
        for it in letters
        if begun is not None and it.name in subjects and it.name not in got
    )
    return (
        *(PersonalLetter(subjects.get(name, name), sent_at=at) for name, at in got.items()),
        *(
            PersonalLetter(subject, due_at=due)
            for due, subject in sorted(coming)
            if now < due + LATEST and due < consent.expires_at
        ),
    )
