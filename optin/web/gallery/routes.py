"""The addresses below `/dev/gallery`. Nothing is stored; a test of a mail is sent, if asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import urlsplit

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from optin.consent.email_and_telephone import parse_email
from optin.errors import PageUnknown
from optin.server_addresses import is_on_this_machine
from optin.services.site_edition import Edition
from optin.site.own_templates import make_theme
from optin.theme.looks import LOOKS
from optin.theme.theme import OURS, Theme
from optin.web.app_context import AppContext, see_other
from optin.web.gallery.choice import MAILS, SCHEMES, Choice, read_choice
from optin.web.gallery.exhibits import Gallery
from optin.web.gallery.frames import POLICY, asset_in_scheme, broken_page, framed, page_of
from optin.web.gallery.gallery_view import ALL, GalleryView, sections_of
from optin.web.gallery.sample_mailing import Sending, compose_sample, configured_server, send_sample
from optin.web.mailbox import Mail, parse_mail
from optin.web.read_posted_form import read_post
from optin.web.security_headers import NO_STORE

FRAME_HEADERS = {"x-dev-policy": POLICY, "cache-control": NO_STORE}
ELSEWHERE = (
    "Not sent. A test can be sent from this machine only: open the gallery at http://127.0.0.1 or"
    " http://localhost with the port of optin dev."
)
NO_ADDRESS = "Not sent. That is not an e-mail address."
NO_SUCH_MAIL = "Not sent. There is no such mail."


@dataclass
class GalleryRoom:
    """The gallery of a running `optin dev`. `mail_server`: OPTIN_MAIL as it was set for it."""

    app_context: AppContext
    mail_server: str = ""
    sendings: list[Sending] = field(default_factory=list)
    _made: tuple[Edition, dict[str, Gallery]] | None = None

    @property
    def galleries(self) -> dict[str, Gallery]:
        """The exhibits of the present edition, by look; the site's own look first."""
        edition = self.app_context.edition
        if self._made is None or self._made[0] is not edition:
            self._made = (edition, galleries_of(edition))
        return self._made[1]

    def server(self) -> str:
        """Return the address of the mail server that a test would be sent by; empty: none."""
        return configured_server(self.app_context.edition.site.root, self.mail_server)

    def sending(self, number: str) -> Sending | None:
        """Return the result of a test mail, by the number in the address of its page."""
        found = [it for place, it in enumerate(self.sendings) if str(place) == number]
        return found[0] if found else None

    def view(self, choice: Choice, sending: Sending | None) -> GalleryView:
        """Return the page of the gallery."""
        gallery = self.galleries[choice.look]
        made = gallery.mails if choice.show == MAILS else gallery.pages
        names = tuple(made(choice.subject, choice.lang))
        words = partial(self.mail, choice) if choice.show == MAILS else no_mail
        titles, sections = sections_of(choice, names, words)
        host = urlsplit(self.server()).hostname or ""
        frame = self.app_context.frame(choice.lang)
        return GalleryView(frame, choice, gallery, tuple(self.galleries), titles, sections, host, sending)

    def mail(self, choice: Choice, name: str) -> Mail | None:
        """Return the words of a mail; None when it cannot be made, which its frame explains."""
        try:
            return parse_mail(name, self.bytes_of(choice, name))
        except Exception:  # noqa: BLE001 - a template of the site, or a kind: its frame says which
            return None

    def bytes_of(self, choice: Choice, name: str, *recipient: str) -> bytes:
        """Return a mail as it would leave. Raises KeyError, and whatever its template raises."""
        gallery = self.galleries[choice.look]
        return compose_sample(gallery, choice.subject, choice.lang, name, *recipient)

    def page_html(self, choice: Choice) -> str:
        """Return the page for a frame. Raises PageUnknown."""
        gallery = self.galleries[choice.look]
        sample = gallery.pages(choice.subject, choice.lang).get(choice.name)
        if sample is None:
            raise PageUnknown
        site = gallery.edition.site
        html = page_of(gallery.theme, sample.view, site.root, self.app_context.frame(choice.lang))
        return framed(html, choice.schemes[0], choice.look, site.settings.base_url)

    def mail_html(self, choice: Choice) -> str:
        """Return the HTML of a mail for a frame. Raises PageUnknown."""
        gallery = self.galleries[choice.look]
        site = gallery.edition.site
        if choice.name not in gallery.mails(choice.subject, choice.lang):
            raise PageUnknown
        try:
            html = parse_mail(choice.name, self.bytes_of(choice, choice.name)).html
        except Exception as problem:  # noqa: BLE001 - a template of the site, or a kind: programs of others
            html = broken_page(gallery.theme, problem, site.root, self.app_context.frame(choice.lang))
        return framed(html, choice.schemes[0], choice.look, site.settings.base_url)

    def mail_names(self, choice: Choice, name: str) -> tuple[str, ...]:
        """Return the names of the mails to send for `name`: one, or ALL that are shown; none: unknown."""
        known = tuple(self.galleries[choice.look].mails(choice.subject, choice.lang))
        if name != ALL:
            return tuple(it for it in known if it == name)
        _, sections = sections_of(choice, known, no_mail)
        return tuple(it.name for section in sections for it in section.exhibits)

    async def send(self, choice: Choice, name: str, recipient: str) -> Sending:
        """Send a test of one mail, or of ALL; return the last result, or the first failure."""
        try:
            parse_email(recipient)
        except ValueError:
            return Sending(sent=False, message=NO_ADDRESS)
        gallery, server = self.galleries[choice.look], self.server()
        sending = Sending(sent=False, message=NO_SUCH_MAIL)
        names = await asyncio.to_thread(self.mail_names, choice, name)
        for it in names:
            try:
                mail = await asyncio.to_thread(self.bytes_of, choice, it, recipient)
            except Exception as problem:  # noqa: BLE001 - a template of the site, or a kind: programs of others
                return Sending(sent=False, message=f"{it} cannot be made: {type(problem).__name__}.")
            sending = await send_sample(mail, recipient, server, gallery)
            if not sending.sent:
                return sending
        if len(names) > 1:
            return Sending(sent=True, message=f"{len(names)} mails. {sending.message}", answer=sending.answer)
        return sending


