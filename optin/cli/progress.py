"""The progress bar of an audit."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn


def with_progress(running: Iterator[int], total: int) -> None:
    """Run it; on a terminal, show its progress."""
    console = Console(stderr=True)
    if not console.is_terminal:
        for _ in running:
            pass
        return
    with Progress(
        BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console, transient=True
    ) as bar:
        task = bar.add_task("audit", total=total)
        for done in running:
            bar.advance(task, done)
