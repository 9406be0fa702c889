"""Accounts of the staff: who has one, in which roles; add, change and close them (K1, K2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from starlette.responses import Response

from optin.consent.plain_text import plain_text
from optin.consent.staff_role import Role
from optin.consent.typed_email_address import AddressRefused, parse_typed_email
from optin.desk.desk_page import DeskPage
from optin.desk.desk_route import DeskRoute, StaffVisit
from optin.desk.page_roles import ADMINS, OFFICERS_AND_ADMINS
from optin.errors import PageUnknown
from optin.flows.staff.accounts import (
    MAX_NAME_CHARACTERS,
    NewAccount,
    add_account,
    change_roles,
    remove_account,
)
from optin.flows.staff.staff_list import (
    AccountChoices,
    ListedAccount,
    account_choices,
    has_open_account,
    staff_list,
)

STAFF = "/staff"
ID_BYTES = 16


@dataclass(frozen=True)
class StaffView(DeskPage):
    """Every account. `done`: what was just changed, a word of `staff.done.*`, or empty."""

    listed: Sequence[ListedAccount]
    done: str = ""
    every_role: Sequence[Role] = tuple(Role)
    template: ClassVar[str] = "desk/staff.html"

    @property
    def open(self) -> int:
        """How many accounts may sign in."""
        return sum(it.account.removed is None for it in self.listed)

    @property
    def admins(self) -> int:
        """How many of them may give roles."""
        return sum(it.account.has(Role.ADMIN) for it in self.listed)


@dataclass(frozen=True)
class NewAccountView(DeskPage):
    """The form of a new account; `problems`: a key of a sentence for each field that has a mistake."""

    email: str
    name: str
    chosen: frozenset[str]
    problems: dict[str, str]
    every_role: Sequence[Role] = tuple(Role)
    template: ClassVar[str] = "desk/staff-new.html"


@dataclass(frozen=True)
class OneAccountView(DeskPage):
    """One account with what may be changed. `keeps_admin`: why its administrator's role stays, or empty."""

    choices: AccountChoices
    keeps_admin: str
    problem: str = ""
    every_role: Sequence[Role] = tuple(Role)
    template: ClassVar[str] = "desk/staff-one.html"


async def get_staff(visit: StaffVisit) -> Response:
    """Show every account."""
    listed = await visit.view(staff_list, visit.now)
    done = visit.request.query_params.get("done", "")
    frame = visit.frame
    return visit.page(StaffView(frame, listed, done if done in {"added", "changed", "closed"} else ""))


async def get_new(visit: StaffVisit) -> Response:
    """Show the form of a new account."""
    return _new_form(visit, "", "", frozenset(), {})


async def post_new(visit: StaffVisit) -> Response:
    """Add an account, or show the mistakes beside what was typed."""
    email, name = visit.value("email").strip(), " ".join(plain_text(visit.value("name")).split())
    roles = frozenset(Role(it) for it in visit.values("role") if it in set(Role))
    problems = {} if roles else {"role": "staff.problem.role"}
    if len(name) > MAX_NAME_CHARACTERS:
        problems["name"] = "staff.problem.name"
    try:
        address = parse_typed_email(email)
    except AddressRefused as problem:
        problems["email"] = f"problem.{problem.reason}"
    else:
        if await visit.view(has_open_account, address):
            problems["email"] = "staff.problem.known"
        if not problems:
            new = NewAccount(address, roles, name)
            await visit.app_context.run(add_account, new, visit.now, visit.session.account.id)
            return visit.back(f"{STAFF}?done=added")
    return _new_form(visit, email[:254], name[:200], frozenset(roles), problems)


def _new_form(
    visit: StaffVisit, email: str, name: str, chosen: frozenset[str], problems: dict[str, str]
) -> Response:
    frame = visit.frame
    return visit.page(NewAccountView(frame, email, name, chosen, problems), 422 if problems else 200)


async def get_one(visit: StaffVisit) -> Response:
    """Show one account, and what may be changed of it."""
    return await _one(visit)


async def post_one(visit: StaffVisit) -> Response:
    """Give an account other roles; its sessions end."""
    roles = frozenset(Role(it) for it in visit.values("role") if it in set(Role))
    if not roles:
        return await _one(visit, "staff.problem.role")
    await visit.app_context.run(change_roles, _id(visit), roles, visit.now, visit.session.account.id)
    return visit.back(f"{STAFF}?done=changed")


async def post_close(visit: StaffVisit) -> Response:
    """Close an account; its sessions end."""
    await visit.app_context.run(remove_account, _id(visit), visit.now, visit.session.account.id)
    return visit.back(f"{STAFF}?done=closed")


async def _one(visit: StaffVisit, problem: str = "") -> Response:
    choices = await visit.view(account_choices, _id(visit))
    if choices is None:
        raise PageUnknown
    account = choices.account
    is_own = account.id == visit.session.account.id and account.has(Role.ADMIN)
    keeps = "last" if choices.is_last_admin else "own" if is_own else ""
    frame = visit.frame
    return visit.page(OneAccountView(frame, choices, keeps, problem), 422 if problem else 200)


def _id(visit: StaffVisit) -> bytes:
    """Return the account that an address names. Raises PageUnknown for what is no number of one."""
    text: str = visit.request.path_params["account"]
    if len(text) != 2 * ID_BYTES or set(text) - set("0123456789abcdef"):
        raise PageUnknown
    return bytes.fromhex(text)


# Each act asks for a fresh sign-in; its page as well, so that nothing typed is lost by the question.
ROUTES = (
    DeskRoute(STAFF, get_staff, OFFICERS_AND_ADMINS, menu="staff"),
    DeskRoute(f"{STAFF}/new", get_new, ADMINS, again=True),
    DeskRoute(f"{STAFF}/new", post_new, ADMINS, method="POST", again=True),
    DeskRoute(f"{STAFF}/{{account}}", get_one, ADMINS, again=True),
    DeskRoute(f"{STAFF}/{{account}}", post_one, ADMINS, method="POST", again=True),
    DeskRoute(f"{STAFF}/{{account}}/close", post_close, ADMINS, method="POST", again=True),
)
