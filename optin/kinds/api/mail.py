"""For a kind's own mails: queue them, and attach files."""

from optin.flows.delivery.mail_order import MailKind, MailOrder
from optin.flows.evidence.receipt import Attachment
from optin.mail.kind_mail_hooks import MailSender
from optin.store.mail_outbox import enqueue, forget_queued, has_duplicate

__all__ = ["Attachment", "MailKind", "MailOrder", "MailSender", "enqueue", "forget_queued", "has_duplicate"]
