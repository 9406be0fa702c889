"""A calculator: two numbers, their product at once, and the long version by mail."""

from pathlib import Path

from optin.kinds.api import DetailsPart, FilePart, FlowPart, Kind, PagesPart
from optin_calculator.calculation import RESULT, Calculator, carried, person_status
from optin_calculator.front_matter import CalculatorTable, read_calculator
from optin_calculator.pages import ROUTES, form_pages, opening

CALCULATOR = Kind(
    "calculator",
    file=FilePart(
        "two numbers, a result at once, and the long version by mail",
        folder=Path(__file__).parent,
        table="calculator",
        model=CalculatorTable,
        read=read_calculator,
    ),
    details=DetailsPart(filled_in=frozenset({RESULT}), of_request=frozenset({RESULT})),
    pages=PagesPart(opening=opening, form_pages=form_pages),
    flows=FlowPart(
        carried=carried, person_status=person_status, kept=vars, read_kept=lambda plain: Calculator(**plain)
    ),
    routes=ROUTES,
)
