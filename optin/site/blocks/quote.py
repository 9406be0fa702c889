"""`::: quote`: what a reader says, with name, role and portrait."""

from __future__ import annotations

from optin.site.blocks.block import BlockHint
from optin.site.blocks.person_fields import PersonBlock

MOST_WORDS = 25

QUOTE = PersonBlock(
    about="what a reader says",
    name="Who says it.",
    role="What they do, and where.",
    wordless=BlockHint("The block 'quote' has no words.", "Write below its options what they say."),
    most_words=MOST_WORDS,
    too_long=BlockHint(
        f"The quote has {{words}} words; people read {MOST_WORDS}.",
        "Keep the one sentence that convinces, and ask leave to shorten it.",
    ),
).block
