"""Verifying a bundle as a stranger would: from its files alone, in words, and nothing believed.

1. Each event stands in the log under a signed root.
2. Each event's declaration opens with its salt; its form, statement and mails are there by their digests.
3. The form's page shows the words and the box of each purpose that was ticked.
4. The consents follow from the events, in the order of the log, by the one transition table.
5. The copies to look at show the exact pages and mails, with the stylesheets and pictures that these name.
6. Time-stamps and witnesses, if there are any, are of this very checkpoint.

What others signed holds only by their own key or certificate, which the reader must have from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.x509 import Certificate

from optin.consent.address import EmailAddress, address_key
from optin.consent.consent_record import EventKind, Happening, Status, TransitionRefused, fold
from optin.consent.event import Event, rfc3339
from optin.consent.form import PHONE_FIELD, FormDeclaration, shows
from optin.consent.purpose import Channel
from optin.flows.evidence.verify_clock import check_times, is_set_back, latest_moment, moment_of
from optin.flows.evidence.verify_copies import asset_faults, assets_named, copy_faults
from optin.proof.bundle import BundleBroken
from optin.proof.canonical import parse
from optin.proof.commitment import commit, digest
from optin.proof.inclusion import ENDING, InclusionProof
from optin.proof.note import (
    Checkpoint,
    Note,
    NoteBroken,
    Signature,
    VerifierKey,
    cosigned_at,
    open_checkpoint,
    parse_keys,
)
from optin.proof.page_copies import FOLDER, copy_names
from optin.proof.stamp import StampBroken, read_stamp, vouches
from optin.proof.tree import ProofBroken

MUST = frozenset({"README.txt", "checkpoint.txt", "index.html", "log-keys.txt", "record.jsonld", "verify.sh"})
MAY = frozenset({"witnessed-checkpoint.txt"})
_DECLARATION = re.compile(r"requests/[0-9a-f]{30}/declaration\.json")
_STAMP = re.compile(r"timestamps/[0-9]{1,4}\.tsr")
CLOCKS_APART = timedelta(minutes=1)  # a time-stamp has whole seconds, and two clocks never agree


@dataclass
class Report:
    """What was found: each sentence with whether it holds; and what this cannot prove."""

    origin: str = ""
    keys: tuple[str, ...] = ()
    lines: list[tuple[bool, str]] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every sentence holds."""
        return bool(self.lines) and all(held for held, _ in self.lines)

    def say(self, sentence: str, *, held: bool = True) -> None:
        """Add a sentence."""
        self.lines.append((held, sentence))


@dataclass(frozen=True)
class _Case:
    """One request as the bundle has it."""

    declaration: bytes
    salt: bytes


@dataclass(frozen=True)
class Outside:
    """What the reader has from elsewhere about others than the log, and what this version writes itself."""

    witnesses: Sequence[VerifierKey] = ()
    authorities: Sequence[Certificate] = ()  # for time-stamps
    written: Mapping[str, bytes] = field(default_factory=dict)  # by file name


def verify_bundle(
    files: dict[str, bytes],
    now: datetime,
    trusted: Sequence[VerifierKey] = (),
    outside: Outside | None = None,
) -> Report:
    """Return what a bundle proves `now`. `trusted`: keys known from elsewhere; without, those in the bundle.

    Raises BundleBroken with one sentence when there is nothing to verify.
    """
    try:
        return _verify(files, now, trusted, outside or Outside())
    except BundleBroken:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as problem:
        msg = f"Something in it is not as optin writes it ({type(problem).__name__})."
        raise BundleBroken(msg) from None


