"""Compare sealed records about people with what somebody of the staff looks for, in a thread (K4).

Each page of records is a reading transaction of its own, so none stays open, and memory does not grow with
the people on file. Progress and hits go to the database: any server shows them, and *Stop* works from any.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import datetime, timedelta

from optin.errors import log_line_of
from optin.flows.staff.find_people import (
    MOST_FOUND,
    SearchStep,
    count_to_compare,
    keep_progress,
    matches,
    next_step,
    read_page,
)
from optin.services.installation import Installation
from optin.store.person_searches import PersonSearch, SearchState

log = logging.getLogger("optin.search")
TOLD_EVERY = timedelta(seconds=1)


def start_comparing(installation: Installation, search: PersonSearch) -> threading.Thread:
    """Compare in a thread of its own, which ends with the process; return it."""
    thread = threading.Thread(target=_guarded, args=(installation, search), name="search", daemon=True)
    thread.start()
    return thread


def _guarded(installation: Installation, search: PersonSearch) -> None:
    try:
        compare(installation, search)
    except Exception as problem:  # noqa: BLE001 - the page says that it ended; the log says why
        log.error("search ended error=%s", log_line_of(problem))  # noqa: TRY400 - a traceback may hold personal data


def compare(installation: Installation, search: PersonSearch) -> PersonSearch:
    """Compare every record, until the end, until enough were found, or until it is stopped.

    Returns how it ended. What was found is written once a second, and at the end.
    """
    clock, found = installation.clock, dict.fromkeys(search.found)
    total = installation.view(count_to_compare)
    step: SearchStep | None = SearchStep()
    told: datetime | None = None
    while step is not None and len(found) < MOST_FOUND:
        page = installation.view(read_page, search_id=search.id, step=step)
        if not page.runs:
            return replace(search, state=SearchState.STOPPED)
        for address in matches(installation.vault, step.table, page.records, search.wanted.text):
            found[address] = None
            if len(found) >= MOST_FOUND:
                break
        search = replace(
            search, looked=step.looked + len(page.records), total=total, found=tuple(found), seen=clock()
        )
        step = next_step(step, page)
        if step is not None and (told is None or search.seen - told >= TOLD_EVERY):
            told = search.seen
            if not installation.run(keep_progress, search=search):
                return replace(search, state=SearchState.STOPPED)
    ended = SearchState.FULL if len(found) >= MOST_FOUND else SearchState.DONE
    search = replace(search, state=ended, seen=clock(), total=max(total, search.looked))
    installation.run(keep_progress, search=search)
    return search
