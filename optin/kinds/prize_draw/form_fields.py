"""Fields that the form of a prize draw posts in addition: the age box; and a button, where there are two."""

from __future__ import annotations

from collections.abc import Mapping

from optin.kinds.api import DetailsPart
from optin.kinds.api.forms import PostCheck
from optin.kinds.prize_draw.details import AGE_FIELD, ANSWER_FIELD, CHOICE_FIELD, WITHOUT_CONSENT


def check_post(values: Mapping[str, str], ticked: tuple[str, ...]) -> PostCheck:
    """Require the age box; ignore ticks sent with a button without consent, of a page that has two buttons.

    Only that the box was ticked is looked at: no age is kept.
    """
    problems = () if values.get(AGE_FIELD) else ((AGE_FIELD, "age-missing"),)
    return PostCheck(() if values.get(CHOICE_FIELD) == WITHOUT_CONSENT else ticked, problems)


ANSWER = frozenset({ANSWER_FIELD})
DETAILS = DetailsPart(
    of_request=ANSWER, unexported=ANSWER, controls=(AGE_FIELD, CHOICE_FIELD), check_post=check_post
)
