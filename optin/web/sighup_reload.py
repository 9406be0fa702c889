"""SIGHUP: by it an operator asks a server to load its site again (W10).

It would end a process that does not expect it. So a server holds it back from its first moment, and heeds it
when it can; the processes that it starts inherit this. Once the server stops, no signal disturbs it any more.
"""

from __future__ import annotations

import asyncio
import signal


def hold_hangups() -> None:
    """Hold the signal back, in this thread and in those that it starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


def release_hangups() -> None:
    """Let the signal come, also one that came meanwhile."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})


def take_hangup() -> bool:
    """Return whether a signal is held back, and take it."""
    if signal.SIGHUP not in signal.sigpending():
        return False
    signal.sigwait({signal.SIGHUP})
    return True


def close_undisturbed(loop: asyncio.AbstractEventLoop) -> None:
    """Ignore the signals that a server heeds, from the end of its work until the end of the process.

    It stops already; one that comes while the store is closed would end it in the middle of that.
    """
    hold_hangups()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)
