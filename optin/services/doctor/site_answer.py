"""Ask a server over HTTP, and keep what the doctor looks at: certificate, headers, time, addresses.

By the standard library: the checks need the certificate and both ends of the connection, which HTTP clients
hide. No redirect is followed, no proxy of the environment is used, and an answer is read to a bound.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast
from urllib.parse import urlsplit

from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import printable
from optin.services.doctor.site_proof import PATH, make_question
from optin.services.http_client import PORTS
from optin.services.steady_clock import utc_now

MOST_BYTES = 64 * 1024
SPOOFED = "192.0.2.77"  # RFC 5737: nobody's address, which a visitor might write into X-Forwarded-For


class Obstacle(StrEnum):
    """Why there was no answer."""

    NAME = "name"
    CONNECTION = "connection"
    CERTIFICATE = "certificate"
    HTTP = "http"


class Unreached(Exception):
    """There was no answer. Its text says why, in words for an operator."""

    def __init__(self, obstacle: Obstacle, text: str) -> None:
        """Keep the kind of obstacle."""
        super().__init__(text)
        self.obstacle = obstacle


@dataclass(frozen=True)
class AnswerOfSite:
    """A server's answer. Header names are in lower case; `certificate` as in ssl.getpeercert, or empty.

    `own` and `peer`: the IP addresses of both ends; `question`: what was asked with our keys, if anything.
    """

    host: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    received: datetime
    own: str
    peer: str
    certificate: Mapping[str, Any]
    question: str = ""

    @property
    def is_elsewhere(self) -> bool:
        """Whether another machine answered: its clock is another than ours."""
        return self.own != self.peer

    def as_table(self) -> Mapping[str, Any]:
        """Return the JSON object in the body; empty when it holds none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def fetch(
    url: str, target: str, seconds: float, *, method: str = "GET", headers: Mapping[str, str] | None = None
) -> AnswerOfSite:
    """Ask `url` (with `target` at its end) once, and return the answer. Raises Unreached."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        port = parts.port or PORTS.get(parts.scheme, 80)
        name = host if host.isascii() else host.encode("idna").decode()
        if parts.scheme == "https":
            trust = ssl.create_default_context()
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                name, port, timeout=seconds, context=trust
            )
        else:
            connection = http.client.HTTPConnection(name, port, timeout=seconds)
    except (ValueError, UnicodeError):
        raise Unreached(Obstacle.NAME, f"{host or 'it'} is no address.") from None
    try:
        return _ask(connection, host, (method, f"{parts.path}{target}" or "/"), headers or {})
    finally:
        connection.close()


def _ask(
    connection: http.client.HTTPConnection, host: str, line: tuple[str, str], headers: Mapping[str, str]
) -> AnswerOfSite:
    try:
        connection.connect()
        wire = connection.sock
        certificate = wire.getpeercert() if isinstance(wire, ssl.SSLSocket) else None
        own, peer = str(wire.getsockname()[0]), str(wire.getpeername()[0])
        connection.request(*line, headers={"user-agent": "optin-doctor", "connection": "close", **headers})
        answer = connection.getresponse()
        body = answer.read(MOST_BYTES)
    except ssl.SSLCertVerificationError as problem:
        raise Unreached(Obstacle.CERTIFICATE, printable(problem.verify_message)) from None
    except ssl.SSLError as problem:
        raise Unreached(Obstacle.CERTIFICATE, f"no TLS ({printable(problem.reason or 'refused')})") from None
    except (TimeoutError, OSError) as problem:
        raise Unreached(Obstacle.CONNECTION, _why(problem)) from None
    except (http.client.HTTPException, ValueError) as problem:
        raise Unreached(Obstacle.HTTP, f"it does not speak HTTP ({type(problem).__name__})") from None
    named = {name.lower(): value for name, value in answer.getheaders()}
    told = cast("Mapping[str, Any]", certificate or {})
    return AnswerOfSite(host, answer.status, named, body, utc_now().astimezone(UTC), own, peer, told)


def _why(problem: OSError) -> str:
    if isinstance(problem, TimeoutError):
        return "it does not answer in time"
    return problem.strerror or type(problem).__name__


def site_answer(examination: Examination) -> AnswerOfSite:
    """Return what the site's own address answers to the doctor's question. Raises Unreached.

    Without keys the question is none that the site answers; the certificate and headers are there anyway.
    """
    return examination.once("site answer", lambda: _ask_site(examination, {}))


def spoofed_answer(examination: Examination) -> AnswerOfSite:
    """Return the same for a request that names another client in X-Forwarded-For. Raises Unreached."""
    headers = {"x-forwarded-for": SPOOFED}
    return examination.once("spoofed answer", lambda: _ask_site(examination, headers))


def _ask_site(examination: Examination, headers: Mapping[str, str]) -> AnswerOfSite:
    vault = examination.vault()
    question = "" if vault is None else make_question(vault, examination.now)
    answer = fetch(
        examination.settings.base_url, f"{PATH}{question}", examination.reach.seconds, headers=headers
    )
    return AnswerOfSite(**{**vars(answer), "question": question})
