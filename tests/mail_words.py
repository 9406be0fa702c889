"""What a mail says to who reads it. Its raw bytes hold encoded parts, in which any short word may turn up."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import default


def mail_words(mail: bytes) -> str:
    """Return the header lines and every part of text of a mail, decoded, spaces and line ends made one."""
    message = message_from_bytes(mail, policy=default)
    texts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    head = [f"{name}: {value}" for name, value in message.items()]
    return " ".join(" ".join((*head, *texts)).split())
