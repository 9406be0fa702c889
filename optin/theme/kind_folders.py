"""Templates and texts in a kind's own folder.

templates/                          known to all templates as kinds/NAME/…
locale/LANG/LC_MESSAGES/optin.po    its sentences by key, in English at least
starter/LANG.md, starter/LANG/      what a new magnet says, and files beside it (see `site.starter_texts`)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from jinja2 import BaseLoader, Environment, FileSystemLoader, TemplateNotFound

from optin.consent.kind_part_lookup import PartsByKind
from optin.theme.catalogue import Sentence, texts_of

KindFolders: TypeAlias = PartsByKind[Path | None]
NO_FOLDERS: KindFolders = PartsByKind(None)
_ENGLISH = "en"


def kind_words(folder: Path | None, lang: str) -> Mapping[str, str]:
    """Return a kind's sentences in a language; in English when it lacks that language."""
    source = _source(folder, lang)
    return {} if source is None else texts_of(source)


def words_of_all(folders: KindFolders, lang: str) -> Mapping[str, Sentence]:
    """Return the sentences of every installed kind that has a folder."""
    sources = (_source(folder, lang) for _, folder in folders.items())
    return {
        key: Sentence(text, source)
        for source in sources
        if source is not None
        for key, text in texts_of(source).items()
    }


def _source(folder: Path | None, lang: str) -> Path | None:
    """Return the file that says a kind's sentences in a language, or in English."""
    if folder is None:
        return None
    found = (folder / "locale" / it / "LC_MESSAGES" / "optin.po" for it in (lang, _ENGLISH))
    return next((path for path in found if path.is_file()), None)


class KindLoader(BaseLoader):
    """Finds `kinds/NAME/…` in the folder of the kind NAME."""

    def __init__(self, folders: KindFolders) -> None:
        """Load from these folders."""
        self._folders = folders

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str, Callable[[], bool] | None]:
        """Read a template. Raises TemplateNotFound."""
        first, _, rest = template.partition("/")
        kind, _, name = rest.partition("/")
        folder = self._folders[kind] if first == "kinds" and name else None
        if folder is None:
            raise TemplateNotFound(template)
        return FileSystemLoader(folder / "templates").get_source(environment, name)

    def list_templates(self) -> list[str]:
        """Return no names: the kinds in use are not known here."""
        return []


def templates_of(folders: KindFolders, kind: str) -> list[str]:
    """Return a kind's templates by name."""
    folder = folders[kind]
    found = [] if folder is None else FileSystemLoader(folder / "templates").list_templates()
    return [f"kinds/{kind}/{it}" for it in found]
