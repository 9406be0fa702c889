"""What surrounds every page of the desk: menu, account, language; and the policy that browsers hold it to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, TypeAlias

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from optin.consent.staff_role import Role
from optin.flows.staff.sign_in import StaffSession
from optin.theme.views import Frame
from optin.web.app_context import AppContext
from optin.web.security_headers import CONTENT_POLICY, NO_STORE

MenuLine: TypeAlias = tuple[str, str, frozenset[Role]]  # key, path, roles
_HOME = "/desk"
_ALSO_OF = {"/desk/leads": ("/desk/exports",), "/desk/health": ("/desk/mails/",)}  # beside what is below it
DESK_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class MenuItem:
    """A line of the menu."""

    key: str
    path: str
    is_here: bool


@dataclass(frozen=True)
class DeskFrame:
    """What surrounds a page of the desk. `token`: what each of its forms carries."""

    frame: Frame
    name: str
    roles: tuple[Role, ...]
    menu: tuple[MenuItem, ...]
    token: str
    path: str  # of the page
    shortcuts: bool = True  # of the keyboard

    def may(self, *names: str) -> bool:
        """Return whether the reader has one of these roles, for templates."""
        return any(it.value in names for it in self.roles)


class DeskView(Protocol):
    """A page of the desk: its surroundings, and its template below templates/desk."""

    template: ClassVar[str]

    @property
    def desk(self) -> DeskFrame:
        """What surrounds it."""

    @property
    def frame(self) -> Frame:
        """The language and the controller."""


@dataclass(frozen=True)
class DeskPage:
    """The base of every page of the desk for somebody who is signed in."""

    desk: DeskFrame
    template: ClassVar[str] = ""

    @property
    def frame(self) -> Frame:
        """The language and the controller."""
        return self.desk.frame


@dataclass(frozen=True)
class ForbiddenView(DeskPage):
    """A page that the reader's roles may not have; `roles` may."""

    roles: tuple[Role, ...]
    template: ClassVar[str] = "desk/forbidden.html"


@dataclass(frozen=True)
class RefusedView(DeskPage):
    """What was asked is refused, for the reason that `sentence` gives."""

    sentence: str
    template: ClassVar[str] = "desk/refused.html"


def outer_frame(app_context: AppContext, lang: str) -> Frame:
    """Return the language and the controller for a page of the desk; it speaks every language."""
    return replace(app_context.frame(lang), lang=lang)


def desk_frame(request: Request, app_context: AppContext, session: StaffSession, lang: str) -> DeskFrame:
    """Return what surrounds a page for whoever is signed in."""
    menu: Sequence[MenuLine] = request.state.menu
    path = request.url.path
    roles = session.account.roles
    open_to = [(key, at) for key, at, who in menu if not roles.isdisjoint(who)]
    here = max((at for _, at in open_to if _is_of(path, at)), key=len, default="")
    return DeskFrame(
        outer_frame(app_context, lang),
        session.account.name,
        tuple(it for it in Role if it in roles),
        tuple(MenuItem(key, at, is_here=at == here) for key, at in open_to),
        session.form_token,
        path,
        session.account.shortcuts,
    )


def _is_of(path: str, line: str) -> bool:
    """Return whether a page is one of a line of the menu. Of the first line, only the page itself is."""
    return path == line or (line != _HOME and path.startswith((f"{line}/", *_ALSO_OF.get(line, ()))))


def answer(app_context: AppContext, view: Any, status: int = 200, policy: str = DESK_POLICY) -> Response:
    """Answer with a page of the desk, which no cache keeps."""
    theme = app_context.edition.theme
    theme.add_desk()
    headers: Mapping[str, str] = {
        "cache-control": NO_STORE,
        CONTENT_POLICY: policy,
        "referrer-policy": "same-origin",  # names nobody, and leads back after a fresh sign-in
    }
    return HTMLResponse(theme.page(view), status, headers=dict(headers))
