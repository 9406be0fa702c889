"""Every route of the desk. The order of the menu is the order of this list."""

from __future__ import annotations

from starlette.routing import BaseRoute

from optin.desk import (
    account,
    breaches,
    health,
    home,
    openid,
    passkeys,
    record,
    requests,
    returned,
    settings,
    sign_in,
    staff,
    trail,
)
from optin.desk.desk_route import DeskRoute, starlette_routes
from optin.desk.editor import routes as editor
from optin.desk.leads import export_pages, lead_pages, recorded_export
from optin.desk.magnets import routes as magnets
from optin.desk.may_contact import ROUTES as MAY_ROUTES
from optin.desk.people import acts, ends, person, search

DESK_ROUTES: tuple[DeskRoute, ...] = (
    *home.ROUTES,
    *editor.ROUTES,  # before the pages of one magnet: /magnets/new is none
    *magnets.ROUTES,
    *lead_pages.ROUTES,
    *export_pages.ROUTES,
    *recorded_export.ROUTES,
    *MAY_ROUTES,
    *requests.ROUTES,
    *search.ROUTES,
    *person.ROUTES,
    *acts.ROUTES,
    *ends.ROUTES,
    *breaches.ROUTES,
    *record.ROUTES,
    *trail.ROUTES,
    *health.ROUTES,
    *returned.ROUTES,
    *staff.ROUTES,
    *settings.ROUTES,
    *account.ROUTES,
    *passkeys.ROUTES,
    *openid.ROUTES,
    *sign_in.ROUTES,
)


def desk_routes() -> list[BaseRoute]:
    """Return the routes of the desk as the server takes them."""
    return [*passkeys.OPEN_ROUTES, *openid.OPEN_ROUTES, *sign_in.OPEN_ROUTES, *starlette_routes(DESK_ROUTES)]
