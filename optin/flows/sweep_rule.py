"""One rule of a sweep: what it deletes or expires, why, how many rows are due, and one step of it (R8).

The dry run, the sweep and the documentation are all made from these values, so they say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from optin.flows.request_policy import RequestPolicy
from optin.flows.sweep_context import SweepContext
from optin.store.database_interface import Tx

Counting = Callable[[Tx, SweepContext], int]


@dataclass(frozen=True)
class SweepRule:
    """A rule of the sweep. When killed between two steps, the next sweep continues there."""

    name: str
    what: str  # rows of what, as a table shows it
    why: str  # `policy` stands for the site's settings: "not confirmed within {policy.unconfirmed.keep.text}"
    due: Counting  # how many rows it would do now; changes nothing
    step: Counting  # do some of them, in one transaction; return how many
    erases: bool = False  # bytes about people go, so they must go from the write-ahead log too
    takes_people: bool = False  # from people who confirmed: a day's share of them at most (O7)
    signs: bool = False  # what it did must be under a checkpoint at once
    in_journal: bool = False  # the journal outside the database forgets it first

    def reason(self, policy: RequestPolicy) -> str:
        """Return why the rows are deleted, with this site's periods."""
        return self.why.format(policy=policy)

    def count(self, tx: Tx, context: SweepContext) -> int:
        """Return how many rows are due now; changes nothing."""
        return self.due(tx, replace(context, rule=self.name))

    def do_step(self, tx: Tx, context: SweepContext) -> int:
        """Do one step; return how many rows it handled."""
        return self.step(tx, replace(context, rule=self.name))
