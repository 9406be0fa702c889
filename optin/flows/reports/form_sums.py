"""Sign-ups of one magnet by its forms, in sums: one that has several may tell which of them people send."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from optin.consent.form_version import FORM_NAME
from optin.consent.status_transitions import EventKind
from optin.proof.canonical_json import parse
from optin.store.database_interface import Tx
from optin.store.recent_counts import count_forms_of
from optin.store.weekly_event_sums import ANSWERED, all_weekly_sums


@dataclass(frozen=True)
class FormSums:
    """How many forms were sent, and how many of them were confirmed, since the magnet was first served."""

    asked: int = 0
    confirmed: int = 0


def sums_by_form(tx: Tx, magnet: str) -> Mapping[str, FormSums]:
    """Return the sums of a magnet by the names of its forms, as `optin stats` counts them.

    What was erased since is in them, as it is in the statistics.
    """
    names: dict[str, str] = {}
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for it in count_forms_of(tx, magnet):
        details = parse(it.declaration).get("details")
        name = str(details.get(FORM_NAME, "")) if isinstance(details, dict) else ""
        names[it.form] = name
        sums[name][0] += it.asked
        sums[name][1] += it.confirmed
    for (_, form, kind), count in all_weekly_sums(tx).items():
        if form in names and kind in {EventKind.REQUESTED.value, ANSWERED}:
            sums[names[form]][kind == ANSWERED] += count
    return {name: FormSums(*it) for name, it in sums.items()}
