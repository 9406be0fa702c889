"""A white paper: a file to read at leisure."""

from optin.site.kinds.kind import Kind, Start

WHITE_PAPER = Kind(
    name="white-paper",
    about="a file to read at leisure, which shows what you know",
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
        "de": Start(
            "Titel Ihres Whitepapers",
            "Was Ihre Leser davon haben, in einem Satz.",
            "Sagen Sie, für wen dieses Whitepaper ist und welches Problem es löst.\n\n"
            "## Was darin steht\n\n"
            "- Die erste Erkenntnis\n- Die zweite Erkenntnis\n- Was Sie morgen tun können\n",
        ),
        "fr": Start(
            "Titre de votre livre blanc",
            "Ce que le lecteur y gagne, en une phrase.",
            "Dites à qui s’adresse ce livre blanc et quel problème il résout.\n\n"
            "## Ce qu’il contient\n\n"
            "- La première idée\n- La deuxième idée\n- Ce que vous pouvez faire dès demain\n",
        ),
    },
)
