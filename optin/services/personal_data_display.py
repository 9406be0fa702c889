"""A person's data prepared for display: on the personal page, in a file, for an officer (R1, R9)."""

from __future__ import annotations

from dataclasses import replace

from optin.bases.obligation import RequiredDocument
from optin.consent.form_version import SOURCE_FIELD
from optin.flows.rights.personal_data import PersonalData
from optin.flows.rights.personal_proof import PersonalProof
from optin.services.site_edition import Edition
from optin.theme.mail_views import ProofReadme
from optin.theme.views import EraseView, LegalHoldView, PersonalView


def personal_view(edition: Edition, data: PersonalData, lang: str, action: str = "") -> PersonalView:
    """Return the personal page of `data`. `lang`: used when no language of the person is known."""
    site, lang = edition.site, data.lang or lang
    fields = (field for magnet in site.magnets.values() if magnet.lang == lang for field in magnet.fields)
    source = edition.theme.text(lang, f"field.{SOURCE_FIELD}")
    return PersonalView(
        frame=edition.frame(lang),
        action=action,
        data=data,
        labels=tuple({**{field.name: field.label for field in fields}, SOURCE_FIELD: source}.items()),
        processors=tuple((name, it.name) for name, it in site.settings.processors.items()),
        purposes=(
            *((name, it.text[lang]) for name, it in site.settings.purposes.items() if lang in it.text),
            *((it.purpose, it.wording) for it in data.consents),
        ),
    )


def personal_file(edition: Edition, data: PersonalData, lang: str) -> bytes:
    """Return the data as a self-contained page."""
    view = replace(personal_view(edition, data, lang), stands_alone=True)
    return edition.theme.page(view).encode()


def proof_file(edition: Edition, proof: PersonalProof) -> bytes:
    """Return proof.zip for the person, in the language of the form."""
    base_url = edition.site.settings.base_url
    told = ProofReadme.of(proof.form, proof.requested_at, proof.confirmed_at, base_url)
    return edition.theme.proof(told, proof.files)


def erase_view(edition: Edition, data: PersonalData, lang: str, action: str = "") -> EraseView:
    """Return the consequences of an erasure, in the controller's words, and what stays (R5, R6)."""
    site, lang = edition.site, data.lang or lang
    told = [site.settings.erasure.consequences.get(lang, "")]
    for slug in dict.fromkeys(asked.magnet for asked in data.requests):
        magnet = site.magnet(slug)
        told.append("" if magnet is None else magnet.consequences)
    holds = tuple(LegalHoldView(hold.why, hold.until, tuple(hold.values.items())) for hold in data.holds)
    required = tuple(
        RequiredDocument.of_facts(it.known, it.since, it.until) for it in data.bases if it.required
    )
    return EraseView(edition.frame(lang), action, tuple(text for text in told if text), holds, required)
