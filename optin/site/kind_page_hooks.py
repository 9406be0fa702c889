"""The hooks of a kind for its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optin.consent.kind_specific_details import Details
from optin.site.law_lint import Objection
from optin.site.rendered_page_reader import SeenPage
from optin.theme.samples import Sample, SampleMail
from optin.theme.views import LandingView


def unchanged_details(details: Any, _linked: Callable[[str], str]) -> Details:
    """Return details unchanged: they hold no links."""
    found: Details = details
    return found


def no_page(_of: object) -> Iterable[Any]:
    """Return no page and no mail."""
    return ()


def no_objection(_seen: SeenPage, _view: LandingView) -> Iterable[Objection]:
    """Return no findings about a page."""
    return ()


@dataclass(frozen=True)
class PagesPart:
    """The pages of a kind beyond a landing page; by default none.

    `form_pages` returns the pages with a form, each with its path below the magnet's address; without it the
    magnet has one such page, and its variants. `opening` returns the view at the magnet's address that comes
    before them. `with_links` returns the details with a function applied to their texts that resolves links.
    `look` objects to a rendered page with a form.

    `samples` and `mail_samples` return the kind's own pages and mails about a landing page, in each of their
    states: to try a site's templates on, and for the gallery of `optin dev`. The landing page is that of one
    of the site's magnets, or a plain one with the details `sample`.
    """

    form_pages: Callable[[LandingView], Sequence[tuple[str, LandingView]]] | None = None
    opening: Callable[[LandingView], Any] | None = None
    with_links: Callable[[Any, Callable[[str], str]], Details] = unchanged_details
    look: Callable[[SeenPage, LandingView], Iterable[Objection]] = no_objection
    samples: Callable[[LandingView], Iterable[Sample]] = no_page
    mail_samples: Callable[[LandingView], Iterable[SampleMail]] = no_page
    sample: Details | None = None  # details for the sample of its form
    moved_templates: Mapping[str, str] = field(default_factory=dict)  # present names by former ones
