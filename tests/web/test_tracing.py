"""Traces of requests: off by default, right when asked for, and about nobody."""

from __future__ import annotations

import gzip
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from click.testing import CliRunner
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.testclient import TestClient

from optin.app.main import main
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import Verdict
from optin.services.doctor.machine_checks import check_tracing
from optin.services.spans import NoSpans
from optin.services.tracing import traced
from optin.settings import tracing
from optin.settings.tracing import TracingTable
from optin.web.app import build_app
from tests.installed import INSTALLED
from tests.own_site import add_settings
from tests.ports import NO_MAIL, NOBODY
from tests.serving import NO_TLS, start
from tests.waiting import wait_until
from tests.web.conftest import Visit, site_at

FOREIGN = "0af7651916cd43dd8448eb211c80319c"  # a trace that a visitor names
TOLD = {"http.request.method", "http.route", "http.response.status_code", "optin.request", "error.type"}
ALICE = "alice@example.com"
SECRETS = ("alice", "testclient", "linkedin", "python-httpx", "127.0.0.1", "localhost", "nobody-")


@dataclass
class Collector:
    """A receiver of traces, which keeps what it decoded."""

    server: ThreadingHTTPServer
    paths: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def received(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(it) for it in self.bodies]

    @property
    def spans(self) -> list[Span]:
        return [
            span
            for it in self.received
            for resource in it.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            packed = self.headers.get("content-encoding") == "gzip"
            found.paths.append(self.path)
            found.bodies.append(gzip.decompress(body) if packed else body)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    found = Collector(server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)


def value(span: Span, name: str) -> object:
    found = [it.value for it in span.attributes if it.key == name]
    return getattr(found[0], found[0].WhichOneof("value")) if found else None


def test_requests_and_their_flows_are_traced_and_nobody_is_named(visit: Visit, collector: Collector) -> None:
    """O5, S4: route, method, status; flows within; no path, query, header, address, or word of an error."""
    with traced(TracingTable(endpoint=collector.address)) as spans:
        visit.installation.spans = spans
        app = build_app(visit.app_context, INSTALLED.routes)
        visit.client = TestClient(app, follow_redirects=False, raise_server_exceptions=False)
        delivery = visit.join(ALICE, consent="tips-email")
        visit.client.get("/paper?utm_source=linkedin")
        visit.client.get("/nobody-here?q=alice")
        visit.client.get(f"/download/{delivery.download_token}")
        foreign = {
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "baggage": "a=alice",
        }
        visit.client.get(f"/me/{delivery.download_token}", headers=foreign)
    assert set(collector.paths) == {"/v1/traces"}
    found = {it.name for it in collector.spans}
    assert {
        "POST /{slug}",
        "POST /confirm/{token}",
        "GET /download/{token}",
        "GET page",
        "GET /me/{token}",
    } <= found
    (posted,) = (it for it in collector.spans if it.name == "POST /{slug}")
    assert value(posted, "http.route") == "/{slug}"
    assert value(posted, "http.request.method") == "POST"
    assert value(posted, "http.response.status_code") == 303
    assert posted.kind == Span.SPAN_KIND_SERVER
    inner = [it for it in collector.spans if it.trace_id == posted.trace_id and it.parent_span_id]
    assert inner
    assert all(it.start_time_unix_nano >= posted.start_time_unix_nano for it in inner)
    roots = [it for it in collector.spans if not it.parent_span_id]
    assert len({it.trace_id for it in roots}) == len(roots)
    assert all(it.trace_id.hex() != FOREIGN for it in collector.spans)
    told = b"".join(collector.bodies)
    for secret in (*SECRETS, delivery.download_token, delivery.unsubscribe_token):
        assert secret.encode() not in told, secret
    names = {it.key for span in collector.spans for it in span.attributes}
    assert names <= {
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "optin.request",
        "error.type",
    }


def test_an_error_is_told_by_its_kind_alone(
    visit: Visit, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O5, S4: its words may quote what somebody sent."""

    def broken(*_: object, **__: object) -> None:
        raise LookupError(ALICE)

    monkeypatch.setattr(visit.installation.store, "submit", broken)
    with traced(TracingTable(endpoint=collector.address)) as spans:
        visit.installation.spans = spans
        app = build_app(visit.app_context, INSTALLED.routes)
        client = TestClient(app, follow_redirects=False, raise_server_exceptions=False)
        token = visit.token("/paper") if hasattr(visit, "token") else ""
        client.post("/paper", data={"email": ALICE, "token": token})
        with pytest.raises(LookupError), spans.work("a flow"):
            raise LookupError(ALICE)
    (flow,) = (it for it in collector.spans if it.name == "a flow")
    assert value(flow, "error.type") == "LookupError"
    assert not flow.events
    assert b"alice" not in b"".join(collector.bodies)


def test_a_server_sends_its_traces(tmp_path: Path, free_port: int, collector: Collector) -> None:
    """O5: as optin.toml says; its name and version are told, and not its machine."""
    site = tmp_path / "site"
    site_at(site)
    add_settings(site, f'\n[tracing]\nendpoint = "{collector.address}/"\n')
    serving = start(site, free_port, f"sqlite:///{tmp_path}/optin.db", NO_MAIL, str(tmp_path / "keys.json"))
    try:
        assert httpx.get(f"{serving.base}/paper", verify=NO_TLS).status_code == 200
    finally:
        assert serving.stop() == 0
    wait_until(lambda: any(it.name == "GET page" for it in collector.spans))
    told = {
        it.key: it.value.string_value
        for body in collector.received
        for resource in body.resource_spans
        for it in resource.resource.attributes
    }
    assert told["service.name"] == "optin"
    assert not {it for it in told if it.startswith(("host.", "process.", "os."))}


def test_a_collector_that_is_gone_stops_nothing(tmp_path: Path, free_port: int) -> None:
    """O5, S6: pages come, and the server ends in time."""
    site = tmp_path / "site"
    site_at(site)
    add_settings(site, f'\n[tracing]\nendpoint = "http://127.0.0.1:{NOBODY}"\n')
    serving = start(site, free_port, f"sqlite:///{tmp_path}/optin.db", NO_MAIL, str(tmp_path / "keys.json"))
    try:
        for _ in range(20):
            assert httpx.get(f"{serving.base}/paper", verify=NO_TLS).status_code == 200
    finally:
        assert serving.stop() == 0
    assert "Traceback" not in serving.log.read_text()


def test_traces_are_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """O5: by the table or the standard's variables, of which one turns all off."""
    with traced(TracingTable()) as spans:
        assert isinstance(spans, NoSpans)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{NOBODY}")
    assert TracingTable().is_asked
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not TracingTable(endpoint=f"http://127.0.0.1:{NOBODY}").is_asked


def test_a_missing_package_is_told(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """O5: by check, doctor and serve, with the command to run; the site is served all the same."""
    site = tmp_path / "own"
    site_at(site)
    add_settings(site, f'\n[tracing]\nendpoint = "http://127.0.0.1:{NOBODY}"\n')
    monkeypatch.setattr(tracing, "_PACKAGES", ("opentelemetry.nowhere.at_all",))
    checked = CliRunner().invoke(main, ["check", "--site", str(site)])
    assert "pip install 'optin[otel]'" in checked.output + checked.stderr
    assert checked.exit_code == 0
    with (
        caplog.at_level(logging.WARNING, "optin.tracing"),
        traced(TracingTable(endpoint="http://x")) as spans,
    ):
        assert isinstance(spans, NoSpans)
    assert "pip install 'optin[otel]'" in caplog.text
    edition = visit.app_context.edition
    settings = edition.site.settings.model_copy(update={"tracing": TracingTable(endpoint="http://x")})
    examined = Examination(_with(edition, settings), visit.moment)
    seen = check_tracing(examined)
    assert seen is not None
    assert (seen.verdict, "pip install" in seen.cure) == (Verdict.WARNING, True)
    assert check_tracing(Examination(edition, visit.moment)) is None


def _with(edition: Any, settings: Any) -> Any:
    return replace(edition, site=replace(edition.site, settings=settings))


def test_nothing_is_imported_unless_asked_for() -> None:
    """O5: the package is heavy, and most sites have none."""
    code = "import sys, optin.cli.serve; sys.exit(any(it.startswith('opentelemetry') for it in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
