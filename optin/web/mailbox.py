"""The mailbox of `optin dev`: every mail that would have been sent, as text, HTML and source (O2)."""

from __future__ import annotations

import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from optin.proof.bundle_zip_file import unpack
from optin.proof.receipt_files import PROOF_FILE

_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,200}\.eml")


@dataclass(frozen=True)
class Mail:
    """One parsed mail of the mailbox."""

    name: str
    subject: str
    recipient: str
    date: str
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    attachments: tuple[tuple[str, str], ...] = ()  # name and text; of proof.zip, each file in it


class Mailbox:
    """The folder that the file transport writes to."""

    def __init__(self, folder: Path) -> None:
        """Read from `folder`."""
        self._folder = folder

    def newest_first(self) -> list[Mail]:
        """Return every mail."""
        names = sorted((path.name for path in self._folder.glob("*.eml")), reverse=True)
        found = [self.open(name) for name in names]
        return [mail for mail in found if mail is not None]

    def open(self, name: str) -> Mail | None:
        """Return one mail, or None when there is none of that name."""
        path = self._folder / name
        if _NAME.fullmatch(name) is None or not path.is_file():
            return None
        return parse_mail(name, path.read_bytes())


def parse_mail(name: str, data: bytes) -> Mail:
    """Return a mail from its bytes."""
    message = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(data)
    return Mail(
        name=name,
        subject=str(message["Subject"] or ""),
        recipient=str(message["To"] or ""),
        date=str(message["Date"] or ""),
        headers=tuple((key, str(value)) for key, value in message.items()),
        text=_part(message, "plain"),
        html=_part(message, "html"),
        attachments=tuple(it for part in message.iter_attachments() for it in _attachment(part)),
    )


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    return "" if body is None else str(body.get_content())


def _attachment(part: EmailMessage) -> list[tuple[str, str]]:
    """Return each file of an attachment with its text."""
    data, name = part.get_payload(decode=True), str(part.get_filename() or "")
    if not isinstance(data, bytes):
        return []
    packed = {f"{name}: {it}": text for it, text in unpack(data).items()} if name == PROOF_FILE else {}
    return [(it, text.decode("utf-8", "replace")) for it, text in (packed or {name: data}).items()]
