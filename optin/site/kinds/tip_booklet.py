"""A tip booklet: short advice in a file."""

from optin.site.kinds.kind import Kind, Start

TIP_BOOKLET = Kind(
    name="tip-booklet",
    about="short advice in a file, to use today",
    hands_out_file=True,
    start={
        "nl": Start(
            "Tien tips over uw onderwerp",
            "Tien tips die de lezer vandaag nog kan gebruiken.",
            "Vertel waar de tips over gaan en wie ze schreef.\n\n"
            "## Twee tips vooraf\n\n1. De eerste tip\n2. De tweede tip\n",
        ),
        "en": Start(
            "Ten tips on your subject",
            "Ten tips that the reader can use today.",
            "Say what the tips are about and who wrote them.\n\n"
            "## Two of them right away\n\n1. The first tip\n2. The second tip\n",
        ),
        "de": Start(
            "Zehn Tipps zu Ihrem Thema",
            "Zehn Tipps, die Ihre Leser noch heute nutzen können.",
            "Sagen Sie, worum es in den Tipps geht und wer sie geschrieben hat.\n\n"
            "## Zwei Tipps vorab\n\n1. Der erste Tipp\n2. Der zweite Tipp\n",
        ),
        "fr": Start(
            "Dix conseils sur votre sujet",
            "Dix conseils que le lecteur peut appliquer dès aujourd’hui.",
            "Dites de quoi parlent les conseils et qui les a écrits.\n\n"
            "## Deux conseils tout de suite\n\n1. Le premier conseil\n2. Le deuxième conseil\n",
        ),
    },
)
