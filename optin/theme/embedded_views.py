"""Forms that a company's other websites show: in a frame (W6), or as HTML of their own page (W7).

Each is a form version of its own, for what stands around it is not optin's: its declaration says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optin.consent.form_version import IN_FRAME, IN_HTML, SOURCE_FIELD, Slug
from optin.theme.views import Frame, LandingView, PastedView, StartElsewhereView


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
    pasted = _embedded(views[0], IN_HTML, path)
    # its page is another site's, and its target has no source
    typed = tuple(it for it in pasted.declaration.fields if it.name != SOURCE_FIELD)
    yield path, PastedView(**vars(replace(pasted, declaration=replace(pasted.declaration, fields=typed))))


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
