"""Reading what a visitor filled in, against the form version that was shown. Pure; stores nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optin.consent.address import EmailAddress, parse_email, parse_phone
from optin.consent.form import EMAIL_FIELD, PHONE_FIELD, FormDeclaration
from optin.consent.prize import AGE_FIELD, CHOICE_FIELD, KIND, WITHOUT_CONSENT
from optin.consent.purpose import Channel, PurposeId
from optin.errors import PostMalformed

CONSENT_FIELD = "consent"
FORM_FIELD = "form"
MAX_FIELD_CHARACTERS = 200


@dataclass(frozen=True)
class Entry:
    """What one person filled in: valid, and nothing that the form did not ask."""

    email: EmailAddress
    fields: tuple[tuple[str, str], ...] = ()
    purposes: tuple[PurposeId, ...] = ()


@dataclass(frozen=True)
class Problem:
    """One mistake in a field. `reason` is a key of the catalogues: `problem.<reason>`."""

    field: str
    reason: str


@dataclass(frozen=True)
class Typed:
    """What was typed, kept so that nothing is lost when the form comes back (F6)."""

    values: tuple[tuple[str, str], ...]
    ticked: tuple[str, ...]

    def value(self, name: str) -> str:
        """Return what stood in the field `name`."""
        return dict(self.values).get(name, "")


def read_typed(declaration: FormDeclaration, posted: Sequence[tuple[str, str]]) -> Typed:
    """Sort a post into values and ticks. Raises PostMalformed for what no browser sends from this form."""
    of_draw = (AGE_FIELD, CHOICE_FIELD) if declaration.kind == KIND else ()
    names = [EMAIL_FIELD, *(field.name for field in declaration.fields), *of_draw]
    values: dict[str, str] = {}
    ticked: list[str] = []
    for name, value in posted:
        if name == CONSENT_FIELD and declaration.question(value) and value not in ticked:
            ticked.append(value)
        elif name in names and name not in values and "\x00" not in value:
            values[name] = " ".join(value.split())
        elif name != FORM_FIELD:
            raise PostMalformed
    if values.get(CHOICE_FIELD) == WITHOUT_CONSENT:  # what was ticked beside this button was not meant
        ticked.clear()
    return Typed(values=tuple((name, values.get(name, "")) for name in names), ticked=tuple(ticked))


def read_entry(declaration: FormDeclaration, typed: Typed, country: str) -> Entry | tuple[Problem, ...]:
    """Return the entry, or every problem in it, in the form's order."""
    problems: list[Problem] = []
    email = _read_email(typed.value(EMAIL_FIELD), problems)
    by_phone = any(asked.channel is Channel.PHONE for asked in declaration.asked(typed.ticked))
    fields: list[tuple[str, str]] = []
    for field in declaration.fields:
        if field.name == PHONE_FIELD and not by_phone:
            continue  # nobody may call: there is nothing to keep it for (GDPR 5(1)(c))
        value = typed.value(field.name)
        needed_to_call = field.name == PHONE_FIELD
        if field.name == PHONE_FIELD:
            value = _read_phone(value, country, problems)
        if (field.required or needed_to_call) and not typed.value(field.name):
            problems.append(Problem(field.name, "phone-missing" if needed_to_call else "missing"))
        elif len(value) > MAX_FIELD_CHARACTERS:
            problems.append(Problem(field.name, "too-long"))
        elif value:
            fields.append((field.name, value))
    if declaration.kind == KIND and not typed.value(AGE_FIELD):
        problems.append(Problem(AGE_FIELD, "age-missing"))  # only that it was ticked: no age is kept
    if problems or email is None:
        return tuple(problems)
    purposes = tuple(asked.purpose for asked in declaration.asked(typed.ticked))
    return Entry(email=email, fields=tuple(fields), purposes=purposes)


def _read_email(text: str, problems: list[Problem]) -> EmailAddress | None:
    try:
        return parse_email(text)
    except ValueError:
        problems.append(Problem(EMAIL_FIELD, "email-invalid" if text else "email-missing"))
        return None


def _read_phone(text: str, country: str, problems: list[Problem]) -> str:
    if not text:
        return ""
    try:
        return parse_phone(text, country)
    except ValueError:
        problems.append(Problem(PHONE_FIELD, "phone-invalid"))
        return ""
