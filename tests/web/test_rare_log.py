"""Log lines that come with each request while a database is away."""

from __future__ import annotations

import logging

from optin.services.rate_limited_log import OncePerMinuteFilter


class Written:
    """A log with the filter before it, and a clock."""

    def __init__(self, *, by_template: bool) -> None:
        self.now, self.lines = 0.0, []  # type: float, list[str]
        self._filter = OncePerMinuteFilter(by_template=by_template, clock=lambda: self.now)

    def say(self, words: str, *args: object) -> None:
        record = logging.LogRecord("a.log", logging.WARNING, __file__, 1, words, args, None)
        if self._filter.filter(record):
            self.lines.append(record.getMessage())


def test_the_same_line_is_written_once_a_minute_with_how_often() -> None:
    """S4, O5: 500 refused forms are one line; another kind of refusal is another line."""
    log = Written(by_template=False)
    for _ in range(500):
        log.say("%s", "busy status=503: PostgreSQL: PoolTimeout")
    log.say("%s", "write-lost status=503: 100%")
    log.now = 60.0
    log.say("%s", "busy status=503: PostgreSQL: PoolTimeout")
    log.now = 120.0
    log.say("%s", "busy status=503: PostgreSQL: PoolTimeout")
    assert log.lines == [
        "busy status=503: PostgreSQL: PoolTimeout",
        "write-lost status=503: 100%",
        "busy status=503: PostgreSQL: PoolTimeout (499 more like it since the last)",
        "busy status=503: PostgreSQL: PoolTimeout",
    ]


def test_lines_of_the_driver_are_alike_whatever_they_tell() -> None:
    """S4, O5: one line each, though the driver writes several and each connection fails in other words."""
    log = Written(by_template=True)
    for number in range(30):
        log.say("error connecting in %r: %s", "pool-1", f"connection {number} failed:\n\tIs it running?")
    log.say("reconnection attempt in pool %r failed after %s sec", "pool-1", 5.0)
    assert log.lines == [
        "error connecting in 'pool-1': connection 0 failed: Is it running?",
        "reconnection attempt in pool 'pool-1' failed after 5.0 sec",
    ]
