"""Letters that answer a request, in the reader's language, filled with its facts: a draft for the officer."""

from __future__ import annotations

from enum import StrEnum

from optin.consent.rights_request import RightsRequest
from optin.papers.authority import authority_name
from optin.papers.paper_words import PaperWords
from optin.services.site_edition import Edition


class LetterKind(StrEnum):
    """What a letter says."""

    DONE = "done"
    NOTHING = "nothing"  # nothing is kept of this person
    REFUSED = "refused"
    LONGER = "longer"  # the answer takes longer


def answer_letter(edition: Edition, request: RightsRequest, kind: LetterKind, lang: str) -> str:
    """Return the draft of a letter. What the officer fills in stands between square brackets."""
    words = edition.theme.wording(lang)
    controller = edition.site.settings.controller
    values = {
        "arrived": words.date(request.arrived),
        "due": words.date(request.due),
        "name": controller.name,
        "email": controller.email,
        "authority": authority_name(controller.country, PaperWords(lang, {})),
    }
    asked = words.text(f"requests.letter.asked.{request.right.value}", **values)
    body = f"done.{request.right.value}" if kind is LetterKind.DONE else kind.value
    parts = [
        words.text("requests.letter.opening"),
        asked,
        words.text(f"requests.letter.{body}", **values),
        words.text("requests.letter.complaint", **values),
        words.text("requests.letter.closing", **values),
    ]
    return "\n\n".join(parts)
