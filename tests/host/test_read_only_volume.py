"""A volume that turns read-only beneath a server: its file system met an error, as Linux does it for ext4."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import pytest

from optin.services.health import READ_ONLY
from tests.faults.test_killed import audited
from tests.faults.test_postgres_away import posted, refused
from tests.mail.server import Script, mail_server
from tests.serving import NO_TLS, confirm_from_mail, form_key, served
from tests.waiting import wait_until
from tests.web.conftest import site_at

MEGABYTES = 48
SOON = 5  # an answer about health holds for a second
FORM = "application/x-www-form-urlencoded"
NEEDED = ("mke2fs", "mount", "umount", "losetup")


def missing() -> str:
    """Return what this machine lacks, or nothing."""
    if os.geteuid() != 0:
        return "a volume of one's own needs root"
    return ", ".join(it for it in NEEDED if shutil.which(it) is None)


pytestmark = pytest.mark.skipif(bool(missing()), reason=f"not checked: {missing()}")


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[None]:
    """Mount a file system that turns read-only at its first error."""
    subprocess.run(["mount", "-o", "loop,errors=remount-ro", str(image), str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def break_it(folder: Path) -> None:
    """Let its file system meet an error."""
    found = subprocess.run(
        ["findmnt", "-n", "-o", "SOURCE", str(folder)], capture_output=True, text=True, check=True
    )
    Path("/sys/fs/ext4", Path(found.stdout.strip()).name, "trigger_fs_error").write_text("test")
    with pytest.raises(OSError, match="Read-only file system"):
        (folder / "probe").touch()


def token_of(script: Script) -> str:
    """Return the token of the first confirmation mail."""
    found = re.search(rb"/confirm/([\w.~-]+)", script.mails[0].replace(b"=\r\n", b""))
    assert found is not None
    return found[1].decode()


def test_nothing_is_half_stored_on_a_volume_that_turns_read_only(tmp_path: Path, free_port: int) -> None:
    """S6, S7, D1: forms get a kind page and 503, readiness says why, pages go on; mounted anew, all works."""
    site_at(tmp_path / "site")
    var, image, script = tmp_path / "site" / "var", tmp_path / "image", Script()
    shutil.rmtree(var, ignore_errors=True)
    var.mkdir()
    image.touch()
    os.truncate(image, MEGABYTES * 1024 * 1024)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", str(image)], check=True)
    store, keys = f"sqlite:///{var}/optin.db", str(tmp_path / "keys.json")
    with mail_server(script) as mail_port:
        mail = f"smtp://127.0.0.1:{mail_port}"
        with (
            mounted(image, var),
            served(tmp_path / "site", free_port, store, mail, keys) as serving,
            httpx.Client(base_url=serving.base, verify=NO_TLS, timeout=30) as client,
        ):
            key = form_key(client)
            assert posted(client, key, "before").status_code == 303
            wait_until(lambda: len(script.mails) == 1)
            break_it(var)
            for name in ("gone", "gone-too"):
                refused(posted(client, key, name))
            confirmed = client.post(f"/confirm/{token_of(script)}", headers={"content-type": FORM})
            assert confirmed.status_code == 503
            assert client.get("/paper").status_code == 200
            assert client.get("/health/live").status_code == 200
            wait_until(lambda: client.get("/health/ready").status_code == 503, SOON)
            checks = client.get("/health/ready").json()["checks"]
            assert checks["store"]["ok"] is False
            assert checks["disk"]["why"] == READ_ONLY
        log = serving.log.read_text()
        assert "Traceback" not in log
        assert "cannot be used (Read-only file system); check its disk" in log
        with (
            mounted(image, var),
            served(tmp_path / "site", free_port, store, mail, keys) as serving,
            httpx.Client(base_url=serving.base, verify=NO_TLS, timeout=30) as client,
        ):
            assert posted(client, key, "after").status_code == 303
            wait_until(lambda: len(script.mails) == 2)
            assert "witboek" in confirm_from_mail(client, script.mails[0]).lower()
            wait_until(lambda: len(script.mails) == 3)
        assert script.recipients == ["before@example.com", "after@example.com", "before@example.com"]
        with mounted(image, var):
            assert audited(tmp_path, store, keys) > 0
