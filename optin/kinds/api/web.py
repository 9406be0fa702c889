"""Routes: requests and responses."""

from optin.web.app_context import AppContext, app_context_of, see_other, slug_of
from optin.web.form_reader import read_post, single
from optin.web.headers import NO_STORE
from optin.web.kind_routes import PersonalAction, request_of_place
from optin.web.landing_post import post_form
from optin.web.removed_magnets import removed_form

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
