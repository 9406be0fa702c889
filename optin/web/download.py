"""Send a magnet's file, by a signed and expiring link that reaches nothing else (S8)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from optin.consent.consent_record import RequestId
from optin.consent.links import LinkKind
from optin.errors import FileUnavailable
from optin.flows.consents.confirm import view_confirmation
from optin.web.app_context import desk_of
from optin.web.headers import NO_STORE
from optin.web.promised_files import handout_of


async def get_download(request: Request) -> Response:
    """Send the file of a confirmed request's magnet."""
    app_context = desk_of(request)
    installation, now = app_context.installation, app_context.installation.clock()
    lifetime = installation.policy.download.link.after(now) - now
    token = request.path_params["token"]
    stored = RequestId(installation.vault.links.read(LinkKind.DOWNLOAD, token, now, lifetime))
    outcome = await app_context.view(view_confirmation, request=stored, now=installation.clock())
    file = await handout_of(app_context, outcome.form)
    if file is None:
        raise FileUnavailable
    if request.method == "GET" and request.headers.get("range", "bytes=0-").startswith("bytes=0-"):
        installation.count_download(outcome.version)  # once for a file that is fetched in parts
    return FileResponse(file.path, filename=file.name, headers={"cache-control": NO_STORE})