def _verify(
    files: dict[str, bytes], now: datetime, trusted: Sequence[VerifierKey], outside: Outside
) -> Report:
    report = Report()
    keys = tuple(trusted) or _keys(files)
    checkpoint = _checkpoint(files, keys)
    report.origin, report.keys = checkpoint.origin, tuple(key.text for key in keys)

    # 1. Each event stands in the log under a signed root.
    logged = _logged(files, keys, checkpoint, report)
    events = [it for it in logged if not is_set_back(it[1])]

    # 2. and 3. What the events refer to.
    cases = {commit(case.salt, case.declaration): case for case in _cases(files)}
    for name, body in events:
        _check_references(files, cases, name, body, report)

    _check_unnamed(files, cases, logged, report)

    # 4. The consents follow from the events.
    read = [(Event.read(body), body) for _, body in events]
    check_times(logged, report.say)
    _check_order(cases, read, report)
    _tell_consents(files, cases, [event for event, _ in read], now, report)

    # 5. What is there to be looked at shows the exact files.
    faults = [*asset_faults(files), *copy_faults(files)]
    for fault in faults:
        report.say(fault, held=False)
    copies = sum(name.startswith(FOLDER) for name in files)
    if copies and not faults:
        report.say(f"{copies} copies to look at show the exact pages and mails: made again, the same")

    # 6. Time-stamps and witnesses are of this very checkpoint.
    _check_stamps(files, logged, outside.authorities, report)
    _check_witnesses(files, logged, keys, checkpoint, outside.witnesses, report)
    _check_written(files, outside.written, report)
    strange = {str(body["kind"]) for event, body in read if event.kind is EventKind.NOTED}
    report.limits += [
        f"what the event {kind!r} means: this version does not know it, and counts no consent by it"
        for kind in sorted(strange - {EventKind.NOTED})
    ]
    report.limits += [
        "that nothing was left out: a later withdrawal would stand in the log, not necessarily in this file",
        "that the key is the log's own: compare it with the one in a receipt mail, or published elsewhere",
        "that only the person reads the mailbox that confirmed",
        "what index.html and record.jsonld say: they tell the same for people and machines; believe this",
    ]
    return report


def _keys(files: dict[str, bytes]) -> tuple[VerifierKey, ...]:
    try:
        return parse_keys(files.get("log-keys.txt", b"").decode("utf-8", "replace"))
    except NoteBroken:
        msg = "The keys of the log cannot be read."
        raise BundleBroken(msg) from None


def _checkpoint(files: dict[str, bytes], keys: Sequence[VerifierKey]) -> Checkpoint:
    try:
        return open_checkpoint(files["checkpoint.txt"].decode(), keys)
    except KeyError:
        msg = "There is no checkpoint in it."
    except (NoteBroken, UnicodeDecodeError):
        msg = "The checkpoint is not signed by a key that is trusted here."
    raise BundleBroken(msg)


def _logged(
    files: dict[str, bytes], keys: Sequence[VerifierKey], checkpoint: Checkpoint, report: Report
) -> list[tuple[str, dict[str, object]]]:
    found: dict[int, tuple[str, dict[str, object]]] = {}
    for path in sorted(name for name in files if name.startswith("events/")):
        name = path.removeprefix("events/").removesuffix(".json")
        try:
            proof = InclusionProof.parse(files[f"proofs/{name}{ENDING}"].decode())
            root = proof.verify(files[path], keys)
            body: dict[str, object] = {**parse(files[path])}
            moment_of(body)
            if root != checkpoint or proof.index in found:
                raise ProofBroken
        except (KeyError, TypeError, ValueError, RecursionError):
            report.say(f"event {name} is not proven to stand in the log", held=False)
            continue
        found[proof.index] = (name, body)
    if not found:
        report.say("there is no event in it that is proven", held=False)
    else:
        report.say(
            f"{len(found)} events stand in the log {checkpoint.origin}, unchanged, under the signed root of"
            f" {checkpoint.size} events"
        )
    return [found[place] for place in sorted(found)]


