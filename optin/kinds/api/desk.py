"""For desk hooks: what the staff's website shows of one magnet, in words and values."""

from optin.flows.kind_desk_hooks import (
    DeskAct,
    DeskFact,
    DeskTable,
    MagnetReport,
    Mood,
    Phrase,
    PublicLink,
    Shown,
    WaitingMagnet,
)

__all__ = [
    "DeskAct",
    "DeskFact",
    "DeskTable",
    "MagnetReport",
    "Mood",
    "Phrase",
    "PublicLink",
    "Shown",
    "WaitingMagnet",
]
