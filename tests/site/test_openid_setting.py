"""`[desk.openid]` in optin.toml: what `check` refuses, with line and cure; no secret is ever printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.services.read_secret import SecretUnusable, read_secret
from optin.site.findings import Finding, as_text
from tests.own_site import add_settings
from tests.site.conftest import findings
from tests.web.conftest import site_at

SECRET = "GOCSPX-abcdef"
GOOD = """
[desk.openid]
issuer = "https://login.example.com/realms/staff"
client_id = "optin-desk"
label = "Example ID"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPTIN_OPENID_SECRET", SECRET)
    site_at(tmp_path / "site")
    return tmp_path / "site"


def found(site: Path, lines: str) -> list[Finding]:
    add_settings(site, lines)
    return findings(site)


def test_a_sound_provider_is_taken(site: Path) -> None:
    """K1: its keys are in the schema for editors."""
    assert found(site, GOOD) == []
    schema = json.loads(CliRunner().invoke(main, ["schema", "site"]).output)
    assert {"issuer", "client_id", "secret", "label"} == set(schema["$defs"]["OpenIdTable"]["properties"])


@pytest.mark.parametrize(
    ("old", "new", "says", "cure"),
    [
        ("https://", "http://", "The issuer uses http", "Write https://"),
        ("login.example.com", "localhost", "no https address with a public name", "login.example.com"),
        ("login.example.com", "10.0.0.7", "no https address with a public name", "login.example.com"),
        ("login.example.com/", "optin.example.com/", "this site itself", "login.example.com"),
        ("staff", "staff?a=b", "nothing may follow its path", "https://login.example.com"),
        (
            "staff",
            "staff/.well-known/openid-configuration",
            "not that of its description",
            "without /.well-known",
        ),
        ("client_id", "client", "client_id", ""),
        (
            'label = "Example ID"',
            'secret = "env:1 2"',
            "not the name of an environment variable",
            "env:OPTIN",
        ),
        ('label = "Example ID"', f'secret = "{SECRET}"', "neither env:NAME nor a file", "env:OPTIN_OPENID"),
        ('label = "Example ID"', 'secret = "optin.toml"', "Others can read the secret's file", "chmod 600"),
        ('label = "Example ID"', 'secret = "env:OPTIN_NOT"', "OPTIN_NOT is not set here", "where the server"),
    ],
)
def test_each_mistake_has_its_line_and_its_cure(site: Path, old: str, new: str, says: str, cure: str) -> None:
    """K1: what is wrong, where, and what to write instead."""
    wrong = GOOD.replace(old, new)
    found_here = found(site, wrong)
    text = as_text(found_here)
    assert says in text
    assert cure in text
    assert "optin.toml" in text
    assert SECRET not in text
    lines = (site / "optin.toml").read_text().splitlines()
    first = lines.index("[desk.openid]") + 1
    assert all(first <= it.line <= first + 5 for it in found_here)


def test_a_secret_that_is_not_set_is_a_warning_at_the_table(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K1: the server may know what this shell does not."""
    monkeypatch.delenv("OPTIN_OPENID_SECRET")
    (finding,) = found(site, GOOD)
    assert (finding.severity, finding.code) == ("warning", "variable")
    assert "OPTIN_OPENID_SECRET is not set here" in finding.message


def test_a_secret_in_a_file_is_read_where_its_owner_alone_reads_it(tmp_path: Path) -> None:
    """K1: with or without a line's end; else the message says what to run."""
    file = tmp_path / "openid.secret"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    assert read_secret(tmp_path, "secret", "openid.secret", "OPTIN_OPENID_SECRET") == SECRET
    file.chmod(0o640)
    with pytest.raises(SecretUnusable, match="chmod 600 openid"):
        read_secret(tmp_path, "secret", "openid.secret", "OPTIN_OPENID_SECRET")
    with pytest.raises(SecretUnusable, match="no usable secret in its file"):
        read_secret(tmp_path, "secret", "missing", "OPTIN_OPENID_SECRET")
