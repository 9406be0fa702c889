"""Assemble a server for serve and dev: its background jobs and its readiness checks."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from optin.jobs.background_job import Job, check_jobs, every
from optin.jobs.build_courier import courier_job, courier_of, follow_edition
from optin.jobs.jobs_of_every_server import STALE_SECONDS, installation_jobs
from optin.jobs.letter_queue import letters_job
from optin.jobs.processor_lanes import Receiver, lane_jobs
from optin.jobs.schema_watch import check_schema, schema_job
from optin.jobs.server_presence import presence_job
from optin.jobs.staff_notifier import notify_jobs
from optin.services.chat_sender import ChatSender
from optin.services.export_jobs import FOLDER, ExportJobs
from optin.services.interrupted_sendings import HANDED_OVER
from optin.web.app_context import LOOK_AHEAD_SECONDS, AppContext
from optin.web.connection_limits import keep_room
from optin.web.limit_log import keep_limit_log

TIDY_SECONDS = 60.0


@dataclass(frozen=True)
class Senders:
    """A receiver for each processor with a webhook or connector, by id; the sender to chats, if any."""

    receivers: Mapping[str, Receiver]
    chat: ChatSender | None


def background_jobs(
    app_context: AppContext, listening: socket.socket, senders: Senders, *more: Job
) -> list[Job]:
    """Return the background jobs of a server, and add their checks to its readiness.

    `senders`: the ways by which processors and staff are told; `more`: jobs that only this server has.
    """
    edition, installation = app_context.edition, app_context.installation
    settings, limits = edition.site.settings, app_context.limits
    exports = ExportJobs(installation, settings.path(FOLDER))
    courier = courier_of(edition, installation)
    app_context.followers.append(partial(follow_edition, courier, installation))
    jobs = [
        courier_job(courier),
        *installation_jobs(installation),
        schema_job(installation),
        presence_job(installation, settings.path(HANDED_OVER)),
        Job("limit log", partial(keep_limit_log, limits.log, look=limits.mails.look), STALE_SECONDS),
        Job("connections", partial(keep_room, app_context, listening), STALE_SECONDS),
        Job("pages", partial(every, LOOK_AHEAD_SECONDS, app_context.prepare_upcoming), STALE_SECONDS),
        *lane_jobs(installation, senders.receivers),
        letters_job(installation),
        Job("exports", partial(every, TIDY_SECONDS, partial(asyncio.to_thread, exports.tidy)), STALE_SECONDS),
        *notify_jobs(installation, lambda: app_context.edition, senders.chat),
        *more,
    ]
    for job in jobs:
        job.measurements = installation.measurements
    app_context.readiness.add("jobs", partial(check_jobs, jobs))
    app_context.readiness.add("schema", partial(check_schema, installation))
    return jobs
