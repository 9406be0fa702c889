"""What a visitor of a quiz is refused for."""

from optin.kinds.api.errors import VisitorRefused


class AnswersUnknown(VisitorRefused):
    """An answer that the quiz does not have, or more of them than a question takes."""

    name = "answers-unknown"


class AnswersStale(VisitorRefused):
    """Sealed answers that cannot be used: too old, altered, or of another quiz or version of it."""

    status = 410
    name = "answers-stale"
