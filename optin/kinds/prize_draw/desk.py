"""A prize draw at the desk: who is in, how far it is, the record of the lots; drawing its winners."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from optin.kinds.api import DeskPart
from optin.kinds.api.desk import (
    DeskAct,
    DeskFact,
    DeskTable,
    MagnetReport,
    Mood,
    Phrase,
    PublicLink,
    Shown,
    WaitingMagnet,
)
from optin.kinds.api.errors import RequestRefused
from optin.kinds.api.flows import Context
from optin.kinds.api.store import Tx
from optin.kinds.prize_draw.details import SETTLING, PrizeDraw
from optin.kinds.prize_draw.draw_lots import shown_tickets
from optin.kinds.prize_draw.draw_winners import draw_winners, fix_entries
from optin.kinds.prize_draw.participation import draws_of
from optin.kinds.prize_draw.stored_entries import (
    DrawList,
    DrawResult,
    all_lists,
    count_entries,
    count_untold,
    entries_by_state,
    fixed_at,
    load_list,
    load_result,
    winners_of,
)
from optin.kinds.prize_draw.sweep_rules import missed_draws

FIXED_BY_ITSELF = timedelta(hours=1)  # a server fixes the list within that time after the close
STATES = ("wrong", "twice", "late")  # of entries that do not count


def report(tx: Tx, context: Context, magnet: str, now: datetime) -> MagnetReport | None:
    """Return how a draw stands, by the numbers that `optin draw` says."""
    promise = draws_of(context.policy).get(magnet)
    if promise is None:
        return None
    fixed, result = load_list(tx, magnet), load_result(tx, magnet)
    answer, mood = _answer(promise, fixed, result, now)
    return MagnetReport(
        answer,
        mood,
        tuple(_facts(tx, magnet, promise, fixed, result)),
        () if result is None else tuple(_tables(result)),
        tuple(_acts(promise, fixed, result, now)),
    )


def _said(key: str, /, **values: str | int | datetime) -> Phrase:
    return Phrase(f"desk.prize-draw.{key}", values)


def _answer(
    promise: PrizeDraw, fixed: DrawList | None, result: DrawResult | None, now: datetime
) -> tuple[Phrase, Mood]:
    if result is not None:
        return _said("drawn", moment=result.at, count=len(result.winners)), Mood.GOOD
    if fixed is not None:
        if now < fixed.promise.seed_at:
            return _said("fixed", moment=fixed.promise.seed_at), Mood.PLAIN
        return _said("to-draw", source=fixed.promise.seed_source), Mood.DUE
    if now >= promise.seed_at:
        return _said("missed", moment=promise.seed_at), Mood.WRONG
    if now < promise.closes:
        return _said("open", moment=promise.closes), Mood.PLAIN
    is_late = now >= promise.closes + FIXED_BY_ITSELF
    return _said("to-fix", moment=promise.seed_at), Mood.DUE if is_late else Mood.PLAIN


def _facts(
    tx: Tx, magnet: str, promise: PrizeDraw, fixed: DrawList | None, result: DrawResult | None
) -> Iterator[DeskFact]:
    counts, shown = entries_by_state(tx, magnet), promise if fixed is None else fixed.promise
    entries = counts.get("in", 0) if fixed is None else len(fixed.tickets)
    yield DeskFact(_said("entries"), entries)
    yield from (DeskFact(_said(f"entries.{it}"), counts[it]) for it in STATES if counts.get(it))
    yield DeskFact(_said("prize"), shown.prize)
    yield DeskFact(_said("winners"), shown.winners)
    yield DeskFact(_said("closes"), shown.closes)
    if fixed is not None:
        yield DeskFact(_said("fixed-at"), fixed.at)
        yield DeskFact(_said("digest"), fixed.digest)
    yield DeskFact(_said("source"), shown.seed_source)
    yield DeskFact(_said("seed-at"), shown.seed_at)
    if result is not None:
        yield DeskFact(_said("seed"), result.seed)
        yield DeskFact(_said("drawn-at"), result.at)
        yield DeskFact(_said("untold"), count_untold(tx, magnet))
        yield DeskFact(_said("kept"), shown.keep.text)
    if fixed is not None:
        yield DeskFact(_said("record"), PublicLink(f"/{magnet}/draw", _said("record.page")))
        yield DeskFact(_said("record.lots"), PublicLink(f"/{magnet}/draw.json", _said("record.file")))


def _tables(result: DrawResult) -> Iterator[DeskTable]:
    """Yield who won and who was passed over, by tickets, as the public page of the draw names them."""
    told = json.loads(result.transcript)
    for name in ("winners", "passed_over"):
        tickets = shown_tickets(told[name], told["order"])
        rows: tuple[tuple[Shown, ...], ...] = tuple(
            (f"{place}.", it.short) for place, it in enumerate(tickets, start=1)
        )
        key = name.replace("_", "-")
        yield DeskTable(_said(f"table.{key}"), (_said("table.place"), _said("table.ticket")), rows)


def _acts(
    promise: PrizeDraw, fixed: DrawList | None, result: DrawResult | None, now: datetime
) -> Iterator[DeskAct]:
    if fixed is None and promise.closes + SETTLING <= now < promise.seed_at:
        yield DeskAct("fix", _said("act.fix"), _said("act.fix.question"), fix)
    if fixed is not None and result is None and now >= fixed.promise.seed_at:
        question = _said("act.draw.question", source=fixed.promise.seed_source)
        yield DeskAct("draw", _said("act.draw"), question, draw, _said("act.draw.field"))


def fix(tx: Tx, context: Context, magnet: str, _typed: str, now: datetime) -> None:
    """Fix the list of entries. Raises RequestRefused, ClockDoubted."""
    fix_entries(tx, context, magnet, draws_of(context.policy)[magnet], now)


def draw(tx: Tx, context: Context, magnet: str, typed: str, now: datetime) -> None:
    """Draw the winners with the number that was published. Raises RequestRefused, ClockDoubted."""
    if not typed.strip():
        msg = "Type the number as its source published it. Nothing was drawn."
        raise RequestRefused(msg)
    draw_winners(tx, context, magnet, typed, now)


def waits(tx: Tx, context: Context, now: datetime) -> Sequence[WaitingMagnet]:
    """Return the draws to fix and to draw, and those that can no longer be drawn as announced."""
    known = draws_of(context.policy)
    to_fix = [
        magnet
        for magnet, it in known.items()
        if it.closes + FIXED_BY_ITSELF <= now < it.seed_at
        and fixed_at(tx, magnet) is None
        and (not context.policy.magnets[magnet].removed or count_entries(tx, magnet))
    ]
    to_draw = [
        it.magnet
        for it in all_lists(tx)
        if it.magnet in known and it.promise.seed_at <= now and winners_of(tx, it.magnet) is None
    ]
    missed = missed_draws(tx, context.policy, now)
    named = (("to-fix", to_fix), ("to-draw", to_draw), ("missed", missed))
    return [
        WaitingMagnet(magnet, _said(f"waits.{key}", magnet=magnet))
        for key, found in named
        for magnet in found
    ]


DESK = DeskPart(report=report, waits=waits)
