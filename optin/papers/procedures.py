"""The procedures for requests of data subjects (GDPR 12, 15 to 22) and for breaches (GDPR 33, 34)."""

from __future__ import annotations

from datetime import date

from optin.papers.activities import PaperSite
from optin.papers.authority import authority_name
from optin.rules.data_protection.law_data import law_data
from optin.rules.deadlines import Deadline, DeadlineName, deadline_on
from optin.site.markdown_to_html import escape_markdown

_NAMES = (DeadlineName.BREACH_AUTHORITY, DeadlineName.REQUEST_ANSWER, DeadlineName.REQUEST_EXTENSION)


def procedure(of: PaperSite, name: str) -> str:
    """Return a procedure as Markdown, with the controller's names and the deadlines of the law."""
    words, settings, law = of.words, of.site.settings, law_data()
    controller = settings.controller
    breach, request, longer = (_deadline(it, of.day) for it in _NAMES)
    authority = law.authorities.get(controller.country.upper())
    values = {
        "name": controller.name,
        "email": controller.email,
        "address": ", ".join(controller.address),
        "officer": controller.officer or controller.name,
        "authority": authority_name(controller.country, words),
        "authority_url": "" if authority is None else authority.url,
        "request_period": words.period(request.period),
        "request_longer": words.period(longer.period),
        "breach_period": words.period(breach.period),
        "request_pending": request.pending,
        "breach_pending": breach.pending,
        "personal_link": words.period(settings.personal.link),
        "proof": words.period(settings.retention.proof),
        "processors": "; ".join(it.name for it in settings.processors.values()) or words.text("paper.none"),
        "site": settings.base_url,
    }
    return words.procedure(name, {key: escape_markdown(it) for key, it in values.items()})


def _deadline(name: DeadlineName, day: date) -> Deadline:
    found = deadline_on(name, day)
    if found is None:
        raise LookupError(name)
    return found
