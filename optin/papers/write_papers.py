"""All papers of a site as files: HTML to read and print, the record also as CSV and JSON-LD (L9)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from optin.consent.kind_part_lookup import PartsByKind
from optin.papers.activities import PaperSite
from optin.papers.agreements import agreements
from optin.papers.assessment import assessment
from optin.papers.open_points import open_points
from optin.papers.paper_text import heading, items
from optin.papers.paper_words import PaperWords
from optin.papers.procedures import procedure
from optin.papers.record import record, record_table
from optin.papers.record_jsonld import record_document
from optin.papers.statement_facts import statement_facts
from optin.rules.data_protection.law_data import law_data
from optin.site.kind_front_matter_hooks import FilePart
from optin.site.landing_pages import frame_of
from optin.site.markdown_to_html import read_prose
from optin.site.model import Site
from optin.theme.theme import Theme
from optin.theme.views import Frame

INDEX = "index.html"


@dataclass(frozen=True)
class PaperView:
    """A paper as a page: self-contained, to read and to print."""

    frame: Frame
    title: str
    body_html: str
    notes: tuple[str, ...]
    home: str = ""  # the list of papers, where this is not it
    template: str = "papers/paper.html"


PAPERS: Mapping[str, Callable[[PaperSite], str]] = {
    "record": record,
    "agreements": agreements,
    "requests": lambda of: procedure(of, "requests"),
    "breaches": lambda of: procedure(of, "breaches"),
    "assessment": assessment,
}


def papers(
    site: Site, kinds: PartsByKind[FilePart], theme: Theme, day: date, lang: str = ""
) -> dict[str, bytes]:
    """Return every file by its name. `lang`: instead of the site's own language. `day`: of the papers."""
    of = paper_site(site, kinds, lang or site.settings.languages[0], day)
    found = {f"{name}.html": _page(of, theme, name, text(of)) for name, text in PAPERS.items()}
    for other in site.settings.languages:
        told = paper_site(site, kinds, other, day)
        text = statement_facts(told)
        found[f"statement-{other}.html"] = _page(told, theme, "statement", text)
        title = heading(1, told.words.text("titles.statement"))
        found[f"statement-{other}.md"] = f"{title}\n\n{text}\n".encode()
    document = json.dumps(record_document(of), ensure_ascii=False, indent=2)
    found["record.jsonld"] = f"{document}\n".encode()
    found["record.csv"] = record_table(of).encode()
    found[INDEX] = _page(of, theme, "index", _index(of))
    return found


def paper_site(site: Site, kinds: PartsByKind[FilePart], lang: str, day: date) -> PaperSite:
    """Return a site as its papers of a day tell of it, in a language."""
    return PaperSite(site, kinds, PaperWords(lang, site.settings.texts.get(lang, {})), day)


def _index(of: PaperSite) -> str:
    words, links = of.words, []
    for name in ("record", "agreements", "requests", "breaches", "assessment"):
        title = words.text(f"titles.{name}")
        links.append(f"- [{title}]({name}.html): {words.text(f'index.{name}')}")
    for lang in of.site.settings.languages:
        title = f"{words.text('titles.statement')} ({lang})"
        links.append(f"- [{title}](statement-{lang}.html): {words.text('index.statement')}")
    questions = open_points(of)
    return "\n".join(
        [
            heading(2, words.text("paper.contents")),
            "",
            *links,
            "",
            heading(2, words.text("index.open")),
            "",
            *(items(questions) or [words.text("index.nothing")]),
            "",
        ]
    )


def _page(of: PaperSite, theme: Theme, name: str, text: str) -> bytes:
    words, law = of.words, law_data()
    title = words.text(f"titles.{name}", name=of.site.settings.controller.name)
    made = words.text("paper.made", day=words.day(of.day), site=of.site.settings.base_url)
    checked = words.text("paper.checked", day=words.day(law.checked))
    stale = f" {words.text('paper.stale')}" if law.is_stale(of.day) else ""
    frame = frame_of(of.site, of.site.settings.languages[0], "")
    home = "" if name == "index" else INDEX
    view = PaperView(
        replace(frame, lang=words.lang), title, read_prose(text).html, (made, f"{checked}{stale}"), home
    )
    return theme.page(view).encode()
