"""The pages of the editor, as values for their templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from optin.desk.desk_page import DeskPage
from optin.desk.editor.magnet_form import MagnetForm
from optin.site.edit_file import ChangedLine
from optin.site.findings import Finding


@dataclass(frozen=True)
class SwitchedOffView(DeskPage):
    """Editing is not switched on; how to do that."""

    template: ClassVar[str] = "desk/edit-off.html"


@dataclass(frozen=True)
class Consequences:
    """What saving does. `new_form`: another version of the form; `words`: boxes whose words change."""

    new_form: bool = False
    words: tuple[tuple[str, str], ...] = ()  # before, after
    lines: tuple[ChangedLine, ...] = ()


@dataclass(frozen=True)
class EditView(DeskPage):
    """The editor of one magnet. `form`: None for a file whose text alone can be edited.

    `state`: what just happened: saved, mistakes, stale, unreadable, undone, picture, or nothing.
    """

    slug: str
    title: str
    path: str
    digest: str
    text: str
    form: MagnetForm | None
    owners: tuple[str, ...] = ()
    state: str = ""
    sentence: str = ""  # of a refusal, in English
    findings: tuple[Finding, ...] = ()
    elsewhere: tuple[Finding, ...] = ()
    after: Consequences | None = None
    can_undo: bool = False
    unsaved: datetime | None = None  # when the reader typed what was not saved
    pictures: tuple[str, ...] = ()  # in the folder of the magnet
    template: ClassVar[str] = "desk/edit.html"


@dataclass(frozen=True)
class NewView(DeskPage):
    """The form of a new magnet, or of a copy of `copied`."""

    kinds: tuple[tuple[str, str], ...]
    langs: tuple[str, ...]
    typed: dict[str, str]
    copied: str = ""
    sentence: str = ""
    template: ClassVar[str] = "desk/edit-new.html"
