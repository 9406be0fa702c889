"""The units for systemd: one port that systemd holds, one folder to write, nothing else of the machine."""

from __future__ import annotations

from collections import defaultdict

from tests.house.requirements_table import ROOT

RUN = ROOT / "docs" / "run"


def unit(name: str) -> dict[str, list[str]]:
    """Return the settings of a unit; one may be there several times."""
    found = defaultdict(list)
    for line in (RUN / name).read_text("utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[key].append(value)
    return found


def test_systemd_holds_the_port_and_hands_it_over() -> None:
    """O10: on this machine alone, for the proxy; each connection comes with its request."""
    port, service = unit("optin.socket"), unit("optin.service")
    assert port["ListenStream"] == ["127.0.0.1:8000"]
    assert port["DeferAcceptSec"] == ["10"]
    assert "Accept" not in port
    assert service["Requires"] == ["optin.socket"]
    assert service["Type"] == ["notify"]
    assert "--port" not in service["ExecStart"][0]


def test_the_service_is_restarted_and_may_finish() -> None:
    """O10, O2: after a death and after a hang; a stop waits as long as docs/operations.md says."""
    service = unit("optin.service")
    assert service["Restart"] == ["always"]
    assert service["WatchdogSec"] == ["60"]
    assert service["TimeoutStopSec"] == ["90"]
    assert "TimeoutStopSec=90" in (ROOT / "docs" / "operations.md").read_text("utf-8")


def test_the_service_may_write_one_folder_and_has_no_rights_beyond() -> None:
    """O10, S2: the whole file system is read-only but for its own folder, which nobody else can read."""
    service = unit("optin.service")
    assert service["User"] == ["optin"]
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == [""]
    assert service["ProtectSystem"] == ["strict"]
    assert (service["StateDirectory"], service["StateDirectoryMode"]) == (["optin"], ["0700"])
    assert service["UMask"] == ["0077"]
    assert "ReadWritePaths" not in service
    assert service["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
