"""People who signed up some time ago, in the store that a site names."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from optin.consent.form_version import Slug
from optin.services.installation import Installation
from optin.services.site_edition import Edition, keep_edition, load_edition
from tests.installed import KINDS
from tests.web.conftest import site_at
from tests.world import World


def edition_on(store_url: str, root: Path) -> Edition:
    """Make a site whose store is `store_url`."""
    site_at(root)
    config = root / "optin.toml"
    config.write_text(f'store = "{store_url}"\n' + config.read_text("utf-8"), "utf-8")
    edition, _ = load_edition(root, KINDS)
    assert edition is not None
    return edition


def people_of(installation: Installation, edition: Edition, ago: timedelta) -> World:
    """Keep the edition, and return the world of its white paper as it was `ago`."""
    keep_edition(installation.store, edition, installation.clock())
    form = edition.publication.forms[Slug("paper")]
    return World(installation.store, installation.vault, installation.clock() - ago, form, edition.policy)
