"""A quiz: questions, a result at once, and a long report by mail (M2)."""

from optin.site.kinds.kind import Kind, Start
from optin.site.quiz_table import read_quiz

QUIZ = Kind(
    name="quiz",
    about="questions with a result at once, and a report by mail",
    hands_out_file=False,
    table="quiz",
    forks=True,
    read=read_quiz,
    start={
        "nl": Start(
            "Quiz over uw onderwerp",
            "Twee vragen, en u weet waar u staat.",
            "Vertel wat de bezoeker na deze quiz weet, en hoe lang hij duurt.\n",
            """\
quiz:
  pages: one
  questions:
    - ask: De eerste vraag?
      answers:
        - {text: Ja, points: 1}
        - {text: Nog niet, points: 0}
    - ask: Wat hebt u al gedaan?
      several: true
      optional: true
      answers:
        - {text: De eerste stap, points: 1}
        - {text: De tweede stap, points: 1}
  outcomes:
    - id: begin
      title: U staat aan het begin
      to: 1
      text: Wat dit betekent, in een paar zinnen.
      report: Het uitgebreide verslag, dat per mail komt.
    - id: on-course
      title: U bent goed op weg
      from: 2
      text: Wat dit betekent, in een paar zinnen.
      report: Het uitgebreide verslag, dat per mail komt.""",
        ),
        "en": Start(
            "Quiz on your subject",
            "Two questions, and you know where you stand.",
            "Say what visitors know after this quiz, and how long it takes.\n",
            """\
quiz:
  pages: one
  questions:
    - ask: The first question?
      answers:
        - {text: "Yes", points: 1}
        - {text: Not yet, points: 0}
    - ask: What have you done already?
      several: true
      optional: true
      answers:
        - {text: The first step, points: 1}
        - {text: The second step, points: 1}
  outcomes:
    - id: begin
      title: You are at the beginning
      to: 1
      text: What this means, in a few sentences.
      report: The long report, which comes by mail.
    - id: on-course
      title: You are well on your way
      from: 2
      text: What this means, in a few sentences.
      report: The long report, which comes by mail.""",
        ),
        "de": Start(
            "Quiz zu Ihrem Thema",
            "Zwei Fragen, und Sie wissen, wo Sie stehen.",
            "Sagen Sie, was Ihre Besucher nach diesem Quiz wissen und wie lange es dauert.\n",
            """\
quiz:
  pages: one
  questions:
    - ask: Die erste Frage?
      answers:
        - {text: Ja, points: 1}
        - {text: Noch nicht, points: 0}
    - ask: Was haben Sie schon getan?
      several: true
      optional: true
      answers:
        - {text: Den ersten Schritt, points: 1}
        - {text: Den zweiten Schritt, points: 1}
  outcomes:
    - id: begin
      title: Sie stehen am Anfang
      to: 1
      text: Was das bedeutet, in ein paar Sätzen.
      report: Der ausführliche Bericht, der per E-Mail kommt.
    - id: on-course
      title: Sie sind auf gutem Weg
      from: 2
      text: Was das bedeutet, in ein paar Sätzen.
      report: Der ausführliche Bericht, der per E-Mail kommt.""",
        ),
        "fr": Start(
            "Quiz sur votre sujet",
            "Deux questions, et vous savez où vous en êtes.",
            "Dites ce que les visiteurs sauront après ce quiz, et combien de temps il prend.\n",
            """\
quiz:
  pages: one
  questions:
    - ask: La première question ?
      answers:
        - {text: Oui, points: 1}
        - {text: Pas encore, points: 0}
    - ask: Qu’avez-vous déjà fait ?
      several: true
      optional: true
      answers:
        - {text: La première étape, points: 1}
        - {text: La deuxième étape, points: 1}
  outcomes:
    - id: begin
      title: Vous êtes au début
      to: 1
      text: Ce que cela signifie, en quelques phrases.
      report: Le rapport détaillé, envoyé par e-mail.
    - id: on-course
      title: Vous êtes en bonne voie
      from: 2
      text: Ce que cela signifie, en quelques phrases.
      report: Le rapport détaillé, envoyé par e-mail.""",
        ),
    },
)
