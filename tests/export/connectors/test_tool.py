"""What connectors share: making calls one after the other, and reading a tool's troubles."""

from __future__ import annotations

import asyncio

import pytest

from optin.export.connectors.tool import (
    LONGEST_WAIT_SECONDS,
    MOST_CALLS,
    Steps,
    ToolAnswer,
    ToolCall,
    ToolTrouble,
    TroubleKind,
    carry_out,
    trouble_of,
    wait_asked,
)

NOW = "Mon, 30 Nov 2026 12:00:00 GMT"


async def echo(call: ToolCall) -> ToolAnswer:
    """Answer with the path that was called."""
    return ToolAnswer(200, {}, call.path)


def test_steps_get_the_answer_to_each_call() -> None:
    """W11: a connector learns from answers, such as the id of a contact."""

    def steps() -> Steps[str]:
        first = yield ToolCall("GET", "/a")
        second = yield ToolCall("PUT", f"/b{first.content}")
        return str(second.content)

    assert asyncio.run(carry_out(steps(), echo)) == "/b/a"


def test_steps_that_never_end_are_stopped() -> None:
    """W11, S5: a tool that always says there is more keeps nobody waiting for ever."""

    def steps() -> Steps[None]:
        while True:
            yield ToolCall("GET", "/more")

    with pytest.raises(ToolTrouble, match=str(MOST_CALLS)):
        asyncio.run(carry_out(steps(), echo))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((it, TroubleKind.SETUP) for it in (301, 302, 308, 401, 403, 407)),
        *((it, TroubleKind.LATER) for it in (204, 408, 423, 425, 429, 477, 500, 502, 503, 504, 599)),
        *((it, TroubleKind.REFUSED) for it in (400, 404, 405, 409, 410, 413, 415, 422, 451)),
    ],
)
def test_each_status_is_one_kind_of_trouble(status: int, kind: TroubleKind) -> None:
    """W11, E7: final answers are told from those that pass and from what somebody must mend."""
    assert trouble_of(ToolAnswer(status, {}, None)).kind is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"retry-after": "30"}, 30),
        ({"retry-after": " 7 "}, 7),
        ({"retry-after": "Mon, 30 Nov 2026 12:02:00 GMT", "date": NOW}, 120),
        ({"retry-after": "Mon, 30 Nov 2026 11:02:00 GMT", "date": NOW}, 0),
        ({"retry-after": "Mon, 30 Nov 2026 12:02:00 GMT"}, 0),
        ({"retry-after": "Mon, 30 Nov 2026 12:02:00 -0000", "date": NOW}, 0),
        ({"retry-after": "9" * 400}, LONGEST_WAIT_SECONDS),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "٣"}, 0),
        ({"retry-after": "soon", "date": NOW}, 0),
    ],
)
def test_a_tool_says_how_long_to_wait(headers: dict[str, str], seconds: float) -> None:
    """W11: in seconds or as a date, never more than a day, and nonsense is no wait."""
    assert wait_asked(headers) == seconds
    assert trouble_of(ToolAnswer(429, headers, None)).wait_seconds == seconds
