"""Take a message that came back, from wherever it was read: a pipe, a mailbox, another mail server (O6)."""

from __future__ import annotations

from dataclasses import dataclass

from optin.bounces.message_parts import MOST_BYTES
from optin.bounces.returned_mail import Meaning
from optin.consent.returned_mail import WITHDRAWING, ReportedMail, ReportEffect
from optin.flows.returned_mails.doctors_mail import note_came_back
from optin.flows.returned_mails.report_in_mail import Unreported, report_in_mail
from optin.flows.returned_mails.take_report import take_report
from optin.services.installation import Installation
from optin.store.unreachable_addresses import note_arrival

MOST_KEPT = MOST_BYTES  # of a message; whoever reads one keeps no more of it


@dataclass(frozen=True)
class TakenMail:
    """What a message meant and what it changed; nothing personal, for logs."""

    meaning: Meaning
    effect: ReportEffect | Unreported

    def __str__(self) -> str:
        return f"{self.meaning}: {self.effect}"


def take_returned_mail(installation: Installation, message: bytes, source: str) -> TakenMail:
    """Take one message and return what it changed, durably. `source`: how it came, a word for the sums.

    Raises StoreBusy or StoreUnusable when it cannot be stored now, EndingUnwritten when a withdrawal is
    stored and not yet in the journal: give the same message again later, it changes nothing twice.
    """
    read = report_in_mail(installation.vault, message[:MOST_KEPT], source)
    effect = read.report if isinstance(read.report, Unreported) else take_told(installation, read.report)
    if read.report is Unreported.DOCTORS and read.mail is not None:
        meaning = read.meaning.value
        installation.write(note_came_back, mail=read.mail, source=source, meaning=meaning)
    if effect is not Unreported.FORGED:
        installation.write(note_arrival, source=source, now=installation.clock())
    return TakenMail(read.meaning, effect)


def take_told(installation: Installation, told: ReportedMail) -> ReportEffect:
    """Take one report and return what it changed, durably. Raises as `take_returned_mail` does."""
    effect = installation.run(take_report, told=told, now=installation.clock())
    if told.report in WITHDRAWING and effect in {ReportEffect.WITHDRAWN, ReportEffect.KNOWN}:
        installation.note_ending()  # known: told again, because the journal could not be written before
    return effect
