"""A magnet of a kind as `optin new` writes it, for kinds of which the site has none yet."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from optin.consent.kind_part_lookup import PartsByKind
from optin.errors import RequestRefused
from optin.site.kind_front_matter_hooks import FilePart
from optin.site.loading_cache import ReadingCache
from optin.site.magnet_folder import read_magnets
from optin.site.magnet_reader import KnownReferences
from optin.site.model import Magnet, Site
from optin.site.scaffold import AlreadyThere, make_magnet
from optin.theme.theme import Theme

SLUG = "sample"


def starter_magnet(site: Site, theme: Theme, kinds: PartsByKind[FilePart], kind: str, lang: str) -> Magnet:
    """Return a new magnet of a kind with its starter text. The site's folder is not touched.

    Raises RequestRefused with the reason when the site cannot have one yet, such as for want of a purpose.
    """
    around = KnownReferences(
        kinds=kinds,
        purposes=site.settings.purposes,
        languages=site.settings.languages,
        label=lambda of, name: theme.text(of, f"field.{name}"),
        zone=ZoneInfo(site.time_zone),
        link_hosts=site.settings.links.hosts,
    )
    with tempfile.TemporaryDirectory() as folder:
        elsewhere = replace(site, root=Path(folder).resolve())
        try:
            make_magnet(elsewhere, kinds, kind, SLUG, lang)
        except AlreadyThere as problem:
            raise RequestRefused(str(problem)) from None
        found = read_magnets(elsewhere.root, around, ReadingCache())
    magnet = next(iter(found.magnets.values()), None)
    if magnet is None:
        raise RequestRefused(found.findings[0].message if found.findings else kind)
    return magnet
