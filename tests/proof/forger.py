"""The forger: what somebody with the database, and perhaps the keys, does; and what finds it.

`python -m tests.proof.forger` (make docs) writes the table into docs/proof.md.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.erasure_grounds import ErasureGround, ErasureReason
from optin.consent.event_content import erased, rfc3339
from optin.consent.form_version import Slug
from optin.consent.held_basis import BasisEntryId, BasisStatement, BasisTerm
from optin.consent.posted_form import ValidEntry
from optin.consent.purpose import ConsentKey, PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.consent.rights_request import ArrivalWay, Right
from optin.consent.staff_role import Role
from optin.consent.status_transitions import ID_BYTES, RequestId
from optin.errors import OptinError, SetupRefused
from optin.flows.bases.record_basis import EvidenceFile, record_basis
from optin.flows.consents.confirm import confirm
from optin.flows.consents.sign_up import sign_up
from optin.flows.context_with_kinds import SiteContext
from optin.flows.delivery.deliver_mails import Attempt, claim_orders, record_result
from optin.flows.delivery.mail_order import MailKind, MailOrder, Verdict
from optin.flows.evidence.audit import Audit
from optin.flows.exports.export_leads import LeadExport
from optin.flows.rights.breaches import FoundBreach, note_breach
from optin.flows.rights.correct import correct
from optin.flows.rights.erase import BY_PERSON, erase_person
from optin.flows.rights.rights_requests import AskedRight, note_request
from optin.flows.rights.withdraw import withdraw_consent
from optin.flows.staff.accounts import NewAccount, add_account
from optin.flows.staff.trail import ActKind, Doing, note_act
from optin.jobs.sweep_runner import sweep
from optin.keys import KeyRing
from optin.proof.bundle_zip_file import BundleBroken, unpack
from optin.proof.canonical_json import Json, canonical
from optin.proof.checkpoints_in_files import checkpoints_in
from optin.proof.commitment import leaf_digest
from optin.proof.merkle_tree import Frontier
from optin.proof.signed_notes import Checkpoint, SignedNote, parse_keys
from optin.proof.verify_bundle import verify_bundle
from optin.services.assemble_evidence_bundle import make_bundle
from optin.services.event_log_signer import advance_log
from optin.services.installation import Installation
from optin.services.open_store import StoreUse
from optin.services.site_edition import Edition, keep_edition
from optin.services.withdrawal_journal import Journal
from optin.store.database_interface import to_ms
from optin.store.encryption import EncryptedCell, Vault
from optin.store.event_log import integrate, log_frontier, sign_checkpoint, tile_hashes
from optin.store.events import add_events
from optin.store.export_records import ExportRun, record_export
from optin.store.held_bases import open_act
from optin.store.requests import SealedRequest
from optin.store.sending_claims import ClaimBatch
from tests.house.requirements_table import ROOT
from tests.installed import KINDS
from tests.stores import open_store
from tests.web.conftest import site_at

PAGE = ROOT / "docs" / "proof.md"
_LOOK = "kind = 'looked-at-person'"
BEGIN, END = "<!-- forger's table: written by make docs -->", "<!-- end of the table -->"
TIPS, CALL = PurposeId("tips-email"), PurposeId("follow-up-phone")
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
FINDERS = (
    "start", "`audit`", "`audit --without-journal`", "the same with `--checkpoint`", "`verify`", "the receipt"
)  # fmt: skip


@dataclass
class Scene:
    """A site with some history, a receipt in somebody's mailbox, and an old copy of the database."""

    root: Path
    edition: Edition
    vault: Vault
    keys: KeyRing
    moment: datetime = START
    receipt: bytes = b""
    receipt_keys: bytes = b""
    alice: RequestId = RequestId(b"")
    carol: RequestId = RequestId(b"")
    bert: RequestId = RequestId(b"")
    dave: RequestId = RequestId(b"")  # asked, and never confirmed
    frank: BasisEntryId = BasisEntryId(b"")  # a customer by an invoice, who never signed up
    grete: BasisEntryId = BasisEntryId(b"")  # another

    def __post_init__(self) -> None:
        self.installation = self.open()
        self.journal.open(self.installation.store, self.moment)
        keep_edition(self.installation.store, self.edition, self.moment)

    @property
    def path(self) -> Path:
        return self.root / "optin.db"

    @property
    def journal(self) -> Journal:
        """The journal, of which this process has read nothing yet."""
        return Journal(self.root / "journal.jsonl", self.vault)

    def open(self) -> Installation:
        url, origin = f"sqlite:///{self.path}", "optin.example.com/log"
        store = open_store(url, self.root, self.vault, origin=origin, use=StoreUse.INSPECTION)
        return Installation(
            store, self.vault, self.edition.policy, KINDS, clock=lambda: self.moment, journal=self.journal
        )

    def ask(self, email: str, *purposes: PurposeId, at: datetime | None = None) -> RequestId:
        """Sign up, get the mail."""
        self.moment += timedelta(minutes=10)
        now = at or self.moment
        form = self.edition.publication.forms[Slug("paper")]
        fields = (("phone", "+31201234567"),) if CALL in purposes else ()
        entry = ValidEntry(parse_email(email), fields, purposes)
        do, vault, policy = self.installation.store.submit, self.vault, self.edition.policy
        request = do(
            sign_up, context=SiteContext(vault, policy, KINDS.flows), form=form, entry=entry, now=now
        ).result()[0]
        self.mails(now)
        return request

    def join(self, email: str, *purposes: PurposeId, at: datetime | None = None) -> RequestId:
        """Sign up, read the mail, confirm, get the receipt."""
        request = self.ask(email, *purposes, at=at)
        do, vault, policy = self.installation.store.submit, self.vault, self.edition.policy
        later = (at or self.moment) + timedelta(minutes=1)
        do(confirm, context=SiteContext(vault, policy, KINDS.flows), request=request, now=later).result()
        self.moment = max(self.moment, later)
        self.mails(later)
        return request

    def mails(self, now: datetime) -> None:
        do, vault = self.installation.store.submit, self.vault
        advance_log(self.installation)
        claim = partial(
            claim_orders,
            context=SiteContext(vault, self.edition.policy, KINDS.flows),
            batch=ClaimBatch(9),
            now=now,
            suspect=False,
        )
        for order in do(claim).result():
            sent = Attempt(Verdict.SENT, "250", order.message_id.encode() + b" as sent")
            self.installation.run(record_result, order, sent, now=now)
            if isinstance(order, MailOrder) and order.kind is MailKind.DELIVERY:
                self.receipt = next(
                    data for name, data in order.proof.items() if name.endswith(".tlog-proof")
                )
                self.receipt_keys = order.proof["log-keys.txt"]

    def sell(self, email: str, number: str) -> BasisEntryId:
        """Record a sale with its invoice."""
        invoice = EvidenceFile(f"{number}.pdf", f"%PDF invoice {number}".encode(), "application/pdf")
        term = BasisTerm(self.moment.date(), "5 years")
        statement = BasisStatement("contract", "", "officer", {"email": email}, term)
        record = partial(record_basis, context=self.installation.context, statement=statement)
        return self.installation.write(record, files=[invoice], now=self.moment, reference=number).id

    def sql(self, *statements: str, **values: object) -> None:
        """Write behind the program's back, the triggers dropped and put back afterwards."""
        self.installation.store.close()
        file = sqlite3.connect(self.path)
        triggers = file.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            file.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert file.execute(statement, values).rowcount != 0, statement
        for _, text in triggers:
            file.execute(text)
        file.commit()
        file.close()
        self.installation = self.open()

    def schema(self, *statements: str) -> None:
        """Change the schema behind the program's back."""
        self.installation.store.close()
        with closing(sqlite3.connect(self.path, isolation_level=None)) as file:
            for statement in statements:
                file.execute(statement)
        self.installation = self.open()

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        return self.installation.store.read(lambda tx: tx.all(sql, **values))


