"""The values that each page template receives: one frozen class per page.

A view holds facts. Sentences come from the catalogues, markup from the templates. Mails: `mail_views`;
the page of an evidence bundle: `evidence_views`; pages of `optin dev`: `dev_views`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from optin.bases.obligation import RequiredDocument
from optin.consent.form_version import FormDeclaration
from optin.consent.kind_specific_details import Details
from optin.consent.posted_form import FieldProblem, FormInput
from optin.consent.purpose import ConsentQuestion, Controller
from optin.flows.delivery.mail_order import GivenConsent
from optin.flows.request_policy import NextStep
from optin.flows.rights.personal_data import PersonalData


@dataclass(frozen=True)
class Frame:
    """What surrounds every page: the site, the language, and the address of the privacy statement."""

    lang: str
    controller: Controller
    privacy_url: str
    home_url: str = "/"
    base_url: str = ""  # of the app, before a link that only it answers
    pages_url: str = ""  # where the public finds the pages that everybody gets
    privacy_day: date | None = None  # the date that its privacy statement bears
    embedded: bool = False  # the page stands in a frame of another site: without header and footer


@dataclass(frozen=True)
class Picture:
    """A picture of a magnet, with its description and its size in pixels (no layout shift).

    `src` is what pages show: `url`, or the widest that was drawn from it, in `srcset` with the others.
    """

    url: str
    alt: str
    width: int
    height: int
    src: str = ""
    srcset: str = ""
    avif: str = ""  # the same in a smaller format, which not every browser shows
    focus: str = ""  # classes for the point that stays in sight where a photo is cropped


@dataclass(frozen=True)
class Cover:
    """What a magnet looks like: its picture; without one, the look draws its kind and title."""

    kind: str
    title: str
    picture: Picture | None = None


@dataclass(frozen=True)
class Alternate:
    """A magnet in one of its languages; the first is for visitors who speak none of them."""

    lang: str
    name: str  # of the language, in itself
    path: str


@dataclass(frozen=True)
class StoryPart:
    """A part of a page's text: prose, or the block `name`, so that a template may place it elsewhere."""

    html: str
    name: str = ""


@dataclass(frozen=True)
class LandingView:
    """A landing page with its form (F1-F4, F6). Without `typed` it is the page as served and digested."""

    frame: Frame
    declaration: FormDeclaration
    description: str
    body_html: str
    action: str
    form_key: str
    texts: tuple[tuple[str, str], ...] = ()  # the magnet's own words for keys of the catalogue (M9)
    page_url: str = ""  # the page's own address, for search engines and social cards
    picture: Picture | None = None
    typed: FormInput | None = None
    problems: tuple[FieldProblem, ...] = ()
    changed: bool = False  # the form that was posted is not the one that is served now (F7)
    details: Details | None = None  # what only its kind has
    filled_in: frozenset[str] = frozenset()  # fields that nobody types
    meant: str = ""  # the address that was probably meant, where the one that was typed looks misspelt
    understood: tuple[tuple[str, str], ...] = ()  # field, and how what was typed in it is read
    wait_seconds: int = 0  # the form comes back as no more mails leave: until when
    alternates: tuple[Alternate, ...] = ()  # empty where there is one language
    card: Picture | None = None  # what social sites show of it
    story: tuple[StoryPart, ...] = ()  # the parts of `body_html`
    headline: str = ""  # what people gain; empty: the title is the heading
    full_page: str = ""  # where the whole page is; empty unless its form stands alone in a frame


@dataclass(frozen=True)
class ClosedView:
    """A landing page whose form is closed."""

    frame: Frame
    landing: LandingView
    others: tuple[Card, ...] = ()  # open now, in the same language
    by_kind: bool = True  # its kind closed it, for what it offers has begun or is over
    is_archived: bool = False


@dataclass(frozen=True)
class WaitingView:
    """A landing page whose form is not open yet."""

    frame: Frame
    landing: LandingView
    opens_at: datetime
    others: tuple[Card, ...] = ()  # open now, in the same language


@dataclass(frozen=True)
class PastedView(LandingView):
    """A form without a page around it, to be pasted into a page of another site (W7)."""


@dataclass(frozen=True)
class StartElsewhereView:
    """In a frame of another site: a magnet that begins with a page of its own, and a link to it (W6)."""

    frame: Frame
    landing: LandingView


@dataclass(frozen=True)
class MovedView:
    """The page at a magnet's earlier address, for web hosts that cannot redirect."""

    frame: Frame
    title: str
    path: str  # where it is now


