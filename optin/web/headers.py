"""Security headers, on every answer (S1): no script, no frame, nothing from elsewhere, no referrer."""

from __future__ import annotations

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
YEAR_SECONDS = 31_536_000
PAGE_CACHE = "public, max-age=60"
ASSET_CACHE = f"public, max-age={YEAR_SECONDS}, immutable"
NO_STORE = "no-store"

_ALWAYS = (
    ("content-security-policy", POLICY),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), browsing-topics=()"),
)


def security_headers(*, secure: bool) -> tuple[tuple[str, str], ...]:
    """Return the headers of every answer; `secure`: the site is on https and stays there."""
    if secure:
        return (
            *_ALWAYS,
            ("strict-transport-security", f"max-age={YEAR_SECONDS}; includeSubDomains"),
        )
    return _ALWAYS
