"""A site with every setting that papers tell of."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from optin.papers.activities import PaperSite
from optin.papers.paper_words import PaperWords
from optin.services.site_edition import Edition, load_edition
from tests.bases.shop import TOML
from tests.installed import KINDS
from tests.own_site import add_settings, own_site

DAY = date(2026, 11, 30)
SETTINGS = """
[purposes.follow-up-phone]
channel = "phone"
retention = "6 months"
text.nl = "Voorbeeld mag mij één keer bellen; vooraf afzeggen kan met de link die ik krijg."
text.en = "Example may call me once; I can cancel beforehand with the link I get."

[processors.crm]
name = "Klantenkaart B.V."
agreement = "2026-03-01, VD-7"
country = "NL"
task.nl = "houdt ons klantenbestand bij"
ends = 2028-02-29
document = "crm.pdf"

[processors.caller]
name = "Caller Inc."
agreement = "2026-03-01, VD-8"
country = "US"
safeguard = "standard-clauses"
webhook = { url = "https://caller.example.com/hook", purposes = ["follow-up-phone"] }

[processors.helper]
name = "Helper Ltd"
agreement = "2026-03-01, VD-9"
country = "JP"

[papers]
measures = ["=Onze mensen tekenen voor geheimhouding."]
recipients = ["Onze accountant"]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make the site."""
    root = own_site(tmp_path / "site")
    add_settings(root, SETTINGS)
    (root / "crm.pdf").write_bytes(b"%PDF-1.4")
    controller = '[controller]\nofficer = "FG, fg@example.com"\njoint = ["Zuster B.V."]\n'
    change(root, "[controller]", f"{controller}representative = 'Vertegenwoordiger S.A.'")
    return root


def change(root: Path, old: str, new: str, name: str = "optin.toml") -> None:
    """Change a file of the site."""
    text = (root / name).read_text("utf-8")
    assert old in text
    (root / name).write_text(text.replace(old, new), "utf-8")


def edition_of(root: Path) -> Edition:
    edition, findings = load_edition(root, KINDS)
    assert edition is not None, findings
    return edition


def paper_site(root: Path, lang: str = "nl", day: date = DAY) -> PaperSite:
    site = edition_of(root).site
    return PaperSite(site, KINDS.files, PaperWords(lang, site.settings.texts.get(lang, {})), day)


BASES = f"""{TOML}
[enquiries]
keep = "3 months"
"""


@pytest.fixture
def with_bases(root: Path) -> Path:
    """Let the site have customers, enquiries and documents, too."""
    add_settings(root, BASES)
    return root
