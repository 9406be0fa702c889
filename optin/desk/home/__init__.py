"""The first page of the desk: a part for each role."""

from optin.desk.home.page import ROUTES

__all__ = ["ROUTES"]