def _cases(files: dict[str, bytes]) -> list[_Case]:
    cases: list[_Case] = []
    for path in sorted(files):
        if path.startswith("requests/") and path.endswith("/declaration.json"):
            salt = files.get(path.removesuffix(".json") + ".salt", b"").decode("ascii", "replace").strip()
            try:
                cases.append(_Case(files[path], bytes.fromhex(salt)))
                commit(cases[-1].salt, b"")
            except ValueError:
                msg = f"The salt beside {path} is none."
                raise BundleBroken(msg) from None
    return cases


def _check_references(
    files: dict[str, bytes], cases: dict[str, _Case], name: str, body: dict[str, object], report: Report
) -> None:
    case = cases.get(str(body["declaration"]))
    if case is None:
        report.say(f"event {name}: what the person declared does not open with the salt in here", held=False)
        return
    for path, key in (
        (f"forms/{body.get('form')}.html", "form"),
        (f"forms/{body.get('form')}.json", "words"),
        (f"privacy/{body.get('privacy')}.html", "privacy"),
    ):
        data = files.get(path)
        if data is None or digest(data) != body.get(key):
            report.say(f"event {name}: {path} is not what its {key} says", held=False)
    if body["kind"] == EventKind.MAILED:
        mail = files.get(f"mails/{name}.eml")
        if mail is None or commit(case.salt, mail) != body.get("bytes"):
            report.say(f"event {name}: the mail is not the one that was sent", held=False)


def _check_unnamed(
    files: dict[str, bytes],
    cases: dict[str, _Case],
    events: Sequence[tuple[str, dict[str, object]]],
    report: Report,
) -> None:
    """Let nothing stand in the bundle that no bundle has, or to which no event refers; let nothing lack."""
    known = {f"events/{name}.json" for name, _ in events} | {f"proofs/{name}{ENDING}" for name, _ in events}
    known |= {f"mails/{name}.eml" for name, body in events if body["kind"] == EventKind.MAILED}
    for body in (body for _, body in events if not is_set_back(body)):
        known |= {
            f"forms/{body['form']}.html",
            f"forms/{body['form']}.json",
            f"privacy/{body['privacy']}.html",
        }
    known |= assets_named(files, known)
    known |= set(copy_names({name: data for name, data in files.items() if name in known}))
    named = {str(body["declaration"]) for _, body in events if not is_set_back(body)}
    declared = {case.declaration for commitment, case in cases.items() if commitment in named}
    for name, data in files.items():
        if _DECLARATION.fullmatch(name) and data in declared:
            known |= {name, name.removesuffix(".json") + ".salt"}
    for name in sorted(set(files) - known - MUST - MAY):
        if not _STAMP.fullmatch(name):
            report.say(f"{name} is in here, but no bundle has it, or no event refers to it", held=False)
    for name in sorted(MUST - set(files)):
        report.say(f"{name} is not in here", held=False)


def _check_written(files: dict[str, bytes], written: Mapping[str, bytes], report: Report) -> None:
    """Warn of instructions that are not ours: a stranger does what they say."""
    report.limits += [
        f"{name} is not the one this version writes; do not run what it says"
        for name, data in sorted(written.items())
        if name in files and files[name] != data
    ]


def _check_order(
    cases: dict[str, _Case], read: Sequence[tuple[Event, dict[str, object]]], report: Report
) -> None:
    """See that each box was asked and confirmed once a request, at the declared moment."""
    seen = set()
    for event, _ in read:
        if event.kind not in {EventKind.REQUESTED, EventKind.CONFIRMED}:
            continue
        about = (event.kind, event.request, event.purpose, event.channel)
        if about in seen:
            report.say(f"{event.purpose} was {event.kind} twice by one request", held=False)
        seen.add(about)
        case = cases.get(event.declaration)
        declared = {} if case is None else parse(case.declaration)
        if event.kind is EventKind.REQUESTED and declared.get("at") != rfc3339(event.at):
            report.say(f"what was declared is of another moment than {rfc3339(event.at)}", held=False)
        if declared.get("form") != event.form:
            report.say("what was declared names another form than its event", held=False)


