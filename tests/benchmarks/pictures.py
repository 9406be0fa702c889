"""A site whose magnets have covers: what check and build cost, before and after pictures are drawn."""

from __future__ import annotations

import io
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageFilter

from tests.benchmarks.site import site_of

FEW, MANY = 50, 1_000
COVER = "picture: {file: cover.jpg, alt: De omslag}\n"
BLOCKS = "\n::: benefits\n- :phone: **Wie** mag u bellen?\n- :pencil: **Wat** vraagt u?\n:::\n"
LOAD = """
import resource, sys, pathlib
from optin.services.site_edition import load_edition
from optin.site.output_folder import write_folder
from optin.web.static_site import static_files
from datetime import UTC, datetime
from tests.installed import KINDS
edition, findings = load_edition(pathlib.Path(sys.argv[1]), KINDS)
assert edition is not None and not findings, findings
if len(sys.argv) > 2:
    write_folder(pathlib.Path(sys.argv[2]), static_files(edition, datetime.now(UTC)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def main(counts: tuple[int, int] = (FEW, MANY)) -> None:
    """Print seconds for each magnet and the most memory, of few and of many."""
    with tempfile.TemporaryDirectory() as name:
        for count in counts:
            root = Path(name) / f"site-{count}"
            site_of(root, count)
            _add_covers(root)
            for what, more in (("check, cold", ()), ("check, warm", ()), ("build, warm", (f"{root}-out",))):
                seconds, cpu, memory = _run(root, *more)
                each = f"{seconds / count * 1000:.0f} ms ({cpu / count * 1000:.0f} ms of CPU)"
                print(f"{what}: {each} for each of {count} magnets, {memory} MiB", flush=True)


def _add_covers(root: Path) -> None:
    """Give each magnet with a folder a cover of its own, and one in four a block."""
    for at, folder in enumerate(sorted(it for it in (root / "magnets").iterdir() if it.is_dir())):
        drawn = (
            Image.effect_noise((840, 1188), 60 + at % 40).convert("RGB").filter(ImageFilter.GaussianBlur(6))
        )
        drawn.putpixel((at % 840, at // 840), (at % 256, 0, 0))
        out = io.BytesIO()
        drawn.save(out, "JPEG", quality=85)
        (folder / "cover.jpg").write_bytes(out.getvalue())
        text = (folder / "index.md").read_text("utf-8").replace("---\n", f"---\n{COVER}", 1)
        (folder / "index.md").write_text(text + (BLOCKS if at % 4 == 0 else ""), "utf-8")


def _run(root: Path, *more: str) -> tuple[float, float, int]:
    """Load the site in another process; return its seconds, those of its CPU, and its most memory in MiB."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(root), *more], capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, cpu, int(done.stdout)
