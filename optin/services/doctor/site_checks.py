"""Checks of the address of the site: this installation, its certificate, the proxy, the server's jobs."""

from __future__ import annotations

import hmac
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import NotChecked, Seen, failed, not_checked, passed, printable, warning
from optin.services.doctor.site_answer import (
    SPOOFED,
    AnswerOfSite,
    Obstacle,
    Unreached,
    fetch,
    site_answer,
    spoofed_answer,
)
from optin.services.doctor.site_proof import answer_to

REDIRECTS = frozenset({301, 302, 303, 307, 308})
LEAST_HSTS_SECONDS = 180 * 86_400
ENDS_NOW = timedelta(days=3)
ENDS_SOON = timedelta(days=14)
_FORWARD = (
    "nginx: proxy_set_header X-Forwarded-For $remote_addr; HAProxy: http-request set-header X-Forwarded-For"
    " %[src]; Caddy does so by itself."
)


def check_address(examination: Examination) -> Seen:
    """Check that the base address answers as this very installation."""
    base = examination.settings.base_url
    try:
        answer = site_answer(examination)
    except Unreached as problem:
        cure = _CURES[problem.obstacle].format(host=urlsplit(base).hostname)
        return failed(f"{base} gives no answer: {problem}.", cure, problem.obstacle)
    vault = examination.vault()
    if vault is None:
        return not_checked(f"{base} answers; without keys nobody can tell whether it is this site.")
    told = str(answer.as_table().get("site", ""))
    if not hmac.compare_digest(told.encode(), answer_to(vault, answer.question).encode()):
        text = f"{base} answers (status {answer.status}), but not as this installation."
        cure = (
            "Start optin serve, let the proxy pass every path on to it, and see that base_url, the keys and"
            " the clock here are those of that server."
        )
        return failed(text, cure, "other")
    return passed(f"{base} answers as this installation.")


_CURES = {
    Obstacle.NAME: "Correct base_url in optin.toml.",
    Obstacle.CONNECTION: (
        "See that the DNS has {host} with the address of this server (A, AAAA), that the proxy runs, and that"
        " a firewall lets ports 80 and 443 through."
    ),
    Obstacle.CERTIFICATE: (
        "Let the proxy get a certificate for {host} from an authority that browsers trust, with the whole"
        " chain; Caddy does so by itself, for nginx see certbot."
    ),
    Obstacle.HTTP: "Let the proxy pass requests on to optin by HTTP.",
}


def _is_secure(examination: Examination) -> bool:
    return examination.settings.secure


def check_certificate(examination: Examination) -> Seen | None:
    """Check how long the certificate holds."""
    if not _is_secure(examination):
        return None
    try:
        certificate = site_answer(examination).certificate
    except Unreached as problem:
        if problem.obstacle is Obstacle.CERTIFICATE:
            host = urlsplit(examination.settings.base_url).hostname
            return failed(f"Browsers refuse it: {problem}.", _CURES[problem.obstacle].format(host=host))
        raise NotChecked(_UNREACHED) from None
    begins, ends = (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate[name])), UTC)
        for name in ("notBefore", "notAfter")
    )
    return judge_certificate(examination.now, begins, ends)


_UNREACHED = "The address of the site gives no answer."


def judge_certificate(now: datetime, begins: datetime, ends: datetime) -> Seen:
    """Return the finding about a certificate: of a short one, a third of its time is enough."""
    left, whole = ends - now, ends - begins
    text = f"The certificate ends on {ends:%Y-%m-%d}, in {max(0, left.days)} days."
    cure = "See why the proxy does not renew it: its log, port 80, the DNS; certbot renew --dry-run"
    if left < min(ENDS_NOW, whole / 6):
        return failed(text, cure)
    return warning(text, cure) if left < min(ENDS_SOON, whole / 3) else passed(text)


def check_hsts(examination: Examination) -> Seen | None:
    """Check that browsers are told to come by https alone (RFC 6797)."""
    if not _is_secure(examination):
        return None
    told = _answered(examination).headers.get("strict-transport-security", "")
    ages = [it.partition("=")[2].strip('" ') for it in told.split(";") if it.strip().lower()[:7] == "max-age"]
    if not ages or not ages[0].isdecimal() or int(ages[0][:12]) < LEAST_HSTS_SECONDS:
        cure = "optin sends Strict-Transport-Security by itself; let the proxy pass it on unchanged."
        return warning(f"Strict-Transport-Security is {printable(told) or 'missing'}.", cure)
    return passed("Strict-Transport-Security reaches the browser.")


def _answered(examination: Examination) -> AnswerOfSite:
    try:
        return site_answer(examination)
    except Unreached:
        raise NotChecked(_UNREACHED) from None


