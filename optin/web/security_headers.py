"""Security headers of every answer (S1): no script, no frame, no external content, no referrer.

A form that other sites embed (W6) may be framed by the listed sites, and has one script of ours, which tells
the page around it how high it is.
"""

from __future__ import annotations

from collections.abc import Collection

YEAR_SECONDS = 31_536_000
PAGE_CACHE = "public, max-age=60"
SPLIT_CACHE = "private, no-cache"  # one of several wordings: each visitor draws for himself
ASSET_CACHE = f"public, max-age={YEAR_SECONDS}, immutable"
ICON_CACHE = "public, max-age=86400"  # its address has no digest
NO_STORE = "no-store"

_ALWAYS = (
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), browsing-topics=()"),
)


CONTENT_POLICY = "content-security-policy"
RESOURCE_POLICY = "cross-origin-resource-policy"
_FOR_OTHER_SITES = ("image/", "text/javascript")
_NO_FRAME = ("x-frame-options", "DENY")  # for browsers that know no frame-ancestors


def security_headers(
    base_url: str, content_type: str = "", framed_by: Collection[str] = ()
) -> tuple[tuple[str, str], ...]:
    """Return the headers of an answer of this type.

    `base_url`: where forms post to; with https, browsers stay on it. Other sites may show pictures: a mail
    does so within the page of a mail provider. They may run the script that fits a form into their page, and
    `framed_by` are the origins that may frame this page.
    """
    shared = bool(framed_by) or content_type.startswith(_FOR_OTHER_SITES)
    shown_by = (RESOURCE_POLICY, "cross-origin" if shared else "same-origin")
    framed = () if framed_by else (_NO_FRAME,)
    # a script with a digest of its integrity is only run where its bytes may be read
    read_by = (("access-control-allow-origin", "*"),) if content_type.startswith("text/javascript") else ()
    policy = (CONTENT_POLICY, content_policy(base_url, framed_by=framed_by))
    headers = (policy, shown_by, *read_by, *framed, *_ALWAYS)
    if base_url.startswith("https://"):
        return (*headers, ("strict-transport-security", f"max-age={YEAR_SECONDS}; includeSubDomains"))
    return headers


def content_policy(base_url: str, leads_to: str = "", framed_by: Collection[str] = ()) -> str:
    """Return the value of the header Content-Security-Policy of a page.

    `leads_to`: another site's origin that the answer to its form redirects to; browsers count it as a target.
    `framed_by`: the origins of other sites that may show it in a frame.
    """
    targets = " ".join(filter(None, ("'self'", _ascii(base_url), leads_to)))
    script = " script-src 'self';" if framed_by else ""
    framed = " ".join(_ascii(origin) for origin in framed_by) or "'none'"
    # Pages run no script that could connect; Lighthouse reads robots.txt in a page's name
    return (
        f"default-src 'none';{script} style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self';"
        f" form-action {targets}; base-uri 'none'; frame-ancestors {framed}"
    )


def _ascii(base_url: str) -> str:
    """Return an address as browsers compare it: international names as xn--."""
    scheme, _, host = base_url.partition("://")
    try:
        return f"{scheme}://{host.encode('idna').decode()}" if not host.isascii() else base_url
    except UnicodeError:  # no name that a browser could find
        return "'self'"
