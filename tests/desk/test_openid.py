"""Sign in by a provider of OpenID Connect, and every answer of a provider that signs nobody in."""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.staff_role import FRESH, LINK_LASTS, Role
from optin.flows.staff.accounts import remove_account
from optin.flows.staff.sign_in import digest_of
from optin.jobs.sweep_runner import sweep
from optin.services.http_client import VettedClient
from optin.services.openid_provider import KEPT, OpenIdProviders
from optin.settings.site import OpenIdTable
from optin.store.staff_accounts import account_of
from tests.desk.conftest import Browser, Desk, list_acts
from tests.desk.forging_provider import (
    CLIENT,
    EC,
    SECRET,
    ForgingProvider,
    forging_provider,
    public,
    signed_with_the_public_key,
)
from tests.desk.test_edited_database import edit
from tests.desk.test_sign_in import EVA, trail
from tests.desk.test_sweep_of_staff import rows

OPENID, ACCOUNT, NEW = "/desk/sign-in/openid", "/desk/account", "/desk/account/passkeys/new"
LOCAL = VettedClient(lambda _: True, schemes=("http",), seconds=10)


def let_in(desk: Desk, issuer: str, client: str = CLIENT) -> None:
    """Serve the site with this provider, which is called on this machine."""
    edition = desk.app_context.edition
    openid = OpenIdTable(issuer=issuer, client_id=client, label="Example ID")
    settings = edition.site.settings
    settings = settings.model_copy(update={"desk": settings.desk.model_copy(update={"openid": openid})})
    desk.app_context.replace(replace(edition, site=replace(edition.site, settings=settings)))
    desk.app_context.openid_providers = OpenIdProviders(LOCAL)


