"""The record of processing activities (GDPR 30(1)) for people to read, and as a table."""

from __future__ import annotations

from io import StringIO

from optin.export.writers import write_csv
from optin.papers.activities import Activity, PaperSite, activities
from optin.papers.measures import measures
from optin.papers.paper_text import facts, heading, items
from optin.rules.data_protection.law_data import law_data
from optin.rules.data_protection.transfers import Protection, Transfer, transfer_of
from optin.settings.site import Processor
from optin.site.statement_blocks import wording_in

COLUMNS = (
    "activity",
    "purpose",
    "lawful_basis",
    "data_subjects",
    "personal_data",
    "recipients",
    "transfers",
    "erasure",
    "measures",
    "controller",
    "joint_controllers",
    "representative",
    "data_protection_officer",
)


def record(of: PaperSite) -> str:
    """Return the record as Markdown."""
    words, settings = of.words, of.site.settings
    controller, none = settings.controller, words.text("paper.none")
    lines = [words.text("record.lead"), "", heading(2, words.text("record.controller")), ""]
    lines += facts(
        (
            (words.text("record.name"), controller.name),
            (words.text("record.address"), ", ".join(controller.address)),
            (words.text("record.contact"), ", ".join(filter(None, (controller.email, controller.phone)))),
            (words.text("record.register"), controller.registration),
            (words.text("record.joint"), "; ".join(controller.joint) or none),
            (words.text("record.representative"), controller.representative or none),
            (words.text("record.officer"), controller.officer or none),
        )
    )
    lines += ["", heading(2, words.text("record.activities")), ""]
    for it in activities(of):
        lines += [heading(3, it.title), "", *facts(_of_activity(of, it)), ""]
    lines += [heading(2, words.text("record.processors")), "", *items(_processors(of)), ""]
    if settings.papers.recipients:
        lines += [heading(3, words.text("record.others")), "", *items(settings.papers.recipients), ""]
    lines += [heading(2, words.text("record.measures")), "", *items(measures(of)), ""]
    lines += [words.text("keep.backups", period=words.period(settings.retention.backups)), ""]
    return "\n".join(lines)


def record_table(of: PaperSite) -> str:
    """Return the record as CSV, a row for each activity; spreadsheets run none of its cells."""
    words, controller = of.words, of.site.settings.controller
    whole = ", ".join([controller.name, *controller.address, controller.email])
    rows = []
    for it in activities(of):
        told = dict(_of_activity(of, it))
        by_column = {
            "activity": it.title,
            "purpose": told[words.text("record.purpose")],
            "lawful_basis": told[words.text("record.basis")],
            "data_subjects": told[words.text("record.people")],
            "personal_data": told[words.text("record.data")],
            "recipients": told[words.text("record.recipients")],
            "transfers": told[words.text("record.transfers")],
            "erasure": told[words.text("record.keep")],
            "measures": " ".join(measures(of)),
            "controller": whole,
            "joint_controllers": "; ".join(controller.joint),
            "representative": controller.representative,
            "data_protection_officer": controller.officer,
        }
        rows.append(by_column)
    file = StringIO(newline="")
    write_csv(file, COLUMNS, rows)
    return file.getvalue()


def transfer_said(of: PaperSite, processor: Processor) -> str:
    """Return where a processor's data go and what protects them."""
    words = of.words
    transfer = transfer_of(processor, of.site.settings.controller.country, law_data(), of.day)
    return _said(of, processor, transfer) if transfer.is_abroad else words.text(_AT_HOME[_home(transfer)])


_AT_HOME = {"eea": "transfer.home", "own": "transfer.home-country", "unknown": "transfer.unknown"}


def _home(transfer: Transfer) -> str:
    if transfer.protection is Protection.UNKNOWN:
        return "unknown"
    return "eea" if transfer.country in law_data().eea.countries else "own"


def _said(of: PaperSite, processor: Processor, transfer: Transfer) -> str:
    words, country = of.words, of.words.country(transfer.country)
    if transfer.protection is Protection.ADEQUATE:
        return words.text("transfer.adequate", country=country, decision=transfer.decision)
    if transfer.protection is Protection.SAFEGUARD:
        safeguard = words.page(f"safeguard.{processor.safeguard}")
        return words.text("transfer.safeguard", country=country, safeguard=safeguard)
    return words.text("transfer.none", country=country)


def _of_activity(of: PaperSite, it: Activity) -> list[tuple[str, str]]:
    words, processors = of.words, of.site.settings.processors
    receivers = [processors[name] for name in it.recipients]
    abroad = [
        f"{receiver.name}: {transfer_said(of, receiver)}"
        for receiver in receivers
        if transfer_of(receiver, of.site.settings.controller.country, law_data(), of.day).is_abroad
    ]
    names = [_receiver(of, receiver) for receiver in receivers]
    others = of.site.settings.papers.recipients if it.id.startswith("purpose-") else ()
    return [
        (words.text("record.purpose"), it.purpose),
        (words.text("record.basis"), ", ".join(words.text(f"bases.{basis}") for basis in it.bases)),
        (words.text("record.people"), it.people),
        (words.text("record.data"), "; ".join(data.name for data in it.data)),
        (words.text("record.recipients"), "; ".join([words.text("record.staff"), *names, *others])),
        (words.text("record.transfers"), "; ".join(abroad) or words.text("record.no-transfer")),
        (words.text("record.keep"), it.keep),
    ]


def _receiver(of: PaperSite, receiver: Processor) -> str:
    return receiver.name if receiver.told_of else f"{receiver.name} ({of.words.text('record.on-export')})"


def _processors(of: PaperSite) -> list[str]:
    found = []
    for it in of.site.settings.processors.values():
        country = of.words.country(it.country) if it.country else ""
        task = wording_in(it.task, of.words.lang)
        about = "; ".join(filter(None, (task, country, transfer_said(of, it), it.agreement)))
        found.append(f"{it.name}: {about}")
    return found or [of.words.text("paper.none")]
