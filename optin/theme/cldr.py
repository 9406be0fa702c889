"""Names of months, days and units in a language, from CLDR (Babel).

Babel is imported by the first page or mail that needs it, so that a start does not wait for it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal


@lru_cache(maxsize=1_024)
def month_name(month: int, lang: str) -> str:
    """Return the name of a month (1 is January), in the form used in dates."""
    from babel.dates import get_month_names  # noqa: PLC0415 - see above

    return str(get_month_names("wide", "format", lang)[month])


@lru_cache(maxsize=1_024)
def weekday_name(weekday: int, lang: str) -> str:
    """Return the name of a day of the week (0 is Monday), in the form used in dates."""
    from babel.dates import get_day_names  # noqa: PLC0415 - see above

    return str(get_day_names("wide", "format", lang)[weekday])


@lru_cache(maxsize=1_024)
def quantity(
    number: float, unit: str, lang: str, *, length: Literal["short", "long"] = "long"
) -> tuple[str, str]:
    """Return a number with its unit (a CLDR name such as duration-month) in the language's order."""
    from babel.units import format_unit  # noqa: PLC0415 - see above

    first, second = format_unit(number, unit, length, format="0.#", locale=lang).rsplit(maxsplit=1)
    return first, second


@lru_cache(maxsize=1_024)
def country_name(code: str, lang: str) -> str:
    """Return the name of a country (ISO 3166) in a language; the code itself where CLDR has no name."""
    from babel import Locale  # noqa: PLC0415 - see above

    return str(Locale.parse(lang).territories.get(code.upper(), code))


@lru_cache(maxsize=4_096)
def amount(number: int, lang: str) -> str:
    """Return a whole number with the language's separators: 3,008 or 3.008."""
    from babel.numbers import format_decimal  # noqa: PLC0415 - see above

    return str(format_decimal(number, locale=lang))


@lru_cache(maxsize=4_096)
def percent(share: float, lang: str) -> str:
    """Return a share as percents in the language's form, with the digits that it has: 75% or 5,6 %."""
    from babel.numbers import format_percent  # noqa: PLC0415 - see above

    return str(format_percent(share, locale=lang, decimal_quantization=False))
