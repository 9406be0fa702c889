"""The registry of kinds: our own, and those of other packages by the entry point group `optin.kinds`.

The name of an entry point is the kind's name. A kind is imported when something asks for it by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from optin.cli.installed_kinds import InstalledKinds
from optin.consent.kind_part_lookup import OUR_PACKAGE, KindProblem, PartsByKind
from optin.consent.kind_specific_details import DetailsPart
from optin.consent.status_transitions import EventKind
from optin.flows.kind_desk_hooks import DeskPart
from optin.flows.kind_flow_hooks import FlowPart
from optin.kinds.kind import API, Kind
from optin.mail.kind_mail_hooks import MailPart
from optin.services.installed_kind_parts import KindParts
from optin.site.front_matter import MagnetFile
from optin.site.kind_front_matter_hooks import FilePart
from optin.site.kind_page_hooks import PagesPart
from optin.store.kind_tables import TablesPart
from optin.web.kind_route_hooks import RoutesPart

GROUP = "optin.kinds"
OLDEST_API = API  # of kinds that still work
OURS: Mapping[str, str] = {
    "white-paper": "optin.kinds.download:WHITE_PAPER",
    "tip-booklet": "optin.kinds.download:TIP_BOOKLET",
    "checklist": "optin.kinds.download:CHECKLIST",
    "newsletter": "optin.kinds.newsletter:NEWSLETTER",
    "webinar": "optin.kinds.webinar:WEBINAR",
    "quiz": "optin.kinds.quiz:QUIZ",
    "prize-draw": "optin.kinds.prize_draw:PRIZE_DRAW",
}
P = TypeVar("P")


@dataclass
class KindRegistry:
    """The kinds in this Python environment, imported when needed."""

    _loaded: dict[str, Kind | KindProblem] = field(default_factory=dict)

    @cached_property
    def _others(self) -> Mapping[str, EntryPoint]:
        """Return the kinds of other packages; none may take a name of ours."""
        found = sorted(entry_points(group=GROUP), key=lambda it: (it.name, it.value))
        return {it.name: it for it in found if it.name not in OURS}

    def names(self) -> tuple[str, ...]:
        """Return the name of every installed kind: ours first."""
        return (*OURS, *self._others)

    def kind(self, name: str) -> Kind | None:
        """Return a kind; None when it is not installed or cannot be used."""
        found = self._find(name)
        return found if isinstance(found, Kind) else None

    def problem(self, name: str) -> KindProblem | None:
        """Return why an installed kind cannot be used."""
        found = self._find(name)
        return found if isinstance(found, KindProblem) else None

    def package(self, name: str) -> str:
        """Return the package of a kind, with its version."""
        return _package(self._others[name]) if name in self._others else OUR_PACKAGE

    def part(self, name: str, part: str) -> Any:
        """Return one part of a kind by the part's name; None when the kind cannot be used."""
        kind = self.kind(name)
        return None if kind is None else getattr(kind, part)

    def parts(self, default: P, part: str) -> PartsByKind[P]:
        """Return one part of each kind. In another process, the kinds are imported again."""
        return PartsByKind(default, self.names, partial(self.part, part=part), self.problem, self.package)

    def __getstate__(self) -> dict[str, object]:
        """Leave imported kinds out when pickling."""
        return {"_loaded": {}}

    def commands(self) -> Mapping[str, str]:
        """Return the commands of all kinds; the first kind keeps a contested name."""
        found: dict[str, str] = {}
        for kind in filter(None, map(self.kind, self.names())):
            found = {**kind.commands, **found}
        return found

    def _find(self, name: str) -> Kind | KindProblem | None:
        if name not in self._loaded:
            entry = EntryPoint(name, OURS[name], GROUP) if name in OURS else self._others.get(name)
            if entry is None:
                return None
            self._loaded[name] = _load(entry)
        return self._loaded[name]


def _package(entry: EntryPoint) -> str:
    return OUR_PACKAGE if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"


def _load(entry: EntryPoint) -> Kind | KindProblem:
    """Import a kind. An error in its package is that kind's problem alone."""
    package = _package(entry)
    try:
        kind = entry.load()
    except Exception as problem:  # noqa: BLE001 - it is another's program, and may raise anything
        message = f"The kind {entry.name!r} of {package} cannot be imported: {problem!r}."
        return KindProblem(entry.name, package, message, f"Repair or update {package}, or remove it.")
    if not isinstance(kind, Kind) or kind.name != entry.name:
        message = f"{entry.value} of {package} is not the kind {entry.name!r}."
        return KindProblem(entry.name, package, message, f"Let {package} name its kind in {GROUP}.")
    if not OLDEST_API <= kind.api <= API:
        message = f"The kind {entry.name!r} of {package} is for version {kind.api} of the parts of kinds."
        cure = f"Install a version of {package} for {OLDEST_API} to {API}."
        return KindProblem(entry.name, package, message, cure)
    if taken := sorted(kind.flows.events & set(EventKind)):
        message = f"The kind {entry.name!r} of {package} logs an event {taken[0]!r}, a name of optin's."
        return KindProblem(entry.name, package, message, f"Let {package} give its events names of their own.")
    if kind.file.table in MagnetFile.model_fields:
        message = f"The kind {entry.name!r} of {package} has a table {kind.file.table!r}, a key of optin."
        return KindProblem(entry.name, package, message, f"Let {package} give its table a name of its own.")
    return kind


def installed_kinds() -> InstalledKinds:
    """Return the installed kinds. Nothing is imported yet."""
    kinds = KindRegistry()
    return InstalledKinds(
        KindParts(
            files=kinds.parts(FilePart(), "file"),
            details=kinds.parts(DetailsPart(), "details"),
            pages=kinds.parts(PagesPart(), "pages"),
            flows=kinds.parts(FlowPart(), "flows"),
            mails=kinds.parts(MailPart(), "mails"),
            tables=kinds.parts(TablesPart(), "tables"),
            desks=kinds.parts(DeskPart(), "desk"),
        ),
        kinds.parts(RoutesPart(), "routes"),
        kinds.commands,
    )
