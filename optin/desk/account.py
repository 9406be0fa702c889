"""One's own account: address and roles, language and keyboard shortcuts, open sessions (K1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from starlette.responses import Response

from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.sign_in import provider_name
from optin.flows.staff.openid import OwnIdentity, own_identities
from optin.flows.staff.own_account import OwnSession, end_other_sessions, own_sessions, set_preferences
from optin.flows.staff.passkeys import OwnPasskey, own_passkeys
from optin.flows.staff.trail import ActKind
from optin.theme.languages import languages

ACCOUNT = "/account"
_DONE = {"saved", "ended", "passkey", "removed", "openid", "openid-removed"}
AS_BROWSER = ""  # the language that the browser asks for


@dataclass(frozen=True)
class AccountView(DeskPage):
    """The reader's account. `done`: what was just changed, a word of `account.done.*`, or empty."""

    email: str
    lang: str
    languages: Sequence[str]
    sessions: Sequence[OwnSession]
    passkeys: Sequence[OwnPasskey]
    done: str = ""
    identities: Sequence[OwnIdentity] = ()
    provider: str = ""  # of OpenID Connect, to which the account can be bound
    template: ClassVar[str] = "desk/account.html"

    @property
    def others(self) -> int:
        """How many other sessions are open."""
        return sum(not it.is_this for it in self.sessions)


async def get_account(visit: StaffVisit) -> Response:
    """Show the account of the reader."""
    account = visit.session.account
    sessions = await visit.view(own_sessions, visit.session, visit.now)
    done = visit.request.query_params.get("done", "")
    view = AccountView(
        visit.frame,
        account.email,
        account.lang,
        languages(),
        sessions,
        await visit.view(own_passkeys, visit.session),
        done if done in _DONE else "",
        await visit.view(own_identities, visit.session),
        provider_name(visit.app_context),
    )
    return visit.page(view)


async def post_account(visit: StaffVisit) -> Response:
    """Store language and shortcuts. A language that there is not counts as that of the browser."""
    asked = visit.value("lang")
    lang = asked if asked in languages() else AS_BROWSER
    shortcuts = visit.value("shortcuts") == "1"
    doing = visit.doing(ActKind.PREFERENCES_SET, facts={"lang": lang, "shortcuts": shortcuts})
    await visit.act(doing, set_preferences, visit.session.account.id, lang, shortcuts=shortcuts)
    return visit.back(f"{ACCOUNT}?done=saved")


async def post_sessions(visit: StaffVisit) -> Response:
    """End every other session of the account."""
    await visit.app_context.run(end_other_sessions, visit.session, visit.now)
    return visit.back(f"{ACCOUNT}?done=ended")


ROUTES = (
    DeskRoute(ACCOUNT, get_account),
    DeskRoute(ACCOUNT, post_account, method="POST"),
    DeskRoute(f"{ACCOUNT}/sessions", post_sessions, method="POST"),
)
