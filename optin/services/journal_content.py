"""Content of a journal, and its lines for a restored backup (S7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from optin.flows.rights.replay_journal import concerns_person
from optin.proof.journal import JournalLine
from optin.store.journal_lines import ReplayLine


@dataclass(frozen=True)
class JournalContent:
    """Content of a journal: every withdrawal and erasure from `since` on; None: from its beginning."""

    since: datetime | None
    lines: tuple[JournalLine, ...]

    @property
    def replay_lines(self) -> tuple[ReplayLine, ...]:
        """The lines that a restored backup replays: those about people."""
        return tuple(ReplayLine(line.at, line.told) for line in self.lines if concerns_person(line.told))
