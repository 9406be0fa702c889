"""A checklist: a file to print and tick."""

from optin.site.kinds.kind import Kind, Start

CHECKLIST = Kind(
    name="checklist",
    hands_out_file=True,
    start={
        "nl": Start(
            "Checklist voor uw onderwerp",
            "Alles wat de lezer moet nalopen, op één vel.",
            "Vertel wanneer deze checklist van pas komt.\n\n"
            "## Zo gebruikt u hem\n\nPrint het vel, loop de punten na en noteer wie wat oplost.\n",
        ),
        "en": Start(
            "Checklist for your subject",
            "Everything the reader has to go through, on one sheet.",
            "Say when this checklist comes in useful.\n\n"
            "## How to use it\n\nPrint the sheet, go through the points and note who solves what.\n",
        ),
    },
)
