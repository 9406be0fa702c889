"""Every route about magnets."""

from __future__ import annotations

from optin.desk.magnets import kind_page, list_page, one_page, preview, status_page, versions

ROUTES = (
    *list_page.ROUTES,
    *one_page.ROUTES,
    *kind_page.ROUTES,
    *preview.ROUTES,
    *versions.ROUTES,
    *status_page.ROUTES,
)
