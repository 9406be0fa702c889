"""For pages: their views, and objections to a page."""

from optin.flows.request_policy import NextStep
from optin.site.law_lint import Objection
from optin.site.page_law_check import CURE
from optin.site.rendered_page_reader import SeenPage
from optin.theme.views import Card, ConfirmedView, Frame, LandingView

__all__ = ["CURE", "Card", "ConfirmedView", "Frame", "LandingView", "NextStep", "Objection", "SeenPage"]
