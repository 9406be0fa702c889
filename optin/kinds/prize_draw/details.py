"""Details of a prize draw: the prize, the terms, when it closes, how winners are drawn (M2). Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from optin.kinds.api.forms import Details, RetentionPeriod

KIND = "prize-draw"
ANSWER_FIELD = "answer"
AGE_FIELD = "age"
CHOICE_FIELD = "choice"
WITHOUT_CONSENT = "none"  # the value of the button that enters without any consent
# longer than any transaction takes: whoever confirmed in the last second is in the list
SETTLING = timedelta(minutes=1)


@dataclass(frozen=True)
class Contest:
    """A question; only entrants with a right answer take part."""

    question: str
    answers: tuple[str, ...]

    def is_right(self, answer: str) -> bool:
        """Return whether an answer is right; case, accents, spaces and punctuation do not matter."""
        return _plain(answer) in {_plain(known) for known in self.answers}


@dataclass(frozen=True)
class PrizeDraw(Details):
    """A raffle, or a contest with a question. Moments are UTC; `zone`: the zone in which they are shown."""

    prize: str
    value: int  # of all prizes together, in euros
    winners: int
    closes: datetime
    zone: str
    age: int
    terms: str  # as written; pinned with the form
    terms_html: str
    seed_source: str
    seed_at: datetime
    keep: RetentionPeriod  # entries, after the draw
    claim: str = ""  # how a winner gets the prize, in the magnet's words
    contest: Contest | None = None

    @property
    def closes_at(self) -> datetime | None:
        """From when on the form is closed."""
        return self.closes

    @property
    def place(self) -> str:
        """The city or region of the zone, in words."""
        return self.zone.rpartition("/")[2].replace("_", " ")

    @property
    def zones(self) -> frozenset[str]:
        """Its zone."""
        return frozenset({self.zone})

    def declared(self) -> dict[str, Any]:
        """Return what the form promises, as JSON values."""
        plain: dict[str, Any] = {
            "prize": self.prize,
            "value": self.value,
            "winners": self.winners,
            "closes": _written(self.closes),
            "zone": self.zone,
            "age": self.age,
            "terms": self.terms,
            "seed": {"source": self.seed_source, "at": _written(self.seed_at)},
            "keep": self.keep.text,
            "claim": self.claim,
        }
        if self.contest is not None:
            plain["contest"] = {"question": self.contest.question, "answers": list(self.contest.answers)}
        return plain

    @classmethod
    def read(cls, plain: dict[str, Any]) -> Self:
        """Read what `declared` returned. Raises KeyError, TypeError or ValueError for other values."""
        contest = plain.get("contest")
        return cls(
            prize=plain["prize"],
            value=plain["value"],
            winners=plain["winners"],
            closes=datetime.fromisoformat(plain["closes"]),
            zone=plain["zone"],
            age=plain["age"],
            terms=plain["terms"],
            terms_html="",
            seed_source=plain["seed"]["source"],
            seed_at=datetime.fromisoformat(plain["seed"]["at"]),
            keep=RetentionPeriod.parse(plain["keep"]),
            claim=plain["claim"],
            contest=None if contest is None else Contest(contest["question"], tuple(contest["answers"])),
        )

    def takes_part(self, answer: str) -> bool:
        """Return whether an entry with this answer takes part."""
        return self.contest is None or self.contest.is_right(answer)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="minutes").replace("+00:00", "Z")


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[\W_]+", "", "".join(it for it in letters if not unicodedata.combining(it)))
