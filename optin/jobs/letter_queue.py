"""Queue the letters of purposes that are due, a few at a time (W13).

Each round finds the consents for which a letter became due since the last round; once an hour, a round finds
every consent that may still get it. So nothing is stored for letters that are not due yet, and nobody is
missed. The outbox holds a few hundred letters at most: the others follow when these have left.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

from optin.consent.purpose import ConsentKey
from optin.errors import JournalUnusable, LogDiverged
from optin.flows.delivery.letters import (
    MOST_WAITING,
    first_place,
    letter_search,
    letters_in_order,
    queue_letters,
)
from optin.flows.request_policy import Letter
from optin.jobs.background_job import Job, RoundDone, pause
from optin.services.installation import Installation
from optin.store.database_interface import read, written
from optin.store.letters import LetterPlace, consents_without_letter
from optin.store.mail_outbox import count_waiting_letters

POLL_SECONDS = 2.0
BUSY_SECONDS = 0.25  # while more letters are due than the outbox takes
STALE_SECONDS = 300.0
GIVE_WAY = 2.0  # it rests twice as long as each step took: whoever signs up goes first
WHOLE_EVERY_SECONDS = 3_600.0
OVERLAP = timedelta(minutes=10)  # a consent may be stored a little after the moment at which it began

_Name: TypeAlias = tuple[ConsentKey, str, str]  # with the period of the letter: another has other places


class LetterQueue:
    """Queues due letters until it is stopped. `clock`: seconds of a clock that only runs on."""

    def __init__(self, installation: Installation, clock: Callable[[], float] = time.monotonic) -> None:
        """Work on the outbox of `installation`, by its policy of the moment."""
        self._installation = installation
        self._clock = clock
        self._places: dict[_Name, LetterPlace] = {}  # where to look on; without one, from the first
        self._whole_at = clock()

    async def run(self, stop: asyncio.Event, round_done: RoundDone = lambda: None) -> None:
        """Queue what is due, until `stop` is set."""
        while not stop.is_set():
            busy = await self.round()
            round_done()
            await pause(stop, BUSY_SECONDS if busy else POLL_SECONDS)

    async def round(self) -> bool:
        """Queue what is due, as far as the outbox takes it; return whether there is more."""
        installation = self._installation
        letters = letters_in_order(installation.policy)
        if not letters or installation.clock_doubted:
            return False
        now = installation.clock()
        if await read(installation.store, count_waiting_letters, now=now) > MOST_WAITING // 2:
            return True
        if self._clock() - self._whole_at >= WHOLE_EVERY_SECONDS:
            self._places, self._whole_at = {}, self._clock()
        busy = False
        for key, letter in letters:
            busy |= await self._queue(key, letter)
        return busy

    async def _queue(self, key: ConsentKey, letter: Letter) -> bool:
        """Queue one letter; return whether the outbox took no more."""
        installation, now = self._installation, self._installation.clock()
        name, first = (key, letter.name, letter.after.text), first_place(letter, now)
        place, beside = max(self._places.get(name, first), first), installation.policy.letters.get(key, ())
        search = letter_search(key, letter, beside, now)
        over = LetterPlace(search.latest - OVERLAP)
        if not await read(
            installation.store, consents_without_letter, wanted=search, after=place, now=now, most=1
        ):
            self._places[name] = over
            return False
        if not await asyncio.to_thread(self._is_past_sound):
            return False
        while True:
            context, begun = installation.context, self._clock()
            done = await written(
                installation.store, queue_letters, context, key=key, letter=letter, after=place, now=now
            )
            if done.count:
                installation.wake_courier()
            if done.place is None:
                self._places[name] = over
                return False
            self._places[name] = place = done.place
            if not done.count:
                return True
            await asyncio.sleep(min(GIVE_WAY * (self._clock() - begun), BUSY_SECONDS))

    def _is_past_sound(self) -> bool:
        """Return whether the log contains what the journal remembers; if not, another job reports it (O9)."""
        try:
            self._installation.check_past()
        except (LogDiverged, JournalUnusable):
            return False
        return True


def letters_job(installation: Installation) -> Job:
    """Return the job that queues letters."""
    return Job("letters", LetterQueue(installation).run, STALE_SECONDS)
