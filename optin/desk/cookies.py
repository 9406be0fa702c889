"""Cookies of the desk.

Over https each is bound to this very host (`__Host-`, RFC 6265bis); no script reads any of them.
"""

from __future__ import annotations

import re
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from optin.consent.staff_role import LONGEST
from optin.web.app_context import AppContext, app_context_of

SESSION = "optin-desk"  # who is signed in
SIGN_IN = "optin-sign-in"  # the browser that asked for a link
RETURN_TO = "optin-desk-page"  # where to go after a sign-in
_PLACE = re.compile(r"/desk(/[A-Za-z0-9._~/-]{0,200})?")


def cookie(request: Request, name: str) -> str:
    """Return the value of a cookie of the desk; empty when there is none."""
    return request.cookies.get(_full(app_context_of(request), name), "")


def set_cookie(response: Response, app_context: AppContext, name: str, value: str) -> None:
    """Set a cookie. That of a session comes with requests of the desk's own pages alone.

    The others come with a link out of a mail as well, which is how they are used.
    """
    same_site: Literal["strict", "lax"] = "strict" if name == SESSION else "lax"
    response.set_cookie(
        _full(app_context, name),
        value,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=_is_secure(app_context),
        httponly=True,
        samesite=same_site,
    )


def drop_cookie(response: Response, app_context: AppContext, name: str) -> None:
    """Let the browser forget a cookie."""
    response.delete_cookie(
        _full(app_context, name), path="/", secure=_is_secure(app_context), httponly=True, samesite="lax"
    )


def is_place(path: str) -> bool:
    """Return whether a path is one of the desk's, where a browser may be sent to."""
    return _PLACE.fullmatch(path) is not None and "//" not in path


def _full(app_context: AppContext, name: str) -> str:
    return f"__Host-{name}" if _is_secure(app_context) else name


def _is_secure(app_context: AppContext) -> bool:
    return app_context.edition.site.settings.secure
