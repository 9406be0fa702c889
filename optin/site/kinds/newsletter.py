"""A newsletter: nothing but the subscription, which is one consent to e-mail."""

from optin.consent.purpose import Channel, ConsentQuestion
from optin.site.kinds.kind import Complaint, Kind, Start


def one_email_purpose(questions: tuple[ConsentQuestion, ...]) -> Complaint | None:
    """Ask exactly one consent to e-mail: ticking it is the subscription."""
    if sum(question.channel is Channel.EMAIL for question in questions) == 1:
        return None
    return Complaint(
        ("purposes",),
        "A newsletter asks exactly one consent to e-mail: the subscription itself.",
        "List one purpose with the channel email; others go to a magnet of their own.",
    )


NEWSLETTER = Kind(
    name="newsletter",
    about="nothing but the subscription, which is one consent to e-mail",
    hands_out_file=False,
    insists=one_email_purpose,
    is_consent=True,
    start={
        "nl": Start(
            "Naam van uw nieuwsbrief",
            "Waarover de nieuwsbrief gaat, en hoe vaak hij komt.",
            "Vertel wat lezers in elke aflevering vinden, en wie hem schrijft.\n",
        ),
        "en": Start(
            "Name of your newsletter",
            "What the newsletter is about, and how often it comes.",
            "Say what readers find in each issue, and who writes it.\n",
        ),
        "de": Start(
            "Name Ihres Newsletters",
            "Worum es im Newsletter geht und wie oft er kommt.",
            "Sagen Sie, was die Leser in jeder Ausgabe finden und wer sie schreibt.\n",
        ),
        "fr": Start(
            "Nom de votre newsletter",
            "De quoi parle la newsletter, et à quelle fréquence elle paraît.",
            "Dites ce que les lecteurs trouvent dans chaque numéro, et qui l’écrit.\n",
        ),
    },
)
