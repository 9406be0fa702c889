"""What is counted of a quiz: its first page, by source; not its results."""

from __future__ import annotations

import re

from optin.store.source_sums import SIGNED_UP, VIEWED
from tests.kinds.quiz.quizzes import write_quiz
from tests.kinds.quiz.test_quiz_pages import FULL, answer
from tests.web.conftest import Visit
from tests.web.test_sources import BROWSER, declare, sums

SLUG = "sterk-of-zwak"


def test_the_page_with_the_questions_is_the_view(visit: Visit) -> None:
    """W8, W9: who sees the result has seen the questions; a sign-up there counts no source."""
    write_quiz(visit.root)
    declare(visit)
    questions = visit.client.get(f"/{SLUG}?via=linkedin", headers=BROWSER)
    place = answer(visit, questions.text, **FULL).headers["location"]
    result = visit.client.get(place, headers=BROWSER)
    form = result.text.partition("<form")[2].partition(">")[0]
    assert "action=" not in form, "it is posted to the address of the result"
    key = re.search(r'name="form" value="([0-9a-f]+)"', result.text)
    assert key is not None
    sent = visit.client.post(place, data={"form": key[1], "email": "alice@example.com"})
    assert sent.status_code == 303
    assert sent.headers["location"].startswith(f"/{SLUG}/sent?")
    assert sums(visit) == {(SLUG, "", "linkedin", VIEWED): 1, (SLUG, "", "", SIGNED_UP): 1}
