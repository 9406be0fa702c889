"""Straighten a photographed plane: the perspective that takes four points to four others. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from optin.cards.card_geometry import Point

Coefficients = tuple[float, float, float, float, float, float, float, float]
_TINY = 1e-12


def coefficients(seen: Sequence[Point], flat: Sequence[Point]) -> Coefficients:
    """Return a … h such that (x, y) of `flat` is `seen` at (ax+by+c)/(gx+hy+1), (dx+ey+f)/(gx+hy+1).

    It is what Pillow's perspective transform takes. Four points each; raises ValueError where three of them
    are on one line.
    """
    rows = []
    for (u, v), (x, y) in zip(seen, flat, strict=True):
        rows.append([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, u])
        rows.append([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, v])
    a, b, c, d, e, f, g, h = _solve(rows)
    return a, b, c, d, e, f, g, h


def seen_at(perspective: Coefficients, point: Point) -> Point:
    """Return where a point of the plane is in the picture. Raises ValueError beyond the horizon."""
    a, b, c, d, e, f, g, h = perspective
    x, y = point
    depth = g * x + h * y + 1
    if depth <= _TINY:
        msg = "the point is not in front of the camera"
        raise ValueError(msg)
    return (a * x + b * y + c) / depth, (d * x + e * y + f) / depth


def _solve(rows: list[list[float]]) -> list[float]:
    """Solve linear equations by elimination with the largest pivot. Raises ValueError: no single solution."""
    count = len(rows)
    for place in range(count):
        best = max(range(place, count), key=lambda row: abs(rows[row][place]))
        rows[place], rows[best] = rows[best], rows[place]
        pivot = rows[place][place]
        if abs(pivot) < _TINY:
            msg = "the points do not span a plane"
            raise ValueError(msg)
        rows[place] = [value / pivot for value in rows[place]]
        for other in range(count):
            if other != place and (factor := rows[other][place]):
                rows[other] = [it - factor * own for it, own in zip(rows[other], rows[place], strict=True)]
    return [row[-1] for row in rows]
