"""init, new, schema: a page up in ten minutes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.cli import COMMANDS
from optin.consent.form_version import Slug
from optin.site.load_site import load_site
from optin.site.starter_texts import magnet_starter, site_starter
from optin.theme.languages import languages
from tests.installed import KINDS


def run(*words: str) -> tuple[int, str, str]:
    """Run a command."""
    outcome = CliRunner().invoke(main, list(words))
    assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.exception
    return outcome.exit_code, outcome.stdout, outcome.stderr


@pytest.mark.parametrize("kind", KINDS.files.names())
@pytest.mark.parametrize("lang", languages())
def test_a_new_magnet_of_each_kind_passes_the_check(tmp_path: Path, kind: str, lang: str) -> None:
    """M2, M7, M9: `init` and `new` make what `check` accepts; a placeholder is a warning."""
    site = str(tmp_path / "site")
    assert run("init", site, "--lang", lang)[0] == 0
    assert run("new", kind, "my-magnet", "--lang", lang, "--site", site)[0] == 0
    assert run("check", "--site", site)[0] == 0
    loaded = load_site(Path(site), KINDS.files)
    assert loaded.site is not None
    assert set(loaded.site.magnets) == {"tips", "my-magnet"}
    expected = ["placeholder"] * (2 if KINDS.files[kind].hands_out_file else 1)  # the controller, the file
    assert [finding.code for finding in loaded.findings] == expected


@pytest.mark.parametrize("lang", languages())
def test_a_new_site_speaks_the_language_that_was_asked_for(tmp_path: Path, lang: str) -> None:
    """M7, M9: its statement, its magnet, its box and its new magnets; no word of another language."""
    site = tmp_path / "site"
    assert run("init", str(site), "--lang", lang)[0] == 0
    assert run("check", "--site", str(site))[0] == 0
    loaded = load_site(site, KINDS.files)
    assert [finding.code for finding in loaded.findings] == ["placeholder"]
    assert loaded.site is not None
    assert loaded.site.settings.languages == tuple(loaded.site.privacy) == (lang,)
    assert loaded.site.controller.name == site_starter(lang).company
    assert loaded.site.settings.controller.country == site_starter(lang).country
    assert {magnet.lang for magnet in loaded.site.magnets.values()} == {lang}
    assert [dict(purpose.text) for purpose in loaded.site.settings.purposes.values()] == [
        {lang: site_starter(lang).tips}
    ]
    for kind in KINDS.files.names():
        assert run("new", kind, f"my-{kind}", "--site", str(site))[0] == 0
    again = load_site(site, KINDS.files).site
    assert again is not None
    for kind in KINDS.files.names():
        assert again.magnets[Slug(f"my-{kind}")].title == magnet_starter(kind, None, lang).title


def test_a_new_site_may_speak_several_languages(tmp_path: Path) -> None:
    """M7, M9: the first is the site's own; each has its statement; without a choice, Dutch and English."""
    site = tmp_path / "site"
    assert run("init", str(site), "--lang", "fr", "--lang", "de", "--lang", "fr")[0] == 0
    loaded = load_site(site, KINDS.files)
    assert [finding.code for finding in loaded.findings] == ["placeholder"]
    assert loaded.site is not None
    assert loaded.site.settings.languages == ("fr", "de")
    assert [magnet.lang for magnet in loaded.site.magnets.values()] == ["fr"]
    assert run("init", str(tmp_path / "plain"))[0] == 0
    plain = load_site(tmp_path / "plain", KINDS.files).site
    assert plain is not None
    assert plain.settings.languages == ("nl", "en")
    assert run("init", str(tmp_path / "other"), "--lang", "xx")[0] == 2


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    """M7: a folder with something in it, a magnet that is there: refused with a sentence."""
    site = tmp_path / "site"
    run("init", str(site))
    code, _, error = run("init", str(site))
    assert (code, "not empty" in error) == (1, True)
    code, _, error = run("new", "newsletter", "tips", "--site", str(site))
    assert (code, "already exists" in error) == (1, True)
    code, _, error = run("new", "newsletter", "Bad Name", "--site", str(site))
    assert (code, "a-z" in error) == (1, True)
    code, _, error = run("new", "newsletter", "confirm", "--site", str(site))
    assert code == 1
    code, _, error = run("new", "newsletter", "x", "--lang", "fr", "--site", str(site))
    assert (code, "no language" in error) == (1, True)


def test_misuse_is_told_from_refusal(tmp_path: Path) -> None:
    """M4: status 2 for a command that makes no sense, 1 for a site that is wrong."""
    assert run("new", "nonsense", "x", "--site", str(tmp_path))[0] == 2
    assert run("check", "--site", str(tmp_path))[0] == 2
    (tmp_path / "optin.toml").write_text("nonsense", "utf-8")
    assert run("check", "--site", str(tmp_path))[0] == 1
    assert run("new", "newsletter", "x", "--site", str(tmp_path))[0] == 1


def test_the_schema_names_every_key_with_its_meaning() -> None:
    """M6: JSON Schema of front matter and optin.toml, for completion in an editor."""
    magnet = json.loads(run("schema")[1])
    assert set(magnet["required"]) == {"kind", "lang", "title", "description"}
    assert magnet["properties"]["kind"]["enum"] == list(KINDS.files.names())
    assert magnet["additionalProperties"] is False
    site = json.loads(run("schema", "site")[1])
    assert {"controller", "sender", "purposes"} <= set(site["properties"])
    assert "description" in site["$defs"]["Purpose"]["properties"]["retention"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command: str) -> None:
    """M4: help for each command."""
    code, out, _ = run(command, "--help")
    assert code == 0
    assert len(out.splitlines()) > 3
