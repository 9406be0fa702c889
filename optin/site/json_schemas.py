"""The JSON Schemas of front matter and `optin.toml`, for completion and checks in editors (M6).

They say what a file may hold. What `check` knows beyond that (files that are there, the law) they do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.retention_period import RetentionPeriod
from optin.settings.site import MARK, SiteSettings
from optin.site.front_matter import MagnetFile, magnet_file
from optin.site.kind_front_matter_hooks import FilePart
from optin.site.magnet_reader import KNOWN_FIELDS
from optin.site.measure_pictures import PICTURE_ENDINGS
from optin.site.model import Site
from optin.site.referenced_files import FILE_ENDINGS
from optin.theme.catalogue import catalogue
from optin.theme.languages import languages

DIALECT = "http://json-schema.org/draft-07/schema#"  # what every editor knows


def magnet_schema(kinds: PartsByKind[FilePart], site: Site | None = None) -> dict[str, Any]:
    """Return the schema of a magnet's front matter; a site adds its languages, purposes and texts."""
    known = dict(kinds.items())
    tables = ((kind.table, kind.model) for kind in known.values())
    schema = _schema(magnet_file(tuple((key, model) for key, model in tables if model is not None)))
    keys, entry = schema["properties"], schema["$defs"]["PurposeEntry"]["properties"]
    _offer(keys["kind"], {name: kind.about for name, kind in known.items()})
    langs = languages() if site is None else site.settings.languages
    schema["$defs"]["FieldEntry"]["properties"]["name"]["examples"] = [*KNOWN_FIELDS]
    keys["lang"]["enum"] = [*langs]
    keys["texts"] = {**keys["texts"], **_words(langs[0])}
    if site is not None:
        offered: dict[str, str] = {
            name: f"By {purpose.channel.value}. {next(iter(purpose.text.values()), '')}".strip()
            for name, purpose in site.settings.purposes.items()
        }
        named = next(it for it in keys["purposes"]["items"]["anyOf"] if it.get("type") == "string")
        _offer(named, offered)
        _offer(entry["id"], offered)
    _end_with(keys["file"], FILE_ENDINGS)
    _end_with(schema["$defs"]["PictureEntry"]["properties"]["file"], PICTURE_ENDINGS)
    schema["allOf"] = [_of_kind([name for name, kind in known.items() if kind.hands_out_file], "file")]
    schema["allOf"] += [_of_kind([name], kind.table) for name, kind in known.items() if kind.table]
    return schema


def site_schema(model: type[SiteSettings] = SiteSettings) -> dict[str, Any]:
    """Return the schema of `optin.toml`."""
    schema = _schema(model)
    for node in [*_nodes(schema)]:
        match node.pop(MARK, ""):
            case "language":
                node["enum"] = [*languages()]
            case "each language":
                node["properties"] = dict.fromkeys(languages(), node["additionalProperties"])
                node["additionalProperties"] = False
            case "own words":
                node["properties"] = {lang: {"type": "object", **_words(lang)} for lang in languages()}
                node["additionalProperties"] = False
    return schema


def _schema(model: type[MagnetFile | SiteSettings]) -> dict[str, Any]:
    schema = {"$schema": DIALECT, **model.model_json_schema(schema_generator=_Generator)}
    for node in [*_nodes(schema)]:
        if "type" in node and node.get("default", "") is None:
            del node["default"]  # nothing, of a value that is a text wherever it is written
    return schema


class _Generator(GenerateJsonSchema):
    """Writes the default of a period in the form used in files."""

    def encode_default(self, dft: Any) -> Any:
        return dft.text if isinstance(dft, RetentionPeriod) else super().encode_default(dft)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for it in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _nodes(it)


def _offer(value: dict[str, Any], choices: Mapping[str, str]) -> None:
    """Let editors offer `choices`, each with its meaning."""
    value["enum"] = [*choices]
    value["enumDescriptions"] = [*choices.values()]  # not of the standard; editors show it


def _words(lang: str) -> dict[str, Any]:
    """Return the keys of texts that a site may replace, each with ours."""
    texts = catalogue(lang if lang in languages() else "en")
    return {
        "properties": {key: {"type": "string", "description": texts[key]} for key in sorted(texts)},
        "additionalProperties": False,
    }


def _end_with(value: dict[str, Any], endings: Iterable[str]) -> None:
    """Accept file names with one of these endings, in lower or upper case."""
    known = [*endings]
    signs = "|".join("".join(f"[{it}{it.upper()}]" if it.isalpha() else it for it in end) for end in known)
    value["pattern"] = rf"^$|\.({signs})$"
    value["patternErrorMessage"] = f"Supported file types: {', '.join(known)}."  # not of the standard either


def _of_kind(names: list[str], needed: str) -> dict[str, Any]:
    """State that these kinds require a key."""
    of_these = {"properties": {"kind": {"enum": names}}, "required": ["kind"]}
    return {"if": of_these, "then": {"required": [needed]}}
