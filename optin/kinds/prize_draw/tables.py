"""Tables of prize draws: entries by ticket, the fixed list, the published result."""

from __future__ import annotations

from optin.kinds.api import TablesPart
from optin.kinds.api.store import AppendOnlyTable, KindTable, Migration, TableScope

_COLUMNS = "request_id, magnet, mailbox, ticket, state, told"
# `state`: in, wrong (answer), twice (the same mailbox), late; `mailbox`: only of who is in or wrong; `told`:
# the result was mailed, or need not be.
_ENTRY = """(
        request_id {blob} NOT NULL PRIMARY KEY REFERENCES request(id)CASCADE,
        magnet TEXT NOT NULL,
        mailbox {blob},
        ticket TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('in', 'wrong', 'twice', 'late')),
        told {int} NOT NULL DEFAULT 0,
        UNIQUE (magnet, mailbox)
    ){strict}"""
_UNTOLD = "CREATE INDEX draw_entry_untold ON draw_entry(magnet) WHERE told = 0"
_TICKET = "CREATE INDEX draw_entry_ticket ON draw_entry(magnet, ticket)"  # to find those that begin alike

TABLES = TablesPart(
    tables=(
        KindTable("draw_entry", TableScope.PERSON),
        KindTable("draw_list", TableScope.LEDGER),
        KindTable("draw_result", TableScope.LEDGER),
    ),
    migrations=(
        Migration(
            "m001_entries",
            (
                "CREATE TABLE draw_entry " + _ENTRY.replace("CASCADE", ""),
                _UNTOLD,
                """CREATE TABLE draw_list (
        magnet TEXT NOT NULL PRIMARY KEY,
        at {int} NOT NULL,
        promise TEXT NOT NULL,
        event TEXT NOT NULL,
        tickets {blob} NOT NULL
    ){strict}""",
                """CREATE TABLE draw_result (
        magnet TEXT NOT NULL PRIMARY KEY,
        at {int} NOT NULL,
        seed TEXT NOT NULL,
        winners TEXT NOT NULL,
        transcript {blob} NOT NULL
    ){strict}""",
            ),
            (AppendOnlyTable("draw_list", ("magnet",)), AppendOnlyTable("draw_result", ("magnet",))),
            formerly="m008_prize_draws",
        ),
        Migration("m002_tickets", (_TICKET,), formerly="m009_dates_and_tickets"),
        # An entry goes with its request. SQLite changes no reference, so the table is made anew.
        Migration(
            "m003_entries_go_with_requests",
            (),
            sqlite=(
                "CREATE TABLE draw_entry_anew " + _ENTRY.replace("CASCADE", " ON DELETE CASCADE"),
                f"INSERT INTO draw_entry_anew({_COLUMNS}) SELECT {_COLUMNS} FROM draw_entry",
                "DROP TABLE draw_entry",
                "ALTER TABLE draw_entry_anew RENAME TO draw_entry",
                _UNTOLD,
                _TICKET,
            ),
            postgres=(
                "ALTER TABLE draw_entry DROP CONSTRAINT draw_entry_request_id_fkey",
                "ALTER TABLE draw_entry ADD CONSTRAINT draw_entry_request_id_fkey FOREIGN KEY (request_id)"
                " REFERENCES request(id) ON DELETE CASCADE",
            ),
        ),
    ),
)
