"""Mailchimp: a member of an audience, and a tag for a purpose (W11).

The list of a purpose is `AUDIENCE/tag`, or `AUDIENCE` alone if the audience serves this purpose and no other.
With a tag, an end takes the tag off and leaves the member in the audience; without one it unsubscribes.
Follows Mailchimp's description of its Marketing API 3.0 (swagger 3.0.80, as in the package
mailchimp-marketing; api-evangelist/mailchimp); a 403 without JSON and the words of refusals are known from
programs that use it. `pending` is never sent: Mailchimp would ask the person to confirm again.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from hashlib import md5
from typing import Any

from optin.export.connectors.lead_fields import (
    BAD_REQUEST,
    FORBIDDEN,
    NOT_FOUND,
    NUMBER,
    UNAUTHORIZED,
    PullMark,
    ask,
    consent_fields,
    encoded,
    fields_of,
    inside,
    list_of,
    moment,
    person_fields,
    refuse_later_stop,
    refuse_shared,
    rows_of,
    values_of,
)
from optin.export.connectors.tool import (
    Steps,
    Stop,
    Stops,
    ToolAccount,
    ToolAnswer,
    ToolCall,
    ToolLead,
    ToolTrouble,
    TroubleKind,
    trouble_of,
)

_SHORT = {  # a tag of a field has at most ten characters
    "optin_basis": "OPTBASIS",
    "optin_purpose": "OPTPURPOSE",
    "optin_consent_text": "OPTTEXT",
    "optin_confirmed_at": "OPTTIME",
    "optin_expires_at": "OPTUNTIL",
    "optin_form_version": "OPTFORM",
    "optin_evidence": "OPTPROOF",
    "optin_unsubscribe_url": "OPTSTOP",
}
CONSENT = consent_fields(_SHORT.__getitem__)
FIELDS = {**person_fields("FNAME", "LNAME", "COMPANY", "PHONE"), **CONSENT}
TYPES = {NUMBER: {"text", NUMBER}, "unsubscribe_url": {"text", "url"}}
MOST_BYTES = 255  # of a text field
ROWS, STEP, PAGES = 500, 450, 40  # pages overlap: who leaves the list meanwhile moves the others up
BUSY_SECONDS = 3600.0
ENDED = "ended"  # in place of a proof: what unsubscribed the member was no stop of the person
_DATA_CENTRE = re.compile(r"[a-z0-9]+")
_FIELD = re.compile(r"[A-Z0-9_]{1,10}")
_BACK = "the person can only come back by a form of Mailchimp itself"
_REFUSALS = {
    "Member In Compliance State": (
        f"Mailchimp keeps this contact out after an unsubscribe, a bounce or a review: {_BACK}"
    ),
    "Forgotten Email Not Subscribed": f"the address was deleted for good in Mailchimp: {_BACK}",
}


class Mailchimp:
    """Mailchimp's Marketing API 3.0."""

    name = "mailchimp"
    calls_per_second = 5.0  # ten at a time is the limit; there is none by time

    def address(self, account: ToolAccount) -> str:
        """Return the base at the data centre that the key ends in. Raises ValueError with a sentence."""
        _, dash, centre = account.token.rpartition("-")
        if not (dash and _DATA_CENTRE.fullmatch(centre)):
            says = "the key of Mailchimp must end in its data centre, such as -us21: copy it whole"
            raise ValueError(says)
        return f"https://{centre}.api.mailchimp.com/3.0"

    def headers(self, account: ToolAccount) -> Mapping[str, str]:
        """Return the key, by Basic authentication with any name."""
        return {"Authorization": "Basic " + b64encode(f"optin:{account.token}".encode()).decode()}

    def set_up(self, account: ToolAccount) -> Steps[tuple[str, ...]]:
        """Check key and audiences; make fields that are missing. A tag needs no making."""
        try:
            self.address(account)
        except ValueError as error:
            raise ToolTrouble(TroubleKind.SETUP, str(error)) from None
        fields = fields_of(account, FIELDS)
        refuse_shared(account, fields)
        for column, name in fields.items():
            if not _FIELD.fullmatch(name):
                says = f"{name!r} for {column} is no field of Mailchimp: at most ten of A-Z, 0-9 and _"
                raise ToolTrouble(TroubleKind.SETUP, says)
        done: list[str] = []
        for audience in _audiences(account):
            yield from _check_audience(audience)
            done += yield from _make_fields(audience, fields)
        return tuple(done)

    def confirmed(self, account: ToolAccount, lead: ToolLead) -> Steps[None]:
        """Upsert the member as subscribed, with the time of the consent; then put the tag on."""
        audience, tag = _place(account, lead.purpose)
        fields = fields_of(account, FIELDS)
        member = _member(audience, lead.email)
        query = "?fields=status,last_changed,merge_fields"
        answer = yield from _ask(ToolCall("GET", member + query), audience, NOT_FOUND)
        if answer.is_ok and inside(answer.content, "status") != "subscribed":
            proof = fields.get("evidence", "")
            _refuse_stopped(lead, answer.content, proof)
            # who comes back has consented to this alone: what our other tags stand for was stopped
            places = [_place(account, it) for it in account.lists]
            others = {it: "inactive" for own, it in places if own == audience and it != tag}
            if others and proof:  # first, so that our own change is not taken for a later stop
                yield from _update(member, audience, {"merge_fields": {proof: ENDED}})
            yield from _set_tags(member, audience, others)
        values = values_of(lead, fields, MOST_BYTES)
        answer = yield from _upsert(member, lead, values, audience)
        bad = {str(it.get("field")) for it in rows_of(answer.content, "errors")} & set(values)
        persons = {name for column, name in fields.items() if column not in CONSENT}
        if (
            not answer.is_ok and bad & persons
        ):  # such as a number in another form: the lead is kept without it
            kept = {name: it for name, it in values.items() if name not in bad & persons}
            answer = yield from _upsert(member, lead, kept, audience)
        elif not answer.is_ok and bad:
            says = f"Mailchimp's field {min(bad)} is gone, or holds no text: check the connection again"
            raise ToolTrouble(TroubleKind.SETUP, says)
        if not answer.is_ok:
            raise _trouble(answer, audience)
        if inside(answer.content, "status") != "subscribed":
            says = "Mailchimp did not subscribe the contact: see its status there"
            raise ToolTrouble(TroubleKind.REFUSED, says)
        if tag:
            yield from _set_tags(member, audience, {tag: "active"})

    def ended(self, account: ToolAccount, email: str, purpose: str) -> Steps[None]:
        """Take the tag off; without a tag, unsubscribe the member, and say so in place of the proof."""
        audience, tag = _place(account, purpose)
        if tag:
            yield from _set_tags(_member(audience, email), audience, {tag: "inactive"})
            return
        proof = fields_of(account, FIELDS).get("evidence")
        content = {"status": "unsubscribed", **({"merge_fields": {proof: ENDED}} if proof else {})}
        yield from _update(_member(audience, email), audience, content)

    def erased(self, account: ToolAccount, email: str) -> Steps[None]:
        """Delete the member for good, from each audience."""
        unknown: list[str] = []
        for audience in _audiences(account):
            call = ToolCall("POST", f"{_member(audience, email)}/actions/delete-permanent")
            answer = yield from _ask(call, audience, NOT_FOUND)
            unknown += [audience] if answer.status == NOT_FOUND else []
        for audience in unknown:  # when it is deleted from all others
            yield from _check_audience(audience)

    def stops(self, account: ToolAccount, mark: str) -> Steps[Stops]:
        """Return who is unsubscribed from an audience, and was changed since the mark."""
        found: list[Stop] = []
        marks: list[str] = []
        for audience, purposes in _audiences(account).items():
            reached = yield from _pull(PullMark.read(mark), audience, purposes, found)
            marks.append(reached.write())
        return Stops(tuple(found), min(marks, default=mark))  # the earliest, in the order of texts too