def check_plain_http(examination: Examination) -> Seen | None:
    """Check that unencrypted HTTP leads to https."""
    parts = urlsplit(examination.settings.base_url)
    port = examination.reach.http_port
    if parts.scheme != "https" or (port is None and parts.port not in {None, 443}):
        return None  # on another port nobody knows where unencrypted HTTP would be
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    cure = f"Let the proxy answer port 80 with: 308, Location: https://{host}/…; Caddy does so by itself."
    try:
        answer = fetch(f"http://{host}:{port or 80}", "/", examination.reach.seconds)
    except Unreached as problem:
        return warning(f"http://{host} gives no answer: {problem}.", cure, "none")
    leads_to = urlsplit(answer.headers.get("location", ""))
    if answer.status in REDIRECTS and leads_to.scheme == "https" and leads_to.hostname == parts.hostname:
        return passed(f"http://{host} leads to https.")
    return failed(f"http://{host} answers with status {answer.status}, and does not lead to https.", cure)


def check_proxy(examination: Examination) -> Seen:
    """Check through which addresses a request arrives, and that no visitor can choose one."""
    answer = _answered(examination)
    told = answer.as_table()
    if not {"peer", "client", "forwarded"} <= told.keys():
        msg = "The address does not answer as this installation."
        raise NotChecked(msg)
    nets = examination.settings.proxy.trusted
    return judge_proxy(
        Arrival(str(told["peer"]), str(told["client"]), forwarded=bool(told["forwarded"])),
        nets,
        answer.own,
        lambda: str(spoofed_answer(examination).as_table().get("client", "")),
        secure=_is_secure(examination),
    )


@dataclass(frozen=True)
class Arrival:
    """How a request arrived at optin. `client`: who it counts for; `forwarded`: with X-Forwarded-For."""

    peer: str
    client: str
    forwarded: bool


def judge_proxy(
    arrival: Arrival, trusted: Sequence[str], own: str, spoofed: Callable[[], str], *, secure: bool
) -> Seen:
    """Return the finding about a proxy.

    `own`: our address as the proxy sees it; `spoofed`: who a request counts for that names another client.
    """
    peer, networks = arrival.peer, [ip_network(it, strict=False) for it in trusted]
    if any(it.prefixlen == 0 for it in networks):
        cure = f'[proxy]\ntrusted = ["{peer}"]'
        return failed("[proxy] trusted names every address: a visitor can choose whose limit counts.", cure)
    if not _is_in(peer, networks):
        if arrival.forwarded or secure:
            more = "" if arrival.forwarded else f"  # and let it forward addresses. {_FORWARD}"
            text = f"The proxy at {peer} is not trusted, so all visitors look like one to the limits."
            return warning(text, f'[proxy]\ntrusted = ["{peer}"]{more}', peer)
        return passed(f"Requests arrive without a proxy, from {arrival.client}.")
    if not arrival.forwarded:
        text = f"The proxy at {peer} does not say who the visitor is, so all of them look like one."
        return failed(text, _FORWARD, peer)
    if spoofed() != SPOOFED:
        return passed(f"The proxy at {peer} is trusted and forwards the address of a visitor.")
    if _is_in(own, networks):
        text = (
            f"The proxy at {peer} forwards addresses; whether a visitor can choose one could not be seen,"
            " because this machine asks from a trusted network itself."
        )
        return not_checked(text, "Name in [proxy] trusted the proxy alone, or run optin doctor elsewhere.")
    text = "A visitor can choose whose limit counts: an X-Forwarded-For of their own is believed."
    return failed(text, f"Name in [proxy] trusted the proxy alone, and let it replace the header. {_FORWARD}")


def _is_in(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in it for it in networks)


def _readiness(examination: Examination) -> Mapping[str, Any]:
    """Return the readiness checks of the server. Raises NotChecked."""
    try:
        answer = examination.once(
            "readiness",
            lambda: fetch(examination.settings.base_url, "/health/ready", examination.reach.seconds),
        )
    except Unreached:
        raise NotChecked(_UNREACHED) from None
    checks = answer.as_table().get("checks")
    if not isinstance(checks, dict) or not all(isinstance(it, dict) for it in checks.values()):
        text = "/health/ready does not come through the proxy."
        raise NotChecked(text, "Read it on the server: curl http://127.0.0.1:PORT/health/ready")
    return checks


def check_server(examination: Examination) -> Seen:
    """Check that the server says it is ready."""
    wrong = [name for name, it in _readiness(examination).items() if it.get("ok") is not True]
    if wrong:
        names = printable(", ".join(sorted(wrong)))
        cure = "See /health/ready and the server's log; docs/operations.md explains each check."
        return failed(f"The server is not ready: {names}.", cure, names)
    return passed("The server is ready.")


def check_jobs(examination: Examination) -> Seen:
    """Check how long ago the oldest background job came round."""
    jobs = _readiness(examination).get("jobs", {})
    oldest, age, stale = (printable(str(jobs.get(it, ""))) for it in ("oldest", "age_seconds", "stale"))
    if stale:
        return failed(f"Background jobs that hang: {stale}.", "See the server's log; restart it.", stale)
    if not age:
        msg = "The server does not name its jobs."
        raise NotChecked(msg)
    return passed(f"The oldest background job ({oldest}) came round {age} seconds ago.")