@dataclass(frozen=True)
class SentView:
    """The page after the form: check your inbox, and a field for the one-time code (D3)."""

    frame: Frame
    title: str
    action: str
    token: str
    sender: str
    problem: str = ""  # "", "code-wrong", "code-missing"
    resent: bool = False
    email: str = ""  # where the mail goes, as it was typed by whoever looks at this
    number: str = ""  # the telephone number that was understood
    form_url: str = ""  # where the form is
    sender_name: str = ""  # as an inbox shows it
    cover: Cover | None = None


@dataclass(frozen=True)
class ConfirmView:
    """The page before the confirmation, with one button (D2).

    `alone`: a consent is given anew, or confirmed that was given elsewhere: nothing else was asked for.
    """

    frame: Frame
    title: str
    kind: str
    action: str
    requested_at: datetime
    questions: tuple[ConsentQuestion, ...]
    number: str = ""  # which would be called (E.164)
    leads_to: str = ""  # the host of another site, which people are sent to by the button
    cover: Cover | None = None
    alone: bool = False


@dataclass(frozen=True)
class ConfirmedView:
    """The page after the confirmation: the magnet and the given consents (D4: also at a second click)."""

    frame: Frame
    title: str
    kind: str
    granted: tuple[GivenConsent, ...]
    lapsed: tuple[ConsentQuestion, ...] = ()  # asked, but withdrawn since: not given by this click
    download_url: str | None = None
    file_name: str = ""
    file_bytes: int = 0
    starts: bool = False  # the download begins by itself
    next_step: NextStep | None = None
    cover: Cover | None = None  # None: what was asked for is not given any more
    own: Any = None  # where the person stands, as the magnet's kind tells it
    alone: bool = False  # as before the confirmation


@dataclass(frozen=True)
class ExpiredView:
    """The page of an expired link, with one button to mail a new one (D6).

    `title`: of the magnet whose confirmation it was; empty for the link to a personal page.
    """

    frame: Frame
    title: str
    action: str
    resent: bool = False
    cover: Cover | None = None


@dataclass(frozen=True)
class UnsubscribeView:
    """The consents that a link can withdraw, with one button; afterwards, that it is done (R3)."""

    frame: Frame
    action: str
    questions: tuple[ConsentQuestion, ...]
    done: bool = False
    more: bool = False  # the person may have given other consents, which this link does not show
    erased: bool = False  # there is nothing left of the person at all
    objected: bool = False  # to all advertising, on whatever basis


@dataclass(frozen=True)
class PersonalAskView:
    """The page to request a personal link; afterwards, the same answer for everybody (R1)."""

    frame: Frame
    action: str
    sender: str
    email: str = ""
    problem: str = ""
    sent: bool = False
    meant: str = ""  # the address that was probably meant


@dataclass(frozen=True)
class PersonalView:
    """All data about a person, with a switch for each consent (R1, R2)."""

    frame: Frame
    action: str
    data: PersonalData
    labels: tuple[tuple[str, str], ...]  # fields of the contact in words
    processors: tuple[tuple[str, str], ...]  # who they are, by id
    purposes: tuple[tuple[str, str], ...] = ()  # in the words that were shown, by id
    done: str = ""  # what was just done: a key of the catalogue below `personal.done.`
    problems: tuple[FieldProblem, ...] = ()
    typed: tuple[tuple[str, str], ...] = ()
    stands_alone: bool = False  # as a file: no buttons, the style inside


@dataclass(frozen=True)
class LegalHoldView:
    """A legal hold: why, until when, and on which data."""

    why: str
    until: datetime
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EraseView:
    """The consequences of an erasure in the controller's words, shown beforehand (R5)."""

    frame: Frame
    action: str
    consequences: tuple[str, ...]
    holds: tuple[LegalHoldView, ...]
    required: tuple[RequiredDocument, ...] = ()


@dataclass(frozen=True)
class PrivacyView:
    """A privacy statement (GDPR 13), by its date."""

    frame: Frame
    title: str
    body_html: str
    day: date | None = None


@dataclass(frozen=True)
class Card:
    """One magnet on the index. `language`: its language in that language, where the index is in another."""

    url: str
    kind: str
    lang: str
    title: str
    description: str
    language: str = ""
    picture: Picture | None = None
    kind_words: str = ""  # the magnet's own words for its kind, in the language of the index


@dataclass(frozen=True)
class IndexView:
    """The list of magnets."""

    frame: Frame
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class ErrorView:
    """A refusal in words: `error.<name>.title` and `error.<name>.text` of the catalogue."""

    frame: Frame
    name: str
    wait_seconds: int = 0  # until it is worth trying again, where that is known
    form_url: str = ""  # the page where the form that was refused can be filled in
