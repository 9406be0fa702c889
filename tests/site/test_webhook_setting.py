"""A webhook in optin.toml: what `check` refuses, and how its secret is handed over."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.consent.form_version import Slug
from optin.consent.webhook_message import WebhookKind, signed_headers
from optin.keys import KeyRing, load_keys
from optin.services.open_installation import open_installation
from optin.services.site_edition import keep_edition, load_edition
from optin.site.findings import Finding, as_text
from optin.store.encryption import Vault
from optin.store.registered_webhooks import keep_webhooks
from optin.store.webhook_outbox import stop_webhook
from tests.flows.test_webhooks import Told
from tests.house.requirements_table import ROOT
from tests.installed import KINDS
from tests.own_site import add_settings
from tests.site.conftest import findings, run
from tests.web.conftest import site_at
from tests.world import TIPS, World

GOOD = 'webhook = { url = "https://hooks.example.net/optin?k=1", purposes = ["tips-email"] }\n'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site_at(tmp_path / "site")
    return tmp_path / "site"


def hooked(site: Path, line: str = GOOD) -> list[Finding]:
    """Give the processor of the site a webhook; return what is wrong."""
    add_settings(site, line)
    return findings(site)


def test_a_sound_webhook_is_taken(site: Path) -> None:
    """E7, M6: address and purposes; both are in the schema for editors."""
    assert hooked(site) == []
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    assert edition.policy.webhooks == {"crm": frozenset({"tips-email"})}
    schema = json.loads(CliRunner().invoke(main, ["schema", "site"]).output)
    assert set(schema["$defs"]["Webhook"]["properties"]) == {"url", "purposes"}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://hooks.example.net/", "https only"),
        ("ftp://hooks.example.net/", "https only"),
        ("https://user:password@hooks.example.net/", "credentials"),
        ("https://token@hooks.example.net/", "credentials"),
        ("https://127.0.0.1/", "not a public name"),
        ("https://8.8.8.8/", "not a public name"),
        ("https://[::1]/", "not a public name"),
        ("https://[::ffff:10.0.0.1]:8443/", "not a public name"),
        ("https://10.1/", "not a public name"),
        ("https://0x7f.0x1/", "not a public name"),
        ("https://2130706433/", "not a public name"),
        ("https://localhost/", "not a public name"),
        ("https://LOCALHOST./", "not a public name"),
        ("https://crm.localhost/", "not a public name"),
        ("https://crm/", "not a public name"),
        ("https://crm.internal/hook", "not a public name"),
        ("https://crm.local/", "not a public name"),
        ("https://crm.home.arpa/", "not a public name"),
        ("https://a..example.net/", "not a public name"),
        ("https://optin.example.com/paper", "would call itself"),
        ("https://OPTIN.example.com.:8443/paper", "would call itself"),
        ("https://pages.example.com/", "would call itself"),
        ("https://", "not an address"),
        ("hooks.example.net", "not an address"),
        ("https://hooks.example.net:0/", "not an address"),
        ("https://hooks.example.net:99999/", "not an address"),
        ("https://[bad/", "not an address"),
        ("https://hooks.example.net/a b", "not an address"),
        ("https://hööks.example.net/", "not an address"),
    ],
)
def test_an_address_that_no_webhook_goes_to_is_refused(site: Path, url: str, says: str) -> None:
    """E7, M4: not https, private, with credentials, or the site itself; with its line and a cure."""
    text = (site / "optin.toml").read_text()
    (site / "optin.toml").write_text('pages_url = "https://pages.example.com"\n' + text)
    found = hooked(site, f'webhook = {{ url = "{url}", purposes = ["tips-email"] }}\n')
    assert [it.code for it in found] == ["webhook"], as_text(found)
    assert says in found[0].message
    assert found[0].cure
    assert "password" not in found[0].message or "password" not in url
    lines = (site / "optin.toml").read_text().splitlines()
    assert found[0].line == len(lines)
    assert run(site, "check").exit_code == 1


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (GOOD.replace("tips-email", "tip-email"), "webhook", "Did you mean 'tips-email'?"),
        (GOOD.replace('["tips-email"]', "[]"), "empty", "Ids of the purposes"),
        (GOOD.replace(', purposes = ["tips-email"]', ""), "key-missing", "Ids of the purposes"),
        (GOOD.replace("purposes", "purpose"), "key", "Did you mean 'purposes'?"),
        (GOOD.replace('["tips-email"]', '"tips-email"'), "type", "Write a list: [tips-email]."),
        ('webhook = "https://hooks.example.net/"\n', "type", "Write a table of keys."),
        ("webhook = {}\n", "key-missing", "An https address"),
    ],
)
def test_a_mistake_in_it_has_its_cure(site: Path, line: str, code: str, says: str) -> None:
    """E7, M4: unknown purpose, none at all, a typo: each with what to write."""
    found = [it for it in hooked(site, line) if it.code == code]
    assert found
    assert found[0].path == "optin.toml"
    assert says in found[0].cure


def test_the_secret_is_printed_for_the_processor(site: Path) -> None:
    """E7, S2: each has its own; after a rotation the new one is printed, and the one before still signs."""
    hooked(site)
    secret = run(site, "keys", "webhook", "crm").output.strip()
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    assert run(site, "keys", "webhook", "crm").output.strip() == secret
    wrong = run(site, "keys", "webhook", "crn")
    assert wrong.exit_code == 1
    assert "Did you mean 'crm'?" in wrong.output
    assert "its new secret" in run(site, "keys", "rotate").output
    ring = load_keys("var/keys.json", site)
    assert ring is not None
    newer = run(site, "keys", "webhook", "crm").output.strip()
    known = [base64.b64encode(it).decode() for it in Vault(ring).webhook_secrets("crm")]
    assert known == [newer.removeprefix("whsec_"), secret.removeprefix("whsec_")]
    assert set(Vault(ring).webhook_secrets("other")).isdisjoint(Vault(ring).webhook_secrets("crm"))
    assert len(Vault(ring.rotated()).webhook_secrets("crm")) == 2


def test_keys_from_before_there_were_webhooks_have_one() -> None:
    """E7, S2: an old key file reads as ever, and always gives the same secret."""
    plain = json.loads(KeyRing.fresh("serve").as_json())
    del plain["webhook"]
    first, second = (KeyRing.from_json(json.dumps(plain)) for _ in range(2))
    assert first.webhook == second.webhook
    assert KeyRing.from_json(first.as_json()) == first


def test_the_officer_sees_how_it_stands(site: Path) -> None:
    """E7, E5: of how many people a processor was told, what waits, and that it wants no more."""
    hooked(site)
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        installation.write(keep_webhooks, addresses={"crm": "x"})
        form = edition.publication.forms[Slug("paper")]
        world = World(installation.store, installation.vault, installation.clock(), form, edition.policy)
        keep_edition(installation.store, edition, installation.clock())
        world.join("alice@example.com", TIPS)
        assert Told(world).hear() == ["consent.confirmed"]
        world.join("bob@example.com", TIPS)
        waiting = run(site, "exports").output
        assert "crm by webhook: told of 1 people; 1 messages wait, 0 were given up." in waiting
        installation.write(stop_webhook, processor="crm", now=world.now)
    assert "0 messages wait, 1 were given up; it answered 410" in run(site, "exports").output


def test_the_page_names_every_kind_and_header() -> None:
    """E7: what is sent is told, and the page is linked."""
    page = (ROOT / "docs" / "webhooks.md").read_text("utf-8")
    assert "(docs/webhooks.md)" in (ROOT / "README.md").read_text("utf-8")
    assert all(f"`{kind.value}`" in page for kind in WebhookKind)
    assert all(f"`{name}`" in page for name in signed_headers([b""], "msg_1", 0, b""))