def set_scene(folder: Path) -> Scene:
    """Return a scene of its own in `folder`: a copy of the one that was played once in this process."""
    scene = copy(_played(_whole_run()))
    shutil.copytree(scene.root, folder, dirs_exist_ok=True)
    scene.root = folder
    scene.installation = scene.open()
    return scene


@cache
def _whole_run() -> Path:
    """Return a folder that lasts as long as this process."""
    folder = tempfile.mkdtemp(prefix="optin-scene-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@cache
def _played(folder: Path) -> Scene:
    """Let three people sign up, one of them withdraw; keep a copy; let a fourth get the last receipt."""
    edition = site_at(folder / "site")
    keys = KeyRing.fresh("serve")
    scene = Scene(folder, edition, Vault(keys), keys)
    scene.alice = scene.join("alice@example.com", TIPS, CALL)
    scene.bert = scene.join("bert@example.com", TIPS)
    scene.carol = scene.join("carol@example.com", TIPS)
    scene.dave = scene.ask("dave@example.com", TIPS)
    scene.frank = scene.sell("frank@example.com", "2026-114")
    scene.grete = scene.sell("grete@example.com", "2026-115")
    advance_log(scene.installation)
    scene.installation.note_ending()
    scene.installation.store.close()
    shutil.copy(scene.path, folder / "old.db")
    shutil.copy(folder / "journal.jsonl", folder / "old.jsonl")
    scene.installation = scene.open()
    scene.moment += timedelta(days=1)
    withdrawn = partial(
        withdraw_consent, context=scene.installation.context, request=scene.carol, purpose=None
    )
    scene.installation.store.submit(withdrawn, now=scene.moment).result()
    scene.installation.note_ending()
    asked = AskedRight(
        scene.vault.index(parse_email("bert@example.com")), "bert@example.com", Right.ACCESS,
        scene.moment.date(), ArrivalWay.LETTER, "officer",
    )  # fmt: skip
    scene.installation.run(note_request, asked=asked, now=scene.moment)
    found = FoundBreach(scene.moment, "a laptop was stolen", "officer")
    scene.installation.run(note_breach, found=found, now=scene.moment)
    officer = NewAccount(parse_email("eva@example.com"), frozenset({Role.OFFICER}))
    eva = scene.installation.run(add_account, new=officer, now=scene.moment)
    bert = scene.vault.index(parse_email("bert@example.com"))
    look = Doing(eva.id, ActKind.LOOKED_AT_PERSON, bert, "a letter of bert")
    scene.installation.run(note_act, doing=look, now=scene.moment)
    scene.join("zed@example.com", TIPS)
    run = ExportRun(
        at=scene.moment, who="officer", why="tips", processor="crm", key=ConsentKey(TIPS, Channel.EMAIL),
        format="csv", exported=2, refused={},
    )  # fmt: skip
    scene.installation.write(record_export, vault=scene.vault, run=run)
    advance_log(scene.installation)
    scene.installation.store.close()
    return scene


def sign(scene: Scene) -> None:
    """Sign the log as it is: with the keys and a program of one's own, which asks no journal."""
    do = scene.installation.store.submit
    do(integrate).result()
    frontier = scene.installation.store.read(log_frontier)
    do(sign_checkpoint, vault=scene.vault, frontier=frontier, now=scene.moment).result()


# -- what the forger does ---------------------------------------------------------------------------------

_CONFIRMED = 'request_id = :id AND body LIKE \'%"kind":"confirmed"%\''


def change_body(old: str, new: str) -> Callable[[Scene], None]:
    """Change what alice's confirmation says, and its leaf with it."""

    def forge(scene: Scene) -> None:
        (number, body), *_ = scene.rows(f"SELECT id, body FROM event WHERE {_CONFIRMED}", id=scene.alice)
        text = str(body).replace(old, new)
        assert text != body
        scene.sql(
            "UPDATE event SET body = :body, leaf = :leaf WHERE id = :number",
            body=text, leaf=leaf_digest(text.encode()), number=number,
        )  # fmt: skip

    return forge


def edit(statement: str) -> Callable[[Scene], None]:
    return lambda scene: scene.sql(statement)


def reseal(change: Callable[[dict[str, object]], None]) -> Callable[[Scene], None]:
    """With the keys: seal another declaration for alice."""

    def forge(scene: Scene) -> None:
        ((sealed,),) = scene.rows("SELECT sealed FROM request WHERE id = :id", id=scene.alice)
        opened = SealedRequest.open(scene.vault, scene.alice, sealed)
        plain = json.loads(opened.declaration)
        change(plain)
        forged = SealedRequest(json.dumps(plain).encode(), opened.salt, opened.code).seal(
            scene.vault, scene.alice
        )
        scene.sql("UPDATE request SET sealed = :sealed WHERE id = :id", sealed=forged, id=scene.alice)

    return forge


def remake(*statements: str) -> Callable[[Scene], None]:
    return lambda scene: scene.schema(*statements)


def insert_lead(scene: Scene) -> None:
    """Without the keys: copy bert's consent for an invented person."""
    scene.sql(
        "INSERT INTO subject(id, email_index, sealed, created_at)"
        " SELECT x'01', x'02', sealed, created_at FROM subject LIMIT 1",
        "INSERT INTO request SELECT x'03', x'02', x'01', form, sealed, created_at, erase_at, link_until,"
        " resent, code_tries, confirmed_at FROM request WHERE id = :id",
        "INSERT INTO consent(subject_id, purpose, channel, status, since, expires_at, request_id)"
        " SELECT x'01', purpose, channel, 'given', since, expires_at, x'03' FROM consent LIMIT 1",
        "INSERT INTO event(request_id, body, leaf)"
        " SELECT x'03', body, leaf FROM event WHERE request_id = :id",
        id=scene.bert,
    )


def back_date(scene: Scene) -> None:
    """With the keys and our own program: a whole lead of last year."""
    scene.join("invented@example.com", TIPS, at=START - timedelta(days=365))
    sign(scene)


def delete_withdrawal(scene: Scene) -> None:
    scene.sql(
        'DELETE FROM event WHERE request_id = :id AND body LIKE \'%"kind":"withdrawn"%\'',
        "UPDATE consent SET status = 'given', withdrawn_at = NULL WHERE request_id = :id",
        "DELETE FROM suppression",
        id=scene.carol,
    )


def delete_withdrawal_well(scene: Scene) -> None:
    """Delete it so that the cache says what the events that are left say."""
    delete_withdrawal(scene)
    scene.sql(
        "DELETE FROM replay WHERE line LIKE '%withdrawn%'",
        "UPDATE consent SET since = (SELECT confirmed_at FROM request WHERE id = :id) WHERE request_id = :id",
        "UPDATE subject SET idle_from = (SELECT MAX(expires_at) FROM consent WHERE subject_id = subject.id)"
        " WHERE id = (SELECT subject_id FROM request WHERE id = :id)",
        id=scene.carol,
    )


def blank_withdrawal(scene: Scene) -> None:
    """Make a withdrawal look like an erased event."""
    scene.sql(
        "UPDATE event SET body = NULL, request_id = NULL"
        ' WHERE request_id = :id AND body LIKE \'%"kind":"withdrawn"%\'',
        "UPDATE consent SET status = 'given', withdrawn_at = NULL WHERE request_id = :id",
        "DELETE FROM suppression",
        id=scene.carol,
    )


def invent(scene: Scene, request: RequestId | None, /, **body: object) -> None:
    """Write an event of one's own, as optin writes it but for what only its keys can make."""
    text = canonical(cast("Json", body)).decode()
    scene.sql(
        "INSERT INTO event(request_id, body, leaf, mac) VALUES (:request, :body, :leaf, :mac)",
        request=request, body=text, leaf=leaf_digest(text.encode()), mac=bytes(32),
    )  # fmt: skip


def event_of(scene: Scene, request: RequestId, kind: str) -> dict[str, object]:
    rows = scene.rows("SELECT body FROM event WHERE request_id = :r ORDER BY id", r=request)
    bodies = [json.loads(body) for (body,) in rows]
    return next(body for body in bodies if body["kind"] == kind)


def confirm_pending(scene: Scene) -> None:
    """Without the keys: confirm for dave, who never did."""
    at = scene.moment + timedelta(minutes=1)
    asked = event_of(scene, scene.dave, "requested")
    told = {**asked, "kind": "confirmed", "at": rfc3339(at), "how": "link", "through": "mailbox"}
    invent(scene, scene.dave, **told)
    scene.sql(
        "INSERT INTO subject(id, email_index, sealed, created_at)"
        " SELECT x'0d', email_index, x'00', 0 FROM request WHERE id = :dave",
        "UPDATE request SET subject_id = x'0d', confirmed_at = :at WHERE id = :dave",
        "INSERT INTO consent(subject_id, purpose, channel, status, since, expires_at, request_id)"
        " VALUES (x'0d', 'tips-email', 'email', 'given', :at, :until, :dave)",
        dave=scene.dave, at=to_ms(at), until=to_ms(RetentionPeriod.parse("24 months").after(at)),
    )  # fmt: skip
    sign(scene)


def revive(scene: Scene) -> None:
    """Without the keys: let carol, who withdrew, ask and confirm anew."""
    scene.moment += timedelta(days=1)
    for kind, later in (("requested", 0), ("confirmed", 1)):
        at = rfc3339(scene.moment + timedelta(seconds=later))
        invent(scene, scene.carol, **{**event_of(scene, scene.carol, kind), "at": at})
    scene.sql(
        "UPDATE request SET created_at = :at WHERE id = :id",
        "UPDATE consent SET status = 'given', withdrawn_at = NULL WHERE request_id = :id",
        "DELETE FROM suppression WHERE email_index = (SELECT email_index FROM request WHERE id = :id)",
        id=scene.carol, at=to_ms(scene.moment),
    )  # fmt: skip
    sign(scene)


def cut_off_withdrawal(scene: Scene) -> None:
    """Leave the withdrawal in the log, but let it belong to nobody."""
    scene.sql(
        'UPDATE event SET request_id = NULL WHERE request_id = :id AND body LIKE \'%"kind":"withdrawn"%\'',
        "UPDATE consent SET status = 'given', withdrawn_at = NULL WHERE request_id = :id",
        "DELETE FROM suppression",
        id=scene.carol,
    )


def erase_withdrawal(scene: Scene) -> None:
    """Make a withdrawal look like an erased event, and write an event of the erasure."""
    ((number,),) = scene.rows(
        'SELECT id FROM event WHERE request_id = :id AND body LIKE \'%"kind":"withdrawn"%\'', id=scene.carol
    )
    blank_withdrawal(scene)
    at = rfc3339(scene.moment)
    invent(scene, None, version=1, kind="erased", at=at, reason="asked", events=[number])
    sign(scene)


def hide_person(scene: Scene) -> None:
    """Let nothing be left of carol but events that belong to nobody."""
    scene.sql(
        "DELETE FROM consent WHERE request_id = :id",
        "DELETE FROM mail WHERE request_id = :id",
        "UPDATE event SET request_id = NULL WHERE request_id = :id",
        "DELETE FROM outbox WHERE request_id = :id",
        "DELETE FROM request WHERE id = :id",
        id=scene.carol,
    )


def swap_events(scene: Scene) -> None:
    scene.sql(
        "UPDATE event SET id = -1 WHERE id = 1", "UPDATE event SET id = 1 WHERE id = 2",
        "UPDATE event SET id = 2 WHERE id = -1",
    )  # fmt: skip


def old_copy(scene: Scene) -> None:
    scene.installation.store.close()
    shutil.copy(scene.root / "old.db", scene.path)
    for ending in ("-wal", "-shm"):
        scene.path.with_name(scene.path.name + ending).unlink(missing_ok=True)
    scene.installation = scene.open()


def rebuild(scene: Scene, vault: Vault | None = None) -> None:
    """With the keys: forge, then make the log anew from the start, every checkpoint with it."""
    delete_withdrawal_well(scene)
    change_body('"how":"link"', '"how":"code"')(scene)
    for number, body in scene.rows("SELECT id, body FROM event"):
        vouched = scene.vault.event_mac(str(body).encode())
        scene.sql("UPDATE event SET mac = :mac WHERE id = :id", mac=vouched, id=number)
    scene.sql(
        "DELETE FROM log_leaf",
        "DELETE FROM log_node",
        "DELETE FROM checkpoint",
        "DELETE FROM log_key",
        "UPDATE log_state SET size = 0, peaks = x''",
        "INSERT INTO log_queue(event_id, leaf) SELECT id, leaf FROM event",
    )
    if vault is not None:
        scene.vault = vault
        scene.installation.vault = vault
    scene.moment += timedelta(minutes=1)
    sign(scene)


def cut_out_withdrawal(scene: Scene) -> None:
    """Without the keys: take the withdrawal out; leave a log that fits itself, for the server to sign."""
    delete_withdrawal_well(scene)
    leaves = scene.rows(
        "SELECT log_leaf.event_id, log_leaf.leaf FROM log_leaf JOIN event ON event.id = log_leaf.event_id"
        " ORDER BY seq"
    )
    gone = min(
        seq
        for seq, ((number,), (kept, _)) in enumerate(zip(scene.rows(_PLACES), leaves, strict=False))
        if number != kept
    )
    grown, nodes = Frontier().grow([bytes(leaf) for _, leaf in leaves])
    scene.sql("DELETE FROM log_leaf", "DELETE FROM log_node")
    scene.sql("DELETE FROM checkpoint WHERE size > :gone", gone=gone)
    for seq, (number, leaf) in enumerate(leaves):
        scene.sql("INSERT INTO log_leaf VALUES (:seq, :number, :leaf)", seq=seq, number=number, leaf=leaf)
    for level, place, value in nodes:
        scene.sql(
            "INSERT INTO log_node VALUES (:level, :place, :value)", level=level, place=place, value=value
        )
    scene.sql("UPDATE log_state SET size = :size, peaks = :peaks", size=grown.size, peaks=grown.pack())


_PLACES = "SELECT event_id FROM log_leaf ORDER BY seq"


def journal_of(change: Callable[[Scene, list[bytes]], list[bytes] | None]) -> Callable[[Scene], None]:
    """Cut the withdrawal out, and put other lines in the journal's place; None: put it away."""

    def forge(scene: Scene) -> None:
        file = scene.root / "journal.jsonl"
        cut_out_withdrawal(scene)
        lines = change(scene, file.read_bytes().splitlines(keepends=True))
        file.unlink() if lines is None else file.write_bytes(b"".join(lines))

    return forge


def cut_off(scene: Scene, lines: list[bytes]) -> list[bytes]:
    """Leave what stands before the withdrawal; let the database say that there never was more."""
    first = next(place for place, line in enumerate(lines) if b'"withdrawn"' in line)
    number = json.loads(lines[first - 1])["n"]
    scene.sql("UPDATE journal_head SET lines = :number", number=number)
    return lines[:first]


def leave_out(_scene: Scene, lines: list[bytes]) -> list[bytes]:
    """Take every line of the withdrawal out, and of each checkpoint since."""
    first = next(place for place, line in enumerate(lines) if b'"withdrawn"' in line)
    return [
        *lines[:first],
        *(line for line in lines[first:] if b"checkpoint" not in line and b"withdrawn" not in line),
    ]


def unkeyed(scene: Scene, _lines: list[bytes]) -> list[bytes]:
    """Put a journal there as an earlier version wrote it, which needs no key, and say nothing of another."""
    scene.sql("DELETE FROM journal_head")
    heading: dict[str, Json] = {"journal": "withdrawals and erasures", "since": None}
    found = hashlib.sha256(canonical(heading)).hexdigest()[:32]
    return [canonical({**heading, "sum": found}) + b"\n"]


def old_copies(scene: Scene) -> None:
    """Put older copies of the database and of the journal back, of one and the same moment."""
    shutil.copy(scene.root / "old.jsonl", scene.root / "journal.jsonl")
    old_copy(scene)


def rebuild_all(scene: Scene) -> None:
    """With everything: make the log anew, and a journal that remembers it so."""
    rebuild(scene)
    (scene.root / "journal.jsonl").unlink()
    scene.journal.begin_anew(scene.installation.store, scene.moment)


def rebuild_with_own_key(scene: Scene) -> None:
    """Without our signing key: the same, signed with a key of the forger's."""
    honest = scene.vault
    rebuild(scene, Vault(replace(scene.keys, log=KeyRing.fresh("serve").log)))
    scene.vault = scene.installation.vault = honest


def replay(scene: Scene) -> None:
    """Put another log's checkpoint, signed for another origin, into ours."""
    other = Vault(KeyRing.fresh("serve")).log_keys("other.example/log")
    size = scene.installation.store.read(log_frontier).size
    note = Checkpoint("other.example/log", size, bytes(32)).sign(other).signed
    scene.sql("UPDATE checkpoint SET note = :note WHERE size = :size", note=note, size=size)


def swept(scene: Scene, *statements: str, **values: object) -> None:
    """Write into rows beside the events, then let the site's own sweep do what they say."""
    scene.sql(*statements, **values)
    sweep(scene.installation)
    sign(scene)


def erase_as_unconfirmed(scene: Scene) -> None:
    """With the keys: blank a withdrawal, and log an erasure of ours as if nobody had ever confirmed."""
    ((number,),) = scene.rows(
        'SELECT id FROM event WHERE request_id = :id AND body LIKE \'%"kind":"withdrawn"%\'', id=scene.carol
    )
    blank_withdrawal(scene)
    week = RetentionPeriod.parse("7 days")
    ground = ErasureGround(ErasureReason.UNCONFIRMED, scene.moment - timedelta(days=8), week)
    said = erased(scene.moment, ground, [number], {"withdrawn": 1})
    scene.installation.write(add_events, vault=scene.vault, request=None, bodies=[said])
    sign(scene)


def let_sweep(*statements: str) -> Callable[[Scene], None]:
    return lambda scene: swept(scene, *statements)


def sweep_second_request(scene: Scene) -> None:
    """Let carol withdraw through a second request, make it look unconfirmed, and let it be swept."""
    second = scene.join("carol@example.com", TIPS)
    scene.moment += timedelta(days=1)
    withdrawn = partial(withdraw_consent, context=scene.installation.context, request=second, purpose=None)
    scene.installation.write(withdrawn, now=scene.moment)
    swept(
        scene,
        "UPDATE request SET confirmed_at = NULL, subject_id = NULL, erase_at = 1 WHERE id = :second",
        "UPDATE consent SET status = 'given', withdrawn_at = NULL, request_id = :first"
        " WHERE request_id = :second",
        "DELETE FROM suppression",
        first=scene.carol, second=second,
    )  # fmt: skip


def file_under_another(scene: Scene) -> None:
    """File carol's request under mallory's address, and let mallory ask to be erased."""
    scene.join("mallory@example.com", TIPS)
    index = scene.vault.index(parse_email("mallory@example.com"))
    scene.sql("UPDATE request SET email_index = :index WHERE id = :id", index=index, id=scene.carol)
    erase = partial(erase_person, context=scene.installation.context, email_index=index, reason=BY_PERSON)
    scene.installation.write(erase, now=scene.moment)
    sign(scene)


def put_details_back(scene: Scene) -> None:
    """Put the row back in which alice's telephone number still stands, which she took away."""
    index = scene.vault.index(parse_email("alice@example.com"))
    ((before,),) = scene.rows("SELECT sealed FROM subject WHERE email_index = :index", index=index)
    corrected = partial(correct, context=scene.installation.context, email_index=index, values={"phone": ""})
    scene.installation.write(corrected, now=scene.moment)
    scene.sql("UPDATE subject SET sealed = :before WHERE email_index = :index", before=before, index=index)
    sign(scene)


def thin_out_export(scene: Scene) -> None:
    """Let somebody not have been in an export."""
    lead_export = LeadExport(
        scene.installation.store.read,
        scene.installation.write,
        scene.vault,
        KINDS.details,
        ConsentKey(TIPS, Channel.EMAIL),
        scene.moment,
    )
    run = ExportRun(
        at=scene.moment, who="officer", why="tips", processor="crm", key=ConsentKey(TIPS, Channel.EMAIL),
        format="csv", exported=len(list(lead_export.proven())), refused={}, members=lead_export.run,
    )  # fmt: skip
    scene.installation.write(record_export, vault=scene.vault, run=run)
    scene.sql("DELETE FROM export_member WHERE subject_id = (SELECT MIN(subject_id) FROM export_member)")
    sign(scene)


def restate_sale(scene: Scene) -> None:
    """With the keys: let frank have been a customer for longer, under the salt of his statement."""
    ((number, sealed),) = scene.rows(
        "SELECT id, sealed FROM held_basis_act WHERE entry = :id", id=scene.frank
    )
    salt, said = open_act(scene.vault, scene.frank, sealed)
    plain = json.loads(said)
    plain["term"]["kept"] = "9 years"
    row = sealed[:ID_BYTES]
    place = EncryptedCell("held_basis_act", scene.frank + row)
    scene.sql(
        "UPDATE held_basis_act SET sealed = :sealed WHERE id = :number",
        "UPDATE held_basis SET ends_at = :until WHERE id = :id",
        sealed=row + scene.vault.seal(place, salt + canonical(plain)),
        number=number,
        until=to_ms(BasisTerm(scene.moment.date(), "9 years").until or scene.moment),
        id=scene.frank,
    )


def let_customer_consent(scene: Scene) -> None:
    """With the keys: log that frank, who only bought something, asked for the tips and confirmed."""
    ((body,),) = scene.rows(f"SELECT body FROM event WHERE {_CONFIRMED} LIMIT 1", id=scene.bert)
    said = {**json.loads(body), "request": scene.frank.hex(), "at": rfc3339(scene.moment)}
    request = RequestId(scene.frank)
    scene.installation.write(add_events, vault=scene.vault, request=request, bodies=[said])
    sign(scene)


def in_register(*statements: str) -> Callable[[Scene], None]:
    """Edit the register of bases: frank's entry is :frank, grete's :grete."""
    return lambda scene: scene.sql(*statements, frank=scene.frank, grete=scene.grete)


def find_breach_later(scene: Scene) -> None:
    """With the keys: seal the entry of a breach with a later moment of discovery."""
    ((sealed,),) = scene.rows("SELECT sealed FROM breach_entry")
    cell = EncryptedCell("breach_entry", sealed[:ID_BYTES])
    plain = json.loads(scene.vault.open(cell, sealed[ID_BYTES:]))
    plain["facts"]["due"] = "2027-06-01T00:00:00.000Z"
    forged = sealed[:ID_BYTES] + scene.vault.seal(cell, json.dumps(plain).encode())
    scene.sql("UPDATE breach_entry SET sealed = :forged", forged=forged)


def change_look(scene: Scene) -> None:
    """With the keys: seal a look at a person as another act, in its columns, too."""
    ((number, sealed),) = scene.rows(f"SELECT id, sealed FROM staff_act WHERE {_LOOK}")
    cell = EncryptedCell("staff_act", sealed[:ID_BYTES])
    plain = json.loads(scene.vault.open(cell, sealed[ID_BYTES:]))
    plain["facts"]["kind"] = "signed-in"
    forged = sealed[:ID_BYTES] + scene.vault.seal(cell, json.dumps(plain).encode())
    scene.sql(
        "UPDATE staff_act SET kind = 'signed-in', sealed = :forged WHERE id = :id", forged=forged, id=number
    )


def invent_act(scene: Scene) -> None:
    """With the keys: seal an act that eva did not do, at an earlier moment."""
    ((sealed,),) = scene.rows(f"SELECT sealed FROM staff_act WHERE {_LOOK}")
    plain = json.loads(scene.vault.open(EncryptedCell("staff_act", sealed[:ID_BYTES]), sealed[ID_BYTES:]))
    plain["facts"]["at"] = rfc3339(START)
    row = bytes(ID_BYTES)
    forged = row + scene.vault.seal(EncryptedCell("staff_act", row), json.dumps(plain).encode())
    scene.sql(
        "INSERT INTO staff_act(at, kind, staff_id, about, sealed)"
        f" SELECT :at, kind, staff_id, about, :forged FROM staff_act WHERE {_LOOK}",
        at=to_ms(START),
        forged=forged,
    )


def give_more_time(scene: Scene) -> None:
    """With the keys: seal bert's request with a later last day."""
    ((sealed,),) = scene.rows("SELECT sealed FROM rights_request")
    cell = EncryptedCell("rights_request", sealed[:ID_BYTES])
    plain = json.loads(scene.vault.open(cell, sealed[ID_BYTES:]))
    plain["entries"][0]["facts"]["due"] = "2027-06-01"
    forged = sealed[:ID_BYTES] + scene.vault.seal(cell, json.dumps(plain).encode())
    scene.sql("UPDATE rights_request SET due_on = '2027-06-01', sealed = :forged", forged=forged)


FORGERIES: dict[str, tuple[str, Callable[[Scene], None]]] = {
    "change a time": ("database", change_body('"at":"2026', '"at":"2025')),
    "change a purpose": ("database", change_body('"tips-email"', '"news-email"')),
    "change a wording in the form's declaration": (
        "database",
        edit("UPDATE form_version SET declaration = REPLACE(declaration, 'Bel mij', 'Mail en bel mij')"),
    ),
    "change an address": ("keys", reseal(lambda plain: plain.update(email="eve@example.com"))),
    "tick another box": ("keys", reseal(lambda plain: plain.update(purposes=["tips-email", "news-email"]))),
    "insert a lead": ("database", insert_lead),
    "insert a lead of last year": ("keys", back_date),
    "delete a withdrawal": ("database", delete_withdrawal),
    "present a withdrawal as erased": ("database", blank_withdrawal),
    "present a withdrawal as erased, with an event that says so": ("database", erase_withdrawal),
    "detach a withdrawal from its request": ("database", cut_off_withdrawal),
    "delete a person": ("database", hide_person),
    "mark an unconfirmed request as confirmed": ("database", confirm_pending),
    "mark a withdrawn consent as given": ("database", revive),
    "lengthen a retention in the form's declaration": (
        "database",
        edit("UPDATE form_version SET declaration = REPLACE(declaration, '6 months', '60 months')"),
    ),
    "declare another sentence of the page as the wording": (
        "database",
        edit(
            "UPDATE form_version SET declaration ="
            " REPLACE(declaration, 'Bel mij een keer hierover.', 'Het witboek')"
        ),
    ),
    "lengthen one consent in the status table": (
        "database", edit("UPDATE consent SET expires_at = expires_at + 31536000000 WHERE status = 'given'"),
    ),
    "edit an export": ("database", edit("UPDATE export_run SET exported = 0")),
    "delete an export": ("database", edit("DELETE FROM export_run")),
    "give a person's request a later last day": (
        "database",
        edit("UPDATE rights_request SET due_on = '2027-06-01'"),
    ),
    "the same, sealed anew": ("keys", give_more_time),
    "delete a person's request": ("database", edit("DELETE FROM rights_request")),
    "delete a breach": ("database", edit("DELETE FROM breach_entry")),
    "let a breach be discovered later, sealed anew": ("keys", find_breach_later),
    "delete a look at a person from the staff's trail": (
        "database",
        edit(f"DELETE FROM staff_act WHERE {_LOOK}"),
    ),
    "file a look at a person under another day": (
        "database",
        edit(f"UPDATE staff_act SET at = at - 86400000 WHERE {_LOOK}"),
    ),
    "present a look at a person as a sign-in, sealed anew": ("keys", change_look),
    "invent an act of staff": ("keys", invent_act),
    "invent a time-stamp": (
        "database",
        edit(
            "INSERT INTO attestation(size, kind, source, value, at)"
            " SELECT MAX(size), 'rfc3161', 'tsa', x'00', 1 FROM checkpoint"
        ),
    ),
    "edit the stylesheet of a page": (
        "database", edit("UPDATE asset SET data = CAST(data || ' .x { display: none }' AS BLOB)"),
    ),
    "present a withdrawn request as unconfirmed, with a genuine event that says so": (
        "keys", erase_as_unconfirmed,
    ),
    "make a withdrawn request look unconfirmed, and let the sweep erase it": (
        "database", sweep_second_request,
    ),
    "make a person look inactive, and let the sweep erase them": (
        "database", let_sweep("UPDATE subject SET idle_from = 1, consented = 0"),
    ),
    "keep an unconfirmed request until 2100": (
        "database", edit("UPDATE request SET erase_at = 4102444800000 WHERE confirmed_at IS NULL"),
    ),
    "move a request to another address, and have that address erased": ("database", file_under_another),
    "restore older details of a person": ("database", put_details_back),
    "remove a person from the record of an export": ("database", thin_out_export),
    "delete what must be replayed after a restore": ("database", edit("DELETE FROM replay")),
    "delete a suppression": ("database", edit("DELETE FROM suppression")),
    "swap two events": ("database", swap_events),
    "restore an older copy of the database": ("database", old_copy),
    "rebuild the whole log": ("keys", rebuild),
    "remove a withdrawal from the log, and adjust the rest": ("database", cut_out_withdrawal),
    "the same, and delete the journal": ("database and journal", journal_of(lambda _scene, _lines: None)),
    "the same, and remove its lines from the journal": ("database and journal", journal_of(leave_out)),
    "the same, and cut off the journal before it": ("database and journal", journal_of(cut_off)),
    "the same, and replace the journal by one without seals": ("database and journal", journal_of(unkeyed)),
    "restore older copies of database and journal": ("database and journal", old_copies),
    "rebuild the whole log and the journal": ("keys and journal", rebuild_all),
    "rebuild the whole log, signed with another key": ("database", rebuild_with_own_key),
    "replay another site's checkpoint": ("database", replay),
    "edit a form's page": (
        "database",
        edit("UPDATE form_version SET page = CAST(REPLACE(CAST(page AS TEXT), 'Bel', 'Mail') AS BLOB)"),
    ),
    "edit a privacy statement": (
        "database", edit("UPDATE privacy_version SET page = CAST(page || '<p>More.</p>' AS BLOB)"),
    ),
    "add a trigger that ignores every withdrawal": (
        "database",
        remake("CREATE TRIGGER stay BEFORE UPDATE ON consent BEGIN SELECT RAISE(IGNORE); END"),
    ),
    "add a trigger that deletes every suppression": (
        "database",
        remake("CREATE TRIGGER out AFTER INSERT ON suppression BEGIN DELETE FROM suppression; END"),
    ),
    "drop a protective trigger": ("database", remake("DROP TRIGGER event_no_update")),
    "replace a protective trigger by an empty one of the same name": (
        "database",
        remake(
            "DROP TRIGGER event_no_update",
            "CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT 1; END",
        ),
    ),
    "write to a table under a second name": (
        "database",
        remake(
            "PRAGMA writable_schema = ON",
            "INSERT INTO sqlite_master SELECT 'table', 'way', 'way', rootpage,"
            " 'CREATE TABLE way (id INTEGER PRIMARY KEY, request_id, body, leaf, mac)'"
            " FROM sqlite_master WHERE name = 'event'",
        ),
    ),
    "replace a person's mail by another person's": (
        "database",
        edit("UPDATE mail SET sealed = (SELECT sealed FROM mail AS m ORDER BY m.message_id LIMIT 1)"),
    ),
    "lengthen how long somebody is a customer": (
        "database", in_register("UPDATE held_basis SET ends_at = ends_at + 31536000000 WHERE id = :frank"),
    ),
    "lengthen it in the statement of the sale": ("keys", restate_sale),
    "make somebody a customer by another's invoice": (
        "database",
        in_register(
            "INSERT INTO held_basis_address(address, entry) SELECT email_index, :frank FROM subject LIMIT 1"
        ),
    ),
    "copy a customer's entry to a new one": (
        "database",
        in_register(
            "INSERT INTO held_basis SELECT x'07', basis, x'07', ends_at, recorded_at FROM held_basis"
            " WHERE id = :frank",
            "INSERT INTO held_basis_act(entry, kind, sealed, at) SELECT x'07', kind, sealed, at"
            " FROM held_basis_act WHERE entry = :frank",
        ),
    ),
    "replace an invoice by another": (
        "database",
        in_register(
            "UPDATE evidence_file SET sealed = (SELECT sealed FROM evidence_file WHERE file ="
            " (SELECT file FROM evidence_file_of WHERE entry = :grete))"
            " WHERE file = (SELECT file FROM evidence_file_of WHERE entry = :frank)"
        ),
    ),
    "remove a customer from the register": (
        "database",
        in_register(
            "DELETE FROM held_basis_act WHERE entry = :frank",
            "DELETE FROM held_basis_address WHERE entry = :frank",
            "DELETE FROM evidence_file_of WHERE entry = :frank",
            "DELETE FROM held_basis WHERE id = :frank",
        ),
    ),
    "make a customer look like an enquirer": (
        "database", in_register("UPDATE held_basis SET basis = 'enquiry' WHERE id = :frank"),
    ),
    "make a customer's term look over, and let the sweep erase the entry": (
        "database", let_sweep("UPDATE held_basis SET ends_at = 1"),
    ),
    "log a customer as one who consented": ("keys", let_customer_consent),
}  # fmt: skip


# -- what finds it ----------------------------------------------------------------------------------------


def start(scene: Scene) -> bool:
    """Tell whether a server, an export and every other command refuse to start.

    For what the journal says, or for a schema that is not optin's.
    """
    if scene.installation.store.schema_findings():
        return True
    try:
        scene.journal.open(scene.installation.store, scene.moment)
    except SetupRefused:
        return True
    return False


def audit(scene: Scene, outside: list[str], *, with_journal: bool = False) -> bool:
    """Tell whether an audit finds something."""
    if scene.installation.store.schema_findings():
        return True
    scene.installation.store.submit(integrate).result()
    try:
        lines = scene.journal.read_whole(scene.installation.store) if with_journal else ()
    except SetupRefused:
        return True
    running = Audit(scene.installation.store.read, scene.vault, KINDS.flows, outside, lines)
    for _ in running.run():
        pass
    return bool(running.findings)


def verify(scene: Scene) -> bool:
    """Tell whether the bundles made now are refused by someone who has the key of an earlier receipt."""
    trusted = parse_keys(scene.receipt_keys.decode())
    installation = replace(scene.installation, journal=None)  # the maker of the bundle asks none
    try:
        for name in ("alice", "carol", "dave"):
            bundle = make_bundle(scene.edition, installation, parse_email(f"{name}@example.com"))
            if not verify_bundle(unpack(bundle), scene.moment, trusted).holds:
                return True
    except (OptinError, BundleBroken, ValueError, LookupError):
        return True
    return False


def receipt(scene: Scene) -> bool:
    """Tell whether the holder of a receipt sees from the published hashes that history changed."""
    (note,) = checkpoints_in(scene.receipt)
    kept = Checkpoint.read(SignedNote.parse(note))
    hashes = scene.installation.store.read(tile_hashes, level=0, number=0, width=min(kept.size, 256))
    leaves = [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
    return len(leaves) < kept.size or Frontier().grow(leaves)[0].root != kept.root


def found_by(forge: Callable[[Scene], None]) -> tuple[bool, ...]:
    """Return for each finder whether it finds the forgery."""
    with tempfile.TemporaryDirectory(prefix="optin-forger-") as folder:
        scene = set_scene(Path(folder))
        try:
            forge(scene)
            return (
                start(scene),
                audit(scene, [], with_journal=True),
                audit(scene, []),
                audit(scene, checkpoints_in(scene.receipt)),
                verify(scene),
                receipt(scene),
            )
        finally:
            scene.installation.store.close()


HEADING = f"| What the forger does | with | {' | '.join(FINDERS)} |"


def row(name: str, found: tuple[bool, ...]) -> str:
    """Return the line of the table about one forgery."""
    return f"| {name} | {FORGERIES[name][0]} | {' | '.join('found' if it else '–' for it in found)} |"


def table() -> str:
    """Return the table."""
    lines = [HEADING, "|---|---|" + "---|" * len(FINDERS)]
    lines += [row(name, found_by(forge)) for name, (_, forge) in FORGERIES.items()]
    return "\n".join(lines)


def page() -> str:
    """Return docs/proof.md with the table as it comes out now."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
