"""Names of prize draws in the events of the log; they must never change."""

FIXED = "entries-fixed"  # the tickets of a draw, before its seed
DRAWN = "drawn"  # its winners, by ticket
ENTRIES = "entries"  # rows that had their time
OVER = "prize draw over"  # why an entry without a consent was erased: long after the draw
