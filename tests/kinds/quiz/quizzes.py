"""A quiz for tests: three questions in two dimensions, two outcomes."""

from __future__ import annotations

from pathlib import Path

QUIZ = """---
kind: quiz
lang: nl
title: Sterk of zwak?
description: In drie vragen.
purposes: [tips-email]
quiz:
  pages: PAGES
  questions:
    - ask: Vraagt u toestemming?
      answers:
        - {text: Altijd, points: {bewijs: 2}}
        - {text: Nooit}
    - ask: Wat bewaart u?
      several: true
      optional: true
      answers:
        - {text: De woorden, points: {bewijs: 1}}
        - {text: De pagina, points: {bewijs: 1}}
    - ask: Hoe trekt men haar in?
      answers:
        - {text: Met één klik, points: {weg: 2}}
        - {text: Niet}
  dimensions:
    bewijs: {weight: 1.5}
    weg: {}
  outcomes:
    - id: zwak
      title: Uw toestemmingen zijn zwak
      to: 4.5
      text: Dit *moet* beter.
      report: Het lange **zwakke** verslag.
    - id: sterk
      title: Uw toestemmingen zijn sterk
      from: 5
      text: Prima.
      file: sterk.pdf
KEEP---
Over deze quiz.
"""
KEEP = "  keep:\n    answers: Om u te adviseren.\n"
REPORT = b"%PDF-1.4 the strong report"


def write_quiz(
    site: Path,
    slug: str = "sterk-of-zwak",
    pages: str = "one",
    keep: str = "",
    change: tuple[str, str] = ("", ""),
) -> None:
    """Write a quiz into a site, or another version of it."""
    folder = site / "magnets" / slug
    folder.mkdir(exist_ok=True)
    (folder / "sterk.pdf").write_bytes(REPORT)
    text = QUIZ.replace("PAGES", pages).replace("KEEP", keep).replace(*change)
    (folder / "index.md").write_text(text, "utf-8")
