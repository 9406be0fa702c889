"""The values that the readable page of an evidence bundle receives (P6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from optin.consent.form_version import FormDeclaration
from optin.consent.purpose import ConsentQuestion
from optin.theme.views import Frame


@dataclass(frozen=True)
class EvidenceEvent:
    """One event in the readable evidence: time, text, and its file."""

    at: datetime
    kind: str
    wording: str  # of the box it is about; empty where it is about the request
    file: str


@dataclass(frozen=True)
class EvidenceConsent:
    """One consent in the readable evidence, with its status."""

    question: ConsentQuestion
    status: str
    requested_at: datetime
    confirmed_at: datetime | None
    until: datetime | None  # when it is over by itself, if it was given last


@dataclass(frozen=True)
class EvidenceRequest:
    """One request in the readable evidence: its form and its results."""

    form: FormDeclaration
    form_version: str
    declared: tuple[tuple[str, str], ...]
    consents: tuple[EvidenceConsent, ...]
    events: tuple[EvidenceEvent, ...]
    mails: tuple[str, ...]
    page_html: str  # the page to look at, empty where it stands above already; its exact bytes are a file


@dataclass(frozen=True)
class EvidenceView:
    """The readable page of an evidence bundle (P6). It is self-contained: no external address."""

    frame: Frame
    email: str
    made_at: datetime
    stories: tuple[EvidenceRequest, ...]
    checkpoint: str
    key: str
    copies: tuple[str, ...] = ()  # names of the copies to look at
