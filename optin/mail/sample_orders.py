"""Orders for sample mails: they are composed as real ones are, with headers and attachments (W3)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from optin.consent.email_and_telephone import EmailAddress
from optin.consent.form_version import FormDeclaration, FormDigest
from optin.consent.held_basis import BasisEntryId
from optin.consent.signed_links import SAMPLE_TOKEN
from optin.flows.delivery.mail_order import (
    BasisOrder,
    LetterOrder,
    MailKind,
    MailOrder,
    NoticeOrder,
    Order,
    StaffOrder,
)
from optin.flows.request_policy import MailCover, NextStep
from optin.store.legal_holds import LegalHold
from optin.theme import mail_views
from optin.theme.theme import Mail

_PROOF: Mapping[str, bytes] = MappingProxyType(
    {"sample.txt": b"This mail is a sample. In a real one this file proves what was agreed.\n"}
)


class SampleOrders:
    """Makes orders about one form, to one recipient; `cover` and `next_step` are the magnet's own."""

    def __init__(
        self,
        recipient: EmailAddress,
        form: FormDeclaration,
        cover: MailCover | None = None,
        next_step: NextStep | None = None,
    ) -> None:
        """Order in the words of `form`."""
        self._recipient = recipient
        self._form = form
        self._cover = cover
        self._next_step = next_step

    def order(self, view: Mail, message_id: str) -> Order:
        """Return the order that gives the mail `view`; `message_id` with its angle brackets."""
        if isinstance(view, mail_views.PersonalMail | mail_views.SignInMail | mail_views.ErasedMail):
            return self._notice(view, message_id)
        if isinstance(view, mail_views.StaffMail):
            return StaffOrder(
                number=0,
                claim=b"",
                message_id=message_id,
                kind=MailKind.STAFF,
                recipient=self._recipient,
                lang=view.lang,
                digest=view.digest,
            )
        if isinstance(view, mail_views.BasisMail):
            return BasisOrder(
                number=0,
                claim=b"",
                message_id=message_id,
                kind=MailKind.BASIS,
                recipient=self._recipient,
                lang=view.lang,
                entry=BasisEntryId(b""),
                notice=view.notice,
            )
        if isinstance(view, mail_views.LetterMail):
            return LetterOrder(
                number=0,
                claim=b"",
                message_id=message_id,
                kind=MailKind.LETTER,
                recipient=self._recipient,
                form=self._form,
                question=view.question,
                given_at=view.given_at,
                letter=view.letter,
                unsubscribe_token=SAMPLE_TOKEN,
            )
        expires_at = ends_at = None
        attested = False
        kind, code, number, questions = MailKind.DELIVERY.value, "", "", self._form.questions
        if isinstance(view, mail_views.ConfirmationMail):
            kind, code, number = MailKind.CONFIRMATION.value, view.code, view.number
            questions, expires_at = view.questions, view.expires_at
        elif isinstance(view, mail_views.RenewalMail):
            kind, number, questions = MailKind.RENEWAL.value, view.number, view.questions
            expires_at, ends_at, attested = view.expires_at, view.ends_at, view.attested
        elif isinstance(view, mail_views.KindMail):
            kind = view.name
        given = view if isinstance(view, mail_views.DeliveryMail) else None
        return MailOrder(
            number=0,
            claim=b"",
            message_id=message_id,
            kind=kind,
            recipient=self._recipient,
            form=self._form,
            form_version=FormDigest("0" * 64),
            requested_at=view.requested_at,
            questions=questions,
            confirm_token=SAMPLE_TOKEN,
            code=code,
            to_call=number,
            expires_at=given.download_until if given else expires_at,
            ends_at=ends_at,
            attested=attested,
            confirmed_at=given.confirmed_at if given else None,
            receipts=given.granted if given else (),
            download_token=SAMPLE_TOKEN if given and given.download_url else "",
            hands_out=given.hands_out if given else True,
            unsubscribe_token=SAMPLE_TOKEN,
            cover=self._cover if given and given.cover else None,
            next_step=self._next_step if given and given.next_step else None,
            first_name=given.first_name if given else "",
            own=getattr(view, "own", None),
            proof=_PROOF if given and given.proof_attached else {},
        )

    def _notice(
        self,
        view: mail_views.PersonalMail | mail_views.SignInMail | mail_views.ErasedMail,
        message_id: str,
    ) -> NoticeOrder:
        """Return the order of a mail about the person's own data, or of a sign-in."""
        kind = MailKind.SIGN_IN if isinstance(view, mail_views.SignInMail) else MailKind.PERSONAL
        erased = isinstance(view, mail_views.ErasedMail)
        holds = view.holds if isinstance(view, mail_views.ErasedMail) else ()
        return NoticeOrder(
            number=0,
            claim=b"",
            message_id=message_id,
            kind=MailKind.ERASED if erased else kind,
            recipient=self._recipient,
            lang=view.lang,
            token="" if erased else SAMPLE_TOKEN,
            expires_at=None if isinstance(view, mail_views.ErasedMail) else view.expires_at,
            holds=tuple(LegalHold(it.why, it.until, it.until, dict(it.values)) for it in holds),
        )
