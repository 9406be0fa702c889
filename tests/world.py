"""A small world for flow tests: one site's form, a store, a clock that is moved by hand, and the roles.

alice confirms, bob never answers, carol withdraws, mallory forges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.event_content import Event
from optin.consent.form_version import (
    FormDeclaration,
    FormDigest,
    FormField,
    FormKey,
    FormVersion,
    PrivacyDigest,
    PrivacyVersion,
    Slug,
)
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.posted_form import ValidEntry
from optin.consent.purpose import ConsentKey, ConsentQuestion, Controller, PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.consent.status_transitions import RequestId, Status, StatusEvent, SubjectId, record_from_events
from optin.flows.consents.confirm import Confirmation, confirm
from optin.flows.consents.sign_up import sign_up
from optin.flows.context_with_kinds import Flow, SiteContext
from optin.flows.delivery.deliver_mails import Attempt, claim_orders, record_result
from optin.flows.delivery.mail_order import MailKind, MailOrder, MailState, Order, Verdict
from optin.flows.evidence.audit import Audit
from optin.flows.evidence.withdrawals_in_journal import Endings
from optin.flows.exports.export_leads import LeadExport
from optin.flows.exports.scrub_contact_list import Scrubber
from optin.flows.kind_flow_hooks import FlowPart
from optin.flows.request_policy import RequestPolicy
from optin.flows.retention.sweep_rules import plan, sweep_rules
from optin.flows.rights.withdraw import WithdrawableConsents, withdraw_consent
from optin.flows.sweep_context import SweepContext
from optin.keys import KeyRing
from optin.proof.canonical_json import parse
from optin.services.event_log_signer import sign_log
from optin.services.installation import Installation
from optin.store.database_interface import Operation, P, Store, T
from optin.store.encryption import Vault
from optin.store.event_log import StoredCheckpoint, integrate
from optin.store.latest_known_time import store_clock_mark
from optin.store.mail_outbox import give_up_crashing_mails
from optin.store.sending_claims import ClaimBatch
from optin.store.stored_forms import keep_form, keep_privacy
from tests.installed import KINDS
from tests.stores import SCHEMA, open_store

TIPS = PurposeId("tips-email")
TIPS_BY_EMAIL = ConsentKey(TIPS, Channel.EMAIL)
CALL = PurposeId("follow-up-phone")
NOON = datetime(2026, 11, 23, 12, 0, 0, 123_000, tzinfo=UTC)
STATEMENT = b"<!doctype html><title>Privacy</title>"
PRIVACY = PrivacyVersion(PrivacyDigest(hashlib.sha256(STATEMENT).hexdigest()), "nl", STATEMENT)

DECLARATION = FormDeclaration(
    magnet=Slug("koud-bellen"),
    kind="white-paper",
    title="Koud bellen onder de AVG",
    lang="nl",
    controller=Controller("Voorbeeld B.V.", ("Straat 1", "1234 AB Stad"), "privacy@example.com"),
    privacy=PRIVACY.digest,
    questions=(
        ConsentQuestion(
            TIPS, Channel.EMAIL, "Mail mij maandelijks een tip.", RetentionPeriod.parse("24 months")
        ),
        ConsentQuestion(
            CALL, Channel.PHONE, "Bel mij over dit onderwerp.", RetentionPeriod.parse("6 months")
        ),
    ),
    fields=(
        FormField("first_name", "Voornaam", "Om u bij uw naam te noemen"),
        FormField("phone", "Telefoon", "Om u te kunnen bellen"),
    ),
    file="koud-bellen.pdf",
)


def about_requests(orders: list[Order], kind: str) -> list[MailOrder]:
    """Return the mails of a kind that are about a request."""
    return [order for order in orders if isinstance(order, MailOrder) and order.kind == kind]


def form_version(text: str = "v1", declaration: FormDeclaration = DECLARATION) -> FormVersion:
    """Make a form version whose page is `text`."""
    boxes = "".join(
        f'<label><input type="checkbox" name="consent" value="{asked.purpose}">'
        f"<span>{asked.wording}</span></label>"
        for asked in declaration.questions
    )
    page = f"<!doctype html><title>{text}</title>{boxes}".encode()
    digest = hashlib.sha256(page).hexdigest()
    return FormVersion(FormDigest(digest), FormKey(digest[:32]), page, declaration)


HOUR = timedelta(hours=1)


def mark_trusted(store: Store, vault: Vault, now: datetime) -> None:
    """Let the clock be known as right at `now`, as a server does each minute."""
    store.submit(store_clock_mark, vault=vault, moment=now).result()


@dataclass
class World:
    """A store with one form, and what people do to it."""

    store: Store
    vault: Vault
    now: datetime = NOON
    form: FormVersion = field(default_factory=form_version)
    policy: RequestPolicy = field(
        default_factory=lambda: RequestPolicy(mail_domain="example.com", forms=KINDS.details)
    )
    kinds: PartsByKind[FlowPart] = KINDS.flows
    tampered: bool = False  # a test has written behind the program's back

    def __setattr__(self, name: str, value: object) -> None:
        """Let time pass as a running server sees it: its clock is trusted all the while."""
        before: datetime | None = self.__dict__.get("now")
        super().__setattr__(name, value)
        if name == "now" and before is not None and abs(self.now - before) >= HOUR:
            mark_trusted(self.store, self.vault, self.now)

    def installation(self) -> Installation:
        """Return an installation on this store, which goes by this world's clock."""
        kinds = replace(KINDS, flows=self.kinds)
        return Installation(self.store, self.vault, self.policy, kinds, clock=lambda: self.now)

    @property
    def context(self) -> SiteContext:
        """What flows work with now."""
        return SiteContext(self.vault, self.policy, self.kinds, SCHEMA)

    @property
    def sweep_context(self) -> SweepContext:
        """What a sweep works with now."""
        return SweepContext(self.vault, self.policy, self.now)

    def sweep_step(self, name: str) -> int:
        """Do one step of a rule of the sweep."""
        rule = next(it for it in sweep_rules(self.kinds) if it.name == name)
        return self.do(rule.do_step, context=self.sweep_context)

    def due(self, name: str) -> int:
        """Return how many rows a rule of the sweep would do now."""
        return next(
            it.count
            for it in self.store.read(plan, context=self.sweep_context, rules=sweep_rules(self.kinds))
            if it.rule.name == name
        )

    def run(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a flow durably."""
        return self.do(flow, self.context, *args, **kwargs)

    def view(self, flow: Flow[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a flow that only reads."""
        return self.store.read(flow, self.context, *args, **kwargs)

    def do(self, operation: Operation[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an operation durably."""
        return self.store.submit(operation, *args, **kwargs).result()

    def wait(self, period: timedelta) -> None:
        """Let time pass."""
        self.now += period

    def serve(self, form: FormVersion) -> None:
        """Serve another version of the form from now on."""
        self.form = form
        self.do(lambda tx: keep_privacy(tx, PRIVACY, self.now))
        self.do(lambda tx: keep_form(tx, form, self.now))

    def sign_up(self, email: str, *purposes: PurposeId, **fields: str) -> RequestId:
        """Fill in the form and send it."""
        entry = ValidEntry(parse_email(email), tuple(fields.items()), purposes)
        return self.run(sign_up, form=self.form, entry=entry, now=self.now)[0]

    def confirm(self, request: RequestId) -> Confirmation:
        """Press the button of the confirmation page."""
        return self.run(confirm, request=request, now=self.now)

    def join(self, email: str, *purposes: PurposeId, **fields: str) -> RequestId:
        """Sign up and confirm, a second later."""
        request = self.sign_up(email, *purposes, **fields)
        self.wait(timedelta(seconds=1))
        self.confirm(request)
        self.wait(timedelta(seconds=1))
        return request

    def withdraw(self, request: RequestId, purpose: PurposeId | None = None) -> WithdrawableConsents:
        """Press the button of the unsubscribe page."""
        return self.run(withdraw_consent, request=request, purpose=purpose, now=self.now)

    def claim(self, most: int = 100, *, suspect: bool = False) -> list[Order]:
        """Take the mails that are due, as a courier does."""
        self.sign()
        self.do(give_up_crashing_mails, now=self.now)
        return self.run(claim_orders, batch=ClaimBatch(most), now=self.now, suspect=suspect)

    def sign(self) -> StoredCheckpoint:
        """Take what happened into the log and sign it, as the log keeper does."""
        while self.do(integrate):
            pass
        return sign_log(self.store, self.vault, None, self.now)

    def settle(self, order: Order, verdict: Verdict, message: bytes = b"mail") -> bool:
        """Tell what became of a mail; False when it is another's by now."""
        settled = self.run(record_result, order, Attempt(verdict, "250", message), now=self.now)
        return settled is not MailState.LOST

    def send(self) -> list[Order]:
        """Send everything that is due; return it."""
        orders = self.claim()
        for order in orders:
            self.settle(order, Verdict.SENT)
        return orders

    def mail(self, kind: MailKind) -> MailOrder:
        """Send everything that is due; return the last mail of a kind."""
        return about_requests(self.send(), kind)[-1]

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        row = self.store.read(lambda tx: tx.one(f"SELECT COUNT(*) FROM {table}"))
        return 0 if row is None else int(row[0])

    def status(self, email: str, purpose: PurposeId) -> Status | None:
        """Return where a consent stands, by the cache, having checked it against the events."""
        index = self.vault.index(parse_email(email))
        row = self.store.read(lambda tx: tx.one("SELECT id FROM subject WHERE email_index = :i", i=index))
        if row is None:
            return None
        kept = self.store.read(
            lambda tx: tx.one(
                "SELECT status FROM consent WHERE subject_id = :s AND purpose = :p",
                s=row[0],
                p=purpose,
            )
        )
        derived = self.derived(SubjectId(row[0]), purpose)
        status = None if kept is None else Status(kept[0])
        assert derived in {status, Status.PENDING if status is None else status}
        return status

    def check_evidence(self) -> None:
        """Audit everything that is stored: whatever a test did, the evidence must hold afterwards."""
        if self.tampered:
            return
        while self.do(integrate):
            pass
        audit = Audit(self.store.read, self.vault, KINDS.flows, schema=SCHEMA)
        assert list(audit.run()) is not None
        assert audit.findings == [], audit.findings

    def derived(self, subject: SubjectId, purpose: PurposeId) -> Status | None:
        """Derive a status from the events alone."""
        rows = self.store.read(
            lambda tx: tx.all(
                "SELECT event.body, request.created_at FROM event"
                " JOIN request ON request.id = event.request_id"
                " WHERE request.subject_id = :s ORDER BY event.id",
                s=subject,
            )
        )
        asked: dict[bytes, datetime] = {}
        happenings: list[StatusEvent] = []
        for body, _ in rows:
            event = Event.read(parse(body))
            if event.kind == "requested":
                asked[event.request] = event.at
            if event.purpose == purpose:
                happenings.append(StatusEvent(event.kind, event.at, event.request, asked.get(event.request)))
        return record_from_events(happenings).status


def open_world(url: str, root: Path, vault: Vault | None = None) -> World:
    """Open a world over the store at `url`."""
    vault = vault or Vault(KeyRing.fresh("dev"))
    world = World(open_store(url, root, vault), vault)
    world.serve(world.form)
    return world


def with_questions(*questions: ConsentQuestion) -> FormDeclaration:
    """Return the declaration with other boxes."""
    return replace(DECLARATION, questions=questions)


def export_from(world: World, key: ConsentKey = TIPS_BY_EMAIL, told: Endings | None = None) -> LeadExport:
    """Return an export of the proven leads of a purpose. `told`: endings that a journal tells."""
    return LeadExport(world.store.read, world.do, world.vault, KINDS.details, key, world.now, told or {})


def installed_export(installation: Installation, key: ConsentKey, now: datetime) -> LeadExport:
    """Return an export as the command makes it, with the endings that the journal tells."""
    read, write, vault = installation.store.read, installation.write, installation.vault
    return LeadExport(read, write, vault, installation.kinds.details, key, now, installation.endings())


def audit_findings(store: Store, vault: Vault) -> list[str]:
    """Bring every event into the log; return what an audit finds."""
    while store.submit(integrate).result():
        pass
    audit = Audit(store.read, vault, KINDS.flows)
    assert list(audit.run()) is not None
    return audit.findings


def dropped_from_list(
    world: World, key: ConsentKey, addresses: Iterable[str], *, suppress_only: bool = False
) -> list[str]:
    """Scrub a list with an address in each row; return why each row is dropped, empty for one that stays."""
    scrubber = Scrubber(
        world.store.read, world.vault, key, key.channel.address, world.now, "NL", suppress_only=suppress_only
    )
    return list(scrubber.judge(((it,), ()) for it in addresses))