@pytest.fixture
def provider(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[ForgingProvider]:
    """Let a provider into a desk where Eva has an account."""
    monkeypatch.setenv("OPTIN_OPENID_SECRET", SECRET)
    desk.add(EVA, Role.OFFICER, name="Eva")
    with forging_provider() as serving:
        let_in(desk, serving.issuer)
        serving.at = desk.moment.timestamp()
        yield serving


def question(answer: Any) -> dict[str, str]:
    """Return what the page that leads to the provider asks of it."""
    assert answer.status_code == 200, answer.status_code
    found = re.search(r'content="0; url=([^"]+)"', answer.text)
    assert found is not None
    query = parse_qs(urlsplit(html.unescape(found[1])).query)
    return {name: value[0] for name, value in query.items()}


def begin(
    browser: Browser, provider: ForgingProvider, path: str = OPENID, page: str = "/desk/sign-in"
) -> str:
    """Go to the provider; return the state that it is to send back."""
    asked = question(browser.post(path, page=page))
    provider.challenge, provider.nonce = asked["code_challenge"], asked["nonce"]
    return asked["state"]


def back(browser: Browser, state: str, **said: str) -> Any:
    query = {"code": "a-code", "state": state, **said}
    return browser.client.get(OPENID, params=query, headers={"sec-fetch-site": "cross-site"})


def sign_in(browser: Browser, provider: ForgingProvider, **said: str) -> Any:
    return back(browser, begin(browser, provider), **said)


def again(browser: Browser, provider: ForgingProvider, **claims: object) -> Any:
    provider.claims = claims
    return back(browser, begin(browser, provider, "/desk/again/openid", "/desk/again"))


def is_in(browser: Browser) -> bool:
    return bool(browser.get("/desk").status_code == 200)


def because(desk: Desk) -> object:
    line = desk.installation.view(list_acts)[0]
    return line.facts.get("because") if line.kind == "openid-refused" else line.kind


def test_a_provider_signs_in_whoever_has_an_account(desk: Desk, provider: ForgingProvider) -> None:
    """K1: code with PKCE, state and nonce; the trail says by which provider; the identity is bound."""
    browser = desk.browser()
    assert "Example ID" in browser.get("/desk/sign-in").text
    asked = question(browser.post(OPENID, page="/desk/sign-in"))
    assert asked["redirect_uri"] == f"https://optin.example.com{OPENID}"
    told = (asked["response_type"], asked["code_challenge_method"], asked["scope"], asked["tenant"])
    assert told == ("code", "S256", "openid email", "1")
    assert "prompt" not in asked
    answer = sign_in(browser, provider)
    assert (answer.status_code, 'url=/desk"' in answer.text, provider.refused) == (200, True, [])
    assert is_in(browser)
    assert trail(desk)[1:] == [("openid-added", "Eva"), ("signed-in", "Eva")]
    facts = desk.installation.view(list_acts)[0].facts
    assert facts == {"by": "openid", "issuer": provider.issuer}
    provider.claims = {"email": "eva@elsewhere.example.com", "email_verified": False}
    assert sign_in(desk.browser(), provider).status_code == 200  # bound by now: her address may change
    assert provider.issuer in browser.get(ACCOUNT).text


@pytest.mark.usefixtures("provider")
def test_only_digests_of_what_was_asked_are_stored(desk: Desk) -> None:
    """K1: a copy of the database answers nothing."""
    browser = desk.browser()
    asked = question(browser.post(OPENID, page="/desk/sign-in"))
    found = desk.installation.store.submit(lambda tx: tx.all("SELECT * FROM staff_openid_request")).result()
    stored = repr([bytes(it) if isinstance(it, memoryview) else it for row in found for it in row])
    assert len(found) == 1
    assert bytes(found[0][0]) == digest_of(asked["state"])
    assert not any(asked[it] in stored for it in ("state", "nonce", "code_challenge"))


def test_a_provider_makes_no_account_and_gives_no_role(desk: Desk, provider: ForgingProvider) -> None:
    """K1: a stranger there stays one here, leaves no line, and gets a page that says so."""
    provider.claims = {"email": "mallory@example.com", "sub": "m", "roles": ["admin"]}
    answer = sign_in(desk.browser(), provider)
    assert answer.status_code == 403
    assert trail(desk) == [("account-added", "")]
    address = EmailAddress("mallory@example.com")
    assert desk.installation.view(lambda tx, context: account_of(tx, context.vault, address)) is None


@pytest.mark.parametrize("verified", [False, "true", 1, None, ...])
def test_an_address_that_is_not_verified_signs_nobody_in(
    desk: Desk, provider: ForgingProvider, verified: object
) -> None:
    """K1: whoever typed Eva's address at the provider is not Eva."""
    provider.claims = {"email_verified": verified}
    browser = desk.browser()
    assert sign_in(browser, provider).status_code == 403
    assert not is_in(browser)


def test_another_identity_with_the_same_address_is_refused(desk: Desk, provider: ForgingProvider) -> None:
    """K1: an address that the company gave to somebody else does not hand the account on; it is on record."""
    sign_in(desk.browser(), provider)
    provider.claims = {"sub": "somebody else"}
    browser = desk.browser()
    assert sign_in(browser, provider).status_code == 403
    assert (is_in(browser), because(desk)) == (False, "other-identity")


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://accounts.example.com"},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another-client"]},
        {"aud": [CLIENT, "another-client"], "azp": "another-client"},
        {"azp": "another-client"},
        {"exp": 1},
        {"exp": "later"},
        {"exp": ...},
        {"iat": 1},
        {"iat": 99_999_999_999},
        {"iat": ...},
        {"nbf": 99_999_999_999},
        {"nonce": "of another question"},
        {"nonce": ...},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
    ],
)
def test_a_token_that_says_something_else_signs_nobody_in(
    desk: Desk, provider: ForgingProvider, claims: dict[str, Any]
) -> None:
    """K1: of another issuer, for another client, over, of the future, of another question, of nobody."""
    provider.claims = claims
    browser = desk.browser()
    assert sign_in(browser, provider).status_code == 502
    assert not is_in(browser)
    provider.claims = {}
    assert sign_in(browser, provider).status_code == 200


def test_a_little_difference_of_clocks_is_no_matter(desk: Desk, provider: ForgingProvider) -> None:
    """K1: half a minute either way; a token for several, issued to this client, is taken."""
    provider.claims = {"aud": [CLIENT, "another"], "azp": CLIENT}
    for seconds in (-30, 30):
        provider.at = desk.moment.timestamp() + seconds
        assert sign_in(desk.browser(), provider).status_code == 200


def test_a_token_that_never_ends_is_no_error(desk: Desk, provider: ForgingProvider) -> None:
    """K1: its end is the last moment that a date can be."""
    provider.claims = {"exp": 253_402_300_799}
    assert sign_in(desk.browser(), provider).status_code == 200


