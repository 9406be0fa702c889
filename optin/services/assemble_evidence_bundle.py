"""Assemble an evidence bundle: the evidence, the readable page and the instructions (P6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.event_content import Event
from optin.consent.status_transitions import EventKind
from optin.flows.evidence.collect_evidence import Evidence, RequestEvidence, gather_evidence
from optin.proof.bundle_zip_file import MAX_BYTES, pack
from optin.proof.canonical_json import parse
from optin.proof.commitment import digest
from optin.proof.page_assets import digest_in
from optin.proof.readable_copies import FOLDER, asset_file, viewable_copies, viewable_page
from optin.services.event_log_signer import advance_log
from optin.services.installation import Installation
from optin.services.site_edition import Edition, assets_of
from optin.store.stored_forms import asset_by_prefix
from optin.theme.evidence_views import EvidenceConsent, EvidenceEvent, EvidenceRequest, EvidenceView
from optin.theme.theme import Asset, Theme
from optin.theme.verification_guide import instruction_files
from optin.theme.views import Frame


def make_bundle(edition: Edition, installation: Installation, email: EmailAddress) -> bytes:
    """Return the evidence bundle of an address. Raises RequestRefused when nothing is stored about it."""
    now = installation.clock()
    advance_log(installation)
    evidence = installation.view(gather_evidence, email=email, now=now)
    files = {**evidence.files, **_assets(edition, installation, evidence.files)}
    copies = dict(viewable_copies(files))
    # the page shows forms once more; where that is more than a bundle may hold, what counts comes first
    if sum(map(len, files.values())) + 2 * sum(map(len, copies.values())) > MAX_BYTES:
        copies = {}
    view = _view(edition.theme, evidence, {**files, **copies}, now)
    files["index.html"] = edition.theme.page(view).encode()
    return pack({**files, **copies, **instruction_files()})


def _view(theme: Theme, evidence: Evidence, files: Mapping[str, bytes], now: datetime) -> EvidenceView:
    last = evidence.requests[-1].opened.declaration
    lang = last.lang if last.lang in theme.languages else "en"
    forms = [request.opened.form.version.digest for request in evidence.requests]
    return EvidenceView(
        frame=Frame(lang=lang, controller=last.controller, privacy_url=""),
        email=evidence.email,
        made_at=now,
        stories=tuple(
            _story(theme, lang, evidence, request, {} if forms[place] in forms[:place] else files)
            for place, request in enumerate(evidence.requests)
        ),
        checkpoint=evidence.checkpoint.note,
        key=evidence.files["log-keys.txt"].decode().partition("\n")[0],
        copies=tuple(name for name in files if name.startswith(FOLDER)),
    )


def _story(
    theme: Theme, lang: str, evidence: Evidence, request: RequestEvidence, shown: Mapping[str, bytes]
) -> EvidenceRequest:
    """Return one request for the readable page. `shown`: the assets of its page; empty when already shown."""
    opened, form = request.opened, request.opened.declaration
    labels = {"email": theme.text(lang, "field.email"), **{field.name: field.label for field in form.fields}}
    values = {"email": opened.declared.email, **opened.declared.fields}
    files = {data: name for name, data in evidence.files.items() if name.startswith("events/")}
    consents = []
    for consent in request.consents:
        confirmed = next((at for kind, at in consent.happened if kind is EventKind.CONFIRMED), None)
        consents.append(
            EvidenceConsent(
                question=consent.question,
                status=_STATUS.get(consent.happened[-1][0], "given"),
                requested_at=consent.happened[0][1],
                confirmed_at=confirmed,
                until=consent.until,
            )
        )
    events = []
    for stored in request.events:
        event = Event.read(parse(stored.body))
        question = form.question(event.purpose or "")
        wording = "" if question is None else question.wording
        events.append(EvidenceEvent(event.at, event.kind.value, wording, files[stored.body.encode()]))
    mails = {data: name for name, data in evidence.files.items() if name.startswith("mails/")}
    return EvidenceRequest(
        form=form,
        form_version=opened.form.version.digest,
        declared=tuple((labels.get(name, name), value) for name, value in values.items()),
        consents=tuple(consents),
        events=tuple(events),
        mails=tuple(mails[mail.data] for mail in request.mails if mail.data in mails),
        page_html=viewable_page(opened.form.version.page, shown).decode() if shown else "",
    )


_STATUS = {
    EventKind.REQUESTED: "pending",
    EventKind.CONFIRMED: "given",
    EventKind.WITHDRAWN: "withdrawn",
    EventKind.REVOKED: "revoked",
    EventKind.EXPIRED: "expired",
}


def _assets(edition: Edition, installation: Installation, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the assets of a bundle's pages, as stored when served, by the digest in their names."""

    def find(address: str) -> Asset | None:
        kept = installation.store.read(asset_by_prefix, prefix=digest_in(address))
        if kept is not None and digest(kept.data) == kept.digest:
            return Asset(kept.data, kept.content_type)
        return edition.theme.assets.get(address)  # served before assets were kept, and still the same

    pages = [data for name, data in files.items() if name.endswith(".html")]
    return {asset_file(address): asset.data for address, asset in assets_of(pages, find).items()}
