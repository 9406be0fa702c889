"""Send a magnet's file, by a signed and expiring link that reaches nothing else (S8)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from optin.consent.form_version import FormDeclaration
from optin.consent.signed_links import LinkKind
from optin.consent.status_transitions import RequestId
from optin.errors import FileUnavailable
from optin.flows.consents.confirm import view_confirmation
from optin.flows.delivery.promised_file import view_promised_file
from optin.services.promised_files import PromisedFiles
from optin.web.app_context import AppContext, app_context_of
from optin.web.security_headers import NO_STORE


async def get_download(request: Request) -> Response:
    """Send the file of a confirmed request's magnet."""
    app_context = app_context_of(request)
    installation, token = app_context.installation, request.path_params["token"]
    stored = RequestId(app_context.read_link(LinkKind.DOWNLOAD, token, installation.policy.download.link))
    outcome = await app_context.view(view_confirmation, request=stored, now=installation.clock())
    file = await promised_download(app_context, outcome.form)
    if file is None:
        raise FileUnavailable
    if request.method == "GET" and request.headers.get("range", "bytes=0-").startswith("bytes=0-"):
        installation.count_download(outcome.version)  # once for a file that is fetched in parts
    return FileResponse(file.path, filename=file.name, headers={"cache-control": NO_STORE})


@dataclass(frozen=True)
class DownloadFile:
    """A file to send, and its name for downloads."""

    path: Path
    name: str
    size: int


async def promised_download(app_context: AppContext, form: FormDeclaration) -> DownloadFile | None:
    """Return the file that a form promised; None when it promised none, or none is left.

    While the magnet is there and has a file, people get that one: who replaces a file puts it right for
    those as well who asked before. Without it they get the copy of what was handed out last.
    """
    magnet = app_context.edition.site.magnet(form.magnet)
    current = None if magnet is None else magnet.file_for(form)
    if magnet is not None and current is not None:
        file = current.resolve()
        # no link put there since the check
        if file.is_relative_to(magnet.folder.resolve()) and file.is_file():
            return DownloadFile(file, current.name, file.stat().st_size)
    if not form.file:
        return None
    kept = await app_context.view(view_promised_file, form=form)
    if kept is None:
        return None
    settings = app_context.edition.site.settings
    path = PromisedFiles(settings.path(settings.files)).path(kept.digest)
    return None if path is None else DownloadFile(path, kept.name, kept.size)
