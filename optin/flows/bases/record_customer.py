"""Record a sale: the customer's contract, and the document that a law requires to keep (L2, L5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from optin.bases import contract, obligation
from optin.bases.contract import CustomerSale
from optin.bases.obligation import INVOICE, RequiredDocument, required_term
from optin.consent.channel import MAILBOX
from optin.consent.held_basis import BasisEntry, BasisStatement, newest_end
from optin.errors import RequestRefused
from optin.flows.bases.record_basis import EvidenceFile, indexes_of, record_basis
from optin.flows.context import Context
from optin.store.database_interface import Tx
from optin.store.evidence_files import entries_with_file
from optin.store.held_bases import entries_about, entry_with_reference
from optin.store.suppressions import erased_at


@dataclass(frozen=True)
class RecordedSale:
    """The recorded sale. `known`: it was recorded before. `until`: the end of the longest contract.

    `required`: what a law requires to keep of it, if anything.
    """

    contract: BasisEntry
    until: datetime | None
    required: BasisEntry | None = None
    known: bool = False


def record_customer(
    tx: Tx, context: Context, sale: CustomerSale, file: EvidenceFile, now: datetime
) -> RecordedSale:
    """Record a sale with its invoice; recording the same sale again changes nothing.

    1. See whether the document is evidence already, of this sale or of another. Raises RequestRefused.
    2. See that it is no invoice from before an erasure of its customer. Raises RequestRefused.
    3. Record the contract.
    4. Record what a law requires to keep, by the rule of the product line. The file is stored once.
    """
    statement, vault = sale.statement, context.vault
    index = vault.address_index(MAILBOX, statement.addresses[MAILBOX.field])

    # 1. A document is evidence once.
    found = entry_with_reference(tx, vault, contract.PART.name, sale.reference)
    if found is not None:
        same_person = indexes_of(vault, statement.addresses)[0] in indexes_of(
            vault, found.statement.addresses
        )
        if not same_person or file.note.sha256 not in {note.sha256 for note in found.statement.files}:
            msg = f"{sale.reference} is on record already, for another customer or by another file."
            raise RequestRefused(msg)
        return RecordedSale(found, _until(tx, context, index), known=True)
    if entry_with_reference(tx, vault, obligation.PART.name, sale.reference) is not None:
        msg = f"{sale.reference} is kept under a law alone: its customer was erased, or is one no longer."
        raise RequestRefused(msg)
    if any(_is_invoice(it) for it in entries_with_file(tx, vault, file.note)):
        msg = f"{file.name} is evidence already, under another number; a document is evidence once."
        raise RequestRefused(msg)

    # 2. Who was erased does not come back by an old list (GDPR 17).
    erased = erased_at(tx, index)
    if erased is not None and sale.day <= erased.date():
        msg = (
            f"{sale.document} is of {sale.day}, and its customer was erased on {erased:%Y-%m-%d}."
            " Only an invoice of a later day puts them on record again; remove this one from the list."
        )
        raise RequestRefused(msg)

    # 3. The contract.
    recorded = record_basis(tx, context, statement, [file], now, reference=sale.reference)

    # 4. What a law requires to keep.
    required = _required(context, sale, now)
    kept = (
        None
        if required is None
        else record_basis(tx, context, required, [file], now, reference=sale.reference)
    )
    return RecordedSale(recorded, _until(tx, context, index), kept)


def _is_invoice(entry: BasisEntry) -> bool:
    """Return whether an entry is about an invoice: that of a customer, or one that a law alone keeps."""
    statement = entry.statement
    return statement.basis == contract.PART.name or statement.facts.get(obligation.DOCUMENT) == INVOICE


def _required(context: Context, sale: CustomerSale, now: datetime) -> BasisStatement | None:
    """Return what a law requires to keep of a sale: the document, and by whose address it is found."""
    settings, said = context.policy.bases, sale.statement
    rule_id = settings.products[said.facts[contract.PRODUCT]].obligation
    if not rule_id:
        return None
    rule = settings.obligations[rule_id]
    term = required_term(rule, sale.day)
    if term.until is not None and term.until <= now:
        return None
    document = RequiredDocument(INVOICE, sale.day, rule.law, number=said.facts[contract.NUMBER])
    return BasisStatement(
        basis=obligation.PART.name,
        at="",
        who=said.who,
        addresses={MAILBOX.field: said.addresses[MAILBOX.field]},
        term=term,
        source=said.source,
        lang=said.lang,
        facts=document.facts(rule_id),
    )


def _until(tx: Tx, context: Context, index: bytes) -> datetime | None:
    entries = entries_about(tx, context.vault, [index])
    return newest_end([it for it in entries if it.statement.basis == contract.PART.name])
