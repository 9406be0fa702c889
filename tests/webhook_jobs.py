"""The jobs that tell processors by webhook, as a server has them; for tests."""

from __future__ import annotations

from collections.abc import Mapping

from optin.jobs.background_job import Job
from optin.jobs.processor_lanes import lane_jobs
from optin.jobs.webhook_sender import WebhookSender, webhook_receivers
from optin.services.installation import Installation
from optin.settings.site import Processor


def webhook_jobs(
    installation: Installation, processors: Mapping[str, Processor], sender: WebhookSender
) -> list[Job]:
    return lane_jobs(installation, webhook_receivers(installation, processors, sender))
