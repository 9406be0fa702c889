"""Sign in with a passkey, and what does not sign in. The signatures are real ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from optin.consent.staff_role import CHALLENGE_LASTS, FRESH, Role
from optin.flows.staff.accounts import list_accounts, remove_account
from tests.desk.conftest import Browser, Desk, list_acts
from tests.desk.passkey_device import PRESENT, Device
from tests.desk.test_sign_in import EVA, trail

NEW, OPTIONS = "/desk/account/passkeys/new", "/desk/account/passkeys/options"
SIGN_IN = "/desk/sign-in/passkey"


def add(browser: Browser, device: Device, name: str = "laptop") -> Any:
    options = browser.post(OPTIONS, page=NEW).json()
    return browser.post(NEW, {"answer": device.make(options), "name": name})


def asked(browser: Browser) -> dict[str, Any]:
    found: dict[str, Any] = browser.post(f"{SIGN_IN}/options", page="/desk/sign-in").json()
    return found


def sign_in(browser: Browser, device: Device) -> Any:
    return browser.post(SIGN_IN, {"answer": device.sign(asked(browser))}, page="/desk/sign-in")


def because(desk: Desk) -> object:
    line = desk.installation.view(list_acts)[0]
    return line.facts.get("because") if line.kind == "passkey-refused" else line.kind


@pytest.fixture
def device(desk: Desk) -> Device:
    """Return the passkey of somebody with an account."""
    desk.add(EVA, Role.OFFICER, name="Eva")
    browser, made = desk.browser(), Device()
    browser.sign_in(EVA)
    assert add(browser, made).headers["location"] == "/desk/account?done=passkey"
    made.count += 1
    return made


def test_a_passkey_signs_in(desk: Desk, device: Device) -> None:
    """K1: without a mail; the trail says by what."""
    browser = desk.browser()
    assert sign_in(browser, device).headers["location"] == "/desk"
    assert "Eva" in browser.get("/desk").text
    assert trail(desk)[-2:] == [("passkey-added", "Eva"), ("signed-in", "Eva")]
    assert desk.installation.view(list_acts)[0].facts["by"] == "passkey"
    assert "laptop" in browser.get("/desk/account").text


def test_a_signature_signs_in_once(desk: Desk, device: Device) -> None:
    """K1: what was posted once opens nothing more, here and in another browser (replay)."""
    browser, thief = desk.browser(), desk.browser()
    signed = device.sign(asked(browser))
    secret = browser.cookie("optin-sign-in")
    assert browser.post(SIGN_IN, {"answer": signed}, page="/desk/sign-in").status_code == 303
    thief.take("optin-sign-in", secret)
    again = thief.post(SIGN_IN, {"answer": signed}, page="/desk/sign-in")
    assert (again.status_code, thief.get("/desk").status_code) == (422, 303)


def test_a_signature_is_bound_to_the_browser_that_asked(desk: Desk, device: Device) -> None:
    """K1: also while nobody has used it."""
    browser, thief = desk.browser(), desk.browser()
    signed = device.sign(asked(browser))
    assert thief.post(SIGN_IN, {"answer": signed}, page="/desk/sign-in").status_code == 422
    assert browser.post(SIGN_IN, {"answer": signed}, page="/desk/sign-in").status_code == 303


def test_a_challenge_lasts_five_minutes(desk: Desk, device: Device) -> None:
    """K1: a signature that comes later opens nothing."""
    browser = desk.browser()
    signed = device.sign(asked(browser))
    desk.wait(CHALLENGE_LASTS + timedelta(seconds=1))
    assert browser.post(SIGN_IN, {"answer": signed}, page="/desk/sign-in").status_code == 422


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("origin", "https://optin.example.com.evil.example"),
        ("origin", "http://optin.example.com"),
        ("host", "evil.example"),
        ("flags", PRESENT),  # nobody showed a finger, a face or a code
        ("key", Device().key),
    ],
)
def test_what_is_signed_elsewhere_or_otherwise_signs_nobody_in(
    desk: Desk, device: Device, name: str, value: Any
) -> None:
    """K1: another site (phishing), another key, nobody verified; each is on record."""
    setattr(device, name, value)
    browser = desk.browser()
    assert sign_in(browser, device).status_code == 422
    assert because(desk) == "wrong"
    assert browser.get("/desk").status_code == 303


@pytest.mark.parametrize("count", [1, 0])
def test_a_count_that_goes_back_is_refused(desk: Desk, device: Device, count: int) -> None:
    """K1: a copied key counts less than the real one; the real one goes on working."""
    device.count = 7
    assert sign_in(desk.browser(), device).status_code == 303
    device.count = count
    assert sign_in(desk.browser(), device).status_code == 422
    assert because(desk) == "count"
    device.count = 7
    assert sign_in(desk.browser(), device).status_code == 422
    device.count = 8
    assert sign_in(desk.browser(), device).status_code == 303


def test_a_device_that_does_not_count_signs_in_again_and_again(desk: Desk) -> None:
    """K1: synchronised passkeys always say 0."""
    browser, made = desk.signed_in(Role.SALES), Device(count=0)
    add(browser, made)
    assert [sign_in(desk.browser(), made).status_code for _ in range(3)] == [303, 303, 303]


def test_a_removed_passkey_signs_nobody_in(desk: Desk, device: Device) -> None:
    """K1: its owner alone removes it; the acts are on record."""
    colleague = desk.signed_in(Role.SALES)
    data = {"passkey": device.id.hex()}
    colleague.post("/desk/account/passkeys/remove", data, page="/desk/account")
    browser = desk.browser()
    assert sign_in(browser, device).status_code == 303
    assert "laptop" in browser.get("/desk/account").text
    browser.post("/desk/account/passkeys/remove", data, page="/desk/account")
    assert trail(desk)[-1] == ("passkey-removed", "Eva")
    device.count += 1
    assert sign_in(desk.browser(), device).status_code == 422


def test_a_closed_account_takes_its_passkeys_along(desk: Desk, device: Device) -> None:
    """K1: at once, and also when the account is opened again."""
    browser = desk.browser()
    signed = device.sign(asked(browser))
    staff_id = next(it for it in desk.installation.view(list_accounts) if it.email == EVA).id
    desk.installation.run(remove_account, staff_id=staff_id, now=desk.moment)
    assert browser.post(SIGN_IN, {"answer": signed}, page="/desk/sign-in").status_code == 422
    desk.add(EVA, Role.OFFICER)
    assert sign_in(desk.browser(), device).status_code == 422


def test_a_passkey_proves_again_who_one_is(desk: Desk, device: Device) -> None:
    """K1: one's own; that of a colleague is refused and recorded."""
    browser, colleague = desk.browser(), desk.signed_in(Role.SALES)
    sign_in(browser, device)
    before = browser.cookie("optin-desk")
    desk.wait(FRESH + timedelta(seconds=1))
    assert browser.get(NEW).headers["location"] == "/desk/again"
    options = browser.post("/desk/again/passkey/options", page="/desk/again").json()
    device.count += 1
    answer = browser.post("/desk/again/passkey", {"answer": device.sign(options)}, page="/desk/again")
    assert answer.headers["location"] == NEW
    assert browser.cookie("optin-desk") != before
    assert browser.get(NEW).status_code == 200
    options = colleague.post("/desk/again/passkey/options", page="/desk/again").json()
    device.count += 1
    answer = colleague.post("/desk/again/passkey", {"answer": device.sign(options)}, page="/desk/again")
    assert answer.headers["location"] == "/desk/again?passkey=other"
    assert because(desk) == "other"


def test_a_passkey_is_added_after_a_fresh_sign_in_alone(desk: Desk) -> None:
    """K1: whoever finds an open screen adds none."""
    browser = desk.signed_in(Role.SALES)
    token = browser.token(NEW)
    desk.wait(FRESH + timedelta(seconds=1))
    for path in (NEW, OPTIONS, "/desk/account/passkeys/remove"):
        assert browser.client.post(path, data={"token": token}).headers["location"] == "/desk/again"


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"response": {"clientDataJSON": "e30"}}', "é" * 99]
)
def test_what_is_no_answer_of_a_passkey_is_refused(desk: Desk, text: str) -> None:
    """K1: whatever is posted in its place."""
    browser = desk.signed_in(Role.SALES)
    assert browser.post(NEW, {"answer": text, "name": "x"}).status_code == 422
    stranger = desk.browser()
    assert stranger.post(SIGN_IN, {"answer": text}, page="/desk/sign-in").status_code == 422