@pytest.mark.parametrize(
    "name", ["none", "HS256", "other-key", "small-key", "encryption-key", "cut", "words"]
)
def test_a_token_that_the_provider_did_not_sign_signs_nobody_in(
    desk: Desk, provider: ForgingProvider, name: str
) -> None:
    """K1: without a signature, signed with the public key as a secret, with another key, with a weak one."""
    browser = desk.browser()
    state = begin(browser, provider)
    if name == "none":
        provider.token = provider.signed().rpartition(".")[0] + "."
        body = provider.token.split(".")[1]
        provider.token = f"eyJhbGciOiJub25lIn0.{body}."
    elif name == "HS256":
        provider.token = signed_with_the_public_key(provider.signed())
    elif name == "other-key":
        provider.key = RSAKey.generate_key(2048)
    elif name == "small-key":
        with pytest.warns(SecurityWarning):
            provider.key = RSAKey.generate_key(1024)
        provider.published = [public(provider.key, kid="1")]
    elif name == "encryption-key":
        provider.published = [{**provider.published[0], "use": "enc"}]
    elif name == "cut":
        provider.token = provider.signed()[:-9]
    else:
        provider.token = "no.token.at-all"
    assert back(browser, state).status_code == 502
    assert not is_in(browser)


def test_other_allowed_algorithms_sign_in(desk: Desk, provider: ForgingProvider) -> None:
    """K1: RSA in both ways and elliptic curves, with and without the id of a key."""
    for key, algorithm in ((provider.key, "PS256"), (EC, "ES256")):
        provider.key, provider.header = key, {"alg": algorithm, "x5t": "of a certificate"}
        provider.published = [public(EC, kid="1"), *provider.published]
        assert sign_in(desk.browser(), provider).status_code == 200
        desk.wait(KEPT)
        provider.at = desk.moment.timestamp()


def test_new_keys_of_the_provider_are_fetched_once(desk: Desk, provider: ForgingProvider) -> None:
    """K1: for an id that is not known, at most once a minute; else what was read is kept for an hour."""
    sign_in(desk.browser(), provider)
    sign_in(desk.browser(), provider)
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]
    provider.key, provider.header = ECKey.generate_key("P-256"), {"alg": "ES256", "kid": "2"}
    provider.published = [public(provider.key, kid="2")]
    assert sign_in(desk.browser(), provider).status_code == 502  # within the minute
    desk.wait(timedelta(minutes=1))
    provider.at = desk.moment.timestamp()
    assert sign_in(desk.browser(), provider).status_code == 200
    provider.header = {"alg": "ES256", "kid": "3"}
    for _ in range(5):
        sign_in(desk.browser(), provider)
    assert provider.asked.count("/keys") == 2
    desk.wait(KEPT)
    provider.header, provider.at = {"alg": "ES256", "kid": "2"}, desk.moment.timestamp()
    assert sign_in(desk.browser(), provider).status_code == 200
    assert provider.asked.count("/.well-known/openid-configuration") == 2


def test_an_answer_works_once(desk: Desk, provider: ForgingProvider) -> None:
    """K1: whoever replays the address in the same browser, or with its secret, gets nothing."""
    browser, thief = desk.browser(), desk.browser()
    state, secret = begin(browser, provider), browser.cookie("optin-sign-in")
    assert back(browser, state).status_code == 200
    thief.take("optin-sign-in", secret)
    assert back(thief, state).status_code == 410
    assert not is_in(thief)


def test_an_answer_is_bound_to_the_browser_that_asked(desk: Desk, provider: ForgingProvider) -> None:
    """K1: another browser gets nothing by it and uses nothing up; nobody is signed in as somebody else."""
    browser, other, bare = desk.browser(), desk.browser(), desk.browser()
    state = begin(browser, provider)
    other.get("/desk/sign-in")
    assert [back(it, state).status_code for it in (other, bare)] == [410, 410]
    assert back(browser, state).status_code == 200
    assert [is_in(it) for it in (browser, other, bare)] == [True, False, False]


