"""The image: the same bytes each time, small, without rights, and run by the words of container.md."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import psutil
import pytest

from tests.handed_over import Clients
from tests.host.containers import Containers, containers
from tests.host.machines import own_network
from tests.host.servers import FOLDER
from tests.house.requirements_table import ROOT
from tests.house.test_guide import BLOCK
from tests.mail.server import Script, mail_server
from tests.own_site import replace_examples
from tests.serving import confirm_from_mail, form_key
from tests.waiting import SECONDS, wait_until

PAGE = (ROOT / "docs" / "run" / "container.md").read_text("utf-8")
STEPS = [text for language, text in BLOCK.findall(PAGE) if language == "sh"]
MOST_BYTES = 120_000_000  # as it is fetched
BASE_URL = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def own() -> Iterator[Containers]:
    """Build the image as the page says; the wheels of others are there."""
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="image-") as name, containers(Path(name)) as own:
        (line,) = re.findall(r"^podman build .*$", STEPS[0], re.MULTILINE)
        own.do(line)
        yield own


@pytest.fixture(scope="module")
def mails(own: Containers) -> Iterator[list[bytes]]:
    """Run it as the page says; return what it mails."""
    script = Script()
    with own_network(), mail_server(script) as mail:
        init, _, run = STEPS[1].partition("\n")
        own.do(init.replace("--lang en", "--lang nl"))
        replace_examples(own.folder / "my-site")
        with (own.folder / "my-site" / "optin.toml").open("a") as file:
            file.write('\n[proxy]\ntrusted = ["127.0.0.1"]\n')
        assert "user:password@mail.example.com:587" in run
        own.do(run.replace("user:password@mail.example.com:587", f"127.0.0.1:{mail}"))
        wait_until(lambda: ready(own))
        yield script.mails


def ready(own: Containers) -> bool:
    """Return whether it answers; fails when it has ended."""
    runs = own.do("podman inspect tips --format '{{.State.Running}}'")
    assert runs == "true\n", own.do("podman logs tips 2>&1")
    try:
        return httpx.get(f"{BASE_URL}/health/ready").status_code == 200
    except httpx.HTTPError:
        return False


def test_two_builds_are_the_same_bytes(own: Containers) -> None:
    """O10: the digest of the OCI image, without a cache."""
    for tag in ("first", "second"):
        own.do(f"podman build --no-cache --format oci --timestamp 0 --quiet --tag {tag} .")
    digest = "podman image inspect --format '{{.Digest}}' "
    assert own.do(digest + "first") == own.do(digest + "second")


def test_the_image_is_small(own: Containers) -> None:
    """O10: compressed by zstd, with its base."""
    own.do("podman push --quiet optin dir:pushed")
    assert int(own.do("for it in pushed/*; do zstd --quiet --stdout $it; done | wc --bytes")) <= MOST_BYTES


def test_somebody_signs_up_and_confirms(own: Containers, mails: list[bytes]) -> None:
    """O10, O1: the mail leaves; the health check says 0, and 1 while the server answers nothing."""
    with httpx.Client(base_url=BASE_URL, timeout=SECONDS) as client:
        data = {"form": form_key(client, "tips"), "email": "lead@example.com", "consent": "tips-email"}
        assert client.post("/tips", data=data).status_code == 303
        wait_until(lambda: mails)
        assert "<h1>" in confirm_from_mail(client, mails[0])
    (check,) = re.findall(r"^podman healthcheck .*$", STEPS[2], re.MULTILINE)
    own.do(check)
    process = psutil.Process(int(own.do("podman inspect tips --format '{{.State.Pid}}'")))
    process.suspend()
    try:
        own.do(check, status=1)
    finally:
        process.resume()


@pytest.mark.usefixtures("mails")
def test_it_has_no_rights_and_one_folder(own: Containers) -> None:
    """O10, S2: user 10001, no capability, a read-only root; commands run inside."""
    status = own.do("podman exec tips cat /proc/1/status")
    for line in ("Uid:\t10001\t10001", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert line in status
    for path in ("/x", "/site/x", "/opt/optin/x", "/etc/x"):
        own.do(f"podman exec tips sh -c '! touch {path} 2>/dev/null'")
    own.do("podman exec tips sh -c 'touch /site/var/x && rm /site/var/x'")
    (account,) = re.findall(r"^podman exec .*$", STEPS[2], re.MULTILINE)
    own.do(account)


@pytest.mark.usefixtures("mails")
def test_a_stop_answers_what_came_in(own: Containers) -> None:
    """O10, S6: no request that was taken goes unanswered; who comes later is refused, and can try again."""
    clients = Clients(8_000, "/tips")
    with clients.asking():
        clients.went_on()
        own.do("podman stop tips")
    assert own.do("podman inspect tips --format '{{.State.ExitCode}}'") == "0\n"
    assert {*clients.answered} == {200}
    assert {it.partition("(")[0] for it in clients.lost} <= {"ConnectionRefusedError", "ConnectionResetError"}
