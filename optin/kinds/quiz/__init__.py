"""A quiz: questions, a result at once, and a long report by mail (M2)."""

from optin.kinds.kind import Kind
from optin.site.kind_file import FilePart
from optin.site.quiz_table import read_quiz

QUIZ = Kind(
    "quiz",
    file=FilePart(
        about="questions with a result at once, and a report by mail",
        table="quiz",
        forks=True,
        read=read_quiz,
    ),
)
