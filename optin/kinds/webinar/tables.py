"""Tables of webinars: seats, by ids, and the last announced plan of each webinar."""

from __future__ import annotations

from optin.kinds.api import TablesPart
from optin.kinds.api.store import KindTable, Migration, TableScope

_COLUMNS = "magnet, subject_id, request_id, state, sequence, replayed, at"
_SEAT = """(
        magnet TEXT NOT NULL,
        subject_id {blob} NOT NULL,
        request_id {blob} NOT NULLREFERENCE,
        state TEXT NOT NULL CHECK (state IN ('seat', 'waiting', 'given-up')),
        sequence {int} NOT NULL,
        replayed {int} NOT NULL,
        at {int} NOT NULL,
        PRIMARY KEY (magnet, subject_id)
    ){norowid}"""
_INDEXES = (
    "CREATE INDEX seat_line ON seat(magnet, state, at)",
    "CREATE INDEX seat_request ON seat(request_id)",
    "CREATE INDEX seat_subject ON seat(subject_id)",
)

TABLES = TablesPart(
    tables=(KindTable("occasion", TableScope.MAGNET), KindTable("seat", TableScope.PERSON)),
    migrations=(
        Migration(
            "m001_seats",
            (
                """CREATE TABLE occasion (
        magnet TEXT NOT NULL PRIMARY KEY,
        sequence {int} NOT NULL,
        plan TEXT NOT NULL
    ){strict}""",
                "CREATE TABLE seat " + _SEAT.replace("REFERENCE", ""),
                *_INDEXES,
            ),
            formerly="m006_webinars",
        ),
        # A seat goes with its request. SQLite adds no reference to a table, so this one is made anew.
        Migration(
            "m002_seats_go_with_requests",
            (),
            sqlite=(
                "CREATE TABLE seat_anew "
                + _SEAT.replace("REFERENCE", " REFERENCES request(id) ON DELETE CASCADE"),
                f"INSERT INTO seat_anew({_COLUMNS}) SELECT {_COLUMNS} FROM seat"
                " WHERE request_id IN (SELECT id FROM request)",
                "DROP TABLE seat",
                "ALTER TABLE seat_anew RENAME TO seat",
                *_INDEXES,
            ),
            postgres=(
                "DELETE FROM seat WHERE request_id NOT IN (SELECT id FROM request)",
                "ALTER TABLE seat ADD CONSTRAINT seat_request_id_fkey FOREIGN KEY (request_id)"
                " REFERENCES request(id) ON DELETE CASCADE",
            ),
        ),
    ),
)
