"""Forms that a company's other websites show: in a frame (W6), or as HTML of their own page (W7).

Each is a form version of its own, for what stands around it is not optin's: its declaration says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from optin.consent.channel import address_at
from optin.consent.form_version import IN_FRAME, IN_HTML, FormDeclaration, Slug
from optin.site.law_lint import Objection
from optin.theme.views import Frame, LandingView, PastedView, StartElsewhereView

MOST_CHARACTERS = 200
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
    """Check the address of a site that may show forms: scheme, host and port, as browsers compare them."""
    cure = "Write it like https://www.example.com, without a path."
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        yield Objection("embed", f"{address[:60]!r} is not the address of a site.", cure)
        return
    plain = f"{parts.scheme}://{parts.netloc}"
    odd = any(it.isspace() or it in "'\"*;,\\@" for it in address) or not address.isprintable()
    if address != plain or not host or odd or len(address) > MOST_CHARACTERS or port == 0:
        yield Objection("embed", f"{address[:60]!r} is not the address of a site.", cure)
    elif parts.scheme == "http" and host not in {"localhost", "127.0.0.1", "::1"}:
        message = f"{address[:60]!r} has no https: others could change the page around the form on its way."
        yield Objection("embed", message, "Write https://…, and let the site answer there.")
    elif parts.scheme not in {"http", "https"}:
        yield Objection("embed", f"{address[:60]!r} is not the address of a website.", cure)
