"""Behind an nginx that passes on each byte of a form as it comes, slow forms shut nobody out."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.crowds import Kind, crowd, kinds
from tests.faults.test_crowds import SLOW_FORM, STRANGER, despite_a_busy_machine, serves_others, site_of
from tests.host.nginx import nginx
from tests.ports import NO_MAIL, reserved_port
from tests.serving import Serving, served

IDLE_SECONDS = 1  # below header_seconds of the site, as the README says


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    root = tmp_path_factory.mktemp("nginx")
    store, keys = f"sqlite:///{root}/optin.db", f"{root}/keys.json"
    with reserved_port() as port, served(site_of(root), port, store, NO_MAIL, keys) as serving:
        yield serving


@pytest.fixture(scope="module")
def behind(server: Serving) -> Iterator[int]:
    with nginx(server.port, IDLE_SECONDS) as port:
        yield port


@despite_a_busy_machine
def test_slow_forms_of_one_network_meet_the_deadline_or_are_refused(behind: int) -> None:
    """O8: others are served through the same nginx within 2 seconds."""
    with crowd(behind, SLOW_FORM, 300, STRANGER) as coming:
        serves_others(behind, "nginx", lambda: coming.remaining() == 0)
        said = [answer[9:12] for answer in coming.answers.values()]
    assert set(said) == {b"408", b"429"}
    assert said.count(b"408") == 40


@pytest.mark.parametrize("name", ["slow chunks", "idle after an answer", "silent"])
@despite_a_busy_machine
def test_other_crowds_before_nginx_shut_nobody_out(behind: int, name: str) -> None:
    """O8: from this machine, which is counted for no network; nginx keeps its own deadlines."""
    kind: Kind = kinds("")[name]
    with crowd(behind, kind, 600):
        end = time.monotonic() + 4
        serves_others(behind, name[:4], lambda: time.monotonic() > end)


def test_connections_that_nginx_keeps_open_lose_no_form(behind: int) -> None:
    """O8: it closes idle ones sooner than the server does, so none is closed under a form."""
    with httpx.Client(base_url=f"http://127.0.0.1:{behind}") as client:
        for pause in (0.0, 0.9, 1.1, 1.9, 2.0, 2.1):
            time.sleep(pause)
            assert client.post("/paper", data={"form": "x", "email": "a@example.com"}).status_code == 409
