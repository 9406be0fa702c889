"""Where the fixed things of a reply card are, in millimetres from its upper left corner. Pure.

Three black squares in the corners and the code in the fourth let a scan be straightened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]

BOX = 6.0  # side of a consent box
BOX_LINE = 0.35
BOX_LEFT = 14.0  # its left edge
MARK = 5.0  # side of a corner mark
MARK_MIDDLE = 8.5  # from both edges of the paper: printers leave 5 mm white
CODE, SMALL_CODE = 32.0, 25.0  # side of the code without its white border
SMALL_WIDTH = 120.0  # paper narrower than this has the small one
CODE_EDGE = 10.0  # from the right and lower edges


@dataclass(frozen=True)
class CardPlaces:
    """The places on a card of one size."""

    width: float
    height: float

    @property
    def marks(self) -> tuple[Point, Point, Point]:
        """The middles of the marks: upper left, upper right, lower left."""
        right, low = self.width - MARK_MIDDLE, self.height - MARK_MIDDLE
        return (MARK_MIDDLE, MARK_MIDDLE), (right, MARK_MIDDLE), (MARK_MIDDLE, low)

    @property
    def code_side(self) -> float:
        """The side of the code."""
        return SMALL_CODE if self.width < SMALL_WIDTH else CODE

    @property
    def code(self) -> tuple[Point, Point, Point, Point]:
        """The corners of the code: upper left, upper right, lower right, lower left."""
        right, low = self.width - CODE_EDGE, self.height - CODE_EDGE
        left, top = right - self.code_side, low - self.code_side
        return (left, top), (right, top), (right, low), (left, low)
