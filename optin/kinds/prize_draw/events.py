"""What the log says of prize draws: names that stand in its events, and so never change."""

FIXED = "entries-fixed"  # the tickets of a draw, before its seed
DRAWN = "drawn"  # its winners, by ticket
ENTRIES = "entries"  # rows that had their time
OVER = "prize draw over"  # why an entry without a consent was erased: long after the draw
