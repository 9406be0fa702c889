"""Every block that authors can write, by its name."""

from __future__ import annotations

from collections.abc import Mapping

from optin.site.blocks.author import AUTHOR
from optin.site.blocks.benefits import BENEFITS
from optin.site.blocks.block import Block
from optin.site.blocks.faq import FAQ
from optin.site.blocks.inside import INSIDE
from optin.site.blocks.logos import LOGOS
from optin.site.blocks.numbers import NUMBERS
from optin.site.blocks.quote import QUOTE

BLOCKS: Mapping[str, Block] = {
    "author": AUTHOR,
    "benefits": BENEFITS,
    "faq": FAQ,
    "inside": INSIDE,
    "logos": LOGOS,
    "numbers": NUMBERS,
    "quote": QUOTE,
}