def test_an_answer_lasts_ten_minutes(desk: Desk, provider: ForgingProvider) -> None:
    """K1: a later one opens nothing, nor does a state that nobody asked with; old ones are swept."""
    browser = desk.browser()
    state = begin(browser, provider)
    desk.wait(LINK_LASTS)
    provider.at = desk.moment.timestamp()
    assert [back(browser, it).status_code for it in (state, "", "invented")] == [410, 410, 410]
    begin(browser, provider)
    assert rows(desk, "staff_openid_request") == 1
    desk.wait(LINK_LASTS + timedelta(seconds=1))
    assert sweep(desk.installation)["sign-ins"] == 1
    assert rows(desk, "staff_openid_request") == 0


def test_a_provider_that_says_no_gets_a_kind_page(desk: Desk, provider: ForgingProvider) -> None:
    """K1: nothing of its own words is shown; the question is used up."""
    browser = desk.browser()
    browser.client.headers["accept-language"] = "en"
    state = begin(browser, provider)
    answer = back(browser, state, error="access_denied", error_description="<b>you are fired</b>")
    assert (answer.status_code, "fired" in answer.text) == (403, False)
    assert "did not let you in" in answer.text
    assert back(browser, state).status_code == 410
    assert "did not let you in" in back(browser, "", error="access_denied").text  # some forget the state
    state = begin(browser, provider)
    assert back(browser, state, error="server_error").status_code == 502


