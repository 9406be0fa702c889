"""A quiz: questions, a result at once, and a long report by mail (M2)."""

from optin.site.kinds.kind import Kind
from optin.site.quiz_table import read_quiz

QUIZ = Kind(
    name="quiz",
    about="questions with a result at once, and a report by mail",
    hands_out_file=False,
    table="quiz",
    forks=True,
    read=read_quiz,
)
