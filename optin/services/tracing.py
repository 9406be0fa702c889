"""Send traces of requests to a collector, by OpenTelemetry (O5): `pip install optin[otel]`.

A span holds the method, the pattern of the route, the status, and the names of flows: no address of anybody,
no path, no query, no header, and of an error its kind alone. What visitors send decides nothing about it: a
`traceparent` of theirs is not believed. The package is imported here alone, once traces are asked for.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from optin import __version__
from optin.services.spans import NoSpans, RequestSpan, Spans
from optin.settings.tracing import INSTALL, MISSING, TracingTable, is_installed

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

log = logging.getLogger("optin.tracing")
SEND_SECONDS = 3.0  # one attempt; a server that stops waits no longer for a collector that is gone
_FAULT = 500  # statuses from here on are the server's own


@contextmanager
def traced(table: TracingTable) -> Iterator[Spans]:
    """Send traces while the block runs, where they are asked for; a missing package is logged."""
    if not table.is_asked:
        yield NoSpans()
        return
    if not is_installed():
        log.warning("%s %s", MISSING, INSTALL)
        yield NoSpans()
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - it may be missing
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - same
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - same
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - same

    name = os.environ.get("OTEL_SERVICE_NAME") or "optin"
    resource = Resource.create({"service.name": name, "service.version": __version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    endpoint = f"{table.endpoint}/v1/traces" if table.endpoint else None
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint, timeout=SEND_SECONDS)))
    try:
        yield SentSpans(provider.get_tracer("optin", __version__))
    finally:
        provider.shutdown()


class SentSpans:
    """Begins spans of a tracer."""

    def __init__(self, tracer: Tracer) -> None:
        """Begin none yet."""
        self._tracer = tracer

    @contextmanager
    def request(self, method: str) -> Iterator[RequestSpan]:
        """Return the span of a request, which is the first of its trace."""
        from opentelemetry.context import Context  # noqa: PLC0415 - it may be missing
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 - same

        with self._tracer.start_as_current_span(
            method, Context(), SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            yield _SentRequest(span, method)

    @contextmanager
    def work(self, name: str) -> Iterator[object]:
        """Return the span of a piece of work; an error leaves its kind alone."""
        from opentelemetry.trace import StatusCode  # noqa: PLC0415 - it may be missing

        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as problem:
                span.set_attribute("error.type", type(problem).__name__)
                span.set_status(StatusCode.ERROR)
                raise


class _SentRequest:
    def __init__(self, span: Span, method: str) -> None:
        self._span, self._method = span, method

    def answered(self, route: str, status: int, request_id: str) -> None:
        """Say what was answered."""
        from opentelemetry.trace import StatusCode  # noqa: PLC0415 - it may be missing

        span = self._span
        span.update_name(f"{self._method} {route}")
        span.set_attribute("http.request.method", self._method)
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        if request_id:
            span.set_attribute("optin.request", request_id)
        if status >= _FAULT:
            span.set_status(StatusCode.ERROR)
