"""The page that asks and answers, and the page with the form."""

from dataclasses import dataclass, fields, replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from optin.kinds.api import RoutesPart, flows
from optin.kinds.api.pages import LandingView
from optin.kinds.api.web import app_context_of, post_form, slug_of
from optin_calculator.calculation import RESULT, Calculator


@dataclass(frozen=True)
class AskView(LandingView):
    """Two numbers, and their result once they are typed."""

    template = "kinds/calculator/ask.html"
    numbers: tuple[str, str] = ("", "")
    result: str | None = ""  # None: what was typed is no number
    more_url: str = ""


class FormView(LandingView):
    """The form for the long version."""

    template = "kinds/calculator/form.html"


def opening(view: LandingView) -> AskView:
    """Return the page that asks."""
    return AskView(**{it.name: getattr(view, it.name) for it in fields(view)})


def form_pages(view: LandingView) -> tuple[tuple[str, LandingView], ...]:
    """Return the page with the form; what it posts goes to where it was opened, with the result."""
    shown = {it.name: getattr(view, it.name) for it in fields(view)}
    return (("/mail", FormView(**{**shown, "action": "", "page_url": f"{view.page_url}/mail"})),)


async def get_result(request: Request) -> Response:
    """Show what was computed; nothing is stored."""
    app_context, slug = app_context_of(request), slug_of(request)
    view: AskView = app_context.edition.publication.openings[slug].view
    typed = (request.query_params.get("first", "")[:40], request.query_params.get("second", "")[:40])
    result = view.details.result(typed) if isinstance(view.details, Calculator) else ""
    if not result:
        return app_context.page(replace(view, numbers=typed, result=None), 422)
    token = flows.as_token(flows.seal_text(app_context.installation.vault, RESULT, slug.encode(), result))
    shown = replace(view, numbers=typed, result=result, more_url=f"/{slug}/mail?{RESULT}={token}")
    return app_context.page(shown)


ROUTES = RoutesPart((Route("/{slug}/result", get_result), Route("/{slug}/mail", post_form, methods=["POST"])))
