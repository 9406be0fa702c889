"""The checks that a server runs before it starts: of this machine alone, and quick."""

from __future__ import annotations

import logging

from optin.errors import SetupRefused
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import Verdict
from optin.services.doctor.local_checks import LOCAL_CHECKS
from optin.services.doctor.run_checks import run_checks
from optin.services.installation import Installation
from optin.services.site_edition import Edition

log = logging.getLogger("optin.doctor")
START_SECONDS = 1.0  # what takes longer is looked at later, while the server runs


def check_at_start(edition: Edition, installation: Installation) -> None:
    """Log what needs attention. Raises SetupRefused, with the cure, where it is not safe to serve."""
    checks = [it for it in LOCAL_CHECKS if it.at_start]
    fatal = {it.name for it in checks if it.fatal}
    examination = Examination(edition, installation.clock(), installation=installation)
    for it in run_checks(checks, examination, START_SECONDS):
        if it.verdict is Verdict.FAILED and it.name in fatal:
            msg = f"{it.seen} {it.why} Cure: {it.cure}"
            raise SetupRefused(msg)
        if it.verdict in {Verdict.FAILED, Verdict.WARNING}:
            log.warning("%s: %s Cure: %s", it.name, it.seen, it.cure)
