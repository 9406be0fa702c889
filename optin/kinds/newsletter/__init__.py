"""A newsletter: the subscription is one consent to e-mail, and there is nothing else."""

from optin.kinds.api import DetailsPart, FilePart, Kind
from optin.kinds.api.forms import ConsentQuestion
from optin.kinds.api.front_matter import Complaint


def one_email_purpose(questions: tuple[ConsentQuestion, ...]) -> Complaint | None:
    """Require exactly one consent to e-mail: ticking it is the subscription."""
    if sum(question.channel.by_mail for question in questions) == 1:
        return None
    return Complaint(
        ("purposes",),
        "A newsletter asks exactly one consent to e-mail: the subscription itself.",
        "List one purpose with the channel email; others go to a magnet of their own.",
    )


NEWSLETTER = Kind(
    "newsletter",
    file=FilePart(
        about="nothing but the subscription, which is one consent to e-mail", insists=one_email_purpose
    ),
    details=DetailsPart(needs_consent=True),
)
