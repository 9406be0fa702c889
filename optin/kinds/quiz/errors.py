"""Errors of a quiz's visitors."""

from optin.kinds.api.errors import VisitorRefused


class AnswersUnknown(VisitorRefused):
    """An answer that the quiz does not have, or more answers than a question accepts."""

    name = "answers-unknown"


class AnswersStale(VisitorRefused):
    """Encrypted answers that cannot be used: too old, altered, or of another quiz or version."""

    status = 410
    name = "answers-stale"
