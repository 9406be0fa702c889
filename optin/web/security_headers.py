"""Security headers of every answer (S1): no script, no frame, no external content, no referrer."""

from __future__ import annotations

YEAR_SECONDS = 31_536_000
PAGE_CACHE = "public, max-age=60"
SPLIT_CACHE = "private, no-cache"  # one of several wordings: each visitor draws for himself
ASSET_CACHE = f"public, max-age={YEAR_SECONDS}, immutable"
ICON_CACHE = "public, max-age=86400"  # its address has no digest
NO_STORE = "no-store"

_ALWAYS = (
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), browsing-topics=()"),
)


CONTENT_POLICY = "content-security-policy"


def security_headers(base_url: str, content_type: str = "") -> tuple[tuple[str, str], ...]:
    """Return the headers of an answer of this type.

    `base_url`: where forms post to; with https, browsers stay on it. Other sites may show pictures alone:
    a mail does so within the page of a mail provider.
    """
    shown_by = "cross-origin" if content_type.startswith("image/") else "same-origin"
    policies = ((CONTENT_POLICY, content_policy(base_url)), ("cross-origin-resource-policy", shown_by))
    headers = (*policies, *_ALWAYS)
    if base_url.startswith("https://"):
        return (*headers, ("strict-transport-security", f"max-age={YEAR_SECONDS}; includeSubDomains"))
    return headers


def content_policy(base_url: str, leads_to: str = "") -> str:
    """Return the content security policy of a page.

    `leads_to`: another site's origin that the answer to its form redirects to; browsers count it as a target.
    """
    targets = " ".join(filter(None, ("'self'", _ascii(base_url), leads_to)))
    # Pages run no script that could connect; Lighthouse reads robots.txt in a page's name
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self';"
        f" form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
    )


def _ascii(base_url: str) -> str:
    """Return an address as browsers compare it: international names as xn--."""
    scheme, _, host = base_url.partition("://")
    try:
        return f"{scheme}://{host.encode('idna').decode()}" if not host.isascii() else base_url
    except UnicodeError:  # no name that a browser could find
        return "'self'"
