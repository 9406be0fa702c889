"""A quiz at the desk: which results people signed up from, in sums; the answers of one person nowhere."""

from __future__ import annotations

from datetime import datetime

from optin.kinds.api import DeskPart
from optin.kinds.api.desk import DeskFact, DeskTable, MagnetReport, Phrase, Shown
from optin.kinds.api.flows import Context, FormSums, sums_by_form
from optin.kinds.api.store import Tx
from optin.kinds.quiz.questions_and_outcomes import Quiz


def report(tx: Tx, context: Context, magnet: str, _now: datetime) -> MagnetReport | None:
    """Return the sign-ups of a quiz by the result from which they came."""
    quiz = context.policy.details(magnet)
    if not isinstance(quiz, Quiz):
        return None
    sums = sums_by_form(tx, magnet)
    whole = sum(it.asked for it in sums.values())
    names: dict[str, Phrase | str] = {it.id: it.title for it in quiz.outcomes}
    former = FormSums(
        sum(it.asked for name, it in sums.items() if name not in names),
        sum(it.confirmed for name, it in sums.items() if name not in names),
    )
    rows = [_row(title, sums.get(name, FormSums()), whole) for name, title in names.items()]
    if former.asked:
        rows.append(_row(_said("former"), former, whole))
    columns = (_said("result"), _said("sign-ups"), _said("confirmed"), _said("share"))
    questions = DeskFact(_said("questions"), len(quiz.questions))
    results = DeskFact(_said("results"), len(quiz.outcomes))
    table = DeskTable(_said("table"), columns, tuple(rows))
    return MagnetReport(_said("answer", count=whole), facts=(questions, results), tables=(table,))


def _said(key: str, /, **values: str | int) -> Phrase:
    return Phrase(f"desk.quiz.{key}", values)


def _row(title: Phrase | str, sums: FormSums, whole: int) -> tuple[Shown, ...]:
    return title, sums.asked, sums.confirmed, sums.asked / whole if whole else ""


DESK = DeskPart(report=report)
