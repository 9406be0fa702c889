"""Open an installation: check its keys, store, journal, files and clock, and connect them.

Wiring only: what an installation does while it is open is in `services.installation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path

from optin.errors import OptinError
from optin.flows.request_policy import RequestPolicy
from optin.flows.retention.clock_correction import check_clock_at_start, note_set_back
from optin.services.accepted_mail_log import AcceptedMailLog
from optin.services.installation import Installation
from optin.services.installed_kind_parts import KindParts
from optin.services.interrupted_sendings import HANDED_OVER, recover_crashed_work
from optin.services.open_journal import open_journal
from optin.services.open_store import StoreUse, claim_keys, open_keys, open_store
from optin.services.promised_files import PromisedFiles
from optin.services.served_settings import keep_served
from optin.services.setup_check import check_use
from optin.services.steady_clock import SteadyClock
from optin.settings.installation import Settings
from optin.store.encryption import Vault
from optin.store.latest_known_time import newest_event


@contextmanager
def open_installation(
    settings: Settings,
    policy: RequestPolicy,
    kinds: KindParts,
    server: str | None = None,
    *,
    inspecting: bool = False,
    with_journal: bool = True,
) -> Iterator[Installation]:
    """Open the installation for a server (`serve` or `dev`) or for one command; close it at the end.

    `inspecting`: a schema that is not optin's is kept in `schema_findings`, and nothing is written to it.

    Raises SetupRefused when store, keys or journal cannot be used, or the log is not the one that the journal
    remembers (unless `with_journal` is False, by word of whoever gave the command); nothing is overwritten.
    Only a server takes keys for its use, and leaves what it runs with for commands in other shells.
    """
    keys = open_keys(settings, kinds.schema)
    vault, serving = Vault(keys), server is not None
    use = StoreUse.SERVER if serving else StoreUse.INSPECTION if inspecting else StoreUse.COMMAND
    store = open_store(
        settings.store, settings.root, vault, kinds.schema, origin=settings.log_origin, use=use
    )
    try:
        if server is not None:
            keys = claim_keys(settings, keys, server)
            check_use(keys.use, server)
            keep_served(store, settings, server)
        files = PromisedFiles(settings.path(settings.files))
        installation = Installation(store, vault, policy, kinds, use=keys.use, files=files)
        if inspecting:
            installation.schema_findings = tuple(store.schema_findings())
        if not installation.schema_findings:
            if with_journal:
                installation.journal = open_journal(settings, keys, store, installation.clock())
                installation.journal.catch_up(store)  # what a crash kept from it
            installation.obey(policy)
            see_clock(installation, serving=serving)
        with _present(installation, settings.path(HANDED_OVER)) if serving else nullcontext():
            yield installation
    finally:
        store.close()


@contextmanager
def _present(installation: Installation, folder: Path) -> Iterator[None]:
    """Run as a server: recover crashed work, and write down accepted mails."""
    store, vault = installation.store, installation.vault
    recover_crashed_work(store, installation.context, installation.clock(), folder)
    installation.handover_log = AcceptedMailLog(folder, vault, store.presence.incarnation)
    try:
        yield
    finally:
        installation.handover_log.close()
        with suppress(OptinError):  # then it counts as dead soon
            installation.write(store.presence.leave)


def see_clock(installation: Installation, *, serving: bool) -> None:
    """Compare the clock with the store: log that it went back, or is doubted (O7).

    A server also lets go what waits for a moment that a wrong clock wrote.
    """
    store, vault = installation.store, installation.vault

    def went_back(was: datetime, now: datetime) -> None:
        store.submit(note_set_back, installation.context, was=was, now=now)

    installation.clock = clock = SteadyClock(went_back)
    if serving:
        installation.say_clock(installation.run(check_clock_at_start, now=clock()))
    clock.learn(store.read(newest_event, vault=vault))
