"""What `optin check` says of [bounces] in optin.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from optin.services.site_edition import load_edition
from tests.installed import KINDS
from tests.own_site import add_settings, own_site


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[bounces.webhooks.ses]\nprovider = "ses"\n', "no ARN of a topic"),
        ('[bounces.webhooks.ses]\nprovider = "ses"\ntopic = "bounces"\n', "no ARN of a topic"),
        ('[bounces.webhooks.grid]\nprovider = "sendgrid"\n', "there is none"),
        ('[bounces.webhooks."a/b"]\nprovider = "ses"\n', "cannot stand in an address"),
        ('[bounces.webhooks.mailgun]\nprovider = "mailgun"\n', "OPTIN_BOUNCES_MAILGUN is not set here"),
        ('[bounces.webhooks.m]\nprovider = "mailgun"\nsecret = "word"\n', "neither env:NAME nor a file"),
        ('[bounces.webhooks.m]\nprovider = "other"\n', ""),
    ],
)
def test_a_webhook_that_cannot_work_is_told(tmp_path: Path, table: str, said: str) -> None:
    """M4, O6: with what is missing; a secret is never repeated."""
    root = own_site(tmp_path / "site")
    add_settings(root, f"\n{table}")
    _, findings = load_edition(root, KINDS)
    texts = [it.message for it in findings]
    assert any(said in it for it in texts), texts
    assert texts
