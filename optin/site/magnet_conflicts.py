"""Check magnets against each other: unique addresses, earlier addresses, languages (M4, M9)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from optin.consent.form_version import Slug
from optin.site.findings import Finding, Severity, nearest
from optin.site.model import Magnet
from optin.site.toml_and_markdown_reader import LineColumn, Path_

RESERVED = frozenset(
    "bounces confirm download may me place unsubscribe privacy log desk dev health metrics static".split()  # noqa: SIM905 - one line
)
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class MagnetReading:
    """The result of reading one file: a magnet unless it is broken, its findings, the places of its keys."""

    name: str
    slug: Slug
    magnet: Magnet | None
    findings: tuple[Finding, ...]
    places: Mapping[Path_, LineColumn] = field(
        default_factory=dict
    )  # of the keys that are looked at together
    is_draft: bool = False

    def finding(
        self, where: Path_, message: str, cure: str, code: str, severity: Severity = "error"
    ) -> Finding:
        """Return a finding at a key of this file."""
        line, column = self.places.get(where, (1, 1))
        return Finding(self.name, line, column, message, cure, severity, code, self.slug)


def combine_magnets(readings: Sequence[MagnetReading]) -> tuple[dict[Slug, Magnet], list[Finding]]:
    """Return the magnets that do not conflict with each other, and the findings about the others."""
    magnets: dict[Slug, Magnet] = {}
    sound: list[MagnetReading] = []
    findings: list[Finding] = []
    for reading in readings:
        if reading.magnet is None:
            continue
        if reading.slug in magnets:
            message = f"Two files make the page /{reading.slug}."
            findings.append(reading.finding((), message, "Rename one.", "slug"))
            continue
        magnets[reading.slug] = reading.magnet
        sound.append(reading)
    here = {reading.slug for reading in readings}
    findings += _earlier_names(sound, here)
    findings += _languages(sound, some_are_broken=len(sound) < len(readings))
    broken = {finding.slug for finding in findings if finding.severity == "error" and finding.code != "slug"}
    return {slug: magnet for slug, magnet in magnets.items() if slug not in broken}, findings


def _earlier_names(readings: Sequence[MagnetReading], here: set[Slug]) -> Iterator[Finding]:
    taken: dict[Slug, Slug] = {}
    for reading in readings:
        for place, old in enumerate(reading.magnet.was if reading.magnet else ()):
            where: Path_ = ("was", place)
            if SLUG.fullmatch(old) is None:
                cure = "Write it as in the address, without a slash: old-name."
                yield reading.finding(where, f"{old!r} cannot have been an address.", cure, "was")
            elif old in RESERVED:
                message = f"The address /{old} is optin's own."
                yield reading.finding(where, message, "Remove it.", "was")
            elif old == reading.slug:
                message = f"The magnet is at /{old} now."
                yield reading.finding(where, message, "Name only earlier addresses.", "was")
            elif old in here:
                message = f"There is another magnet at /{old}, so this address cannot redirect here."
                yield reading.finding(
                    where, message, "Rename that magnet, or remove the address here.", "was"
                )
            elif taken.setdefault(old, reading.slug) != reading.slug:
                message = f"/{old} leads to /{taken[old]} already."
                yield reading.finding(where, message, "List it in one of the two only.", "was")


def _languages(readings: Sequence[MagnetReading], *, some_are_broken: bool) -> Iterator[Finding]:
    groups: dict[str, dict[str, MagnetReading]] = {}
    twice: set[str] = set()
    for reading in readings:
        if reading.magnet is None or not reading.magnet.group:
            continue
        group, lang = reading.magnet.group, reading.magnet.lang
        members = groups.setdefault(group, {})
        other = members.setdefault(lang, reading)
        if other is not reading:
            twice.add(group)
            message = f"The group {group!r} has a page in {lang!r} already: /{other.slug}."
            cure = "One page for each language: give this one another group, or another lang."
            yield reading.finding(("group",), message, cure, "group")
    for group, members in groups.items():
        if len(members) == 1 and group not in twice and not some_are_broken:
            (reading,) = members.values()
            known = [name for name in groups if name != group]
            close = nearest(group, known)
            cure = close if close.startswith("Did") else "Give its translations the same group, or remove it."
            message = f"No other magnet is in the group {group!r}, so nothing is linked."
            yield reading.finding(("group",), message, cure, "group", "warning")