def galleries_of(edition: Edition) -> dict[str, Gallery]:
    """Return the exhibits of an edition by look: the site's own first, then each other with its colours."""
    site = edition.site
    found = {site.look.design.name: Gallery(edition, edition.theme.renewed())}
    for name, design in LOOKS.items():
        if name not in found:
            theme = make_theme(replace(site, look=site.look.in_design(design)), edition.kinds.files)
            if isinstance(theme, Theme):  # else the site's own stylesheet cannot be made in that look
                found[name] = Gallery(edition, theme)
    return found


def no_mail(_name: str) -> None:
    """Return no mail: what is shown are pages."""


def is_own_machine(request: Request) -> bool:
    """Return whether a form comes from the gallery itself, opened on this machine by a name of it.

    A page of another site may post here, and a name of another site may lead here: neither passes.
    """
    host = request.headers.get("host", "")
    name = urlsplit(f"//{host}").hostname or ""
    origin = request.headers.get("origin", "")
    client = "" if request.client is None else request.client.host
    return (
        is_on_this_machine(client) and is_on_this_machine(name) and origin == f"{request.url.scheme}://{host}"
    )


def gallery_routes(room: GalleryRoom) -> list[Route]:
    """Return the routes below `/dev/gallery`."""

    async def gallery(request: Request) -> Response:
        choice = read_choice(request.query_params, room.galleries)
        sending = room.sending(request.query_params.get("sent", ""))
        return room.app_context.page(await asyncio.to_thread(room.view, choice, sending))

    async def page(request: Request) -> Response:
        choice = read_choice(request.query_params, room.galleries)
        return HTMLResponse(await asyncio.to_thread(room.page_html, choice), headers=FRAME_HEADERS)

    async def mail(request: Request) -> Response:
        choice = read_choice(request.query_params, room.galleries)
        return HTMLResponse(await asyncio.to_thread(room.mail_html, choice), headers=FRAME_HEADERS)

    async def asset(request: Request) -> Response:
        look, scheme = request.path_params["look"], request.path_params["scheme"]
        url = f"/static/{request.path_params['name']}"
        shown = room.galleries.get(look)
        known = {} if shown is None else {**shown.edition.theme.assets, **shown.theme.assets}
        if url not in known or scheme not in SCHEMES:
            raise PageUnknown
        found = known[url]
        return Response(asset_in_scheme(found, scheme, look), media_type=found.content_type)

    async def send(request: Request) -> Response:
        posted = dict(await read_post(request))
        choice = read_choice(QueryParams(posted.get("choice", "")), room.galleries)
        if is_own_machine(request):
            sending = await room.send(choice, posted.get("name", ""), posted.get("address", ""))
        else:
            sending = Sending(sent=False, message=ELSEWHERE)
        room.sendings.append(sending)
        return see_other(f"/dev/gallery?{choice.query}&sent={len(room.sendings) - 1}")

    async def style(_request: Request) -> Response:
        return Response((OURS / "dev" / "gallery.css").read_bytes(), media_type="text/css")

    return [
        Route("/dev/gallery", gallery),
        Route("/dev/gallery.css", style),
        Route("/dev/gallery/pages", page),
        Route("/dev/gallery/mails", mail),
        Route("/dev/gallery/static/{look}/{scheme}/{name}", asset),
        Route("/dev/gallery/send", send, methods=["POST"]),
    ]
