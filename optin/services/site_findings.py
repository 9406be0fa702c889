"""Every finding of a site's files, as `optin check` reports it: mistakes with their cures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from optin.consent.kind_part_lookup import OUR_PACKAGE
from optin.papers.check_papers import paper_findings
from optin.services.installed_kind_parts import KindParts
from optin.services.site_edition import Edition, load_edition, reused_date_warnings
from optin.site.closed_magnet_warning import closed_magnets
from optin.site.findings import Finding, kind_failed
from optin.site.privacy_statement_reader import statements_dated_ahead
from optin.site.unedited_starter_texts import scaffold_texts


def check_site(root: Path, kinds: KindParts, now: datetime) -> tuple[Edition | None, tuple[Finding, ...]]:
    """Load a site, drafts too, and return it with every finding. No edition when it cannot be made."""
    edition, findings = load_edition(root, kinds, with_drafts=True)
    if edition is not None:
        findings += (*closed_magnets(edition.site, now), *_by_kind(edition))
        findings += scaffold_texts(edition.site, edition.kinds.files)
        findings += paper_findings(edition.site, edition.site.day_of(now))
        findings += (*statements_dated_ahead(edition.site, now), *reused_date_warnings(edition))
    return edition, findings


def _by_kind(edition: Edition) -> Iterator[Finding]:
    """Yield the findings of kinds that compare their magnets with each other."""
    kinds = edition.kinds.files
    for kind in dict.fromkeys(it.kind for it in edition.site.magnets.values()):
        try:
            yield from kinds[kind].check_site(edition.site)
        except Exception as problem:
            if kinds.package(kind) == OUR_PACKAGE:
                raise
            yield Finding(
                "magnets", 1, 1, *kind_failed(kind, kinds.package(kind), problem), code="kind-broken"
            )
