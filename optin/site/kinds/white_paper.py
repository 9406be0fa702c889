"""A white paper: a file to read at leisure."""

from optin.site.kinds.kind import Kind, Start

WHITE_PAPER = Kind(
    name="white-paper",
    hands_out_file=True,
    start={
        "nl": Start(
            "Titel van uw whitepaper",
            "Wat de lezer er in één zin aan heeft.",
            "Vertel voor wie deze whitepaper is en welk probleem hij oplost.\n\n"
            "## Wat staat erin\n\n- Het eerste inzicht\n- Het tweede inzicht\n- Wat u morgen kunt doen\n",
        ),
        "en": Start(
            "Title of your white paper",
            "What the reader gains from it, in one sentence.",
            "Say who this white paper is for and which problem it solves.\n\n"
            "## What is inside\n\n- The first insight\n- The second insight\n- What to do tomorrow\n",
        ),
    },
)
