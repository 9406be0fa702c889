"""The public log: its last checkpoint, its keys, its tiles (C2SP tlog-tiles, P4)."""

from __future__ import annotations

from optin.errors import PageUnknown
from optin.flows.context import Context
from optin.proof.merkle_tree import TILE_LEAVES
from optin.proof.signed_notes import keys_text
from optin.store.database_interface import Tx
from optin.store.event_log import latest_checkpoint, tile_hashes, verifier_keys


def view_checkpoint(tx: Tx, _context: Context) -> str:
    """Return the last signed checkpoint. Raises PageUnknown before there is one."""
    latest = latest_checkpoint(tx)
    if latest is None:
        raise PageUnknown
    return latest.note


def view_log_keys(tx: Tx, _context: Context) -> str:
    """Return every key that signed the log, newest first. Raises PageUnknown before the first checkpoint."""
    keys = verifier_keys(tx)
    if not keys:
        raise PageUnknown
    return keys_text(keys)


def view_tile(tx: Tx, _context: Context, level: int, number: int, width: int) -> bytes:
    """Return `width` hashes of a tile. Raises PageUnknown where no checkpoint covers them."""
    latest = latest_checkpoint(tx)
    complete = 0 if latest is None else latest.size // TILE_LEAVES**level
    if number * TILE_LEAVES + width > complete:
        raise PageUnknown
    return tile_hashes(tx, level, number, width)
