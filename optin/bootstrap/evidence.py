"""An evidence bundle put together: what the flow gathered, the readable page, the explanation (P6)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial

from optin.bootstrap.edition import ASSET, Edition, assets_in
from optin.bootstrap.office import Office
from optin.consent.address import EmailAddress
from optin.consent.event import Event
from optin.consent.record import EventKind
from optin.flows.evidence import Chapter, Evidence, gather_evidence
from optin.proof.bundle import pack
from optin.proof.canonical import parse
from optin.proof.commitment import digest
from optin.store.forms import asset_by_prefix
from optin.theme.explaining import written_beside
from optin.theme.theme import Asset, Theme
from optin.theme.views import EvidenceView, Frame, Story, StoryConsent, StoryEvent

_END = re.compile(r"</(?=style)", re.IGNORECASE)  # would end the element; CSS reads "<\/" as the same
_SHOWN = re.compile(rf'(?<="){ASSET.pattern}')  # not in the address of a social card, which nobody loads
_LINK = re.compile(rf'<link\b[^>]*\bhref="({ASSET.pattern})"[^>]*>')


def make_bundle(edition: Edition, office: Office, email: EmailAddress) -> bytes:
    """Return the bundle about an address. Raises RequestRefused when nothing is kept about it."""
    base_url, now = edition.site.settings.base_url, office.clock()
    gather = partial(gather_evidence, vault=office.vault, email=email, base_url=base_url, now=now)
    evidence = office.store.submit(gather).result()
    files = dict(evidence.files)
    pages = (chapter.opened.form.version.page for chapter in evidence.chapters)
    view = _view(edition.theme, evidence, _assets(edition, office, pages), now)
    files["index.html"] = edition.theme.page(view).encode()
    return pack({**files, **written_beside()})


def _view(theme: Theme, evidence: Evidence, assets: Mapping[str, Asset], now: datetime) -> EvidenceView:
    last = evidence.chapters[-1].opened.declaration
    lang = last.lang if last.lang in theme.languages else "en"
    return EvidenceView(
        frame=Frame(lang=lang, controller=last.controller, privacy_url=""),
        email=evidence.email,
        made_at=now,
        stories=tuple(_story(theme, lang, evidence, chapter, assets) for chapter in evidence.chapters),
        checkpoint=evidence.checkpoint.note,
        key=evidence.files["log-keys.txt"].decode().partition("\n")[0],
    )


def _story(
    theme: Theme, lang: str, evidence: Evidence, chapter: Chapter, assets: Mapping[str, Asset]
) -> Story:
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
        page_html=_dressed(opened.form.version.page.decode("utf-8", "replace"), assets),
    )


_STATUS = {
    EventKind.REQUESTED: "pending",
    EventKind.CONFIRMED: "given",
    EventKind.WITHDRAWN: "withdrawn",
    EventKind.REVOKED: "revoked",
    EventKind.EXPIRED: "expired",
}


def _dressed(page: str, assets: Mapping[str, Asset]) -> str:
    """Return a page with what it refers to inside it: it shows as it was served, and asks nobody."""

    def style(found: re.Match[str]) -> str:
        asset = assets.get(found[1])
        if asset is None or "stylesheet" not in found[0]:
            return found[0]
        css = _END.sub(r"<\\/", asset.data.decode("utf-8", "replace"))
        return f"<style>{css}</style>"

    def picture(found: re.Match[str]) -> str:
        asset = assets.get(found[0])
        if asset is None:
            return found[0]
        return f"data:{asset.content_type};base64,{base64.b64encode(asset.data).decode()}"

    return _SHOWN.sub(picture, _LINK.sub(style, page))


def _assets(edition: Edition, office: Office, pages: Iterable[bytes]) -> dict[str, Asset]:
    """Return what pages refer to, by address: as kept when they were served, by the digest in the name."""
    found: dict[str, Asset] = {}
    for name in {name for page in pages for name in assets_in(page)}:
        prefix = name.split(".")[1]
        kept = office.store.read(partial(asset_by_prefix, prefix=prefix))
        if kept is not None and digest(kept.data) == kept.digest:
            found[name] = Asset(kept.data, kept.content_type)
        elif name in edition.theme.assets:  # served before assets were kept, and still the same
            found[name] = edition.theme.assets[name]
    return found
