"""What the gallery shows of a site: its magnets, its kinds without a magnet, and the pages of the site.

A page or mail that cannot be made is one exhibit with its reason; the others stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from optin.consent.form_version import Slug
from optin.flows.request_policy import MailCover, NextStep
from optin.services.site_edition import Edition
from optin.site.landing_pages import landing_view, with_app_links, with_card
from optin.site.letter_mails import letter_sample
from optin.site.loading_cache import ReadingCache
from optin.site.model import Magnet
from optin.site.next_steps import mail_cover_of, next_step_of
from optin.site.page_inputs import KindPages, PageMaker
from optin.theme.mail_views import (
    BasisMail,
    ConfirmationMail,
    DeliveryMail,
    ErasedMail,
    KindMail,
    LetterMail,
    PersonalMail,
    RenewalMail,
    SignInMail,
    StaffMail,
)
from optin.theme.sample_mails import magnet_mails, site_mails
from optin.theme.sample_pages import list_pages, magnet_pages, site_pages
from optin.theme.samples import NEXT, Sample, SampleMail
from optin.theme.theme import Theme, page_template
from optin.theme.views import Card, IndexView, LandingView, PrivacyView
from optin.web.gallery.starter_magnet import starter_magnet

T = TypeVar("T")
SITE, NEW = "site", "new"  # what is shown besides a magnet's slug; neither can be one
SAMPLE_STEP = NextStep(NEXT.text, NEXT.title)
MOST_CARDS = 6


@dataclass(frozen=True)
class Subject:
    """The subject whose pages are shown. `name`: a magnet's slug, `new:KIND`, or `site`."""

    name: str
    title: str
    lang: str


@dataclass(frozen=True)
class Previewed:
    """A landing page as a colleague sees it by a preview link."""

    view: object


@dataclass(frozen=True)
class Broken:
    """Stands in for pages or mails that a kind of magnets failed to return."""

    problem: Exception


