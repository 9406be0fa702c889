"""Write the trail of staff, together with what they do: an act and its record are one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from optin.flows.context_with_kinds import Flow, SiteContext
from optin.flows.unreadable_rows import BROKEN
from optin.proof.canonical_json import Json
from optin.store.database_interface import P, Row, T, Tx, from_ms
from optin.store.encryption import Vault
from optin.store.person_numbers import known_number
from optin.store.staff_accounts import all_accounts
from optin.store.staff_trail import NOBODY, StaffAct, acts_about, add_act, open_act


class ActKind(StrEnum):
    """What staff did, as the trail names it. The trail of an earlier version may hold other words."""

    SIGNED_IN = "signed-in"
    SIGNED_OUT = "signed-out"
    PROVED_AGAIN = "proved-again"
    LINK_REFUSED = "link-refused"  # used, too old, or opened in another browser
    REFUSED = "refused"  # a page or an act that the role may not have
    PREVIEW_LINK = "preview-link"  # to a page that is not public yet
    MAGNET_STATUS = "magnet-status"  # draft, published, archived, from and until
    ACCOUNT_ADDED = "account-added"
    ACCOUNT_CHANGED = "account-changed"
    ACCOUNT_CLOSED = "account-closed"
    SESSIONS_ENDED = "sessions-ended"
    PASSKEY_ADDED = "passkey-added"
    PASSKEY_REMOVED = "passkey-removed"
    PASSKEY_REFUSED = "passkey-refused"  # no signature of it, a count that went back, a closed account
    OPENID_ADDED = "openid-added"  # an identity at a provider of OpenID Connect
    OPENID_REMOVED = "openid-removed"
    OPENID_REFUSED = "openid-refused"
    PREFERENCES_SET = "preferences-set"  # of one's own account
    LOOKED_AT_PERSON = "looked-at-person"
    SEARCHED = "searched-people"
    REQUEST_RECORDED = "request-recorded"
    REQUEST_READ = "request-read"
    REQUEST_LOOKED_UP = "request-looked-up"  # from a request to the page of whoever asks
    REQUEST_IDENTITY = "request-identity"  # made sure who asks
    REQUEST_EXTENDED = "request-extended"
    REQUEST_ANSWERED = "request-answered"
    BREACH_RECORDED = "breach-recorded"
    BREACH_NOTIFIED = "breach-notified"
    BREACH_CORRECTED = "breach-corrected"
    BREACH_CLOSED = "breach-closed"
    MAIL_SENT_AGAIN = "mail-sent-again"
    LOG_AUDITED = "log-audited"
    PAPERS_TAKEN = "papers-taken"
    WITHDREW = "withdrew-consent"
    HELD_DATA = "held-data"
    CORRECTED_PERSON = "corrected-person"
    OBJECTED_FOR = "recorded-objection"
    ERASED_PERSON = "erased-person"
    VERIFIED = "verified-evidence"
    TOOK_EVIDENCE = "took-evidence"
    PRINTED = "printed-statement"
    LISTED_PEOPLE = "listed-people"  # a search showed them: name, address, how their consents stand
    FILE_BEGUN = "file-begun"  # about to write a file of the site; another line follows when it is written
    MAGNET_EDITED = "magnet-edited"
    MAGNET_MADE = "magnet-made"
    KIND_ACT = "kind-act"  # what a kind of magnet lets marketers do, such as to draw winners
    PICTURE_ADDED = "picture-added"
    ASKED_MAY = "asked-may"  # whether a person may be contacted
    LISTED_LEADS = "listed-leads"  # looked at a page with the names of people
    EXPORT_BEGUN = "export-begun"
    EXPORTED = "exported"
    EXPORT_ENDED = "export-ended"  # without a file: stopped, refused or broken off
    EXPORT_FETCHED = "export-fetched"
    DELETIONS_FETCHED = "deletions-fetched"  # whom a processor must delete


@dataclass(frozen=True)
class Doing:
    """What somebody is about to do, for the trail. `staff_id`: whose account; `about`: a person, or nobody.

    `facts` name nobody; `texts` may: they go when the person is erased.
    """

    staff_id: bytes
    kind: str
    about: bytes = NOBODY
    why: str = field(default="", repr=False)
    facts: Mapping[str, Json] = field(default_factory=dict)
    texts: Mapping[str, Json] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class TrailLine:
    """One line of the trail. `person`: the number that pages of the desk use; empty: about nobody.

    `broken`: the row cannot be read; an audit says more.
    """

    number: int
    at: datetime
    kind: str
    name: str = field(repr=False)
    person: str = ""
    why: str = field(default="", repr=False)
    facts: Mapping[str, Json] = field(default_factory=dict)
    texts: Mapping[str, Json] = field(default_factory=dict, repr=False)
    broken: bool = False


def record(tx: Tx, vault: Vault, doing: Doing, now: datetime) -> int:
    """Add an act to the trail; return its number there."""
    texts = {**doing.texts, **({"why": doing.why} if doing.why else {})}
    return add_act(tx, vault, StaffAct(now, doing.kind, doing.staff_id, doing.about, doing.facts, texts))


def recorded(
    tx: Tx,
    context: SiteContext,
    flow: Flow[P, T],
    doing: Doing,
    now: datetime,
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Run a flow and record it in the trail, in one transaction: what raises leaves neither.

    A flow that takes the moment gets it among its own arguments.
    """
    done = flow(tx, context, *args, **kwargs)
    record(tx, context.vault, doing, now)
    return done


def note_act(tx: Tx, context: SiteContext, doing: Doing, now: datetime) -> int:
    """Record what changes nothing else: a look, a refusal."""
    return record(tx, context.vault, doing, now)


def note_act_on_person(tx: Tx, context: SiteContext, doing: Doing, now: datetime) -> int:
    """Record what took a while for a person on file; without its reason when they were erased meanwhile."""
    if not known_number(tx, context.vault, doing.about):
        doing = replace(doing, why="", texts={})
    return record(tx, context.vault, doing, now)


def list_acts_about(
    tx: Tx, context: SiteContext, about: bytes, most: int = 100, without: str = ""
) -> list[TrailLine]:
    """Return the newest lines about a person; `without`: a kind that does not count."""
    return _lines(tx, context.vault, acts_about(tx, about, most, without))


def _lines(tx: Tx, vault: Vault, rows: list[Row]) -> list[TrailLine]:
    return lines_of(tx, vault, rows, {it.id: it.name for it in all_accounts(tx, vault)})


def lines_of(tx: Tx, vault: Vault, rows: list[Row], names: Mapping[bytes, str]) -> list[TrailLine]:
    """Return rows of the trail as lines. `names`: of the accounts."""
    lines = []
    for row in rows:
        try:
            stored = open_act(vault, row)
            act, is_filed_wrong = stored.act, any(stored.faults(row))
        except BROKEN:
            is_filed_wrong = True
        if is_filed_wrong:  # by its columns, which pages follow
            lines.append(TrailLine(int(row[0]), from_ms(row[1]), row[2], "", broken=True))
            continue
        person = known_number(tx, vault, act.about) if act.about else ""
        why = str(act.texts.get("why", ""))
        name = names.get(act.staff_id, "")
        lines.append(TrailLine(int(row[0]), act.at, act.kind, name, person, why, act.facts, act.texts))
    return lines