def _place(account: ToolAccount, purpose: str) -> tuple[str, str]:
    """Return the audience of a purpose and its tag, which may be empty."""
    audience, _, tag = list_of(account, purpose).partition("/")
    return audience, tag


def _audiences(account: ToolAccount) -> dict[str, list[str]]:
    """Return the purposes by audience. Raises ToolTrouble when one audience serves two, and not by tags."""
    purposes: dict[str, list[str]] = {}
    for purpose in account.lists:
        purposes.setdefault(_place(account, purpose)[0], []).append(purpose)
    for audience, some in purposes.items():
        if len(some) > 1 and not all(_place(account, it)[1] for it in some):
            says = f"{', '.join(some)} share the audience {audience}: give each a tag, as {audience}/tag"
            raise ToolTrouble(TroubleKind.SETUP, says)
    return purposes


def _check_audience(audience: str) -> Steps[None]:
    """Raise ToolTrouble when there is no such audience: also when the key is of another account."""
    yield from _ask(ToolCall("GET", f"/lists/{encoded(audience)}?fields=id,name"), audience)


def _member(audience: str, email: str) -> str:
    """Return a member's path: by MD5 of the address in lower case, as Mailchimp has it; no secret."""
    digest = md5(email.lower().encode(), usedforsecurity=False).hexdigest()
    return f"/lists/{encoded(audience)}/members/{digest}"


def _refuse_stopped(lead: ToolLead, member: Any, proof: str) -> None:
    """Raise ToolTrouble when somebody unsubscribed the member after this consent.

    `proof`: the field that says when we did it ourselves.
    """
    ours = proof and inside(member, "merge_fields", proof) == ENDED
    if inside(member, "status") == "unsubscribed" and not ours:
        refuse_later_stop("Mailchimp", lead, moment(inside(member, "last_changed")))


