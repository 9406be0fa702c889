"""The table `calculator` of the front matter."""

from pathlib import Path

from pydantic import Field

from optin.kinds.api.forms import FormField
from optin.kinds.api.front_matter import Line, Table, TableReading, Text, kind_words, read_prose
from optin_calculator.calculation import RESULT, Calculator


class CalculatorTable(Table):
    """What is asked, and what comes of it."""

    first: Line = Field(description="What the first number is.")
    second: Line = Field(description="What the second number is.")
    factor: float = Field(1, gt=0, lt=1e12, description="By which their product is multiplied.")
    unit: Line = Field(description="Of the result.")
    report: Text = Field(description="The long version, which comes by mail.")
    why: str = Field("", max_length=500, description="Why the result is kept; without, it is not.")


def read_calculator(table: CalculatorTable, _folder: Path, lang: str) -> TableReading:
    """Return the calculator."""
    why, factor, html = table.why.strip(), repr(table.factor), read_prose(table.report).html
    details = Calculator(table.first, table.second, factor, table.unit, table.report, html, why)
    label = kind_words(Path(__file__).parent, lang)["calculator.result"]
    return TableReading(details, (), (FormField(RESULT, label, why),) if why else ())
