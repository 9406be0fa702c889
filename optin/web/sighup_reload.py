"""SIGHUP: by it an operator asks a server to load its site again (W10).

It would end a process that does not expect it. So a server holds it back from its first moment, and heeds it
when it can; the processes that it starts inherit this.
"""

from __future__ import annotations

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
