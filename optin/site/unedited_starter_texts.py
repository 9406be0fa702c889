"""Find starter texts of `optin new` and `optin init` that the author has not edited (M7, W10).

`optin new` writes instructions: each title, description, paragraph and item that is left is one too many, in
whatever language. `optin init` writes a whole magnet that could be somebody's: it is left as it was only when
nothing in it was touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ruamel.yaml import YAML

from optin.consent.kind_part_lookup import PartsByKind
from optin.site.findings import Finding, shown_path
from optin.site.kind_front_matter_hooks import FilePart
from optin.site.magnet_life import MagnetStatus
from optin.site.model import Magnet, Site
from optin.site.starter_texts import magnet_starter, starter_languages, starter_path
from optin.site.toml_and_markdown_reader import Document, read_front_matter, read_text, texts_in

LEAST_WORDS = 3  # in the table of a kind: shorter answers are anybody's
_MOST_SHOWN = 60


@dataclass(frozen=True)
class Scaffold:
    """What `optin new` writes for a kind, in every language."""

    titles: frozenset[str]
    descriptions: frozenset[str]
    pieces: frozenset[str]  # paragraphs and items of the text
    values: frozenset[str]  # in the table of the kind
    files: frozenset[tuple[str, str]]  # beside it: name and text


def scaffold_texts(site: Site, kinds: PartsByKind[FilePart]) -> tuple[Finding, ...]:
    """Return a warning for each text of a site that is still the scaffold's: of its magnets, its statements.

    A draft may have some.
    """
    magnets = [magnet for magnet in site.magnets.values() if magnet.life.status is not MagnetStatus.DRAFT]
    found = (it for magnet in magnets for it in scaffold_texts_of(site, magnet, kinds[magnet.kind]))
    return tuple(sorted([*found, *scaffold_statements(site)]))


def scaffold_statements(site: Site) -> Iterator[Finding]:
    """Yield a warning for each privacy statement whose text is still the scaffold's, whatever its date."""
    for lang, statement in site.privacy.items():
        if statement.is_starter:
            message = f"The privacy statement in {lang!r} is still the one that optin init wrote."
            cure = "Read it, and adapt it to your company (GDPR 13)."
            yield Finding(statement.path, statement.line, 1, message, cure, "warning", "privacy-example")


def scaffold_texts_of(site: Site, magnet: Magnet, kind: FilePart) -> Iterator[Finding]:
    """Yield a warning for each text of a magnet that is still the scaffold's; its file is read again."""
    document = read_again(site, magnet)
    if document is None:
        return
    folder = Path(document.path).parent
    if _is_of_init(magnet, document):
        left = [(document.path, 1, "This magnet")]
    else:
        ours = _scaffold(magnet.kind, kind.folder)
        left = [(document.path, line, what) for line, what in _left(document, kind.table, ours)]
        left += [((folder / name).as_posix(), 1, "This file") for name in _files_left(magnet.folder, ours)]
    for name, line, what in left:
        message = f"{what} is still the example that optin wrote."
        cure = "Say it in your own words."
        yield Finding(name, line, 1, message, cure, "warning", "example", magnet.slug)


def read_again(site: Site, magnet: Magnet) -> Document | None:
    """Return the file of a magnet; None where it broke since the site was loaded (the next load says so)."""
    path = magnet.folder / "index.md"
    path = path if path.is_file() else magnet.folder / f"{magnet.slug}.md"
    document = read_front_matter(path, shown_path(path, site.root))
    return document if isinstance(document, Document) else None


def _left(document: Document, table: str, ours: Scaffold) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each text of a magnet's file that is the scaffold's."""
    for key, known in (("title", ours.titles), ("description", ours.descriptions)):
        if _plain(str(document.values.get(key, ""))) in known:
            yield document.place((key,))[0], f"The {key}"
    for where, value in texts_in(document.values.get(table, {}), (table,)):
        if _plain(value) in ours.values:
            yield document.place(where)[0], repr(value[:_MOST_SHOWN])
    for at, text in _pieces(document.body):
        if text in ours.pieces:
            yield document.body_line + at, repr(text[:_MOST_SHOWN])


def _files_left(folder: Path, ours: Scaffold) -> list[str]:
    """Return the names of the files of a magnet that are the scaffold's."""
    beside = [(folder / name, text) for name, text in ours.files]
    left = {path.name for path, text in beside if path.is_file() and read_text(path, path.name) == text}
    return sorted(left)


def _is_of_init(magnet: Magnet, document: Document) -> bool:
    """Return whether a magnet is what `optin init` wrote in some language, title and text."""
    for lang in starter_languages():
        first = read_front_matter(starter_path(lang, "tips.md"), "tips.md")
        if isinstance(first, Document) and first.values["title"] == magnet.title:
            return _plain(first.body) == _plain(document.body)
    return False


@lru_cache
def _scaffold(name: str, folder: Path | None) -> Scaffold:
    starts = [magnet_starter(name, folder, lang) for lang in starter_languages()]
    values = (text for start in starts for _, text in texts_in(YAML(typ="safe").load(start.table or "{}")))
    return Scaffold(
        frozenset(_plain(start.title) for start in starts),
        frozenset(_plain(start.description) for start in starts),
        frozenset(text for start in starts for _, text in _pieces(start.body)),
        frozenset(_plain(text) for text in values if "$" not in text and len(text.split()) >= LEAST_WORDS),
        frozenset(pair for start in starts for pair in start.files.items()),
    )


def _pieces(body: str) -> Iterator[tuple[int, str]]:
    """Yield the paragraphs and items of a text, on one line each, with the index of their first line.

    A heading is none: "What is inside" may stay.
    """
    begun, words = 0, ""
    for at, line in enumerate([*body.split("\n"), ""]):
        text = line.strip()
        goes_on = bool(text) and not text.startswith(("- ", "#"))
        if words and not goes_on:
            yield begun, _plain(words)
            words = ""
        if goes_on or text.startswith("- "):
            begun = begun if words else at
            words = f"{words} {text.removeprefix('- ')}"


def _plain(text: str) -> str:
    return " ".join(text.split())
