"""The page of the gallery: what can be chosen, and a frame for each exhibit, width and scheme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from optin.theme.views import Frame
from optin.web.gallery.choice import MAILS, PAGES, SCHEMES, WIDTHS, Choice
from optin.web.gallery.exhibits import Gallery
from optin.web.gallery.sample_mailing import Sending
from optin.web.mailbox import Mail

ALL = "all"  # in place of a name: every mail that is shown


@dataclass(frozen=True)
class Window:
    """One frame. `width`: of the screen it stands for, in pixels."""

    src: str
    width: int
    scheme: str


@dataclass(frozen=True)
class Exhibit:
    """A page or mail in one state. `mail`: its words, where it is one that can be made."""

    name: str
    state: str
    windows: tuple[Window, ...]
    mail: Mail | None = None


@dataclass(frozen=True)
class Section:
    """All states of one page or mail."""

    title: str
    exhibits: tuple[Exhibit, ...]


@dataclass(frozen=True)
class GalleryView:
    """The gallery. `titles`: every page or mail there is of the subject."""

    template: ClassVar = "dev/gallery.html"

    frame: Frame
    choice: Choice
    gallery: Gallery
    looks: tuple[str, ...]
    titles: tuple[str, ...]
    sections: tuple[Section, ...]
    server: str  # the host that sends mail; empty: none
    sending: Sending | None = None

    @property
    def count(self) -> int:
        """The number of exhibits on the page."""
        return sum(len(section.exhibits) for section in self.sections)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the site."""
        return self.gallery.edition.site.settings.languages

    widths: ClassVar = WIDTHS
    schemes: ClassVar = SCHEMES
    pages: ClassVar = PAGES
    mails: ClassVar = MAILS
    every: ClassVar = ALL


def sections_of(
    choice: Choice, names: tuple[str, ...], mail_of: Callable[[str], Mail | None]
) -> tuple[tuple[str, ...], tuple[Section, ...]]:
    """Return the title of every page or mail, and the sections that were chosen.

    `names`: of all exhibits, "title: state"; `mail_of` returns the words of a mail by its name.
    """
    titles = tuple(dict.fromkeys(name.partition(": ")[0] for name in names))
    chosen = choice.page if choice.page in titles else ""
    return titles, tuple(
        Section(
            title,
            tuple(
                Exhibit(name, name.partition(": ")[2], _windows(choice, name), mail_of(name))
                for name in names
                if name.partition(": ")[0] == title
            ),
        )
        for title in titles
        if chosen in {"", title}
    )


def _windows(choice: Choice, name: str) -> tuple[Window, ...]:
    return tuple(
        Window(f"/dev/gallery/{choice.show}?{choice.one(name, scheme).query}", width, scheme)
        for width in choice.widths
        for scheme in choice.schemes
    )
