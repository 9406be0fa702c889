"""A quiz: questions, a result at once, and a long report by mail (M2)."""

from optin.kinds.api import DetailsPart, FilePart, Kind
from optin.kinds.quiz.desk import DESK
from optin.kinds.quiz.encrypted_answers import FLOWS
from optin.kinds.quiz.front_matter import read_quiz
from optin.kinds.quiz.front_matter_keys import QuizTable
from optin.kinds.quiz.pages import PAGES
from optin.kinds.quiz.questions_and_outcomes import REQUEST_FIELDS
from optin.kinds.quiz.routes import ROUTES

QUIZ = Kind(
    "quiz",
    pages=PAGES,
    details=DetailsPart(filled_in=REQUEST_FIELDS, of_request=REQUEST_FIELDS),
    flows=FLOWS,
    file=FilePart(
        about="questions with a result at once, and a report by mail",
        table="quiz",
        forks=True,
        model=QuizTable,
        read=read_quiz,
    ),
    routes=ROUTES,
    desk=DESK,
)
