"""A setting is named once, in its table: type, default, meaning. All else is made from that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, Field, ValidationError

from optin.settings.installation import Settings, environment_name
from optin.settings.site import Limits, SiteSettings
from optin.site.json_schemas import site_schema
from optin.site.toml_and_markdown_reader import Document
from optin.site.validation_messages import validated
from tests.house.guide import key_rows
from tests.house.requirements_table import ROOT
from tests.house.test_guide import keys_of, tables_in

REQUIRED = {
    "controller": {"name": "Voorbeeld B.V.", "address": ["Straat 1"], "email": "a@example.com"},
    "sender": {"name": "Voorbeeld", "address": "a@example.com"},
}


class MoreLimits(Limits):
    """How many sign-ups are taken, and a setting that optin does not have."""

    per_moon: int = Field(default=7, ge=1, description="Forms in a lunar month.", examples=[9])


class MoreSettings(SiteSettings):
    """`optin.toml` with a setting more."""

    limits: MoreLimits = MoreLimits()


def document(**values: object) -> Document:
    return Document("optin.toml", {**REQUIRED, **values}, lambda _: (1, 1))


def test_a_new_setting_is_one_line_and_its_reader() -> None:
    """M4, M6: from its table come the value, the default, the refusal, the schema and the guide."""
    read = validated(MoreSettings, document(limits={"per_moon": 9}))
    assert (read.findings, read.written.limits.per_moon) == ((), 9)
    assert validated(MoreSettings, document()).written.limits.per_moon == 7
    [refused] = validated(MoreSettings, document(limits={"per_moon": 0})).findings
    assert refused.message.startswith("'per_moon' must be")
    [misspelt] = validated(MoreSettings, document(limits={"per_mon": 9})).findings
    assert "per_moon" in misspelt.cure
    assert "| `limits.per_moon` | Forms in a lunar month. | `7` | `9` |" in [
        *key_rows(site_schema(MoreSettings))
    ]


def tables(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    seen = [model]
    for table in seen:
        yield table
        for value in table.model_fields.values():
            seen += [it for it in tables_in(value.annotation) if it not in seen]


def test_no_default_is_said_twice() -> None:
    """M4: the code names a default where its setting stands, and nowhere else."""
    said: Counter[str] = Counter()
    fields = [it for table in tables(SiteSettings) for it in table.model_fields.values()]
    defaults = {it.default for it in fields if isinstance(it.default, str) and "var/" in it.default}
    assert len(defaults) == 5
    for path in sorted((ROOT / "optin").rglob("*.py")):
        text = path.read_text("utf-8")
        said.update({value: text.count(f'default="{value}"') for value in defaults})
        assert path.parent.name == "settings" or not any(f'= "{it}"' in text for it in defaults), path
    assert set(said.values()) == {1}


def test_nobody_changes_a_setting() -> None:
    """O2: what was read is what everybody reads."""
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.store = "sqlite:///else.db"
    for table in tables(SiteSettings):
        assert table.model_config["frozen"], table
        assert not [it for it in table.model_fields.values() if "list[" in str(it.annotation)], table


def test_the_environment_overrides_every_setting_of_an_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """O1: none has to be listed for it."""
    for name in Settings.model_fields:
        monkeypatch.setenv(environment_name(name), f"https://{name}.example/")
        assert getattr(Settings().read_at(ROOT), name).rstrip("/") == f"https://{name}.example"
    assert set(Settings.model_fields) < set(keys_of(SiteSettings))
