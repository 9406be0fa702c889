"""A tool in optin.toml: what `check` refuses, what `connect` says, and that no token is ever printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.consent.form_version import Slug
from optin.export.connectors.installed import TOOLS
from optin.flows.exports.lead_columns import COLUMNS
from optin.flows.exports.queue_webhook_messages import CallResult, ReceiverAnswer, record_answer
from optin.services import tool_connection
from optin.services.open_installation import open_installation
from optin.services.site_edition import keep_edition, load_edition
from optin.services.tool_connection import account_of
from optin.settings.tools import OWN_SERVERS, TOOL_NAMES
from optin.site.findings import Finding, as_text
from optin.store.registered_webhooks import keep_webhooks
from optin.web.site_reload import changed_settings
from tests.flows.test_webhooks import Told
from tests.installed import KINDS
from tests.listmonk import TOKEN, FakeListmonk, listmonk
from tests.own_site import add_settings
from tests.site.conftest import findings, run
from tests.web.conftest import site_at
from tests.world import TIPS, World

HOOK = 'webhook = { url = "https://a.example.com/", purposes = ["tips-email"] }\n'
GOOD = """connect = "listmonk"
server = "https://lists.example.com"
lists = { tips-email = "36" }
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTIN_TOKEN_CRM", TOKEN)
    site_at(tmp_path / "site")
    return tmp_path / "site"


def connected(site: Path, lines: str = GOOD) -> list[Finding]:
    """Give the processor of the site a tool; return what is wrong."""
    add_settings(site, lines)
    return findings(site)


def test_the_settings_know_exactly_the_tools_that_there_are() -> None:
    """W11: the names that check accepts are those of the connectors; COLUMNS are those of an export."""
    assert set(TOOLS) == TOOL_NAMES
    assert OWN_SERVERS <= TOOL_NAMES
    assert all(tool.name == name for name, tool in TOOLS.items())
    assert len(set(COLUMNS)) == len(COLUMNS)


