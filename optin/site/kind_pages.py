"""The hooks of a kind for its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optin.consent.kind_specific_details import Details
from optin.site.lint import Objection
from optin.site.rendered_page import SeenPage
from optin.theme.views import Frame, LandingView


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

    `faces` returns the pages with a form, each with its path below the magnet's address, where there is not
    one page in several wordings. `opening` returns the view that is at the magnet's address before them.
    `with_links` returns details whose texts went through a function that leads their links. `look` objects
    to what a template made of a page.
    """

    faces: Callable[[LandingView], Sequence[tuple[str, LandingView]]] | None = None
    opening: Callable[[LandingView], Any] | None = None
    with_links: Callable[[Any, Callable[[str], str]], Details] = unchanged_details
    look: Callable[[SeenPage, LandingView], Iterable[Objection]] = no_objection
    samples: Callable[[Frame], Iterable[Any]] = no_page  # views of its own pages, to try templates on
    mail_samples: Callable[[str], Iterable[tuple[Any, tuple[str, ...]]]] = (
        no_page  # by language; with their links
    )
    sample: Details | None = None  # details for the sample of its form
    moved_templates: Mapping[str, str] = field(default_factory=dict)  # present names by former ones
