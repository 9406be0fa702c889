"""The JSON Schemas hold what `check` takes, refuse what it refuses, and say what each key means.

Here they are applied by jsonschema to front matter as ruamel.yaml reads it, so that no test needs node.
`make editor` asks a YAML language server the same.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from optin.app.main import main
from optin.site.json_schemas import magnet_schema, site_schema
from optin.site.load_site import load_site
from optin.site.scaffold import make_magnet
from tests.house.requirements_table import ROOT
from tests.installed import KINDS
from tests.site.conftest import FRONT

SOUND: dict[str, Any] = {**FRONT, "purposes": ["tips-email"]}
WRONG: dict[str, dict[str, Any]] = {
    "an unknown kind": {"kind": "poem"},
    "an unknown language": {"lang": "xx"},
    "a language that the site lacks": {"lang": "fr"},
    "an unknown purpose": {"purposes": ["nonsense"]},
    "an unknown purpose in words of its own": {"purposes": [{"id": "nonsense", "text": "Mail mij."}]},
    "a purpose ticked beforehand": {"purposes": [{"id": "tips-email", "text": "Mail mij.", "checked": True}]},
    "purposes that are no list": {"purposes": "tips-email"},
    "a key that nobody knows": {"titel": "Brief"},
    "no title": {"title": None},
    "an empty title": {"title": ""},
    "a kind that needs a file": {"kind": "checklist"},
    "a file of a foreign ending": {"kind": "checklist", "file": "x.exe"},
    "a field without a reason": {"fields": [{"name": "company"}]},
    "a field with signs": {"fields": [{"name": "My field", "why": "x", "label": "x"}]},
    "a picture without words": {"picture": {"file": "x.png"}},
    "a text that nobody knows": {"texts": {"form.nonsense": "x"}},
}


def front_matter(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text("utf-8").split("---\n")[1])


def mistakes(schema: dict[str, Any], value: Any) -> list[str]:
    Draft7Validator.check_schema(schema)
    return [mistake.message for mistake in Draft7Validator(schema).iter_errors(value)]


def keys_of(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for table, part in {"": schema, **schema["$defs"]}.items():
        for key, value in part.get("properties", {}).items():
            yield f"{table}.{key}", value


def test_what_the_repository_and_new_magnets_hold_passes_the_schema(site: Path) -> None:
    """M6: a schema that finds fault with a sound file would be switched off within a day."""
    own = load_site(ROOT, KINDS.files).site
    assert own is not None
    for magnet in own.magnets.values():
        alone = ROOT / "magnets" / f"{magnet.slug}.md"
        path = alone if alone.exists() else magnet.folder / "index.md"
        assert mistakes(magnet_schema(KINDS.files, own), front_matter(path)) == [], path
    assert mistakes(site_schema(), tomllib.loads((ROOT / "optin.toml").read_text("utf-8"))) == []
    assert mistakes(site_schema(), tomllib.loads((site / "optin.toml").read_text("utf-8"))) == []
    new = load_site(site, KINDS.files).site
    assert new is not None
    for kind in KINDS.files.names():
        path = make_magnet(new, KINDS.files, kind, f"my-{kind}", "nl")[0]
        assert mistakes(magnet_schema(KINDS.files, new), front_matter(path)) == [], path
        assert mistakes(magnet_schema(KINDS.files), front_matter(path)) == [], path


@pytest.mark.parametrize("name", WRONG)
def test_the_schema_refuses(site: Path, name: str) -> None:
    """M6: what `check` would refuse for its shape alone is seen while it is typed."""
    known = load_site(site, KINDS.files).site
    schema = magnet_schema(KINDS.files, known)
    assert mistakes(schema, SOUND) == []
    value = {key: it for key, it in {**SOUND, **WRONG[name]}.items() if it is not None}
    assert mistakes(schema, value) != []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('channel = "email"', 'channel = "pigeon"'),
        ("[sender]", "[sander]"),
        ('languages = ["nl", "en"]', 'languages = ["xx"]'),
        ("text.nl", "text.xx"),
        ('colour = "#', 'colour = "green'),
    ],
)
def test_the_schema_of_the_site_refuses(site: Path, old: str, new: str) -> None:
    """M6: the same for optin.toml."""
    text = (site / "optin.toml").read_text("utf-8")
    assert old in text
    assert mistakes(site_schema(), tomllib.loads(text.replace(old, new))) != []


@pytest.mark.parametrize("schema", [magnet_schema(KINDS.files), site_schema()], ids=["magnet", "site"])
def test_every_key_says_what_it_means(schema: dict[str, Any]) -> None:
    """M6: whoever stands on a key reads what it is for, at the key or at the table it leads to."""
    for name, value in keys_of(schema):
        leads = [value, *value.get("anyOf", ())]
        tables = [schema["$defs"][it["$ref"].rpartition("/")[2]] for it in leads if "$ref" in it]
        assert any(it.get("description", "").endswith((".", "…", "FOLDER")) for it in [value, *tables]), name


def test_an_editor_offers_what_the_site_has(site: Path) -> None:
    """M6: kinds, languages, purposes with their words, our own texts under their keys."""
    made = json.loads(CliRunner().invoke(main, ["schema", "--site", str(site)]).stdout)
    keys = made["properties"]
    assert keys["kind"]["enum"] == list(KINDS.files.names())
    assert all(keys["kind"]["enumDescriptions"])
    assert keys["lang"]["enum"] == ["nl", "en"]
    named = keys["purposes"]["items"]["anyOf"][0]
    assert named["enum"] == ["tips-email"]
    assert named["enumDescriptions"][0].startswith("By email. Stuur mij elke maand")
    assert keys["texts"]["properties"]["form.jump"]["description"] == "Naar het formulier"
    assert keys["title"]["examples"]


def test_a_broken_site_still_has_a_schema(site: Path, tmp_path: Path) -> None:
    """M4, M6: completion goes on while optin.toml is being mended; a folder that is no site is misuse."""
    (site / "optin.toml").write_text("nonsense", "utf-8")
    done = CliRunner().invoke(main, ["schema", "--site", str(site)])
    assert done.exit_code == 0
    assert "has errors" in done.stderr
    assert "enum" not in json.loads(done.stdout)["properties"]["purposes"]["items"]["anyOf"][0]
    assert CliRunner().invoke(main, ["schema", "--site", str(tmp_path)]).exit_code == 2
