"""What the configuration cannot know, or does not say yet: the questions that the papers leave open."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from optin.papers.activities import PaperSite
from optin.papers.assessment import is_due
from optin.rules.data_protection.law_data import law_data
from optin.rules.data_protection.lawful_bases import keeps_enquiries
from optin.rules.data_protection.transfers import Protection, transfer_of


def open_points(of: PaperSite) -> tuple[str, ...]:
    """Return each open question as a sentence with the setting that answers it."""
    return (*_of_controller(of), *_of_machines(of), *_of_processors(of), *_of_papers(of))


def _of_controller(of: PaperSite) -> Iterator[str]:
    it, eea = of.site.settings.controller, law_data().eea.countries
    if not it.officer:
        yield of.words.text("open.officer")
    if it.country.upper() not in eea and not it.representative:
        yield of.words.text("open.representative")


def _of_machines(of: PaperSite) -> Iterator[str]:
    settings = of.site.settings
    yield of.words.text("open.host")
    if mail := _host(settings.mail):
        yield of.words.text("open.mail", host=mail)
    if store := _host(settings.store):
        yield of.words.text("open.store", host=store)


def _of_processors(of: PaperSite) -> Iterator[str]:
    words, settings = of.words, of.site.settings
    for name, it in settings.processors.items():
        about = {"name": it.name, "id": name}
        transfer = transfer_of(it, settings.controller.country, law_data(), of.day)
        if transfer.protection is Protection.UNKNOWN:
            yield words.text("open.country", **about)
        if transfer.protection is Protection.NONE:
            yield words.text("open.transfer", country=words.country(it.country), **about)
        if it.is_over(of.day) and it.ends is not None:
            yield words.text("open.over", day=words.day(it.ends), **about)
        if it.ends is None:
            yield words.text("open.until", **about)
        if not it.document:
            yield words.text("open.document", **about)
    for name, told in settings.notify.items():
        if told.variable:
            yield words.text("open.chat", id=name)


def _of_papers(of: PaperSite) -> Iterator[str]:
    papers = of.site.settings.papers
    if not keeps_enquiries(of.site.settings):
        yield of.words.text("open.enquiries")
    if not papers.measures:
        yield of.words.text("open.measures")
    if is_due(of) and not papers.assessment:
        yield of.words.text("open.assessment")


def _host(address: str) -> str:
    """Return the host of an address without user and password; "" for a file or this machine."""
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return ""
    return "" if host in {"localhost", "127.0.0.1", "::1"} else host
