"""For a kind's routes: requests, responses and pages."""

from optin.web.app_context import AppContext, app_context_of, see_other, slug_of
from optin.web.kind_route_hooks import PersonalAction, request_of_place
from optin.web.landing_post import post_form
from optin.web.read_posted_form import read_post, single
from optin.web.removed_magnet_pages import removed_form
from optin.web.security_headers import NO_STORE

__all__ = [
    "NO_STORE",
    "AppContext",
    "PersonalAction",
    "app_context_of",
    "post_form",
    "read_post",
    "removed_form",
    "request_of_place",
    "see_other",
    "single",
    "slug_of",
]
