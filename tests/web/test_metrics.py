"""The numbers of a running server: right, bounded, about nobody, and for this machine alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx2 as httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from optin.errors import SetupRefused, StoreBusy
from optin.proof.canonical_json import Json
from optin.services.event_log_signer import advance_log
from optin.services.metrics import Metrics
from optin.settings.metrics import MetricsTable
from optin.store.database_interface import Tx
from optin.store.events import add_events
from optin.store.queue_depths import queue_depths
from optin.web.app import build_app
from optin.web.metrics_server import metrics_address
from tests.installed import INSTALLED
from tests.own_site import add_settings
from tests.ports import NO_MAIL, NOBODY, reserved_port
from tests.serving import NO_TLS, start
from tests.waiting import wait_until
from tests.web.conftest import Visit, site_at

ALICE = "alice@example.com"


def numbers(text: str) -> dict[tuple[str, ...], float]:
    """Return each number by its name and the values of its labels, in the order of their names."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name, *sample.labels.values()] = sample.value
    return found


@dataclass
class Measured:
    """A visit whose numbers are counted."""

    visit: Visit
    registry: CollectorRegistry

    @property
    def text(self) -> str:
        return generate_latest(self.registry).decode()

    @property
    def found(self) -> dict[tuple[str, ...], float]:
        return numbers(self.text)


@pytest.fixture
def counted(visit: Visit) -> Measured:
    """Count what an open visit does."""
    registry = CollectorRegistry()
    visit.installation.measure_with(Metrics(registry))
    app = build_app(visit.app_context, INSTALLED.routes)
    visit.client = TestClient(app, follow_redirects=False, raise_server_exceptions=False)
    return Measured(visit, registry)


def test_what_people_do_is_counted(counted: Measured) -> None:
    """O5: requests by pattern, sign-ups by magnet, consents by what changed, commits."""
    visit = counted.visit
    visit.join(ALICE, consent="tips-email")
    visit.fill("bob@example.com")
    found = counted.found
    assert found["optin_signups_total", "paper", "requested"] == 2
    assert found["optin_signups_total", "paper", "confirmed"] == 1
    assert found["optin_consents_total", "confirmed", "email", "tips-email"] == 1
    assert ("optin_consents_total", "withdrawn", "email", "tips-email") not in found
    assert found["optin_http_requests_total", "POST", "/{slug}", "303"] == 2
    assert found["optin_http_requests_total", "POST", "/confirm/{token}", "303"] == 1
    assert found["optin_http_requests_total", "GET", "page", "200"] >= 2
    assert found["optin_http_request_duration_seconds_count", "POST", "/{slug}"] == 2
    assert found["optin_store_commit_duration_seconds_count",] >= 3


def test_no_number_is_about_somebody(counted: Measured) -> None:
    """S4, O5: no address, no token, no path of a visitor; unknown addresses share one label."""
    visit = counted.visit
    delivery = visit.join(ALICE, consent="tips-email")
    for at in range(50):
        visit.client.get(f"/nobody-{at}")
        visit.client.get(f"/a/b/c/{at}")
        visit.client.request(f"M{at}", "/paper")
    visit.client.get(f"/download/{delivery.download_token}")
    text = counted.text
    for secret in ("alice", delivery.download_token, delivery.unsubscribe_token, "nobody-", "testclient"):
        assert secret not in text
    labels = {key for key in counted.found if key[0] == "optin_http_requests_total"}
    assert len(labels) < 20


def test_what_waits_is_measured(counted: Measured) -> None:
    """O5: the queues, the oldest mail, the log, as the database has them."""
    visit = counted.visit
    visit.fill(ALICE)
    visit.wait(timedelta(minutes=2))
    installation = visit.installation
    advance_log(installation)
    installation.measurements.measured(installation.store.read(queue_depths), installation.clock())
    found = counted.found
    assert found["optin_outbox_messages", "queued"] == 1
    assert found["optin_outbox_messages", "dead"] == 0
    assert found["optin_outbox_oldest_age_seconds",] == pytest.approx(120, abs=1)
    assert found["optin_log_leaves",] >= 1
    assert found["optin_log_waiting_events",] == 0
    assert found["optin_log_checkpoint_timestamp_seconds",] == pytest.approx(visit.moment.timestamp(), abs=1)
    assert found["optin_unreachable_addresses",] == 0


def test_the_numbers_are_written_as_the_library_writes_them(counted: Measured) -> None:
    """O5: the same lines to the letter, with labels that need escaping, also at the second reading."""
    metrics = counted.visit.installation.measurements
    assert isinstance(metrics, Metrics)
    counted.visit.join(ALICE, consent="tips-email")
    metrics.message_answered('a "quoted" name\\', "one\ntwo")
    metrics.answered("GET", "page", 200, 0.1 + 0.2)
    metrics.measured(counted.visit.installation.store.read(queue_depths), counted.visit.moment)
    for value in (float(2**60), 0.000_001, 1e22, -3.0):
        metrics.committed(1, value, [])
        theirs = sorted(counted.text.splitlines())
        ours = metrics.text.write().decode()
        assert sorted(it for it in ours.splitlines()) == theirs
        assert [*text_string_to_metric_families(ours)] == [*text_string_to_metric_families(counted.text)]


