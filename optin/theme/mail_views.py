"""The values that each mail template receives: one frozen class per mail.

As in `views`, a value holds facts. Sentences come from the catalogues, markup from the templates.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from optin.bases.obligation import RequiredDocument
from optin.consent.form_version import FormDeclaration
from optin.consent.purpose import ConsentQuestion, Controller
from optin.flows.delivery.mail_order import BasisNotice, GivenConsent, StaffDigest
from optin.flows.request_policy import LetterText, MailCover, NextStep
from optin.theme.views import LegalHoldView


class RequestFacts(TypedDict):
    """The facts of a request that every mail about it contains."""

    lang: str
    controller: Controller
    title: str
    kind: str
    page_url: str
    requested_at: datetime
    privacy_url: str
    base_url: str


@dataclass(frozen=True, kw_only=True)
class RequestMail:
    """A mail about a request. Its fields are those of `RequestFacts`."""

    lang: str
    controller: Controller
    title: str
    kind: str
    page_url: str
    requested_at: datetime
    privacy_url: str
    base_url: str  # of the site, before the address of its icon


@dataclass(frozen=True, kw_only=True)
class ConfirmationMail(RequestMail):
    """The mail that asks for confirmation: no advertisement, no typed text except a number to call (D5)."""

    questions: tuple[ConsentQuestion, ...]
    confirm_url: str
    code: str  # spaced, "1234 5678"
    expires_at: datetime
    number: str = ""  # which would be called (E.164)


@dataclass(frozen=True, kw_only=True)
class DeliveryMail(RequestMail):
    """The mail with the magnet and the receipt, after the confirmation."""

    confirmed_at: datetime
    granted: tuple[GivenConsent, ...]
    download_url: str | None
    download_until: datetime | None
    unsubscribe_url: str
    proof_attached: bool = True  # or it is on the personal page
    first_name: str = ""
    personal_url: str = ""  # where the person sees all that is kept
    hands_out: bool = True  # not when a consent was only given anew
    cover: MailCover | None = None
    next_step: NextStep | None = None
    own: Any = None  # where the person stands, as the magnet's kind tells it


@dataclass(frozen=True, kw_only=True)
class KindMail(RequestMail):
    """A mail of a kind's own: part of what the person asked for, and no advertisement.

    `name`: its stored name; its subject is the text `mail.<name>.subject`. `template`: below
    `templates/kinds/<kind>/`. `own`: what the kind's flows told.
    """

    name: str
    template: str
    personal_url: str  # where the person sees all that is kept
    own: Any = None


@dataclass(frozen=True, kw_only=True)
class RenewalMail(RequestMail):
    """The request to renew a consent: it ends soon (`ends_at`), or the person wants it back.

    `attested`: it was given elsewhere or on paper, and was never confirmed here.
    """

    questions: tuple[ConsentQuestion, ...]
    ends_at: datetime | None
    confirm_url: str
    expires_at: datetime
    number: str = ""  # which would be called (E.164)
    attested: bool = False


@dataclass(frozen=True, kw_only=True)
class LetterMail:
    """A letter of a purpose (W13). `title` is that of the magnet by which the consent was given."""

    lang: str
    controller: Controller
    title: str
    base_url: str
    privacy_url: str
    letter: LetterText
    question: ConsentQuestion
    given_at: datetime  # since when the consent holds
    unsubscribe_url: str


@dataclass(frozen=True, kw_only=True)
class ProofReadme:
    """The text in proof.zip that says what it is and how it is checked."""

    lang: str
    controller: Controller
    title: str
    requested_at: datetime
    confirmed_at: datetime
    proof_url: str  # with the commands that check it

    @classmethod
    def of(
        cls, form: FormDeclaration, requested_at: datetime, confirmed_at: datetime, base_url: str
    ) -> ProofReadme:
        """Return the text about a request by a form of the site at `base_url`."""
        return cls(
            lang=form.lang,
            controller=form.controller,
            title=form.title,
            requested_at=requested_at,
            confirmed_at=confirmed_at,
            proof_url=f"{base_url}/log",
        )


class MailAboutSite:
    """A mail about no magnet: the site's address is its title."""

    title: str

    @property
    def base_url(self) -> str:
        """The site's address."""
        return self.title


@dataclass(frozen=True)
class PersonalMail(MailAboutSite):
    """The mail with the link to the personal page (R1)."""

    lang: str
    controller: Controller
    title: str  # where it was asked for: the site's address
    personal_url: str
    expires_at: datetime
    privacy_url: str


@dataclass(frozen=True)
class SignInMail(MailAboutSite):
    """The mail to somebody of the staff with the link that opens the desk once (K1)."""

    lang: str
    controller: Controller
    title: str  # where it was asked for: the site's address
    sign_in_url: str
    expires_at: datetime
    privacy_url: str


@dataclass(frozen=True)
class BasisMail(MailAboutSite):
    """The mail to somebody whom staff put on file: what is kept, why, until when, and their rights (L4)."""

    lang: str
    controller: Controller
    title: str
    notice: BasisNotice
    privacy_url: str

    @property
    def personal_url(self) -> str:
        """Where the link to the personal page is asked for."""
        return f"{self.title}/me"


@dataclass(frozen=True)
class StaffMail(MailAboutSite):
    """The mail that tells staff of confirmed requests, in counts (W12). Without a digest: a test."""

    lang: str
    controller: Controller
    title: str
    digest: StaffDigest | None
    privacy_url: str


@dataclass(frozen=True)
class ErasedMail(MailAboutSite):
    """The last mail: everything is erased except what a law requires to keep (R5, R6, L5)."""

    lang: str
    controller: Controller
    title: str
    holds: tuple[LegalHoldView, ...]
    privacy_url: str
    required: tuple[RequiredDocument, ...] = ()
