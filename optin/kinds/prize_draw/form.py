"""Fields that the form of a prize draw posts in addition: the age box, and which button was pressed."""

from __future__ import annotations

from collections.abc import Mapping

from optin.kinds.api import DetailsPart
from optin.kinds.api.forms import PostCheck
from optin.kinds.prize_draw.details import AGE_FIELD, ANSWER_FIELD, CHOICE_FIELD, WITHOUT_CONSENT


def check_post(values: Mapping[str, str], ticked: tuple[str, ...]) -> PostCheck:
    """Ignore ticks sent with the button without consent, and require the age box.

    Only that the box was ticked is looked at: no age is kept.
    """
    problems = () if values.get(AGE_FIELD) else ((AGE_FIELD, "age-missing"),)
    return PostCheck(() if values.get(CHOICE_FIELD) == WITHOUT_CONSENT else ticked, problems)


ANSWER = frozenset({ANSWER_FIELD})
DETAILS = DetailsPart(
    of_request=ANSWER, unexported=ANSWER, controls=(AGE_FIELD, CHOICE_FIELD), check_post=check_post
)
