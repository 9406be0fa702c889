"""Ask a provider of OpenID Connect: its description, its keys, and the token for a code.

Every call goes through our own HTTP client: public servers over https alone, no redirects, one deadline and
one bound in bytes. Authlib, which issue trackers often name for this, is not used: it leaves JOSE to joserfc,
keeps what was asked in a session middleware of Starlette, and calls by an HTTP client without these bounds.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from optin.proof.id_token import (
    ExpectedToken,
    TokenRefused,
    VerifiedToken,
    fitting_keys,
    verify_id_token,
)
from optin.services.http_client import CallFailed, HttpAnswer, VettedClient
from optin.services.read_secret import SecretUnusable, read_secret
from optin.settings.site import OPENID_SECRET, OpenIdTable

KEPT = timedelta(hours=1)  # description and keys
NEW_KEYS_EVERY = timedelta(minutes=1)  # at most, for a key that is not known
CALL_SECONDS = 10.0
MOST_BYTES = 512 * 1024  # of one answer
SCOPE = "openid email"
_DISCOVERY = "/.well-known/openid-configuration"
_JSON = {"accept": "application/json"}
_FORM = {**_JSON, "content-type": "application/x-www-form-urlencoded"}
_POST, _BASIC = "client_secret_post", "client_secret_basic"


class ProviderTrouble(Exception):
    """A provider that cannot be asked. Its text says why, for the log, without names and secrets."""


@dataclass(frozen=True)
class Endpoints:
    """What a provider says of itself (Discovery 1.0). `sends_issuer`: its answers name it (RFC 9207)."""

    authorization: str
    token: str
    keys: str
    sends_issuer: bool
    secret_in_form: bool


@dataclass(frozen=True)
class AuthorizationCode:
    """What the browser brought back, with what only we know. `back`: the address it was brought to."""

    code: str = field(repr=False)
    verifier: str = field(repr=False)
    back: str


class OpenIdProvider:
    """The provider that a site names. Description and keys are kept for an hour."""

    def __init__(
        self, settings: OpenIdTable, root: Path, clock: Callable[[], datetime], client: VettedClient
    ) -> None:
        """Take the settings; `root`: the site's folder, for a secret in a file."""
        self.settings = settings
        self._root = root
        self._clock = clock
        self._client = client
        self._endpoints: tuple[datetime, Endpoints] | None = None
        self._keys: tuple[datetime, list[Mapping[str, Any]]] | None = None

    async def endpoints(self) -> Endpoints:
        """Return what the provider says of itself. Raises ProviderTrouble."""
        now = self._clock()
        if self._endpoints is None or not _is_recent(self._endpoints[0], now, KEPT):
            said = await self._read(self.settings.issuer.rstrip("/") + _DISCOVERY)
            self._endpoints = now, self._endpoints_in(said)
        return self._endpoints[1]

    async def verified_token(self, code: AuthorizationCode, expected: ExpectedToken) -> VerifiedToken:
        """Exchange a code for a token, and verify it. Raises ProviderTrouble or TokenRefused."""
        token = await self._exchange(code)
        if len(token) > MOST_BYTES or not token.isascii():
            msg = "it is malformed"
            raise TokenRefused(msg)
        keys = await self._published_keys(KEPT)
        if not fitting_keys(token, keys):  # the provider may have changed its keys
            keys = await self._published_keys(NEW_KEYS_EVERY)
        return verify_id_token(token, keys, expected, self._clock())

    async def _exchange(self, code: AuthorizationCode) -> str:
        endpoints = await self.endpoints()
        try:
            secret = read_secret(self._root, "secret", self.settings.secret, OPENID_SECRET)
        except SecretUnusable as problem:
            raise ProviderTrouble(str(problem)) from None
        form = {
            "grant_type": "authorization_code",
            "code": code.code,
            "redirect_uri": code.back,
            "code_verifier": code.verifier,
        }
        headers = dict(_FORM)
        if endpoints.secret_in_form:
            form |= {"client_id": self.settings.client_id, "client_secret": secret}
        else:  # RFC 6749, 2.3.1: both are encoded as in a form before
            pair = f"{quote(self.settings.client_id, safe='')}:{quote(secret, safe='')}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        answer = await self._call("POST", endpoints.token, urlencode(form).encode(), headers)
        token = _object_in(answer).get("id_token")
        if answer.status != HTTPStatus.OK or not isinstance(token, str):
            msg = f"no token for the code, status {answer.status}"
            raise ProviderTrouble(msg)
        return token

    async def _published_keys(self, kept: timedelta) -> Sequence[Mapping[str, Any]]:
        now = self._clock()
        if self._keys is None or not _is_recent(self._keys[0], now, kept):
            said = (await self._read((await self.endpoints()).keys)).get("keys")
            if not isinstance(said, list):
                msg = "its keys are not understood"
                raise ProviderTrouble(msg)
            self._keys = now, [it for it in said if isinstance(it, dict)]
        return self._keys[1]

    def _endpoints_in(self, said: Mapping[str, Any]) -> Endpoints:
        if said.get("issuer") != self.settings.issuer:
            msg = "it names itself otherwise than issuer in optin.toml"
            raise ProviderTrouble(msg)
        addresses = [said.get(f"{it}") for it in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if not all(isinstance(it, str) and self._client.may_call(it) for it in addresses):
            msg = "its description is not understood"
            raise ProviderTrouble(msg)
        authorization, token, keys = (str(it) for it in addresses)
        methods = said.get("token_endpoint_auth_methods_supported", [_BASIC])
        in_form = isinstance(methods, list) and _POST in methods and _BASIC not in methods
        sends_issuer = said.get("authorization_response_iss_parameter_supported") is True
        return Endpoints(authorization, token, keys, sends_issuer, in_form)

    async def _read(self, url: str) -> Mapping[str, Any]:
        answer = await self._call("GET", url, None, _JSON)
        if answer.status != HTTPStatus.OK:
            msg = f"status {answer.status} in place of its description"
            raise ProviderTrouble(msg)
        return _object_in(answer)

    async def _call(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> HttpAnswer:
        try:
            return await self._client.request(method, url, body, headers)
        except CallFailed as problem:
            raise ProviderTrouble(str(problem)) from None


@dataclass
class OpenIdProviders:
    """The provider of the settings as they now are. `client`: only tests give one with other rules."""

    client: VettedClient = field(
        default_factory=lambda: VettedClient(seconds=CALL_SECONDS, most_bytes=MOST_BYTES)
    )
    _provider: OpenIdProvider | None = None

    def of(
        self, settings: OpenIdTable | None, root: Path, clock: Callable[[], datetime]
    ) -> OpenIdProvider | None:
        """Return the provider, with what is known of it while the settings stay; None without one."""
        if settings is None:
            return None
        if self._provider is None or self._provider.settings != settings:
            self._provider = OpenIdProvider(settings, root, clock, self.client)
        return self._provider


def _is_recent(read: datetime, now: datetime, kept: timedelta) -> bool:
    return read <= now < read + kept


def _object_in(answer: HttpAnswer) -> Mapping[str, Any]:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        msg = "an answer that is not understood"
        raise ProviderTrouble(msg)
    return said