def test_a_sound_tool_is_taken(site: Path) -> None:
    """W11, M6: purposes come from its lists; the keys are in the schema for editors."""
    assert connected(site, GOOD + 'fields = { consent_text = "words", first_name = "FIRST" }\n') == []
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    assert edition.policy.webhooks == {"crm": frozenset({"tips-email"})}
    schema = json.loads(CliRunner().invoke(main, ["schema", "site"]).output)
    assert {"connect", "token", "server", "lists", "fields"} <= set(
        schema["$defs"]["Processor"]["properties"]
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"listmonk"', '"listmonc"', "There is no connector for 'listmonc'"),
        ('"listmonk"', '""', "'server' has no use without a connected tool"),
        ("tips-email", "tips-mail", "There is no purpose 'tips-mail'"),
        ('lists = { tips-email = "36" }', "", "No purpose has a list in listmonk"),
        ('server = "https://lists.example.com"', "", "You run listmonk yourselves"),
        ("https://lists", "http://lists", "The server is no https address"),
        ("lists.example.com", "localhost", "The server is no https address"),
        ("lists.example.com", "10.0.0.5:9000", "The server is no https address"),
        ("lists.example.com", "listmonk.internal", "The server is no https address"),
        ("https://", "https://me:secret@", "The server is no https address"),
        ("lists.example.com", "optin.example.com", "The server is no https address"),
        ("lists.example.com", "lists.example.com/?a=1", "nothing may follow its path"),
        ('"36"', '"36", follow-up-phone = "36"', "share the list '36'"),
        ("lists =", f"{HOOK}lists =", "receive everything twice"),
        ("lists =", 'fields = { consent_txt = "w" }\nlists =', "No export has a column 'consent_txt'"),
        ("lists =", 'token = "user:abcdefSECRET"\nlists =', "neither env:NAME nor a file"),
        ("lists =", 'token = "../token"\nlists =', "neither env:NAME nor a file"),
        ("lists =", 'token = "env:A B"\nlists =', "is not the name of an environment variable"),
        ("lists =", 'token = "env:OPTIN_NOT_SET"\nlists =', "OPTIN_NOT_SET is not set here"),
        ('"36"', '""', "'tips-email' is empty"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_where_it_stands(site: Path, old: str, new: str, says: str) -> None:
    """W11, M4: with its line and a cure; what may be a token is never repeated."""
    findings = connected(site, GOOD.replace(old, new, 1))
    text = as_text(findings)
    assert says in text
    assert "SECRET" not in text
    assert all(it.line > 1 and it.cure for it in findings)
    assert {it.severity for it in findings} == {"warning" if "NOT_SET" in new else "error"}


def test_the_nearest_name_is_offered(site: Path) -> None:
    """W11, M4: of a tool, a purpose, a column."""
    (finding,) = connected(site, GOOD.replace("listmonk", "listmnk"))
    assert "listmonk" in finding.cure


def test_a_key_file_is_read_only_when_nobody_else_can(site: Path) -> None:
    """W11, S4: as the DKIM key; check and the server say so alike."""
    path = site / "listmonk.token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o644)
    (finding,) = connected(site, GOOD + 'token = "listmonk.token"\n')
    assert (finding.message, finding.cure) == (
        "Others can read the token's file.",
        "Run: chmod 600 listmonk.token",
    )
    path.chmod(0o600)
    edition, findings = load_edition(site, KINDS)
    assert edition is not None
    assert findings == ()
    crm = edition.site.settings.processors["crm"]
    account = account_of("crm", crm, edition.site.root)
    assert account.token == TOKEN
    assert TOKEN not in repr(account)


def test_a_change_of_the_tool_needs_a_restart(site: Path) -> None:
    """W10, W11: lanes are made at the start, so that an edited list is said to wait for one."""
    connected(site)
    before, _ = load_edition(site, KINDS)
    text = (site / "optin.toml").read_text()
    (site / "optin.toml").write_text(text.replace('"36"', '"37"'))
    after, _ = load_edition(site, KINDS)
    assert before is not None
    assert after is not None
    assert changed_settings(before.site.settings, after.site.settings) == ["processors"]


@pytest.fixture
def fake(site: Path, monkeypatch: pytest.MonkeyPatch) -> FakeListmonk:
    """Let `connect` reach a listmonk of this machine, which no setting allows."""
    made = FakeListmonk()
    connected(site)
    monkeypatch.setattr(tool_connection, "VettedClient", lambda **_: made.client())
    monkeypatch.setattr(type(TOOLS["listmonk"]), "address", lambda *_: f"{made.server}/api")
    return made


def test_connect_checks_token_and_lists(site: Path, tmp_path: Path, fake: FakeListmonk) -> None:
    """W11: a sentence for each list; otherwise exit 1, what is wrong, and never the token."""
    with listmonk(tmp_path / "tls", fake):
        done = run(site, "connect", "crm")
        assert (done.exit_code, done.output) == (0, "crm (listmonk): token and lists work (tips-email)\n")
        assert run(site, "connect").output == done.output
        fake.token = "another:one"
        refused = run(site, "connect", "crm")
        assert refused.exit_code == 1
        assert "crm (listmonk): status 403" in refused.output
        fake.token = TOKEN
        del fake.lists[36]
        gone = run(site, "connect", "crm")
        assert gone.exit_code == 1
        assert "there is no list 36" in gone.output
    unknown = run(site, "connect", "cmr")
    assert unknown.exit_code == 1
    assert "is not a processor with a tool in optin.toml" in unknown.output
    assert TOKEN not in refused.output + gone.output + unknown.output
    assert all(it.method == "GET" for it in fake.said), "it tells of nobody"


def test_the_officer_sees_whom_a_tool_refused(site: Path) -> None:
    """W11, E5, R1: counts and reasons in exports; a person's own in subject show, as on /me."""
    connected(site)
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    with open_installation(edition.site.settings, edition.policy, KINDS) as installation:
        installation.write(keep_webhooks, addresses={"crm": "x"})
        form = edition.publication.forms[Slug("paper")]
        world = World(installation.store, installation.vault, installation.clock(), form, edition.policy)
        keep_edition(installation.store, edition, installation.clock())
        world.join("alice@example.com", TIPS)
        (call,) = Told(world).claim()
        refused = CallResult(ReceiverAnswer.REFUSED, "blocklisted in listmonk")
        world.do(record_answer, notice=call.notice, reply=refused, now=world.now)
    listed = run(site, "exports").output
    assert "crm by listmonk: told of 1 people; 0 messages wait, 1 were given up." in listed
    assert "1 refused by crm: blocklisted in listmonk" in listed
    shown = run(site, "subject", "show", "alice@example.com", "--why", "she called").output
    assert "blocklisted in listmonk" in shown
    exported = run(site, "subject", "export", "alice@example.com", "--why", "x", "--out", "-").output
    assert '"why": "blocklisted in listmonk"' in exported


def test_connect_says_what_is_missing(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W11: no token; a server that leads into this machine is not called."""
    none = "No processor in optin.toml has a connected tool: write connect = … below one.\n"
    assert run(site, "connect").output == none
    connected(site)
    monkeypatch.delenv("OPTIN_TOKEN_CRM")
    refused = run(site, "connect", "crm")
    assert refused.exit_code == 1
    assert "no usable token in the environment variable OPTIN_TOKEN_CRM" in refused.output