@dataclass
class Gallery:
    """The exhibits of one edition, in one theme. Nothing is stored."""

    edition: Edition
    theme: Theme
    _landings: dict[tuple[str, str], tuple[Magnet | None, LandingView]] = field(default_factory=dict)

    @cached_property
    def subjects(self) -> tuple[Subject, ...]:
        """Every subject, in the order in which they are offered."""
        site = self.edition.site
        own = [_of_magnet(it) for it in site.magnets.values()]
        used, first = {it.kind for it in site.magnets.values()}, site.settings.languages[0]
        new = [
            Subject(f"{NEW}:{kind}", f"A new {kind}", first)
            for kind, _ in self.edition.kinds.files.items()
            if kind not in used
        ]
        return (*own, *new, Subject(SITE, "Pages of the whole site", first))

    def subject(self, name: str) -> Subject:
        """Return a subject by its name, a draft too; the first one when there is none of that name."""
        draft = self.edition.site.drafts.get(Slug(name))
        if draft is not None:
            return _of_magnet(draft)
        return next((it for it in self.subjects if it.name == name), self.subjects[0])

    def pages(self, subject: Subject, lang: str) -> dict[str, Sample]:
        """Return the pages of a subject by their names."""
        made = _whole(lambda: self._pages(subject, lang), lambda it: Sample("Pages", "", it))
        return _named((it.page, it.state, it) for it in made)

    def mails(self, subject: Subject, lang: str) -> dict[str, SampleMail]:
        """Return the mails of a subject by their names."""
        made = _whole(lambda: self._mails(subject, lang), lambda it: SampleMail("", it))
        return _named((mail_name(it), it.state, it) for it in made)

    def landing(self, subject: Subject, lang: str) -> LandingView:
        """Return the landing page of a subject; the site's pages are about that of its first magnet."""
        return self._landing(subject, lang)[1]

    def extras(self, subject: Subject, lang: str) -> tuple[MailCover | None, NextStep]:
        """Return the cover and the next step that a magnet's mail shows."""
        magnet, _ = self._landing(subject, lang)
        if magnet is None:
            return None, SAMPLE_STEP
        maker = self._maker
        return mail_cover_of(maker, magnet), next_step_of(maker, magnet) or SAMPLE_STEP

    def _pages(self, subject: Subject, lang: str) -> Iterator[Sample]:
        of = self.landing(subject, lang)
        if subject.name == SITE:
            yield from site_pages(of)
            yield from list_pages(self._index(lang), tuple(self._statements()))
            return
        part = self.edition.kinds.pages[of.declaration.kind]
        own = list(_whole(lambda: part.samples(of), lambda it: Sample("Pages of this kind", "", it)))
        if part.opening is not None:
            first = part.opening(of)
            if page_template(first) not in {_template(it) for it in own}:
                yield Sample("First page", "", first)
        forms = [form_page for _, form_page in part.form_pages(of)] if part.form_pages is not None else ()
        _, step = self.extras(subject, lang)
        yield from magnet_pages(of, forms, step, self._cards(lang))
        yield Sample("Preview", "by its link", Previewed(forms[0] if forms else of))
        yield from own

    def _mails(self, subject: Subject, lang: str) -> Iterator[SampleMail]:
        of = self.landing(subject, lang)
        if subject.name == SITE:
            yield from site_mails(of)
            return
        part = self.edition.kinds.pages[of.declaration.kind]
        yield from magnet_mails(of)
        yield from self._letters(of, lang)
        yield from _whole(lambda: part.mail_samples(of), lambda it: SampleMail("", it))

    def _letters(self, of: LandingView, lang: str) -> Iterator[SampleMail]:
        """Yield the letters of a magnet's purposes in a language."""
        for question in of.declaration.questions:
            for letter in self.edition.publication.letters.get(question.key, ()):
                if lang in letter.texts:
                    sample = letter_sample(self.edition.site, lang, letter.texts[lang], question)
                    yield SampleMail(f"{question.purpose}, {letter.name}", sample)

    def _landing(self, subject: Subject, lang: str) -> tuple[Magnet | None, LandingView]:
        if (subject.name, lang) not in self._landings:
            self._landings[subject.name, lang] = self._make_landing(subject, lang)
        return self._landings[subject.name, lang]

    def _make_landing(self, subject: Subject, lang: str) -> tuple[Magnet | None, LandingView]:
        """Return a subject's magnet and its page in a language; what is written in it stays as it is."""
        edition, site = self.edition, self.edition.site
        name, is_new = subject.name.removeprefix(f"{NEW}:"), subject.name.startswith(f"{NEW}:")
        magnet = None if is_new else site.drafts.get(Slug(name)) or site.magnet(name)
        if subject.name == SITE:
            in_lang = [it for it in site.magnets.values() if it.lang == lang]
            magnet = next(iter([*in_lang, *site.magnets.values()]), None)
            name = next(kind for kind, _ in edition.kinds.files.items())
        if magnet is None:
            magnet = starter_magnet(site, self.theme, edition.kinds.files, name, lang)
        view = landing_view(self._maker, magnet, edition.publication.privacy[magnet.lang].digest)
        view, _ = with_card(self.theme, view)
        if lang != magnet.lang:
            view = replace(view, frame=edition.frame(lang), declaration=replace(view.declaration, lang=lang))
        shown = replace(view, form_key="sample")
        return (None if subject.name == SITE else magnet), shown

    @cached_property
    def _maker(self) -> PageMaker:
        kinds = self.edition.kinds
        hooks = KindPages(kinds.pages, kinds.details)
        return PageMaker(self.edition.site, self.theme, hooks, ReadingCache())

    def _index(self, lang: str) -> IndexView:
        index = self.edition.publication.index
        frame = self.edition.frame(lang)
        return IndexView(frame, ()) if index is None else replace(index, frame=frame)

    def _cards(self, lang: str) -> tuple[Card, ...]:
        return tuple(it for it in self._index(lang).cards if it.lang == lang)[:MOST_CARDS]

    def _statements(self) -> Iterator[PrivacyView]:
        site = self.edition.site
        for lang, it in site.privacy.items():
            yield PrivacyView(self.edition.frame(lang), it.title, with_app_links(site, it.body_html), it.day)


_MAIL_NAMES: Mapping[type, str] = {
    ConfirmationMail: "Confirmation",
    DeliveryMail: "Delivery",
    RenewalMail: "Renewal",
    LetterMail: "Letter",
    PersonalMail: "Personal link",
    BasisMail: "Put on file by your staff",
    ErasedMail: "Everything erased",
    StaffMail: "To your staff",
    SignInMail: "Sign in to the desk",
    Broken: "Mails of this kind",
}


def _of_magnet(magnet: Magnet) -> Subject:
    return Subject(magnet.slug, f"{magnet.title} ({magnet.kind})", magnet.lang)


def mail_name(sample: SampleMail) -> str:
    """Return which mail a sample is, in a word or two."""
    view = sample.view
    return view.name if isinstance(view, KindMail) else _MAIL_NAMES[type(view)]


def _template(sample: Sample) -> str:
    return "" if isinstance(sample.view, Broken) else page_template(sample.view)


def _whole(make: Callable[[], Iterable[T]], failed: Callable[[Broken], T]) -> Iterator[T]:
    """Yield the exhibits that `make` returns; when it raises, a last one with the reason."""
    try:
        yield from make()
    except Exception as problem:  # noqa: BLE001 - a kind of another package, or a template: programs of others
        yield failed(Broken(problem))


def _named(samples: Iterable[tuple[str, str, T]]) -> dict[str, T]:
    """Return samples by page and state; of two alike, the second has a number."""
    found: dict[str, T] = {}
    for page, state, sample in samples:
        name = f"{page}: {state}" if state else page
        alike, number = name, 1
        while name in found:
            number += 1
            name = f"{alike} ({number})"
        found[name] = sample
    return found
