"""`::: author`: who wrote the magnet, and why they know."""

from __future__ import annotations

from optin.site.blocks.block import BlockHint
from optin.site.blocks.person_fields import PersonBlock

MOST_WORDS = 30

AUTHOR = PersonBlock(
    about="who wrote it",
    name="The author's name.",
    role="What they do.",
    wordless=BlockHint(
        "The block 'author' says nothing about the author.",
        "Write below its options, in a sentence or two, why the author knows.",
    ),
    most_words=MOST_WORDS,
    too_long=BlockHint(
        f"The author has {{words}} words; people read {MOST_WORDS}.",
        "Say only what makes them know this subject.",
    ),
).block
