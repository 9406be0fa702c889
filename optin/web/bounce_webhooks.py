"""Where providers of mail tell which mails came back: POST /bounces/NAME (O6).

1. Read the message: one megabyte at most, in time, a few at once; slow ones make room. 2. It must come from
the provider; one that does not counts as a post of its network. 3. Take what it tells, once.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from optin.bounces.provider_events import read_events
from optin.consent.returned_mail import ReportEffect
from optin.errors import StoreBusy
from optin.flows.returned_mails.take_provider_reports import ProviderMessage, take_provider_reports
from optin.services.provider_webhooks import ProvenMessage, ProviderWebhooks, WebhookPost, WebhookUnproven
from optin.web.app_context import AppContext, app_context_of
from optin.web.bodies_under_way import BodiesUnderWay
from optin.web.gate import ForMethods
from optin.web.post_limits import network_of
from optin.web.problems import problem
from optin.web.read_posted_form import MOST_WEBHOOK_BYTES, read_body
from optin.web.security_headers import NO_STORE

log = logging.getLogger("optin.bounces")

READ_AT_ONCE = 32  # messages of a process, of a megabyte each at most
AT_ONCE = 8  # of those that are there
EVENTS_AT_ONCE = 100  # in one transaction


class BounceWebhooks:
    """Answers the providers of mail."""

    def __init__(self, providers: ProviderWebhooks) -> None:
        """Verify with `providers`."""
        self._providers = providers
        self._bodies = BodiesUnderWay(READ_AT_ONCE)
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, request: Request) -> Response:
        """Take a message, or refuse it."""
        app_context = app_context_of(request)
        settings = app_context.edition.site.settings
        name = str(request.path_params["name"])
        webhook = settings.bounces.webhooks.get(name)
        if webhook is None:
            await app_context.limits.count(request)
            return problem(404)

        # 1. The message.
        client = app_context.limits.client(request)
        network = "" if client is None else network_of(client)
        async with self._bodies.place(network, settings.server.body_seconds):
            body = bytes(await read_body(request, MOST_WEBHOOK_BYTES))
        if self._turns.locked():
            raise StoreBusy
        async with self._turns:
            # 2. Whose it is.
            post = WebhookPost(dict(request.headers), body, request.query_params.get("token", ""))
            now = app_context.installation.clock()
            try:
                proven = await self._providers.prove(name, webhook, settings.root, post, now)
                if proven.confirm:
                    await self._providers.confirm(proven.confirm, webhook.topic)
            except WebhookUnproven as why:
                await app_context.limits.count(request)
                log.warning("a message to /bounces/%s is not taken: %s", name, why)
                return problem(403)

            # 3. What it tells.
            told = await _take(app_context, name, webhook.provider, proven)
        return JSONResponse({"taken": told}, headers={"cache-control": NO_STORE})


async def _take(app_context: AppContext, name: str, provider: str, proven: ProvenMessage) -> int:
    """Take the events of a message; return how many changed something. Raises StoreBusy, EndingUnwritten."""
    events = read_events(provider, proven.content)
    whole = ProviderMessage(name, proven.number, events)
    changed = 0
    for begin in range(0, len(events), EVENTS_AT_ONCE):
        part = replace(
            whole,
            number=proven.number + begin.to_bytes(2, "big"),
            events=events[begin : begin + EVENTS_AT_ONCE],
        )
        now = app_context.installation.clock()
        effects = await app_context.run(take_provider_reports, message=part, now=now)
        changing = {ReportEffect.UNREACHABLE, ReportEffect.NOTED, ReportEffect.WITHDRAWN}
        changed += sum(it in changing for it in effects or ())
        if (
            effects is None or ReportEffect.WITHDRAWN in effects
        ):  # told again: perhaps for want of the journal
            await app_context.note_ending()
    return changed


def bounce_routes(providers: ProviderWebhooks | None = None) -> tuple[Route, ...]:
    """Return the routes. `providers`: how messages are verified."""
    return (Route("/bounces/{name}", ForMethods(BounceWebhooks(providers or ProviderWebhooks()), "POST")),)
