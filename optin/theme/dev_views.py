"""The values that the pages of `optin dev` receive: errors of the site, and its mailbox."""

from __future__ import annotations

from dataclasses import dataclass

from optin.theme.views import Frame


@dataclass(frozen=True)
class BrokenView:
    """The errors of a page, in its place. Each: place, message, cure."""

    frame: Frame
    findings: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class MailboxView:
    """The mails that would have been sent. Each: name, subject, recipient, date."""

    frame: Frame
    mails: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True)
class MailView:
    """One mail; its HTML is in a frame of its own."""

    frame: Frame
    name: str
    subject: str
    headers: tuple[tuple[str, str], ...]
    text: str
    attachments: tuple[tuple[str, str], ...] = ()
