"""Check the connected tools of processors: `connect` in `optin.toml` and its settings (W11)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from optin.consent.channel import declared_addresses
from optin.consent.form_version import EMAIL_FIELD
from optin.flows.exports.lead_columns import COLUMNS, SOURCE_COLUMN
from optin.settings.site import Processor, SiteSettings
from optin.settings.tools import MORE_COLUMNS, OWN_SERVERS, TOOL_NAMES, token_variable
from optin.site.findings import nearest
from optin.site.law_lint import Objection
from optin.site.secret_check import objections_to_secret
from optin.site.toml_and_markdown_reader import Path_
from optin.site.webhook_address_check import objections_to_server

At = tuple[Path_, Objection]
CODE = "connect"
_OF_A_TOOL = ("token", "server", "lists", "fields")


def objections_to_connector(
    root: Path, name: str, processor: Processor, settings: SiteSettings
) -> Iterator[At]:
    """Check one processor's tool: its name, lists, server and token, as far as no call is needed."""
    where: Path_ = ("processors", name)
    tool = processor.connect
    if not tool:
        for key in _OF_A_TOOL:
            if getattr(processor, key):
                message = f"{key!r} has no use without a connected tool."
                yield (*where, key), Objection(CODE, message, f'Write connect = "{min(TOOL_NAMES)}".')
        return
    if tool not in TOOL_NAMES:
        message = f"There is no connector for {tool!r}."
        yield (*where, "connect"), Objection(CODE, message, nearest(tool, sorted(TOOL_NAMES)))
        return
    yield from _to_lists(name, processor, settings)
    for objection in _to_server(processor, settings):
        yield (*where, "server"), objection
    for objection in objections_to_secret(root, "token", processor.token, token_variable(name), CODE):
        yield (*where, "token" if processor.token else "connect"), objection


def _to_lists(name: str, processor: Processor, settings: SiteSettings) -> Iterator[At]:
    where: Path_ = ("processors", name)
    if processor.webhook is not None:
        message = f"{name!r} has a webhook and a connected tool: it would receive everything twice."
        yield (*where, "connect"), Objection(CODE, message, "Keep one of the two.")
    if not processor.lists:
        message = f"No purpose has a list in {processor.connect}, so it receives no consents."
        cure = f"Write [processors.{name}.lists] with a line for each purpose."
        yield (*where, "connect"), Objection(CODE, message, cure)
    for value, count in Counter(processor.lists.values()).items():
        if count > 1:
            message = (
                f"Several purposes share the list {value!r}: who withdraws one leaves it for all of them."
            )
            yield (*where, "lists"), Objection(CODE, message, "Give each purpose a list of its own.")
    for purpose in processor.lists:
        if purpose not in settings.purposes:
            cure = nearest(purpose, [*settings.purposes])
            yield (*where, "lists", purpose), Objection(CODE, f"There is no purpose {purpose!r}.", cure)


def objections_to_columns(name: str, processor: Processor, form_fields: Collection[str]) -> Iterator[At]:
    """Check that `fields` names columns that exist."""
    known = [
        EMAIL_FIELD,
        *(it.field for it in declared_addresses()),
        *sorted(form_fields),
        *COLUMNS,
        *MORE_COLUMNS,
        SOURCE_COLUMN,
    ]
    for column in processor.fields:
        if column not in known:
            message = f"No export has a column {column!r}."
            yield ("processors", name, "fields", column), Objection(CODE, message, nearest(column, known))


def _to_server(processor: Processor, settings: SiteSettings) -> Iterator[Objection]:
    tool = processor.connect
    if processor.server and tool in OWN_SERVERS:
        yield from objections_to_server(processor.server, (settings.base_url, settings.pages_url))
    elif processor.server:
        yield Objection(CODE, f"optin knows the address of {tool}: it needs no server.", "Remove the line.")
    elif tool in OWN_SERVERS:
        message = f"You run {tool} yourselves, so its address is needed."
        yield Objection(CODE, message, 'Write server = "https://lists.example.com".')
