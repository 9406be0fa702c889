"""An evidence bundle put together: what the flow gathered, the readable page, the explanation (P6)."""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial

from optin.bootstrap.edition import Edition
from optin.bootstrap.office import Office
from optin.consent.address import EmailAddress
from optin.consent.event import Event
from optin.consent.record import EventKind
from optin.flows.evidence import Chapter, Evidence, gather_evidence
from optin.proof.bundle import pack
from optin.proof.canonical import parse
from optin.theme.explaining import written_beside
from optin.theme.theme import Theme
from optin.theme.views import EvidenceView, Frame, Story, StoryConsent, StoryEvent


def make_bundle(edition: Edition, office: Office, email: EmailAddress) -> bytes:
    """Return the bundle about an address. Raises RequestRefused when nothing is kept about it."""
    base_url, now = edition.site.settings.base_url, office.clock()
    gather = partial(gather_evidence, vault=office.vault, email=email, base_url=base_url, now=now)
    evidence = office.store.submit(gather).result()
    files = dict(evidence.files)
    files["index.html"] = edition.theme.page(_view(edition.theme, evidence, now)).encode()
    return pack({**files, **written_beside()})


def _view(theme: Theme, evidence: Evidence, now: datetime) -> EvidenceView:
    last = evidence.chapters[-1].opened.declaration
    lang = last.lang if last.lang in theme.languages else theme.languages[0]
    return EvidenceView(
        frame=Frame(lang=lang, controller=last.controller, privacy_url=""),
        email=evidence.email,
        made_at=now,
        stories=tuple(_story(theme, lang, evidence, chapter) for chapter in evidence.chapters),
        checkpoint=evidence.checkpoint.note,
        key=evidence.files["log-keys.txt"].decode().partition("\n")[0],
    )


def _story(theme: Theme, lang: str, evidence: Evidence, chapter: Chapter) -> Story:
    opened, form = chapter.opened, chapter.opened.declaration
    labels = {"email": theme.text(lang, "field.email"), **{field.name: field.label for field in form.fields}}
    values = {"email": opened.declared.email, **opened.declared.fields}
    files = {data: name for name, data in evidence.files.items() if name.startswith("events/")}
    consents = []
    for told in chapter.told:
        confirmed = next((at for kind, at in told.happened if kind is EventKind.CONFIRMED), None)
        consents.append(
            StoryConsent(
                question=told.question,
                status=_STATUS.get(told.happened[-1][0], "given"),
                requested_at=told.happened[0][1],
                confirmed_at=confirmed,
                until=told.until,
            )
        )
    events = []
    for stored in chapter.events:
        event = Event.read(parse(stored.body))
        question = form.question(event.purpose or "")
        wording = "" if question is None else question.wording
        events.append(StoryEvent(event.at, event.kind.value, wording, files[stored.body.encode()]))
    mails = {data: name for name, data in evidence.files.items() if name.startswith("mails/")}
    return Story(
        form=form,
        form_version=opened.form.version.digest,
        declared=tuple((labels.get(name, name), value) for name, value in values.items()),
        consents=tuple(consents),
        events=tuple(events),
        mails=tuple(mails[mail.data] for mail in chapter.mails if mail.data in mails),
        page_html=_dressed(theme, opened.form.version.page.decode("utf-8", "replace")),
    )


_STATUS = {
    EventKind.REQUESTED: "pending",
    EventKind.CONFIRMED: "given",
    EventKind.WITHDRAWN: "withdrawn",
    EventKind.REVOKED: "revoked",
    EventKind.EXPIRED: "expired",
}


def _dressed(theme: Theme, page: str) -> str:
    """Return a page with its stylesheet in it, where the theme still has the very one that it pinned."""

    def inside(found: re.Match[str]) -> str:
        asset = theme.assets.get(found[1])
        return found[0] if asset is None else f"<style>{asset.data.decode()}</style>"

    return re.sub(r'<link rel="stylesheet" href="([^"]+)">', inside, page)