def _tell_consents(
    files: dict[str, bytes], cases: dict[str, _Case], read: Sequence[Event], now: datetime, report: Report
) -> None:
    asked_at = {event.request: event.at for event in read if event.kind is EventKind.REQUESTED}
    abouts = {(_who(cases, it), it.purpose, it.channel or "") for it in read if it.purpose}
    for who, purpose, channel in sorted(abouts):
        chain = [it for it in read if (_who(cases, it), it.purpose, it.channel) == (who, purpose, channel)]
        happened = [Happening(it.kind, it.at, it.request, asked_at.get(it.request)) for it in chain]
        try:
            record = fold(happened)
        except TransitionRefused:
            report.say(f"the events of {who} for {purpose} by {channel} cannot follow like this", held=False)
            continue
        confirmed = [event for event in chain if event.kind is EventKind.CONFIRMED]
        for event in confirmed:
            _tell_confirmation(files, cases, report, event, purpose, channel)
        if record.status is not None and record.since is not None:
            until = _until(files, confirmed[-1]) if record.status is Status.GIVEN else None
            report.say(
                f"{who}, {purpose} by {channel}: {_STATUS[record.status]} since {rfc3339(record.since)}"
                + ("" if until is None else f", until {rfc3339(until)}")
                + (" — that is past: OVER" if until is not None and until <= now else "")
            )
        if channel == Channel.PHONE and confirmed:
            report.limits.append(
                "that the telephone number is the person's: it was declared on the form, and confirmed"
                " through the mailbox; nobody verified the number"
            )


def _until(files: dict[str, bytes], confirmed: Event) -> datetime | None:
    """Return when a consent is over by the retention that its form promised."""
    form = _form(files, confirmed.form)
    question = None if form is None else form.question(confirmed.purpose or "")
    return None if question is None else question.retention.after(confirmed.at)


def _who(cases: dict[str, _Case], event: Event) -> str:
    """Return whose event it is, as declared: one mailbox is one person, however it was typed."""
    case = cases.get(event.declaration)
    declared = None if case is None else parse(case.declaration).get("email")
    if not isinstance(declared, str):
        return "somebody"
    try:
        return address_key(EmailAddress(declared)).decode()
    except ValueError:  # whoever made the bundle can write anything there
        return f"somebody at {declared!a}"


_STATUS = {
    Status.PENDING: "asked, never confirmed: NO consent",
    Status.GIVEN: "consent GIVEN",
    Status.WITHDRAWN: "consent WITHDRAWN by the person",
    Status.REVOKED: "consent ended by the controller",
    Status.EXPIRED: "consent expired",
}


def _tell_confirmation(
    files: dict[str, bytes], cases: dict[str, _Case], report: Report, event: Event, purpose: str, channel: str
) -> None:
    """Say in which words a consent was given; or what does not fit."""
    case = cases.get(event.declaration)
    form = _form(files, event.form)
    question = None if form is None else form.question(purpose)
    if case is None or form is None or question is None or question.channel.value != channel:
        report.say(f"{purpose} by {channel}: there is no form that asked this", held=False)
        return
    shown = shows(files.get(f"forms/{event.form}.html", b""), form, question)
    declared = parse(case.declaration)
    ticked, fields = declared.get("purposes"), declared.get("fields")
    if not shown or not isinstance(ticked, list) or purpose not in ticked:
        report.say(
            f"{purpose} by {channel}: the page shows other words, or the box was not ticked", held=False
        )
        return
    number = fields.get(PHONE_FIELD) if isinstance(fields, dict) and channel == Channel.PHONE else None
    report.say(
        f"{declared.get('email')} ticked “{question.wording}” at {declared.get('at')}"
        f" and confirmed it through the mailbox at {rfc3339(event.at)}"
        + (f"; number declared: {number}" if number else "")
    )


