"""Checks of the machine: rights, copies, disks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from optin.keys import load_keys, make_keys, write_rotated
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import Verdict
from optin.services.doctor.machine_checks import (
    COPY_NOTE,
    MEGABYTE,
    DiskRoom,
    check_database_disk,
    check_disk,
    check_keys,
    check_keys_copied,
    file_system_of,
    judge_file_system,
    judge_room,
    note_keys_copied,
)
from optin.services.site_edition import load_edition
from optin.store.encryption import Vault
from tests.installed import KINDS
from tests.own_site import own_site

MOUNTS = """22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
25 22 0:23 / /proc rw - proc proc rw
30 22 0:30 / /srv/shared\\040files rw - nfs4 nas.example.com:/v rw,vers=4.2
31 30 254:1 / /srv/shared\\040files/own rw master:2 - xfs /dev/vdb rw
a line that is none
"""


@pytest.fixture
def examination(tmp_path: Path) -> Examination:
    root = own_site(tmp_path / "site")
    edition, _ = load_edition(root, KINDS)
    assert edition is not None
    return Examination(edition, datetime.now(UTC))


def again(examination: Examination) -> Examination:
    """Return the same without what was looked up already."""
    return Examination(examination.edition, examination.now)


def test_a_key_file_that_others_can_read_or_replace_fails(examination: Examination) -> None:
    """O3, S2: with the command that mends it."""
    root = examination.settings.root
    assert check_keys(examination).verdict is Verdict.NOT_CHECKED
    make_keys("var/keys.json", root, "serve")
    path = root / "var" / "keys.json"
    assert check_keys(again(examination)).verdict is Verdict.PASSED
    path.chmod(0o640)
    seen = check_keys(again(examination))
    assert seen.verdict is Verdict.FAILED
    assert "chmod 600 var/keys.json" in seen.cure
    path.chmod(0o600)
    path.parent.chmod(0o777)
    seen = check_keys(again(examination))
    assert seen.verdict is Verdict.FAILED
    assert seen.cure == "chmod go-w var"
    path.parent.chmod(0o700)
    path.write_text("{")
    assert check_keys(again(examination)).verdict is Verdict.FAILED


def test_a_copy_of_the_keys_is_asked_for_until_it_is_noted(examination: Examination) -> None:
    """O3, S7: and again after a rotation; the note tells nothing of the keys."""
    settings = examination.settings
    assert check_keys_copied(examination).verdict is Verdict.NOT_CHECKED
    ring = make_keys("var/keys.json", settings.root, "serve")
    assert check_keys_copied(again(examination)).verdict is Verdict.WARNING
    note_keys_copied(settings, Vault(ring), examination.now)
    assert check_keys_copied(again(examination)).verdict is Verdict.PASSED
    noted = settings.path(COPY_NOTE).read_text()
    assert not any(secret.hex() in noted for secret in (*ring.seal, ring.index, *ring.link))
    write_rotated("var/keys.json", settings.root, ring.rotated())
    seen = check_keys_copied(again(examination))
    assert seen.verdict is Verdict.WARNING
    assert "--keys-copied" in seen.cure
    assert load_keys("var/keys.json", settings.root) is not None


@pytest.mark.parametrize(
    ("room", "verdict"),
    [
        (DiskRoom("/var", 9_000 * MEGABYTE, 900_000, 1_000_000), Verdict.PASSED),
        (DiskRoom("/var", 500 * MEGABYTE, 900_000, 1_000_000), Verdict.WARNING),
        (DiskRoom("/var", 63 * MEGABYTE, 900_000, 1_000_000), Verdict.FAILED),
        (DiskRoom("/var", 9_000 * MEGABYTE, 40_000, 1_000_000), Verdict.WARNING),
        (DiskRoom("/var", 9_000 * MEGABYTE, 900, 1_000_000), Verdict.FAILED),
        (DiskRoom("/var", 9_000 * MEGABYTE, 0, 0), Verdict.PASSED),  # btrfs counts none
    ],
)
def test_a_full_disk_is_found_before_it_is_full(room: DiskRoom, verdict: Verdict) -> None:
    """O3: by bytes and by inodes."""
    assert judge_room([DiskRoom("/other", 9_999 * MEGABYTE, 1, 0), room]).verdict is verdict


def test_this_machine_has_room(examination: Examination) -> None:
    """O3: also where the folders are yet to be made."""
    assert check_disk(examination).verdict is not Verdict.NOT_CHECKED
    seen = check_database_disk(examination)
    assert seen is not None
    assert "of this machine" in seen.text


@pytest.mark.parametrize(
    ("path", "kind", "verdict"),
    [
        ("/srv/optin.db", "ext4", Verdict.PASSED),
        ("/srv/shared files/optin.db", "nfs4", Verdict.FAILED),
        ("/srv/shared files/own/optin.db", "xfs", Verdict.PASSED),
        ("/srv/shared files2/optin.db", "ext4", Verdict.PASSED),
    ],
)
def test_sqlite_on_a_network_fails(path: str, kind: str, verdict: Verdict) -> None:
    """O3, S6: by the nearest mount point, as the kernel lists them."""
    assert file_system_of(Path(path), MOUNTS) == kind
    assert judge_file_system(kind).verdict is verdict


def test_a_file_system_that_may_be_shared_is_a_warning() -> None:
    """O3: 9p is that of virtual machines, and of other machines."""
    assert judge_file_system("9p").verdict is Verdict.WARNING
    assert judge_file_system("").verdict is Verdict.PASSED
