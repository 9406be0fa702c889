"""Errors that a kind raises or catches."""

from optin.errors import (
    LinkSpent,
    LogDisagrees,
    OptinError,
    PageUnknown,
    PostMalformed,
    RequestRefused,
    VisitorRefused,
)

__all__ = [
    "LinkSpent",
    "LogDisagrees",
    "OptinError",
    "PageUnknown",
    "PostMalformed",
    "RequestRefused",
    "VisitorRefused",
]