def test_an_authority_is_named_by_its_host(counted: Measured) -> None:
    """O5: its address may hold a password or a key, and every program of the machine reads the numbers."""
    now = counted.visit.moment
    attested = {"https://user:hush@tsa.example.com/tsr?key=hush": now, "archive": now}
    depths = replace(counted.visit.installation.store.read(queue_depths), attested=attested)
    counted.visit.installation.measurements.measured(depths, now)
    assert "hush" not in counted.text
    for name in ("tsa.example.com", "archive"):
        assert counted.found["optin_log_anchor_timestamp_seconds", name] == pytest.approx(now.timestamp(), 1)


def test_a_reached_limit_and_a_full_store_are_counted(counted: Measured) -> None:
    """O5: by the name of the setting, and of the error."""
    visit = counted.visit
    visit.app_context.limits.log.note("per_network_per_hour")
    visit.installation.store.watch.failed(StoreBusy.__name__)
    found = counted.found
    assert found["optin_rate_limited_total", "per_network_per_hour"] == 1
    assert found["optin_store_errors_total", "StoreBusy"] == 1


def test_an_operation_that_fails_counts_no_event(counted: Measured) -> None:
    """O5: what is rolled back has not happened; the others of its group have."""
    visit = counted.visit
    store, vault = visit.installation.store, visit.installation.vault
    told: dict[str, Json] = {
        "kind": "confirmed",
        "magnet": "paper",
        "purpose": "tips-email",
        "channel": "email",
    }

    def failing(tx: Tx) -> None:
        add_events(tx, vault, None, [told])
        raise LookupError

    with pytest.raises(LookupError):
        store.submit(failing).result()
    assert ("optin_consents_total", "confirmed", "email", "tips-email") not in counted.found


@pytest.mark.parametrize(
    ("table", "address"),
    [
        (MetricsTable(), None),
        (MetricsTable(listen=f"127.0.0.1:{NOBODY}"), ("127.0.0.1", NOBODY)),
        (MetricsTable(listen=f"[::1]:{NOBODY}"), ("::1", NOBODY)),
        (MetricsTable(listen=f"0.0.0.0:{NOBODY}", anywhere=True), ("0.0.0.0", NOBODY)),  # noqa: S104 - as allowed
    ],
)
def test_where_numbers_are_read(table: MetricsTable, address: tuple[str, int] | None) -> None:
    """O5: nowhere unless asked for."""
    assert metrics_address(table) == address


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "localhost"])  # noqa: S104 - refused
def test_other_machines_read_no_numbers(host: str) -> None:
    """O5: refused unless allowed; a name may lead anywhere."""
    with pytest.raises(SetupRefused, match=r"\[metrics\]"):
        metrics_address(MetricsTable(listen=f"{host}:{NOBODY}"))


@pytest.mark.parametrize("text", ["9464", "[::1]:0", "x:y"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """O5: with the form that is meant."""
    with pytest.raises(SetupRefused, match=r"no address with a port"):
        metrics_address(MetricsTable(listen=text))


def read(port: int, unknown: int) -> dict[tuple[str, ...], float]:
    """Read the numbers once that many requests led nowhere: each is counted after its answer was sent."""
    found: dict[tuple[str, ...], float] = {}

    def counted() -> bool:
        found.update(numbers(httpx.get(f"http://127.0.0.1:{port}/metrics", verify=NO_TLS).text))
        return found.get(("optin_http_requests_total", "GET", "/{slug}", "404")) == unknown

    wait_until(counted)
    return found


def test_a_server_hands_its_numbers_out(tmp_path: Path, free_port: int) -> None:
    """O5: on a port of its own; the public one has none. Its log lines are JSON on demand."""
    site = tmp_path / "site"
    site_at(site)
    with reserved_port() as port:
        add_settings(site, f'\n[metrics]\nlisten = "127.0.0.1:{port}"\n')
        store, keys = f"sqlite:///{tmp_path}/optin.db", str(tmp_path / "keys.json")
        serving = start(site, free_port, store, NO_MAIL, keys, "--log-format", "json")
        try:
            assert httpx.get(f"{serving.base}/nobody", verify=NO_TLS).status_code == 404
            assert httpx.get(f"{serving.base}/metrics", verify=NO_TLS).status_code == 404
            found = read(port, 2)
            assert httpx.get(f"http://127.0.0.1:{port}/other", verify=NO_TLS).status_code == 404
            assert httpx.post(f"http://127.0.0.1:{port}/metrics", verify=NO_TLS).status_code == 501
        finally:
            assert serving.stop() == 0
    assert any(name[0] == "optin_build_info" for name in found)
    assert not any(name[0].endswith("_created") for name in found)
    lines = [json.loads(line) for line in serving.log.read_text().splitlines() if line.startswith("{")]
    assert any("serving on" in line["event"] for line in lines)
    assert all({"event", "level", "logger", "at"} <= line.keys() for line in lines)


def test_workers_add_their_numbers_up(tmp_path: Path, free_port: int, postgres_url: str) -> None:
    """O5: of two workers the parent hands out the sum, also when one died meanwhile."""
    site = tmp_path / "site"
    site_at(site)
    with reserved_port() as port:
        add_settings(site, f'\n[metrics]\nlisten = "127.0.0.1:{port}"\n')
        keys = str(tmp_path / "keys.json")
        serving = start(site, free_port, postgres_url, NO_MAIL, keys, "--workers", "2")
        try:
            for _ in range(40):
                assert httpx.get(f"{serving.base}/nobody", verify=NO_TLS).status_code == 404
            read(port, 40)
        finally:
            assert serving.stop() == 0
