"""A checklist: a file to print and tick."""

from optin.site.kinds.kind import Kind, Start

CHECKLIST = Kind(
    name="checklist",
    about="a file to print and tick",
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
        "de": Start(
            "Checkliste zu Ihrem Thema",
            "Alles, was Ihre Leser durchgehen müssen, auf einem Blatt.",
            "Sagen Sie, wann diese Checkliste nützlich ist.\n\n"
            "## So nutzen Sie sie\n\n"
            "Drucken Sie das Blatt aus, gehen Sie die Punkte durch und notieren Sie, wer was löst.\n",
        ),
        "fr": Start(
            "Check-list sur votre sujet",
            "Tout ce que le lecteur doit passer en revue, sur une seule feuille.",
            "Dites quand cette check-list est utile.\n\n"
            "## Comment l’utiliser\n\n"
            "Imprimez la feuille, passez les points en revue et notez qui règle quoi.\n",
        ),
    },
)
