"""What `optin check` says about processors and their agreements (GDPR 28, 44), at each setting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import phonenumbers

from optin.papers.agreements import SOON
from optin.papers.statement_differences import statement_differences
from optin.rules.asking import asking_checked
from optin.rules.data_protection.law_data import CHECK_EVERY_DAYS, law_data
from optin.rules.data_protection.transfers import Protection, transfer_of
from optin.rules.deadlines import deadlines_checked
from optin.settings.site import Processor
from optin.site.findings import Finding
from optin.site.law_lint import Objection
from optin.site.load_site import SITE_FILE
from optin.site.model import Site
from optin.site.referenced_files import FileProblem, find_inside
from optin.site.toml_and_markdown_reader import Document, Path_, read_toml


def paper_findings(site: Site, day: date) -> tuple[Finding, ...]:
    """Return each mistake in agreements, transfers and written statements, as of a day.

    They keep no site from being served: an agreement ends by the calendar, not by an edit.
    """
    document = read_toml(site.root / SITE_FILE, SITE_FILE)
    found: list[Finding] = []
    if isinstance(document, Document):  # else the next load says what is wrong
        for where, it in (*_of_processors(site, day), *_of_files(site), *_of_law(day)):
            severity = "warning" if it.warning else "error"
            found.append(document.finding(where, it.message, it.cure, severity=severity, code=it.code))
    return (*found, *statement_differences(site))


def _of_processors(site: Site, day: date) -> Iterator[tuple[Path_, Objection]]:
    for name, it in site.settings.processors.items():
        for key, objection in (*_of_agreement(it, day), *_of_transfer(site, it, day)):
            yield ("processors", name, key), objection


def _of_agreement(it: Processor, day: date) -> Iterator[tuple[str, Objection]]:
    if it.ends is None:
        return
    if it.is_over(day):
        message = f"The agreement with {it.name} ended on {it.ends}: nothing is sent to it any more."
        yield "ends", Objection("agreement", message, "Renew it and write its new last day, or remove it.")
    elif it.ends - day <= SOON:
        message = f"The agreement with {it.name} ends on {it.ends}; afterwards nothing is sent to it."
        yield "ends", Objection("agreement", message, "Renew it in time.", warning=True)


def _of_transfer(site: Site, it: Processor, day: date) -> Iterator[tuple[str, Objection]]:
    if it.country and it.country.upper() not in phonenumbers.SUPPORTED_REGIONS:
        message = f"{it.country!r} is not a country code."
        yield "country", Objection("country", message, "Write the two-letter code of ISO 3166, such as NL.")
        return
    law = law_data()
    if transfer_of(it, site.settings.controller.country, law, day).protection is not Protection.NONE:
        return
    decision = law.adequacy(it.country.upper(), day)
    message = f"Data go to {it.name} in {it.country.upper()}, outside the EEA, without a safeguard (GDPR 44)."
    cure = "Write safeguard, such as standard-clauses, as agreed with it."
    if decision is not None:
        cure = f'Write safeguard = "{decision.only}" if it is certified, or standard-clauses.'
    yield "country", Objection("transfer", message, cure)


def _of_files(site: Site) -> Iterator[tuple[Path_, Objection]]:
    papers = site.settings.papers
    named: list[tuple[Path_, str]] = [
        (("processors", name, "document"), it.document) for name, it in site.settings.processors.items()
    ]
    for where, name in [*named, (("papers", "assessment"), papers.assessment)]:
        if not name:
            continue
        match find_inside(site.root, name):
            case FileProblem.OUTSIDE:
                message = f"The file {name[:100]!r} leads outside the site."
                yield where, Objection("document", message, "Put it into the site's folder.")
            case FileProblem.MISSING | FileProblem.EMPTY:
                yield where, Objection("document", f"There is no file {name[:100]!r}.", "Put it there.")


def _of_law(day: date) -> Iterator[tuple[Path_, Objection]]:
    checked = min(law_data().checked, deadlines_checked(), asking_checked())
    if (day - checked).days > CHECK_EVERY_DAYS:
        message = f"What optin knows of countries and deadlines was checked on {checked}, over a year ago."
        yield ("controller",), Objection("law-age", message, "Update optin.", warning=True)
