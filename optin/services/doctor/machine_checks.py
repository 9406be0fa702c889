"""Checks of the machine: rights of the key file, a copy of it, room on the disks, kinds of disks."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from optin.errors import KeysUnusable, SetupRefused
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import Seen, failed, not_checked, passed, warning
from optin.services.open_store import data_folders, sqlite_path
from optin.services.setup_check import check_settings
from optin.settings.installation import Settings
from optin.settings.tracing import INSTALL, MISSING, is_installed
from optin.store.encryption import Vault

MEGABYTE = 1024 * 1024
TOO_FULL_BYTES = 64 * MEGABYTE
NEARLY_FULL_BYTES = 1024 * MEGABYTE
TOO_FEW_FILES = 1_000
NEARLY_FULL_OF_FILES = 0.05  # of all inodes
PLACE_FIELD = 4  # of a line of mountinfo: the mount point
MOUNTS = Path("/proc/self/mountinfo")
COPY_NOTE = "var/keys-copied.json"

# File systems of other machines. On the first SQLite's locks and syncs cannot be relied on (sqlite.org,
# "How to corrupt", 2.1; its write-ahead log needs shared memory, so one machine). The second are of virtual
# machines as well, where it may hold.
OF_A_NETWORK = frozenset(
    ("nfs", "nfs4", "cifs", "smb", "smb3", "smbfs", "afs", "ncpfs", "glusterfs", "ceph", "lustre")
) | frozenset(f"fuse.{it}" for it in ("sshfs", "glusterfs", "ceph", "rclone", "s3fs"))
PERHAPS_OF_A_NETWORK = frozenset({"9p", "virtiofs", "vboxsf", "fuse.osxfs", "fuse.grpcfuse"})


def check_serving_settings(examination: Examination) -> Seen:
    """Check the settings that `serve` insists on."""
    try:
        check_settings(examination.settings)
    except SetupRefused as problem:
        return failed(str(problem), "Set it as the sentence says.")
    return passed("Visitors come over https, and mail goes to a mail server.")


def check_keys(examination: Examination) -> Seen:
    """Check who can read the key file, and who could replace it."""
    settings = examination.settings
    if settings.keys.lstrip().startswith("{"):
        return passed("The keys come from the environment (OPTIN_KEYS).")
    path = settings.path(settings.keys)
    try:
        vault = examination.vault()
    except KeysUnusable as problem:
        return failed(str(problem), f"chmod 600 {settings.keys}, or put the original key file back")
    if vault is None:
        return not_checked(f"There is no key file {settings.keys} yet.", "optin serve makes one.")
    found, folder = path.stat(), path.parent.stat()
    if folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not folder.st_mode & stat.S_ISVTX:
        text = f"Others may replace the key file: its folder {path.parent.name}/ is writable for them."
        return failed(text, f"chmod go-w {path.parent.name}")
    database = sqlite_path(settings.store, settings.root)
    if database is not None and database.exists() and database.stat().st_uid != found.st_uid:
        text = f"The key file belongs to user {found.st_uid}, the database to user {database.stat().st_uid}."
        return warning(text, f"chown {database.stat().st_uid} {settings.keys}")
    return passed(f"{settings.keys} can be read by its owner alone (mode {stat.S_IMODE(found.st_mode):04o}).")


def check_keys_copied(examination: Examination) -> Seen:
    """Check that staff noted a copy of the present keys elsewhere."""
    vault = examination.vault()
    cure = (
        "Copy the key file to a place that the server cannot reach, such as a safe, then run:"
        " optin doctor --keys-copied"
    )
    if vault is None:
        return not_checked("There are no keys yet.", "optin serve makes them.")
    noted = _noted_copy(examination.settings)
    if noted is None:
        return warning("Nobody has noted that a copy of the keys lies elsewhere.", cure)
    at, fingerprint = noted
    if fingerprint != vault.name_of_keys:
        return warning(f"The copy of the keys noted on {at[:10]} is of other keys than the present.", cure)
    return passed(f"A copy of the present keys was noted on {at[:10]}.")


def note_keys_copied(settings: Settings, vault: Vault, now: datetime) -> None:
    """Note that a copy of the present keys lies elsewhere. Raises OSError."""
    path = settings.path(COPY_NOTE)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(json.dumps({"at": now.isoformat(), "keys": vault.name_of_keys}) + "\n", "utf-8")


def _noted_copy(settings: Settings) -> tuple[str, str] | None:
    try:
        noted = json.loads(settings.path(COPY_NOTE).read_text("utf-8"))
        return str(noted["at"]), str(noted["keys"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True)
class DiskRoom:
    """What is left of one disk. `files` of 0: the file system counts none."""

    folder: str
    free_bytes: int
    free_files: int
    files: int


def check_disk(examination: Examination) -> Seen:
    """Check for free space and free inodes where the data and the files are."""
    settings = examination.settings
    folders = {*data_folders(settings), settings.path(settings.files)}
    return judge_room([*_rooms(folders)])


def _rooms(folders: Iterable[Path]) -> Iterator[DiskRoom]:
    devices = set()
    for wanted in sorted(folders):
        folder = next(it for it in (wanted, *wanted.parents) if it.exists())
        device = folder.stat().st_dev
        if device not in devices:
            devices.add(device)
            it = os.statvfs(folder)
            yield DiskRoom(str(wanted), it.f_bavail * it.f_frsize, it.f_favail, it.f_files)


def judge_room(rooms: Iterable[DiskRoom]) -> Seen:
    """Return the finding about the fullest disk."""
    worst, least = None, None
    for it in rooms:
        cure = f"Make room on the disk of {it.folder}: delete what nobody needs, or enlarge it."
        free = f"{it.free_bytes // MEGABYTE} MB are free on the disk of {it.folder}."
        few_files = it.files > 0 and it.free_files < TOO_FEW_FILES
        left = f"{it.free_files} files can still be made on the disk of {it.folder} (inodes)."
        if it.free_bytes < TOO_FULL_BYTES or few_files:
            return failed(left if few_files else free, cure, it.folder)
        if it.files > 0 and it.free_files < NEARLY_FULL_OF_FILES * it.files:
            worst = warning(left, cure, it.folder)
        elif it.free_bytes < NEARLY_FULL_BYTES:
            worst = warning(free, cure, it.folder)
        least = free if least is None else least
    return worst or passed(least or "There is no folder to look at.")


def check_database_disk(examination: Examination) -> Seen | None:
    """Check that a SQLite database is on a disk of this machine."""
    database = sqlite_path(examination.settings.store, examination.settings.root)
    if database is None:
        return None
    try:
        mounts = MOUNTS.read_text("utf-8", "replace")
    except OSError:
        return not_checked("This system does not say which disks are on a network (no /proc).")
    return judge_file_system(file_system_of(database.resolve(), mounts))


def judge_file_system(kind: str) -> Seen:
    """Return the finding about a SQLite database on a file system of this kind."""
    cure = "Move the database to a disk of this machine, or use PostgreSQL (docs/postgresql.md)."
    if kind in OF_A_NETWORK:
        return failed(f"The database is on a file system of a network ({kind}).", cure, kind)
    if kind in PERHAPS_OF_A_NETWORK:
        return warning(
            f"The database is on a file system that another machine may share ({kind}).", cure, kind
        )
    return passed(f"The database is on a disk of this machine ({kind or 'unnamed'}).")


def file_system_of(path: Path, mounts: str) -> str:
    """Return the kind of file system that holds `path`, by the lines of /proc/self/mountinfo (proc(5))."""
    best, found = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) <= PLACE_FIELD or not kind:
            continue
        place = Path(_unescaped(fields[PLACE_FIELD]))
        if path.is_relative_to(place) and len(place.parts) >= best:
            best, found = len(place.parts), kind[0]
    return found


def _unescaped(text: str) -> str:
    for octal, sign in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(octal, sign)
    return text


def check_tracing(examination: Examination) -> Seen | None:
    """Check that traces can be sent, where they are asked for."""
    if not examination.settings.tracing.is_asked:
        return None
    return passed("Traces are sent.") if is_installed() else warning(MISSING, INSTALL)
