"""Handing out a magnet's file, by a signed and expiring link; nothing else can be reached (S8)."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from optin.consent.links import LinkKind
from optin.consent.record import RequestId
from optin.errors import FileUnavailable
from optin.flows.confirm import view_confirmation
from optin.web.desk import desk_of
from optin.web.handouts import handout_of
from optin.web.headers import NO_STORE


async def get_download(request: Request) -> Response:
    """Send the file of the magnet that a confirmed request asked for."""
    desk = desk_of(request)
    office, now = desk.office, desk.office.clock()
    lifetime = office.policy.download.after(now) - now
    token = request.path_params["token"]
    stored = RequestId(office.vault.links.read(LinkKind.DOWNLOAD, token, now, lifetime))
    outcome = await desk.read(partial(view_confirmation, vault=office.vault, request=stored))
    file = await handout_of(desk, outcome.form)
    if file is None:
        raise FileUnavailable
    if request.method == "GET" and request.headers.get("range", "bytes=0-").startswith("bytes=0-"):
        office.count_download(outcome.version)  # once for a file that is fetched in parts
    return FileResponse(file.path, filename=file.name, headers={"cache-control": NO_STORE})
