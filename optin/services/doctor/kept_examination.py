"""The examination that a server makes once a day, kept in the database for staff and the desk."""

from __future__ import annotations

import json
from datetime import timedelta

from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import changes_since
from optin.services.doctor.last_result import Examined
from optin.services.installation import Installation
from optin.services.setup_health import last_examined
from optin.services.site_edition import Edition
from optin.store.installation_facts import claim_examination, note_examination

EVERY = timedelta(days=1)
LEASE = timedelta(minutes=5)  # a server that dies meanwhile keeps no other from it for longer


def is_due(installation: Installation) -> bool:
    """Return whether the last examination was a day ago. One ahead of the clock is of a wrong clock."""
    last = last_examined(installation)
    return last is None or not last.at <= installation.clock() < last.at + EVERY


def claim(installation: Installation) -> bool:
    """Return whether this server is the one that examines the set-up now: several find it due at once."""
    return installation.write(claim_examination, now=installation.clock(), lease=LEASE)


def examine_and_keep(edition: Edition, installation: Installation) -> Examined:
    """Examine the set-up and keep the result, with what is gone since the last one."""
    from optin.services.doctor.all_checks import examine  # noqa: PLC0415 - a server starts without it

    now = installation.clock()
    found = Examined(now, examine(Examination(edition, now, installation=installation)))
    before = last_examined(installation)
    gone = () if before is None else changes_since(before.findings, found.findings).gone
    kept = {**json.loads(found.as_text()), "gone": [it.as_json() for it in gone]}
    installation.write(note_examination, vault=installation.vault, found=json.dumps(kept))
    return found
