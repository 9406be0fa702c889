"""Where the tests keep their files: in memory, when there is room, so that none of them waits for a disk.

Both databases write each commit through to the disk, thousands of times in a run. A process that is killed
loses nothing of what it has written to such a folder, and no test cuts the power of the machine.
DISK=yes, or a TMPDIR of one's own, leaves the files where the system puts them.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - each process makes folders of its own in it
ROOM = 4 << 30  # bytes; a run with four workers takes less than half of it


def use_memory() -> None:
    """Make the folder of temporary files one in memory, for this process and those that it starts."""
    if os.environ.get("DISK") or os.environ.get("TMPDIR") or not has_room(MEMORY):
        return
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def has_room(folder: Path) -> bool:
    """Return whether a folder in memory is there, lets programs start, and is large enough."""
    try:
        found = os.statvfs(folder)
        memory = Path("/proc/meminfo").read_text("ascii")
    except OSError:  # another system
        return False
    lines = (line.split() for line in memory.splitlines())
    available = next((int(line[1]) << 10 for line in lines if line[0] == "MemAvailable:"), 0)
    return not found.f_flag & os.ST_NOEXEC and min(found.f_bavail * found.f_frsize, available) >= ROOM
