"""Writes the parts of docs/guide that the code knows best: keys, commands, messages, rules of the sweep.

`python -m tests.house.guide` (make docs). Above the marker a page is written by hand, below it by this.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from optin.app.main import main
from optin.consent.staff_role import Role
from optin.desk.all_routes import DESK_ROUTES
from optin.flows.request_policy import RequestPolicy
from optin.flows.retention.sweep_rules import sweep_rules
from optin.services.doctor.all_checks import CHECKS
from optin.site.json_schemas import magnet_schema, site_schema
from tests.house.messages import messages
from tests.house.requirements_table import ROOT
from tests.installed import COMMANDS, INSTALLED, KINDS

GUIDE = ROOT / "docs" / "guide"
REQUIREMENTS = re.compile(r" \((?:[A-Z]\d{1,2}(?:, )?)+\)")  # of ours; nothing to who writes a site
MARKER = "<!-- Below this line the page is written by `make docs` from the code. -->"


def page(name: str) -> str:
    """Return a page as it should be: its own head, our tail."""
    head, marker, _ = (GUIDE / name).read_text("utf-8").partition(MARKER)
    tail = "\n".join(GENERATED[name]())
    return f"{head}{marker}\n\n{tail.strip()}\n"


def key_rows(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that explain every key of a schema, table by table."""
    yield from _table(schema["properties"], schema.get("required", []), schema, "")


def _table(keys: dict[str, Any], needed: list[str], schema: dict[str, Any], above: str) -> Iterator[str]:
    rows, deeper = [], []
    for key, value in keys.items():
        name = f"{above}{key}"
        inner = _inner(value, schema)
        default = "" if isinstance(value.get("default"), dict | list) else value.get("default")
        shown = (
            "needed" if key in needed else f"`{json.dumps(default, ensure_ascii=False)}`" if default else ""
        )
        meaning = value.get("description") or (inner[1] if inner else {}).get("description", "")
        examples = ", ".join(
            f"`{json.dumps(it, ensure_ascii=False)}`" for it in value.get("examples", [])[:3]
        )
        if "enum" in value:
            examples = ", ".join(f"`{it}`" for it in value["enum"])
        rows.append(f"| `{name}` | {_cell(meaning)} | {_cell(shown)} | {_cell(examples)} |")
        if inner is not None:
            deeper.append((f"{name}{inner[0]}", inner[1]))
    yield from ("| Key | Meaning | Default | Such as |", "| --- | --- | --- | --- |", *rows, "")
    for name, table in deeper:
        yield from (f"## `{name.rstrip('.')}`", "", REQUIREMENTS.sub("", table["description"]), "")
        yield from _table(table["properties"], table.get("required", []), schema, name)


def _inner(value: dict[str, Any], schema: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return the table that a key leads to, and how its keys are named from there."""
    if "$ref" in value:
        return ".", schema["$defs"][value["$ref"].rpartition("/")[2]]
    ways = [("", it) for it in value.get("anyOf", ())]
    ways += [(name, value.get(key)) for name, key in (("[]", "items"), (".NAME", "additionalProperties"))]
    for name, way in ways:
        found = _inner(way, schema) if isinstance(way, dict) else None
        if found is not None:
            return f"{name}{found[0]}", found[1]
    return None


def _commands() -> Iterator[str]:
    context = click.Context(main, info_name="optin", obj=INSTALLED)
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        yield from _command(command, click.Context(command, context, info_name=name), "##")


def _command(command: click.Command, context: click.Context, heading: str) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield from (f"{heading} `{context.command_path}`", "", " ".join((command.help or "").split()), "")
    yield from ("```text", usage, "```", "")
    options = [it for it in command.params if isinstance(it, click.Option)]
    if options:
        yield from ("| Option | Meaning |", "| --- | --- |")
        yield from (_option(it, context) for it in options)
        yield ""
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _command(inner, click.Context(inner, context, info_name=name), "###")


def _option(option: click.Option, context: click.Context) -> str:
    extra = [option.help or ""]
    if isinstance(option.type, click.Choice):
        extra.append(f"One of {', '.join(f'`{it}`' for it in option.type.choices)}.")
    if option.required:
        extra.append("Needed.")
    default = option.get_default(context)
    if isinstance(default, str | int) and not isinstance(default, bool):
        extra.append(f"Default: `{default}`.")
    names = ", ".join(f"`{it}`" for it in option.opts)
    return f"| {names} | {_cell(' '.join(it for it in extra if it))} |"


def _messages() -> Iterator[str]:
    code = ""
    for it in messages():
        if it.code != code:
            code = it.code
            yield from ("", f"## `{code}`", "", "| Message | Cure | |", "| --- | --- | --- |")
        yield f"| {_cell(it.words)} | {_cell(it.cure)} | {it.severity} |"


def _sweep() -> Iterator[str]:
    policy = RequestPolicy(mail_domain="")
    yield from ("| Rule | What | Why | |", "| --- | --- | --- | --- |")
    for rule in sweep_rules(KINDS.flows):
        effect = "erases" if rule.erases else ""
        yield f"| `{rule.name}` | {_cell(rule.what)} | {_cell(rule.reason(policy))} | {effect} |"


def _code(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _cell(text: str) -> str:
    for sign, shown in (("|", "\\|"), ("<", "&lt;"), ("*", "\\*"), ("](", "\\](")):
        text = text.replace(sign, shown)
    return REQUIREMENTS.sub("", text)


# The lines that stand below the marker of each page.
def _desk() -> Iterator[str]:
    """Yield the table of the desk's pages and roles."""
    roles: dict[str, set[Role]] = {}
    fresh: set[str] = set()
    for it in DESK_ROUTES:
        roles.setdefault(it.path, set()).update(it.roles)
        fresh |= {it.path} if it.again else set()
    yield f"| Page | {' | '.join(Role)} | |"
    yield f"| --- | {' | '.join('---' for _ in Role)} | --- |"
    for path, who in sorted(roles.items()):
        ticks = " | ".join("yes" if it in who else "" for it in Role)
        yield f"| `/desk{path}` | {ticks} | {'fresh sign-in' if path in fresh else ''} |"


def _doctor() -> Iterator[str]:
    """Yield the table of the doctor's checks, by part."""
    part = ""
    for it in CHECKS:
        if it.part != part:
            part = it.part
            yield from (
                "",
                f"## {part}",
                "",
                "| Check | What holds when it passes | Why | |",
                "| --- | --- | --- | --- |",
            )
        start = f"also at the start{', refuses' if it.fatal else ''}" if it.at_start else ""
        yield f"| `{it.name}` | {_cell(it.what)} | {_cell(it.why)} | {start} |"


GENERATED: Mapping[str, Callable[[], Iterator[str]]] = {
    "commands.md": _commands,
    "desk.md": _desk,
    "doctor.md": _doctor,
    "front-matter.md": lambda: key_rows(magnet_schema(KINDS.files)),
    "messages.md": _messages,
    "optin-toml.md": lambda: key_rows(site_schema()),
    "sweep.md": _sweep,
}


def write(folder: Path) -> None:
    """Write every page anew."""
    for name in GENERATED:
        (folder / name).write_text(page(name), "utf-8")


if __name__ == "__main__":
    write(GUIDE)
