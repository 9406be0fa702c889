"""The icons that pages draw: a subset of Lucide, one SVG sprite in `templates/blocks/icons.svg`.

They stand in the page itself: no request of their own, and they take the colour of the text beside them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup

SPRITE = "blocks/icons.svg"
_SYMBOL = re.compile(r'<symbol id="([a-z0-9-]+)" viewBox="0 0 24 24">(.*?)</symbol>')


@lru_cache
def icons_in(templates: Path) -> Mapping[str, Markup]:
    """Return every icon of a folder of templates by name, as an element that screen readers skip."""
    sprite = (templates / SPRITE).read_text("utf-8")
    return {
        name: Markup(  # noqa: S704 - from our own file
            f'<svg class="icon" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">{drawing}</svg>'
        )
        for name, drawing in _SYMBOL.findall(sprite)
    }
