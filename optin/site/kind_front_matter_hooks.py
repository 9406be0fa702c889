"""The hooks of a kind for its file: read and check front matter, offer a starter for a new magnet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from optin.consent.form_version import FormField
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.kind_specific_details import Details
from optin.consent.purpose import ConsentQuestion
from optin.site.findings import Finding
from optin.site.model import Magnet, Site
from optin.theme.kind_folders import KindFolders


@dataclass(frozen=True)
class Complaint:
    """A mistake that a kind finds: its place in the front matter, and the cure."""

    where: tuple[str | int, ...]
    message: str
    cure: str
    warning: bool = False
    code: str = "kind"
    of_the_whole: bool = False  # follows from the whole table: not said while a part of it is a stand-in


def no_site_findings(_site: Site) -> tuple[Finding, ...]:
    """Return no findings about a site."""
    return ()


def no_magnet_findings(_magnet: Magnet) -> tuple[Complaint, ...]:
    """Return no findings about a magnet."""
    return ()


def no_complaint(_questions: tuple[ConsentQuestion, ...]) -> Complaint | None:
    """Accept any consents, or none."""
    return None


@dataclass(frozen=True)
class TableReading:
    """The result of reading a kind's table: its details, unless a mistake prevents them."""

    details: Details | None = None
    complaints: tuple[Complaint, ...] = ()
    fields: tuple[FormField, ...] = ()  # what its form asks besides those of the front matter


def no_table(_table: Any, _folder: Path, _lang: str) -> TableReading:
    """Return an empty reading: the kind has no table of its own."""
    return TableReading()


def accept_answer(_answer: str) -> str:
    """Accept any answer."""
    return ""


@dataclass(frozen=True)
class Question:
    """A question of a kind to the author of a new magnet.

    The answer, in quotes unless it is `bare` (a number, a list), takes the place of $`name` in the starter
    text; the default where nobody was asked. `reason` says why an answer cannot be, or "" when it can.
    """

    name: str
    words: str
    default: str
    reason: Callable[[str], str] = accept_answer
    bare: bool = False


@dataclass(frozen=True)
class FilePart:
    """What a kind reads, checks and offers for a magnet's file; by default nothing of its own.

    `table` is the key of the front matter that is this kind's own, `model` what may stand in it; `read` turns
    it into details. It is given the table, the magnet's folder and its language; what comes of it may depend
    on nothing else, as a reading is used again until one of these changes (`Kept`). `insists` looks at the
    consents that a magnet asks, `check` at the whole magnet, `check_site` at all magnets beside each other.
    """

    about: str = ""  # what it is for, in a line, where kinds are chosen from
    hands_out_file: bool = False
    folder: Path | None = None  # of its templates, words and starter texts (`theme.kind_folders`)
    insists: Callable[[tuple[ConsentQuestion, ...]], Complaint | None] = no_complaint
    check_site: Callable[[Site], tuple[Finding, ...]] = no_site_findings
    check: Callable[[Magnet], tuple[Complaint, ...]] = no_magnet_findings
    table: str = ""
    model: type[BaseModel] | None = None
    forks: bool = False  # whether it has several pages with a form, one for each result
    read: Callable[[Any, Path, str], TableReading] = no_table
    questions: tuple[Question, ...] = ()  # asked on a terminal


def folders_of(kinds: PartsByKind[FilePart]) -> KindFolders:
    """Return the folders in which kinds keep templates, texts and starters."""

    def find(name: str) -> Path | None:
        return kinds[name].folder

    return PartsByKind(None, kinds.names, find, kinds.problem, kinds.package)
