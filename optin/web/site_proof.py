"""Answer the doctor's question whether this very installation answers at its address (O3).

To anybody without the keys there is no such page. No answer is stored, and none names a visitor: the address
in it is that of whoever asked.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from optin.errors import PageUnknown
from optin.services.doctor.site_proof import PATH, answer_to, is_question
from optin.web.app_context import app_context_of
from optin.web.security_headers import NO_STORE


async def get_site_proof(request: Request) -> Response:
    """Answer with a proof of the keys, and from where the question came."""
    app_context = app_context_of(request)
    vault, question = app_context.installation.vault, str(request.path_params["question"])
    if not is_question(vault, question, app_context.installation.clock()):
        raise PageUnknown
    forwarded = request.headers.getlist("x-forwarded-for")
    client = app_context.limits.client(request)
    answer = {
        "site": answer_to(vault, question),
        "peer": request.client.host if request.client else "",
        "client": "" if client is None else str(client),
        "forwarded": bool(forwarded),
    }
    return JSONResponse(answer, headers={"cache-control": NO_STORE})


SITE_PROOF_ROUTES = (Route(f"{PATH}{{question}}", get_site_proof, methods=["GET"]),)
