"""The JSON Schemas of front matter and `optin.toml`, for completion and checks in an editor (M6).

They say what a file may hold. What `check` knows beyond that (files that are there, the law) they do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from optin.consent.parts_by_kind import PartsByKind
from optin.consent.purpose import Channel
from optin.site.file_models import MagnetFile, SiteFile
from optin.site.files import FILE_ENDINGS
from optin.site.kind_file import FilePart
from optin.site.magnet_reader import KNOWN_FIELDS
from optin.site.model import Site
from optin.site.pictures import PICTURE_ENDINGS
from optin.theme.catalogue import catalogue
from optin.theme.languages import languages

DIALECT = "http://json-schema.org/draft-07/schema#"  # what every editor knows
_EXAMPLES: Mapping[tuple[str, str], list[Any]] = {
    ("", "base_url"): ["https://tips.example.com"],
    ("", "store"): ["sqlite:///var/optin.db", "postgresql://user:password@db.example.com/optin"],
    ("", "mail"): ["smtp://user:password@mail.example.com:587", "smtps://mail.example.com:465"],
    ("", "time_zone"): ["Europe/Amsterdam", "America/New_York"],
    ("", "title"): ["Ten tips for a first call"],
    ("", "description"): ["Ten short tips that you can use in your very next call."],
    ("", "file"): ["my-paper.pdf"],
    ("ControllerTable", "country"): ["NL", "BE", "DE", "FR", "GB"],
    ("ControllerTable", "email"): ["privacy@example.com"],
    ("SenderTable", "address"): ["tips@example.com"],
    ("LookTable", "colour"): ["#0b5d4b", "#1d4ed8"],
    ("LookTable", "typeface"): ["sans", "serif", "Poppins"],
    ("LookTable", "favicon"): ["favicon.svg"],
    ("ProxyTable", "trusted"): [["127.0.0.1"], ["10.0.0.0/8"]],
    ("LogTable", "timestamp"): ["https://tsa.example.com/tsr"],
    ("PurposeTable", "retention"): ["24 months", "6 months"],
    ("PurposeTable", "ask_again"): ["30 days"],
    ("UnconfirmedTable", "keep"): ["7 days", "14 days"],
    ("UnconfirmedTable", "link"): ["72 hours", "7 days"],
    ("RetentionTable", "magnet"): ["24 months", "6 months"],
    ("RetentionTable", "proof"): ["5 years", "36 months"],
    ("RetentionTable", "backups"): ["3 months", "4 weeks"],
    ("PersonalTable", "link"): ["1 hour"],
    ("SweepTable", "clock_jump"): ["1 day", "12 hours"],
    ("DownloadTable", "link"): ["7 days", "30 days"],
    ("LogTable", "timestamp_every"): ["24 hours", "7 days"],
    ("ProcessorTable", "agreement"): ["2026-03-01, reference DPA-7"],
    ("FieldEntry", "name"): [*KNOWN_FIELDS],
    ("FieldEntry", "why"): ["So that we can call you by your name."],
    ("PictureEntry", "file"): ["cover.png"],
    ("PictureEntry", "alt"): ["The cover: two people at a table."],
}


def magnet_schema(kinds: PartsByKind[FilePart], site: Site | None = None) -> dict[str, Any]:
    """Return the schema of a magnet's front matter; a site adds its languages, purposes and words."""
    schema = _schema(MagnetFile)
    keys, entry = schema["properties"], schema["$defs"]["PurposeEntry"]["properties"]
    known = dict(kinds.items())
    _offer(keys["kind"], {name: kind.about for name, kind in known.items()})
    langs = languages() if site is None else site.languages
    keys["lang"]["enum"] = [*langs]
    keys["texts"] = {**keys["texts"], **_words(langs[0])}
    if site is not None:
        offered: dict[str, str] = {
            purpose.id: f"By {purpose.channel.value}. {next(iter(purpose.wording.values()), '')}".strip()
            for purpose in site.purposes.values()
        }
        named = next(it for it in keys["purposes"]["items"]["anyOf"] if it.get("type") == "string")
        _offer(named, offered)
        _offer(entry["id"], offered)
    _end_with(keys["file"], FILE_ENDINGS)
    _end_with(schema["$defs"]["PictureEntry"]["properties"]["file"], PICTURE_ENDINGS)
    schema["allOf"] = [_of_kind([name for name, kind in known.items() if kind.hands_out_file], "file")]
    schema["allOf"] += [_of_kind([name], kind.table) for name, kind in known.items() if kind.table]
    return schema


def site_schema() -> dict[str, Any]:
    """Return the schema of `optin.toml`."""
    schema = _schema(SiteFile)
    keys, tables = schema["properties"], schema["$defs"]
    keys["languages"]["items"]["enum"] = [*languages()]
    tables["PurposeTable"]["properties"]["channel"]["enum"] = [kind.value for kind in Channel]
    tables["LookTable"]["properties"]["colour"]["pattern"] = "^#[0-9a-fA-F]{6}$"
    for words in (
        tables["PurposeTable"]["properties"]["text"],
        tables["ErasureTable"]["properties"]["consequences"],
        keys["privacy"],
    ):
        words["properties"] = dict.fromkeys(languages(), words["additionalProperties"])
        words["additionalProperties"] = False
    keys["texts"]["properties"] = {lang: {"type": "object", **_words(lang)} for lang in languages()}
    keys["texts"]["additionalProperties"] = False
    return schema


def _schema(model: type[MagnetFile | SiteFile]) -> dict[str, Any]:
    schema = model.model_json_schema()
    tables = {"": schema, **schema.get("$defs", {})}
    for (table, key), examples in _EXAMPLES.items():
        if key in tables.get(table, {}).get("properties", ()):
            tables[table]["properties"][key]["examples"] = examples
    return {"$schema": DIALECT, **schema}


def _offer(value: dict[str, Any], choices: Mapping[str, str]) -> None:
    """Let an editor offer `choices`, each with its meaning."""
    value["enum"] = [*choices]
    value["enumDescriptions"] = [*choices.values()]  # not of the standard; editors show it


def _words(lang: str) -> dict[str, Any]:
    """Return the keys that a site may say in its own words, each with ours."""
    texts = catalogue(lang if lang in languages() else "en")
    return {
        "properties": {key: {"type": "string", "description": texts[key]} for key in sorted(texts)},
        "additionalProperties": False,
    }


def _end_with(value: dict[str, Any], endings: Iterable[str]) -> None:
    """Take file names with one of these endings, in small letters or capitals."""
    known = [*endings]
    signs = "|".join("".join(f"[{it}{it.upper()}]" if it.isalpha() else it for it in end) for end in known)
    value["pattern"] = rf"^$|\.({signs})$"
    value["patternErrorMessage"] = f"Known endings: {', '.join(known)}."  # not of the standard either


def _of_kind(names: list[str], needed: str) -> dict[str, Any]:
    """Say that these kinds need a key."""
    of_these = {"properties": {"kind": {"enum": names}}, "required": ["kind"]}
    return {"if": of_these, "then": {"required": [needed]}}
