"""What a calculator computes, and how its result travels to the request: sealed, in the form's address."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from optin.kinds.api import flows, forms, store

RESULT, NUMBER = "result", re.compile(r"[0-9]{1,12}([.,][0-9]{1,9})?")


@dataclass(frozen=True)
class Calculator(forms.Details):
    """Two numbers and a factor, whose product has a unit."""

    first: str
    second: str
    factor: str
    unit: str
    report: str
    report_html: str
    why: str = ""  # the result is kept; empty: it is not

    def result(self, typed: tuple[str, str]) -> str:
        """Return the product in words, or "" where something that was typed is no number."""
        if not all(NUMBER.fullmatch(text.strip()) for text in typed):
            return ""
        first, second = (Decimal(text.strip().replace(",", ".")) for text in typed)
        return f"{first * second * Decimal(self.factor):.2f} {self.unit}"


def carried(
    vault: store.Vault,
    _details: forms.Details | None,
    form: forms.FormDeclaration,
    query: Mapping[str, str],
    _now: datetime,
) -> tuple[tuple[str, str], ...]:
    """Return the result, where the form says why it is kept."""
    result = flows.open_text(vault, RESULT, form.magnet.encode(), flows.from_token(query.get(RESULT, "")))
    asked = any(field.name == RESULT for field in form.fields)
    return ((RESULT, result),) if asked and result else ()


def person_status(
    _tx: store.Tx, context: flows.Context, opened: flows.OpenedRequest, _now: datetime
) -> flows.PersonStatus | None:
    """Return the calculator, which has the long version, and the result where it is kept."""
    details = context.policy.details(opened.declaration.magnet)
    return None if details is None else flows.PersonStatus((details, opened.declared.fields.get(RESULT, "")))
