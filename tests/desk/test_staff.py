"""Accounts of the staff, as an administrator handles them at the desk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from optin.consent.staff_role import EVERY_ROLE, FRESH, Role
from optin.errors import RequestRefused
from optin.flows.staff.accounts import change_roles, list_accounts, remove_account
from tests.desk.conftest import Browser, Desk
from tests.desk.test_sign_in import EVA, trail

BOB = "bob@example.com"


def roles(desk: Desk, email: str) -> frozenset[Role]:
    """Return the roles of an open account; none for a closed one, or nobody."""
    found = [it for it in desk.installation.view(list_accounts) if it.email == email and it.removed is None]
    return found[0].roles if found else frozenset()


def path(desk: Desk, email: str) -> str:
    account = next(it for it in desk.installation.view(list_accounts) if it.email == email)
    return f"/desk/staff/{account.id.hex()}"


@pytest.fixture
def admin(desk: Desk) -> Browser:
    browser = desk.signed_in(Role.ADMIN, email=EVA)
    browser.client.headers["accept-language"] = "en"
    return browser


def test_an_administrator_adds_changes_and_closes_an_account(desk: Desk, admin: Browser) -> None:
    """K1: who is added signs in with a link; each act is in the trail with who did it."""
    added = admin.post("/desk/staff/new", {"email": BOB, "name": "Bob", "role": ["sales", "marketer"]})
    assert added.headers["location"] == "/desk/staff?done=added"
    bob = desk.browser()
    bob.sign_in(BOB)
    assert "Bob" in admin.get("/desk/staff").text
    assert roles(desk, BOB) == {Role.SALES, Role.MARKETER}
    page = path(desk, BOB)
    assert admin.post(page, {"role": "officer"}).status_code == 303
    assert bob.get("/desk").status_code == 303
    bob.sign_in(BOB)
    assert roles(desk, BOB) == {Role.OFFICER}
    assert admin.post(f"{page}/close", page=page).status_code == 303
    assert (bob.get("/desk").status_code, roles(desk, BOB)) == (303, frozenset())
    assert "closed on" in admin.get("/desk/staff").text
    kinds = [kind for kind, name in trail(desk) if name == "eva"]
    assert kinds == ["signed-in", "account-added", "account-changed", "account-closed"]
    assert admin.get(page).status_code == 404


def test_mistakes_stand_beside_what_was_typed(desk: Desk, admin: Browser) -> None:
    """K1: no role, no address, a long name, an address that has an account."""
    for email, role, problem in (
        ("no-address", "sales", "field-email"),
        (BOB, "", "at least one role"),
        (BOB, "boss", "at least one role"),
        (EVA, "sales", "has an account already"),
    ):
        answer = admin.post("/desk/staff/new", {"email": email, "name": "Bob", "role": role})
        assert answer.status_code == 422
        assert problem in answer.text
        assert f'value="{email}"' in answer.text
    long = admin.post("/desk/staff/new", {"email": BOB, "name": "x" * 81, "role": "sales"})
    assert (long.status_code, "80 characters" in long.text) == (422, True)
    assert admin.post(path(desk, EVA), {"role": ""}).status_code == 422
    assert len(desk.installation.view(list_accounts)) == 1


def test_nobody_takes_the_administrators_role_from_themselves(desk: Desk, admin: Browser) -> None:
    """K1: nor closes their own account; the page says who can."""
    page = path(desk, EVA)
    assert "only administrator" in admin.get(page).text
    for answer in (admin.post(page, {"role": "sales"}), admin.post(f"{page}/close", page=page)):
        assert answer.status_code == 409
        assert roles(desk, EVA) == {Role.ADMIN}
    desk.add(BOB, Role.ADMIN)
    assert "another administrator can" in admin.get(page).text
    assert admin.post(page, {"role": "sales"}).status_code == 409
    assert admin.post(page, {"role": ["sales", "admin"]}).status_code == 303
    assert roles(desk, EVA) == {Role.ADMIN, Role.SALES}


@pytest.mark.usefixtures("admin")
def test_an_officer_reads_and_changes_nothing(desk: Desk) -> None:
    """K2: the list, without a link to change anything."""
    officer = desk.signed_in(Role.OFFICER)
    page = officer.get("/desk/staff")
    assert (page.status_code, "/desk/staff/" in page.text) == (200, False)
    for method, at in (("GET", "/desk/staff/new"), ("GET", path(desk, EVA)), ("POST", path(desk, EVA))):
        data = {"token": officer.token("/desk/staff"), "role": "sales"}
        answer = officer.get(at) if method == "GET" else officer.client.post(at, data=data)
        assert answer.status_code == 403


def test_each_act_asks_for_a_fresh_sign_in(desk: Desk, admin: Browser) -> None:
    """K1: whoever finds an open screen gives nobody a role."""
    desk.add(BOB, Role.SALES)
    page = path(desk, BOB)
    token = admin.token(page)
    desk.wait(FRESH + timedelta(seconds=1))
    for at in (page, f"{page}/close", "/desk/staff/new"):
        answer = admin.client.post(at, data={"token": token, "role": "admin", "email": "x@example.com"})
        assert answer.headers["location"] == "/desk/again"
    assert admin.get(page).headers["location"] == "/desk/again"
    assert roles(desk, BOB) == {Role.SALES}
    assert len(desk.installation.view(list_accounts)) == 2


def test_two_administrators_who_close_each_other_at_once_leave_one(desk: Desk) -> None:
    """K1: on both databases the second is refused: nobody is without an administrator."""
    pairs = []
    for number in range(4):
        one = desk.add(f"one{number}@example.com", Role.ADMIN)
        other = desk.add(f"two{number}@example.com", Role.ADMIN)
        pairs.append((one, other))

    def close(by: bytes, whom: bytes) -> bool:
        try:
            desk.installation.run(remove_account, staff_id=whom, now=desk.moment, by=by)
        except RequestRefused:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        for one, other in pairs:
            done = [
                threads.submit(close, one.id, other.id),
                threads.submit(close, other.id, one.id),
            ]
            assert sorted(it.result() for it in done) == [False, True]
    assert sum(it.has(Role.ADMIN) for it in desk.installation.view(list_accounts)) == len(pairs)


def test_the_last_administrator_stays_whoever_asks(desk: Desk) -> None:
    """K1: the shell too gives the role to another account first."""
    eva = desk.add("eva@example.com", Role.ADMIN)
    desk.add("bob@example.com", Role.OFFICER)
    run = desk.installation.run
    with pytest.raises(RequestRefused, match="last administrator"):
        run(remove_account, staff_id=eva.id, now=desk.moment)
    with pytest.raises(RequestRefused, match="last administrator"):
        run(change_roles, staff_id=eva.id, roles={Role.SALES}, now=desk.moment)
    assert next(it for it in desk.installation.view(list_accounts) if it.id == eva.id).has(Role.ADMIN)
    run(change_roles, staff_id=eva.id, roles={Role.ADMIN, Role.SALES}, now=desk.moment)
    desk.add("carol@example.com", Role.ADMIN)
    assert run(remove_account, staff_id=eva.id, now=desk.moment).removed is not None


def test_who_lost_the_role_meanwhile_gives_none(desk: Desk) -> None:
    """K1: although their page was open, and others are left to do it."""
    eva, bob, carol = (desk.add(f"{it}@example.com", Role.ADMIN) for it in ("eva", "bob", "carol"))
    run = desk.installation.run
    run(change_roles, staff_id=bob.id, roles={Role.SALES}, now=desk.moment, by=eva.id)
    with pytest.raises(RequestRefused):
        run(remove_account, staff_id=carol.id, now=desk.moment, by=bob.id)
    with pytest.raises(RequestRefused):
        run(change_roles, staff_id=bob.id, roles=EVERY_ROLE, now=desk.moment, by=bob.id)


def test_an_address_that_names_no_account_is_not_found(admin: Browser) -> None:
    """K1: of whatever shape."""
    for text in ("0" * 32, "0" * 31, "g" * 32, "%C3%A9" * 32):
        assert admin.get(f"/desk/staff/{text}").status_code == 404


def test_names_that_are_markup_are_words_in_the_list(desk: Desk, admin: Browser) -> None:
    """K1, S1: in the list and on the page of the account."""
    desk.add(BOB, Role.SALES, name="<b>Bob</b>")
    for at in ("/desk/staff", path(desk, BOB)):
        assert "<b>Bob" not in admin.get(at).text
