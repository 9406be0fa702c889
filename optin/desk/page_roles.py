"""The sets of roles that pages of the desk are open to, for the rows of their routes."""

from __future__ import annotations

from optin.consent.staff_role import Role

MARKETERS = frozenset({Role.MARKETER})
OFFICERS = frozenset({Role.OFFICER})
ADMINS = frozenset({Role.ADMIN})
MARKETERS_AND_OFFICERS = MARKETERS | OFFICERS
SALES_AND_OFFICERS = OFFICERS | {Role.SALES}
OFFICERS_AND_ADMINS = OFFICERS | ADMINS
