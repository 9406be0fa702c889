"""Pages of a removed magnet: tell visitors that it is over, in its language."""

from __future__ import annotations

from starlette.requests import Request

from optin.consent.form_version import FormDeclaration, Slug
from optin.errors import MagnetGone, OptinError, PageUnknown
from optin.flows.consents.earlier_page_versions import view_last_declaration
from optin.site.magnet_conflicts import SLUG
from optin.web.app_context import app_context_of, slug_of


async def removed_form(request: Request, slug: Slug) -> FormDeclaration | None:
    """Return the last declaration of a magnet that was published once and is not any more.

    The store is asked once for each request, whoever wants to know.
    """
    app_context = app_context_of(request)
    if slug in app_context.edition.publication.forms or SLUG.fullmatch(slug) is None:
        return None
    known: dict[Slug, FormDeclaration | None] = request.scope.setdefault("removed_forms", {})
    if slug not in known:
        known[slug] = await app_context.view(view_last_declaration, magnet=slug)
    return known[slug]


async def gone_or_unknown(request: Request, problem: PageUnknown) -> OptinError:
    """Return the error for a missing page: its magnet is over, or the page is unknown."""
    form = await removed_form(request, slug_of(request))
    return problem if form is None else MagnetGone(form.lang)
