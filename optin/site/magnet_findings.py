"""The findings about one magnet, each with its place in the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from optin.consent.form_version import Slug
from optin.site.findings import Finding, Severity
from optin.site.kind_front_matter_hooks import Complaint
from optin.site.law_lint import Objection
from optin.site.toml_and_markdown_reader import Document, Path_


class MagnetFindings:
    """Collects the findings about the magnet at `slug`, in the file `name`.

    `document`: the file, once it is read; `vouches`: whether a value is as its author wrote it.
    """

    def __init__(self, name: str, slug: Slug) -> None:
        """Begin without findings."""
        self.name, self.slug = name, slug
        self.found: list[Finding] = []
        self.document = Document(name, {}, lambda _: (1, 1))
        self.vouches: Callable[[Path_], bool] = lambda _: True

    def add(self, finding: Finding) -> None:
        """Add a finding."""
        self.found.append(replace(finding, slug=self.slug))

    def say(
        self, where: Path_ | int, message: str, cure: str, severity: Severity = "error", code: str = "magnet"
    ) -> None:
        """Add a finding at a value of the front matter, or at a line of the file."""
        if isinstance(where, int):
            self.add(Finding(self.name, where, 1, message, cure, severity, code))
            return
        if self.vouches(where):
            self.add(self.document.finding(where, message, cure, severity=severity, code=code))

    def complain(self, it: Complaint) -> None:
        """Add a kind's complaint."""
        self.say(it.where, it.message, it.cure, "warning" if it.warning else "error", it.code)

    def object_at(self, where: Path_, it: Objection) -> None:
        """Add an objection of the law's rules."""
        self.say(where, it.message, it.cure, "warning" if it.warning else "error", it.code)
