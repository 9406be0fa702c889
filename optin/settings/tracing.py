"""The table of `optin.toml` about traces of requests (O5)."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from optin.settings.table_model import Stripped, Table

# what the standard names (opentelemetry.io/docs/specs/otel/protocol/exporter)
_OURS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_OFF = "OTEL_SDK_DISABLED"
_PACKAGES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")
MISSING = "Traces are asked for, and the package that sends them is missing."
INSTALL = "Run: pip install 'optin[otel]'"


def is_installed() -> bool:
    """Return whether the package that sends traces is there."""
    try:
        return all(find_spec(it) is not None for it in _PACKAGES)
    except ModuleNotFoundError:  # of a parent
        return False


def _http_address(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        kind, message = "address", "must begin with http:// or https://"
        raise PydanticCustomError(kind, message)
    return text.rstrip("/")


class TracingTable(Table):
    """Traces of requests, sent to a collector of OpenTelemetry; needs the package optin[otel]."""

    endpoint: Annotated[Stripped, AfterValidator(_http_address)] = Field(
        default="",
        description=(
            "Address of the collector (OTLP over HTTP). Empty: none, unless OTEL_EXPORTER_OTLP_ENDPOINT names"
            " one."
        ),
        examples=["http://127.0.0.1:4318"],
    )

    @property
    def is_asked(self) -> bool:
        """Whether traces are sent, by this table or the standard's own variables."""
        if os.environ.get(_OFF, "").strip().lower() == "true":
            return False
        return bool(self.endpoint or any(os.environ.get(name) for name in _OURS))
