"""Requests of people about their data: the inbox with its deadlines, one request, its letters (K5)."""

from optin.desk.desk_route import DeskRoute
from optin.desk.requests import inbox, one_request

ROUTES: tuple[DeskRoute, ...] = (*inbox.ROUTES, *one_request.ROUTES)
