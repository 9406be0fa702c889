"""What a visitor of a removed magnet is told: that it is over, in its own language."""

from __future__ import annotations

from starlette.requests import Request

from optin.consent.form import FormDeclaration, Slug
from optin.errors import MagnetGone, OptinError, PageUnknown
from optin.flows.consents.earlier_pages import view_last_declaration
from optin.site.magnet_set import SLUG
from optin.web.app_context import AppContext, desk_of, slug_of


async def removed_form(app_context: AppContext, slug: Slug) -> FormDeclaration | None:
    """Return what a magnet's page declared last, if it was served once and is not served now."""
    if slug in app_context.edition.publication.forms or SLUG.fullmatch(slug) is None:
        return None
    return await app_context.view(view_last_declaration, magnet=slug)


async def gone_or_unknown(request: Request, problem: PageUnknown) -> OptinError:
    """Return what to say of a page that is not there: that its magnet is over, if there was one."""
    form = await removed_form(desk_of(request), slug_of(request))
    return problem if form is None else MagnetGone(form.lang)
