"""For pages: their views, and objections to a page."""

from optin.site.law_lint import Objection
from optin.site.page_law_check import CURE
from optin.site.rendered_page_reader import SeenPage
from optin.theme.views import ConfirmedView, Frame, LandingView

__all__ = ["CURE", "ConfirmedView", "Frame", "LandingView", "Objection", "SeenPage"]
