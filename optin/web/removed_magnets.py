"""What a visitor of a removed magnet is told: that it is over, in its own language."""

from __future__ import annotations

from starlette.requests import Request

from optin.consent.form import FormDeclaration, Slug
from optin.errors import MagnetGone, OptinError, PageUnknown
from optin.flows.consents.earlier_pages import view_last_declaration
from optin.site.magnet_set import SLUG
from optin.web.app_context import desk_of, slug_of


async def removed_form(request: Request, slug: Slug) -> FormDeclaration | None:
    """Return what a magnet's page declared last, if it was served once and is not served now.

    The store is asked once for each request, whoever wants to know.
    """
    app_context = desk_of(request)
    if slug in app_context.edition.publication.forms or SLUG.fullmatch(slug) is None:
        return None
    known: dict[Slug, FormDeclaration | None] = request.scope.setdefault("removed_forms", {})
    if slug not in known:
        known[slug] = await app_context.view(view_last_declaration, magnet=slug)
    return known[slug]


async def gone_or_unknown(request: Request, problem: PageUnknown) -> OptinError:
    """Return what to say of a page that is not there: that its magnet is over, if there was one."""
    form = await removed_form(request, slug_of(request))
    return problem if form is None else MagnetGone(form.lang)
