"""Load everything that requests and mails need before the first one arrives.

A server that has used up its file descriptors, or whose disk is away for a moment, must still confirm and
withdraw: what it would read then for the first time, it could not read.
"""

from __future__ import annotations

import encodings.idna
import encodings.punycode
from importlib import import_module
from zoneinfo import ZoneInfo

import phonenumbers

from optin.consent.retention_period import RetentionPeriod
from optin.services.site_edition import Edition
from optin.theme.zones import load_zone

# libraries load these when they first meet a name that is not ASCII
NAMES = (encodings.idna.__name__, encodings.punycode.__name__, "idna.uts46data", "babel.dates")
CRAWLERS = "crawleruseragents"  # reads its list from a file
TIME_STAMPS = "rfc3161_client"

_kept: set[ZoneInfo] = set()  # zoneinfo itself forgets what nobody holds, and would read it again


def load_everything(edition: Edition) -> None:
    """Read templates, catalogues, time zones and telephone numbering plans into memory."""
    magnets = edition.site.magnets.values()
    edition.theme.load_templates({it.kind for it in magnets})
    languages = edition.theme.languages
    for lang in languages:
        edition.theme.wording(lang).period(RetentionPeriod.parse("1 day"))
    zones = (it.details.zones for it in magnets if it.details is not None)
    for zone in frozenset({edition.theme.zone}).union(*zones):
        _kept.update(load_zone(zone, languages))
    late = (name for kind in {it.kind for it in magnets} for name in edition.kinds.mails[kind].modules)
    stamps = (TIME_STAMPS,) if edition.site.settings.log.timestamp else ()
    for name in (*NAMES, CRAWLERS, *stamps, *late):
        import_module(name)
    phonenumbers.PhoneMetadata.load_all()
