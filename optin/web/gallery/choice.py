"""The selection of an author in the gallery, read from the query of the address and written to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from optin.web.gallery.exhibits import Gallery, Subject
from optin.web.gallery.frames import DARK, LIGHT

PAGES, MAILS = "pages", "mails"
WIDTHS = (360, 768, 1280)  # pixels: a phone, a tablet, a desk
SCHEMES = (LIGHT, DARK)


@dataclass(frozen=True)
class Choice:
    """The selection. `name`: one exhibit; `page`: all states of one page; both empty: everything."""

    subject: Subject
    lang: str
    look: str
    show: str = PAGES
    page: str = ""
    name: str = ""
    widths: tuple[int, ...] = WIDTHS[:1]
    schemes: tuple[str, ...] = SCHEMES[:1]
    tall: bool = False

    @property
    def query(self) -> str:
        """The query of an address that shows this."""
        pairs = [("of", self.subject.name), ("lang", self.lang), ("look", self.look), ("show", self.show)]
        pairs += [("page", self.page)] if self.page else []
        pairs += [("name", self.name)] if self.name else []
        pairs += [("width", str(width)) for width in self.widths]
        pairs += [("scheme", scheme) for scheme in self.schemes]
        pairs += [("height", "tall")] if self.tall else []
        return urlencode(pairs)

    def one(self, name: str, scheme: str) -> Choice:
        """Return the choice of one exhibit in one scheme."""
        return replace(self, name=name, page="", schemes=(scheme,), widths=(), tall=False)


def read_choice(query: QueryParams, galleries: dict[str, Gallery]) -> Choice:
    """Return the selection in a query; an unknown value selects the first one there is."""
    look = query.get("look", "")
    look = look if look in galleries else next(iter(galleries))
    gallery = galleries[look]
    subject = gallery.subject(query.get("of", ""))
    lang, languages = query.get("lang", ""), gallery.edition.site.settings.languages
    widths = tuple(width for width in WIDTHS if str(width) in query.getlist("width"))
    schemes = tuple(scheme for scheme in SCHEMES if scheme in query.getlist("scheme"))
    return Choice(
        subject,
        lang if lang in languages else subject.lang,
        look,
        MAILS if query.get("show") == MAILS else PAGES,
        query.get("page", ""),
        query.get("name", ""),
        widths or WIDTHS[:1],
        schemes or SCHEMES[:1],
        tall=query.get("height") == "tall",
    )
