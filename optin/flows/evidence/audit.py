"""Audit: recompute everything from the events, and compare it with what is stored (P4).

1. The log: each leaf is the hash of its event, no place is missing, the subtrees follow, times run on; what
   is blank was erased by name.
2. The checkpoints: each is signed, and the tree had that root at that size; those from outside and in the
   journal too; each event that the journal holds is in the log.
3. Forms and statements: each page has its digest, and shows the words that its declaration says.
4. People: optin wrote each event; what was declared opens, fits the form and the mailbox; mails are those
   that were sent; each status, and its times, follow from the events.
5. Exports and objections are those that events tell of, and so are requests of people, breaches, and what
   kinds of magnets keep. Nothing refers to what is not there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest

from optin.consent.form_version import FormDeclaration, shows
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.status_transitions import EventKind
from optin.flows.evidence.audit_bases import audit_bases
from optin.flows.evidence.audit_erasures_exports import audit_erasures, audit_exports, audit_lines
from optin.flows.evidence.audit_kinds import audit_kinds
from optin.flows.evidence.audit_objections import audit_objections
from optin.flows.evidence.audit_people import EVERYBODY, PeopleAudit, Share
from optin.flows.evidence.audit_registers import (
    audit_breaches,
    audit_rights_requests,
    audit_staff_acts,
)
from optin.flows.evidence.audit_tree import TreeAudit
from optin.flows.evidence.check_journal_lines import count_lines_without_event
from optin.flows.evidence.check_log_growth import events_missing_from_log
from optin.flows.kind_flow_hooks import FlowPart
from optin.proof.canonical_json import Json, parse
from optin.proof.commitment import digest
from optin.proof.journal_chain import JournalLine, lines_since_restart
from optin.store.audit_reads import (
    count_leaves,
    erasures_to_replay,
    events_about_nobody,
    events_outside,
    form_rows,
    orphans,
    privacy_rows,
)
from optin.store.breaches import breach_rows
from optin.store.database_interface import Runner
from optin.store.encryption import Vault
from optin.store.event_log import unsound_attestations
from optin.store.export_records import recorded_exports
from optin.store.migration_sets import Schema
from optin.store.person_numbers import edited_numbers
from optin.store.removed_kinds import rows_of_removed_kinds, rows_without_request
from optin.store.rights_requests import request_rows
from optin.store.staff_accounts import edited_accounts
from optin.store.staff_trail import act_rows
from optin.store.stored_forms import changed_assets


@dataclass
class Audit:
    """One audit. Findings are sentences; a sound installation has none."""

    read: Runner
    vault: Vault
    kinds: PartsByKind[FlowPart]
    outside: Sequence[str] = ()  # checkpoints from somebody's mailbox, a bundle, a newspaper
    remembered: Sequence[JournalLine] = ()  # what the journal holds
    findings: list[str] = field(default_factory=list)
    schema: Schema | None = None  # with the tables of kinds; None: those are not looked at
    noted: dict[str, int] = field(default_factory=dict)  # kinds of events without effect: the first of each
    _notes: list[str] = field(default_factory=list)
    _tree: TreeAudit = field(init=False)

    def __post_init__(self) -> None:
        """Share the list of findings with the audit of the tree, so that a stopped audit keeps them."""
        self._tree = TreeAudit(
            self.read, self.vault, self.outside, self.remembered, self.findings, self._notes
        )

    @property
    def notes(self) -> list[str]:
        """What is no finding, but must be known."""
        return [
            *self._notes,
            *(
                f"event {number} is the first of the kind {kind!r}: this version does not know what it means,"
                " and counts no consent by it"
                for kind, number in sorted(self.noted.items())
                if kind != EventKind.NOTED
            ),
        ]

    @property
    def events(self) -> int:
        """Number of events checked."""
        return self._tree.events

    @property
    def erased(self) -> int:
        """Number of blanked events among them."""
        return self._tree.blank.count

    @property
    def checkpoints(self) -> int:
        """Number of checkpoints checked."""
        return self._tree.checkpoints

    def size(self) -> int:
        """Return the number of events to check."""
        return self.read(count_leaves)

    def run(self) -> Iterator[int]:
        """Run every step; yield the number of events checked since the last yield."""
        yield from self.log()
        yield from self.people(EVERYBODY)

    def log(self) -> Iterator[int]:
        """Run steps 1, 2, 3 and 5; yield the number of events checked since the last yield."""
        yield from self._tree.run()
        yield from self._forms()
        self._about_nobody()
        self.findings += self.read(orphans)
        self.findings += audit_bases(self.read, self.vault)
        self.findings += self.read(
            lambda tx: list(events_missing_from_log(tx, lines_since_restart(self.remembered)))
        )
        if self.schema is not None:
            self._tables_of_kinds(self.schema)
        for number in self.read(events_outside):
            self.findings.append(f"event {number} is not in the log")

    def _tables_of_kinds(self, schema: Schema) -> None:
        self.findings += self.read(rows_without_request, schema=schema)
        for kind, rows in self.read(rows_of_removed_kinds, schema=schema).items():
            self._notes.append(
                f"the kind {kind} is not installed, and its tables hold {rows} rows: install its package"
                f" again, or drop them: optin migrate --drop-kind {kind} --plan"
            )

    # 3. Forms and statements.
    def _forms(self) -> Iterator[int]:
        for found, page in self.read(privacy_rows):
            if digest(bytes(page)) != found:
                self.findings.append(
                    f"privacy statement {found[:16]} does not match its digest: it was edited"
                )
        served: dict[str, int] = defaultdict(int)
        for found, key, magnet, ordinal, page, declaration, first in self.read(form_rows):
            name = f"form {magnet} v{ordinal}"
            if digest(bytes(page)) != found:
                self.findings.append(f"{name} does not match its digest: it was edited")
            text = bytes(page).decode("utf-8", "replace")
            try:
                form = FormDeclaration.from_json(parse(declaration))
            except (KeyError, TypeError, ValueError):
                self.findings.append(f"{name} has no declaration that can be read")
                continue
            for question in form.questions:
                if not shows(bytes(page), form, question):
                    self.findings.append(f"{name} declares other words than its page for {question.purpose}")
            if key not in text and 'name="form"' in text:
                self.findings.append(f"{name} has another key than its page")
            if magnet != form.magnet or first < served[magnet]:
                self.findings.append(f"{name} has another version number than when it was served")
            served[magnet] = max(first, served[magnet])
        yield 0

    # 5. Exports, attestations, assets, and what else is about nobody.
    def _about_nobody(self) -> None:
        known = len(self.findings)
        self._check_about_nobody()
        if len(self.findings) > known:  # look again: something may just have happened between two reads
            del self.findings[known:]
            self._check_about_nobody()

    def _check_about_nobody(self) -> None:
        genuine: list[tuple[int, dict[str, Json]]] = []
        named = frozenset().union(*(part.events for _, part in self.kinds.items()))
        for number, body, mac in self.read(events_about_nobody):
            if not compare_digest(self.vault.event_mac(body.encode()), bytes(mac or b"")):
                self.findings.append(f"event {number} was not written by optin")
                continue
            plain = parse(body)
            if "request" in plain:  # as every event about a request says, whatever its kind
                self.findings.append(f"event {number} was cut off from its request")
            if (kind := str(plain.get("kind"))) not in named and EventKind.of(kind) is EventKind.NOTED:
                self.add((), {kind: number})
            genuine.append((number, plain))
        self.findings += audit_kinds(self.read, self.kinds, [event for _, event in genuine])
        self.findings += audit_erasures(genuine)
        self.findings += audit_lines(genuine, self.read(erasures_to_replay))
        if unfounded := self.read(count_lines_without_event):
            self.findings.append(
                f"{unfounded} lines for the journal are malformed or name no event of the log"
            )
        self.findings += self.read(audit_objections, vault=self.vault, events=genuine)
        self.findings += audit_exports(genuine, self.read(recorded_exports))
        self.findings += audit_breaches(genuine, self.read(breach_rows), self.vault)
        self.findings += audit_rights_requests(genuine, self.read(request_rows), self.vault)
        self.findings += audit_staff_acts(genuine, self.read(act_rows), self.vault)
        if edited := self.read(edited_accounts, vault=self.vault):
            self.findings.append(f"{edited} accounts of staff were edited: they sign in no more")
        if edited := self.read(edited_numbers, vault=self.vault):
            self.findings.append(f"{edited} numbers of people at the desk were edited: they name nobody")
        for wrong in self.read(unsound_attestations):
            self.findings.append(f"what {wrong} said of a checkpoint is not of that checkpoint")
        for name in self.read(changed_assets):
            self.findings.append(f"the file {name} is not the one that pages pinned: it was edited")

    # 4. People.
    def people(self, share: Share) -> Iterator[int]:
        """Run step 4 for one share of the people; yield its progress."""
        inspection = PeopleAudit(self.read, self.vault, self.kinds)
        for kind in ("confirmed", "open"):
            yield from inspection.run(kind, share)
        self.add(inspection.findings, inspection.noted)

    def add(self, findings: Iterable[str], noted: Mapping[str, int]) -> None:
        """Add what was found among a share of the people."""
        self.findings += findings
        for kind, number in noted.items():
            self.noted[kind] = min(number, self.noted.get(kind, number))