def _upsert(member: str, lead: ToolLead, values: Mapping[str, str], audience: str) -> Steps[ToolAnswer]:
    content: dict[str, Any] = {
        "email_address": lead.email,
        "status_if_new": "subscribed",
        "status": "subscribed",
        "merge_fields": dict(values),
    }
    consented = moment(lead.columns.get("confirmed_at"))
    if consented:
        content["timestamp_opt"] = consented.isoformat(timespec="seconds")
    # fields that the audience demands and the lead has not must not keep the consent out
    call = ToolCall("PUT", f"{member}?skip_merge_validation=true", content)
    return (yield from _ask(call, audience, BAD_REQUEST))


def _update(member: str, audience: str, content: Mapping[str, Any]) -> Steps[None]:
    """Change what a member has; who is unknown is no trouble, nor who is kept out anyway."""
    call = ToolCall("PATCH", f"{member}?skip_merge_validation=true", content)
    answer = yield from _ask(call, audience, NOT_FOUND, BAD_REQUEST)
    if answer.status == BAD_REQUEST and inside(answer.content, "title") not in _REFUSALS:
        raise _trouble(answer, audience)
    if answer.status == NOT_FOUND:
        yield from _check_audience(audience)


def _set_tags(member: str, audience: str, tags: Mapping[str, str]) -> Steps[None]:
    if tags:
        content = {"tags": [{"name": name, "status": status} for name, status in tags.items()]}
        answer = yield from _ask(ToolCall("POST", f"{member}/tags", content), audience, NOT_FOUND)
        if answer.status == NOT_FOUND:
            yield from _check_audience(audience)


def _make_fields(audience: str, fields: Mapping[str, str]) -> Steps[list[str]]:
    path = f"/lists/{encoded(audience)}/merge-fields"
    query = "?count=1000&fields=merge_fields.tag,merge_fields.type"
    answer = yield from _ask(ToolCall("GET", path + query), audience)
    known = {it.get("tag"): it.get("type") for it in rows_of(answer.content, "merge_fields")}
    done = []
    for column, name in fields.items():
        if name not in known:
            content = {"tag": name, "name": column.replace("_", " "), "type": "text", "public": False}
            answer = yield from _ask(ToolCall("POST", path, content), audience, BAD_REQUEST)
            if not answer.is_ok:
                says = (
                    f"Mailchimp cannot make the field {name} for {column}: an audience has 30 at most; "
                    "remove one, or leave a column out in fields"
                )
                raise ToolTrouble(TroubleKind.SETUP, says)
            done.append(f"made the field {name} in the audience {audience}")
        elif known[name] not in TYPES.get(column, {"text"}):
            says = f"Mailchimp's field {name} is no text: name another for {column} in fields"
            raise ToolTrouble(TroubleKind.SETUP, says)
    return done


def _pull(mark: PullMark, audience: str, purposes: list[str], found: list[Stop]) -> Steps[PullMark]:
    """Add to `found` who unsubscribed, oldest change first; return the mark for the next pull."""
    path = f"/lists/{encoded(audience)}/members?status=unsubscribed&sort_field=last_changed&sort_dir=ASC"
    path += f"&count={ROWS}&fields=members.email_address,members.last_changed"
    if mark.since:
        path += f"&since_last_changed={encoded(mark.since.isoformat(timespec='seconds'))}"
    seen: dict[str, datetime | None] = {}
    for page in range(PAGES):
        answer = yield from _ask(ToolCall("GET", f"{path}&offset={page * STEP}"), audience)
        mark = mark.seen(answer)
        rows = list(rows_of(answer.content, "members"))
        seen |= {str(it.get("email_address") or ""): moment(it.get("last_changed")) for it in rows}
        if len(rows) < ROWS:
            break
    found += [Stop(email, tuple(purposes), at) for email, at in seen.items() if email]
    newest = max((it for it in seen.values() if it), default=None)
    return mark.whole(newest) if len(rows) < ROWS else PullMark(newest)


def _ask(call: ToolCall, audience: str, *fine: int) -> Steps[ToolAnswer]:
    return ask(call, lambda answer: _trouble(answer, audience), fine)


def _trouble(answer: ToolAnswer, audience: str) -> ToolTrouble:
    """Return the trouble behind an answer; of its words only known titles: the others hold the address."""
    title, detail = str(inside(answer.content, "title")), str(inside(answer.content, "detail"))
    if answer.status == UNAUTHORIZED:
        return trouble_of(answer, "Mailchimp does not take the key: make a new one, and put it in place")
    if answer.status == FORBIDDEN and answer.content is None:
        return ToolTrouble(TroubleKind.LATER, "Mailchimp: too many calls at a time")
    if answer.status == NOT_FOUND:
        says = f"Mailchimp has no audience {audience}: look for its id under Audience, Settings"
        return ToolTrouble(TroubleKind.SETUP, says)
    if title in _REFUSALS:
        return ToolTrouble(TroubleKind.REFUSED, _REFUSALS[title])
    if "lot of lists very recently" in detail:
        return ToolTrouble(
            TroubleKind.LATER, "Mailchimp takes no more sign-ups of this contact now", BUSY_SECONDS
        )
    return trouble_of(answer, f"Mailchimp: status {answer.status}")


MAILCHIMP = Mailchimp()
