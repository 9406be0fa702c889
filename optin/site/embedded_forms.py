"""Forms that a company's other websites show: in a frame (W6), or as HTML of their own page (W7).

Each is a form version of its own, for what stands around it is not optin's: its declaration says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from optin.consent.channel import address_at
from optin.consent.form_version import IN_FRAME, IN_HTML, FormDeclaration, Slug
from optin.site.law_lint import Objection
from optin.theme.views import Frame, LandingView, PastedView, StartElsewhereView

MOST_CHARACTERS = 200
_PORTS = {"https": 443, "http": 80}  # which browsers leave out
_NAME = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")
_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
# pixels of a form on a phone 360 wide, in the look with the largest letters; test_embedding measures them
_AROUND, _DETAILS, _FIELD, _LEGEND, _BOX, _LINE, _CHARACTERS = 700, 300, 130, 100, 60, 23, 34


def framed_address(slug: Slug) -> str:
    """Return the path of a magnet's form for frames."""
    return f"/{slug}/embed"


def in_frame(frame: Frame, slug: Slug) -> Frame:
    """Return what surrounds a page in a frame: nothing, and its links lead to the form."""
    return replace(frame, embedded=True, home_url=framed_address(slug))


def embedded_views(views: Sequence[LandingView]) -> Iterator[tuple[str, LandingView]]:
    """Yield the forms of a landing page for other sites, each with its path.

    `views`: the page as written, then in its other wordings; pasted HTML has no lot to draw.
    """
    for view in views:
        path = framed_address(view.declaration.magnet)
        framed = _embedded(view, IN_FRAME, path)
        yield path, framed if view.action else replace(framed, action="")
    path = f"/{views[0].declaration.magnet}"
    yield path, PastedView(**vars(_embedded(views[0], IN_HTML, path)))


def start_elsewhere(view: LandingView) -> StartElsewhereView:
    """Return what a frame shows of a magnet that begins with a page of its own: a link to that page."""
    return StartElsewhereView(in_frame(view.frame, view.declaration.magnet), view)


def _embedded(view: LandingView, shown_in: str, path: str) -> LandingView:
    frame = in_frame(view.frame, view.declaration.magnet)
    return replace(
        view,
        frame=replace(frame, privacy_url=f"{frame.base_url}{frame.privacy_url}"),
        declaration=replace(view.declaration, shown_in=shown_in),
        action=f"{view.frame.base_url}{path}",
        page_url="",
        full_page=view.page_url,
        alternates=(),
    )


def frame_height(form: FormDeclaration) -> int:
    """Return a height in pixels that fits a form on a phone; on wider screens some room is left."""
    fields = [it for it in form.fields if address_at(it.name) is None]
    questions = sum(_BOX + _LINE * -(-len(it.wording) // _CHARACTERS) for it in form.questions)
    around = _AROUND + (_DETAILS if form.details else 0)
    return around + _FIELD * len(fields) + (_LEGEND + questions if questions else 0)


def objections_to_site(address: str) -> Iterator[Objection]:
    """Check the address of a site that may show forms: an origin, written as browsers send it (RFC 6454)."""
    cure = "Write it like https://www.example.com, without a path."
    sent = _as_browsers_send(address)
    if not sent or len(address) > MOST_CHARACTERS:
        yield Objection("embed", f"{address[:60]!r} is not the address of a website.", cure)
    elif address != sent:
        message = f"Browsers call the site {address[:60]!r} otherwise."
        yield Objection("embed", message, f"Write it as they do: {sent}")
    elif sent.startswith("http://") and urlsplit(sent).hostname not in _THIS_MACHINE:
        message = f"{address[:60]!r} has no https: others could change the page around the form on its way."
        yield Objection("embed", message, "Write https://…, and let the site answer there.")


def _as_browsers_send(address: str) -> str:
    """Return an address as it stands in the header Origin; empty for one that is no site's."""
    try:
        parts = urlsplit(address)
        name, port = parts.hostname or "", parts.port
        host = f"[{IPv6Address(name)}]" if ":" in name else name.encode("idna").decode()
    except ValueError:  # also of a name that cannot be written so
        return ""
    default = _PORTS.get(parts.scheme)
    if ":" not in host and _NAME.fullmatch(host) is None:
        return ""
    if (
        default is None
        or port == 0
        or parts.username is not None
        or parts.path
        or parts.query
        or parts.fragment
    ):
        return ""
    return f"{parts.scheme}://{host}{'' if port in {None, default} else f':{port}'}"