def test_an_answer_of_another_provider_is_refused(desk: Desk, provider: ForgingProvider) -> None:
    """K1: by what it says of itself (RFC 9207), and when the site changed its provider meanwhile (mix-up)."""
    browser = desk.browser()
    assert sign_in(browser, provider, iss="https://evil.example.com").status_code == 502
    assert sign_in(browser, provider, iss=provider.issuer).status_code == 200
    provider.described = {"authorization_response_iss_parameter_supported": True}
    desk.wait(KEPT)
    provider.at = desk.moment.timestamp()
    assert sign_in(desk.browser(), provider).status_code == 502
    assert sign_in(desk.browser(), provider, iss=provider.issuer).status_code == 200
    other = desk.browser()
    state = begin(other, provider)
    with forging_provider() as evil:
        let_in(desk, evil.issuer)
        evil.challenge, evil.nonce, evil.at = provider.challenge, provider.nonce, provider.at
        assert back(other, state).status_code == 410
        assert evil.asked == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", "https://other.example.com"),
        ("token_endpoint", "file:///etc/passwd"),
        ("token_endpoint", "https://elsewhere.example.com/token"),  # https is no scheme of this test's client
        ("jwks_uri", None),
        ("authorization_endpoint", "javascript:alert(1)"),
    ],
)
def test_a_description_that_is_not_its_own_is_refused(
    desk: Desk, provider: ForgingProvider, name: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    """K1: no browser and no secret goes to such an address; the log says why, and names nobody."""
    provider.described = {name: value}
    with caplog.at_level(logging.WARNING, "optin.desk"):
        answer = desk.browser().post(OPENID, page="/desk/sign-in")
    assert answer.status_code == 502
    assert "openid provider cannot be asked" in caplog.text
    assert EVA not in caplog.text


def test_a_provider_that_does_not_answer_leaves_the_link(desk: Desk, provider: ForgingProvider) -> None:
    """K1: a page that says so; and in earnest nothing on this machine is called."""
    desk.app_context.openid_providers = OpenIdProviders(VettedClient(schemes=("http",)))
    browser = desk.browser()
    assert browser.post(OPENID, page="/desk/sign-in").status_code == 502
    assert provider.asked == []
    assert browser.sign_in(EVA).status_code == 303


def test_a_code_for_which_the_secret_is_missing_says_so_in_the_log(
    desk: Desk,
    provider: ForgingProvider,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """K1: with the name of the variable."""
    monkeypatch.delenv("OPTIN_OPENID_SECRET")
    with caplog.at_level(logging.WARNING, "optin.desk"):
        assert sign_in(desk.browser(), provider).status_code == 502
    assert "no usable secret in the environment variable OPTIN_OPENID_SECRET" in caplog.text


def test_a_session_has_a_secret_of_its_own(desk: Desk, provider: ForgingProvider) -> None:
    """K1: a planted cookie is not the session's (fixation); the cookie is as strict as ever."""
    browser = desk.browser()
    browser.take("optin-desk", "planted")
    answer = sign_in(browser, provider)
    cookie = next(it for it in answer.headers.get_list("set-cookie") if it.startswith("__Host-optin-desk="))
    assert "SameSite=strict" in cookie
    assert browser.cookie("optin-desk") != "planted"
    assert "optin-sign-in" not in browser.client.cookies


def test_a_closed_account_signs_nobody_in(desk: Desk, provider: ForgingProvider) -> None:
    """K1: also when it closes between question and answer; opened again it is bound anew, by the address."""
    sign_in(desk.browser(), provider)
    browser = desk.browser()
    state = begin(browser, provider)
    account = desk.installation.view(lambda tx, context: account_of(tx, context.vault, EmailAddress(EVA)))
    assert account is not None
    desk.installation.run(remove_account, staff_id=account.id, now=desk.moment)
    assert back(browser, state).status_code == 403
    assert (is_in(browser), because(desk), rows(desk, "staff_openid")) == (False, "closed", 0)
    desk.add(EVA, Role.SALES)
    assert sign_in(browser, provider).status_code == 200
    assert rows(desk, "staff_openid") == 1


def test_to_be_let_in_without_being_asked_is_no_fresh_sign_in(desk: Desk, provider: ForgingProvider) -> None:
    """K1: an open screen adds no passkey by way of a provider that asks nothing."""
    for claims in ({}, {"auth_time": int(provider.at - 3_600)}):
        provider.claims = claims
        browser = desk.browser()
        sign_in(browser, provider)
        assert browser.get(NEW).headers["location"] == "/desk/again"
    provider.claims = {"auth_time": int(provider.at)}
    browser = desk.browser()
    sign_in(browser, provider)
    assert browser.get(NEW).status_code == 200


def test_a_provider_proves_again_who_one_is(desk: Desk, provider: ForgingProvider) -> None:
    """K1: it is told to ask the person; a new session takes the place of the one before."""
    browser = desk.browser()
    sign_in(browser, provider)
    before = browser.cookie("optin-desk")
    assert browser.get(NEW).headers["location"] == "/desk/again"
    assert "Example ID" in browser.get("/desk/again").text
    asked = question(browser.post("/desk/again/openid", page="/desk/again"))
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    for late in (..., True, int(provider.at) - 120):
        assert again(browser, provider, auth_time=late).status_code == 403
        assert because(desk) == "not-fresh"
    answer = again(browser, provider, auth_time=int(provider.at))
    assert f'url={NEW}"' in answer.text
    assert browser.cookie("optin-desk") != before
    assert browser.get(NEW).status_code == 200
    assert [kind for kind, _ in trail(desk)][-2:] == ["signed-in", "proved-again"]
    thief = desk.browser()
    thief.take("optin-desk", before)
    assert not is_in(thief)


def test_somebody_else_proves_nothing(desk: Desk, provider: ForgingProvider) -> None:
    """K1: a colleague's identity neither proves again nor is bound to this account; both are on record."""
    desk.add("bob@example.com", Role.SALES)
    provider.claims = {"email": "bob@example.com", "sub": "bob-1"}
    sign_in(desk.browser(), provider)
    browser = desk.browser()
    provider.claims = {}
    browser.sign_in(EVA)
    bob = {"sub": "bob-1", "auth_time": int(provider.at)}
    assert again(browser, provider, **bob).status_code == 403
    assert because(desk) == "other-account"
    state = begin(browser, provider, "/desk/account/openid", ACCOUNT)
    assert back(browser, state).status_code == 403
    assert because(desk) == "other-account"


def test_a_session_that_ended_meanwhile_is_not_continued(desk: Desk, provider: ForgingProvider) -> None:
    """K1: neither to prove again nor to bind an identity; who only signs in needs none."""
    for path, page in (("/desk/again/openid", "/desk/again"), ("/desk/account/openid", ACCOUNT)):
        browser = desk.browser()
        browser.sign_in(EVA)
        state = begin(browser, provider, path, page)
        browser.post("/desk/sign-out", page="/desk")
        provider.claims = {"auth_time": int(provider.at)}
        assert back(browser, state).status_code == 403
        assert (is_in(browser), rows(desk, "staff_openid")) == (False, 0)


def test_an_identity_without_an_address_is_bound_on_the_account_page(
    desk: Desk, provider: ForgingProvider
) -> None:
    """K1: for providers that verify no address; after a fresh sign-in, and taken away again by its owner."""
    provider.claims = {"email": ..., "email_verified": ...}
    browser = desk.browser()
    assert sign_in(browser, provider).status_code == 403
    browser.sign_in(EVA)
    token = browser.token(ACCOUNT)
    answer = back(browser, begin(browser, provider, "/desk/account/openid", ACCOUNT))
    assert "url=/desk/account?done=openid" in answer.text
    assert trail(desk)[-1] == ("openid-added", "Eva")
    assert sign_in(desk.browser(), provider).status_code == 200
    desk.wait(FRESH)
    for path in ("/desk/account/openid", "/desk/account/openid/remove"):
        assert browser.client.post(path, data={"token": token}).headers["location"] == "/desk/again"
    browser.post("/desk/sign-out", page="/desk")
    browser.sign_in(EVA)
    browser.post("/desk/account/openid/remove", page=ACCOUNT)
    assert trail(desk)[-1] == ("openid-removed", "Eva")
    provider.at = desk.moment.timestamp()
    assert sign_in(desk.browser(), provider).status_code == 403


def test_an_edited_identity_opens_nothing(desk: Desk, provider: ForgingProvider) -> None:
    """K1, P9: whoever writes to the database hands no account to their own identity, old or invented."""
    officer = account(desk)
    desk.add("mallory@example.com", Role.SALES)
    provider.claims = {"email": "mallory@example.com", "sub": "mallory-1"}
    browser = desk.browser()
    sign_in(browser, provider)
    edit(desk, "UPDATE staff_openid SET staff_id = :staff", staff=officer)
    other = desk.browser()
    assert sign_in(other, provider).status_code == 403
    assert not is_in(other)
    edit(desk, "UPDATE staff_openid SET sealed = :sealed", sealed=b"\0" * 40)
    assert sign_in(other, provider).status_code == 403
    state = begin(browser, provider, "/desk/account/openid", _signed_in_page(browser))
    assert back(browser, state).status_code == 200  # its owner binds it anew
    assert sign_in(other, provider).status_code == 200


def _signed_in_page(browser: Browser) -> str:
    browser.post("/desk/sign-out", page="/desk")
    browser.sign_in("mallory@example.com")
    return ACCOUNT


def account(desk: Desk) -> bytes:
    found = desk.installation.view(lambda tx, context: account_of(tx, context.vault, EmailAddress(EVA)))
    assert found is not None
    return found.id


@pytest.mark.parametrize(
    ("column", "value"),
    [("session", b"s" * 32), ("purpose", "add"), ("made_at", 1), ("bound", b"b" * 32)],
)
def test_an_edited_question_is_none(desk: Desk, provider: ForgingProvider, column: str, value: Any) -> None:
    """K1: nobody binds their identity to another's session by writing to the database."""
    officer = desk.browser()
    officer.sign_in(EVA)
    browser = desk.signed_in(Role.SALES)
    state = begin(browser, provider, "/desk/again/openid", "/desk/again")
    if column == "session":
        value = digest_of(officer.cookie("optin-desk"))
    edit(desk, f"UPDATE staff_openid_request SET {column} = :value", value=value)
    assert back(browser, state).status_code == 410


def test_without_a_provider_there_is_no_such_page(desk: Desk) -> None:
    """K1: and no button."""
    browser = desk.signed_in(Role.SALES)
    assert browser.get(OPENID).status_code == 404
    assert browser.post("/desk/again/openid", page="/desk/again").status_code == 404
    assert "openid" not in desk.browser().get("/desk/sign-in").text
    assert "openid" not in browser.get(ACCOUNT).text


def test_a_form_of_another_site_sends_nobody_to_the_provider(desk: Desk, provider: ForgingProvider) -> None:
    """K1: nor is a provider's answer with repeated words taken (CSRF, RFC 6749)."""
    browser = desk.browser()
    assert browser.client.post(OPENID, data={"token": "0" * 64}).status_code == 400
    state = begin(browser, provider)
    assert browser.get(f"{OPENID}?state={state}&state={state}&code=x").status_code == 410
    assert browser.get(f"{OPENID}?state={state}&code=x&code=y").status_code == 502