def _form(files: dict[str, bytes], form: str) -> FormDeclaration | None:
    try:
        return FormDeclaration.from_json(parse(files[f"forms/{form}.json"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _check_stamps(
    files: dict[str, bytes],
    events: Sequence[tuple[str, dict[str, object]]],
    authorities: Sequence[Certificate],
    report: Report,
) -> None:
    """Say who stamped this checkpoint and when. It holds only by an authority that the reader named."""
    data = files["checkpoint.txt"]
    latest = latest_moment(events)
    for name in sorted(path for path in files if path.startswith("timestamps/")):
        try:
            stamp = read_stamp(files[name], data)
        except StampBroken:
            report.say(f"{name} is no time-stamp of this checkpoint, signed by who made it", held=False)
            continue
        told = f"{name}: a time-stamp authority saw this checkpoint at {rfc3339(stamp.at)}"
        if latest is not None and stamp.at + CLOCKS_APART < latest:
            report.say(f"{told}, which is before the last event in it", held=False)
        elif not authorities:
            report.limits.append(
                f"{told}: signed by {stamp.authority}; whether to trust that authority is yours to decide"
                " (openssl ts -verify, or --tsa-cert with its certificate)"
            )
        elif vouches(authorities, files[name], data):
            report.say(f"{told}: signed by {stamp.authority}, whom you trust")
        else:
            report.say(
                f"{told}: signed by {stamp.authority}, whom nobody that you named vouches for", held=False
            )
    if authorities and not any(path.startswith("timestamps/") for path in files):
        report.say("there is no time-stamp in it", held=False)


def _check_witnesses(
    files: dict[str, bytes],
    events: Sequence[tuple[str, dict[str, object]]],
    keys: Sequence[VerifierKey],
    checkpoint: Checkpoint,
    witnesses: Sequence[VerifierKey],
    report: Report,
) -> None:
    """Say who else signed this checkpoint. It holds only by a key that the reader had already."""
    note = _witnessed(files, keys, checkpoint, report)
    signatures = () if note is None else note.signatures
    own = Note.parse(files["checkpoint.txt"].decode()).signatures
    for signature in (it for it in signatures if it not in own):
        known = [key for key in witnesses if key.name == signature.name]
        if signature.name == checkpoint.origin:
            report.say("a witness's line has the log's own name", held=False)
        elif not known:
            report.limits.append(
                f"that the witness {signature.name} saw this checkpoint: not checked, no key given for"
                f" {signature.name} (--witness-key)"
            )
        elif note is not None and any(
            key.id == signature.id and key.verifies(signature.value, note.text.encode()) for key in known
        ):
            _say_cosigned(signature, latest_moment(events), report)
        else:
            report.say(f"the line of the witness {signature.name} does not verify", held=False)
    for name in sorted({key.name for key in witnesses} - {it.name for it in signatures}):
        report.say(f"there is no line of the witness {name} in it", held=False)


def _say_cosigned(signature: Signature, latest: datetime | None, report: Report) -> None:
    """Say when a witness signed, as its signature states, which its key made (C2SP tlog-cosignature)."""
    told, moment = f"the witness {signature.name} signed this checkpoint", cosigned_at(signature.value)
    if moment is None:  # by an ordinary key, which states none
        report.say(f"{told}: verified")
        return
    at = datetime.fromtimestamp(moment, UTC)
    if latest is not None and at + CLOCKS_APART < latest:
        report.say(f"{told} at {rfc3339(at)}, which is before the last event in it", held=False)
    else:
        report.say(f"{told} at {rfc3339(at)}: verified")


def _witnessed(
    files: dict[str, bytes], keys: Sequence[VerifierKey], checkpoint: Checkpoint, report: Report
) -> Note | None:
    data = files.get("witnessed-checkpoint.txt")
    if data is None:
        return None
    try:
        if open_checkpoint(data.decode(), keys) == checkpoint:
            return Note.parse(data.decode())
    except (NoteBroken, UnicodeDecodeError):
        pass
    report.say("witnessed-checkpoint.txt is not this checkpoint, signed by the log", held=False)
    return None
