"""Read a posted form against the form version that was shown. Pure; stores nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from optin.consent.channel import Address, address_at
from optin.consent.email_and_telephone import EmailAddress
from optin.consent.form_version import EMAIL_FIELD, SOURCE_FIELD, FormDeclaration
from optin.consent.kind_specific_details import DetailsPart
from optin.consent.misspelt_domain import probably_meant
from optin.consent.purpose import PurposeId
from optin.consent.typed_email_address import AddressRefused, parse_typed_email, without_invisible
from optin.errors import PostMalformed

CONSENT_FIELD = "consent"
FORM_FIELD = "form"
MEANT_FIELD = "email_meant"  # a button: the address that was proposed in place of a misspelt one
MAX_FIELD_CHARACTERS = 200


@dataclass(frozen=True)
class ValidEntry:
    """One person's valid input; nothing that the form did not ask."""

    email: EmailAddress
    fields: tuple[tuple[str, str], ...] = ()
    purposes: tuple[PurposeId, ...] = ()


@dataclass(frozen=True)
class FieldProblem:
    """A mistake in a field. `reason`: a key of the catalogues, `problem.<reason>`."""

    field: str
    reason: str


@dataclass(frozen=True)
class FormInput:
    """The input as typed, so that nothing is lost when the form comes back (F6)."""

    values: tuple[tuple[str, str], ...]
    ticked: tuple[str, ...]
    meant: str = ""  # the proposed address, when its button was pressed

    def value(self, name: str) -> str:
        """Return the typed value of the field `name`."""
        return dict(self.values).get(name, "")


def read_form_input(
    declaration: FormDeclaration, posted: Sequence[tuple[str, str]], kind: DetailsPart
) -> FormInput:
    """Sort a post into values and ticks. Raises PostMalformed for a post that no browser sends."""
    fields = [field.name for field in declaration.fields if field.name != SOURCE_FIELD]
    names = [EMAIL_FIELD, *fields, *kind.controls]
    values: dict[str, str] = {}
    ticked: list[str] = []
    meant = [value for name, value in posted if name == MEANT_FIELD]
    if len(meant) > 1:
        raise PostMalformed
    for name, value in posted:
        if name == CONSENT_FIELD and declaration.question(value) and value not in ticked:
            ticked.append(value)
        elif name in names and name not in values and "\x00" not in value:
            values[name] = " ".join(value.split())
        elif name not in {FORM_FIELD, MEANT_FIELD}:
            raise PostMalformed
    pairs = tuple((name, values.get(name, "")) for name in names)
    counted = kind.check_post(dict(pairs), tuple(ticked)).ticked
    return FormInput(values=pairs, ticked=counted, meant="".join(meant))


@dataclass(frozen=True)
class DoubtfulAddress:
    """An address whose domain looks misspelt, and the address that was probably meant."""

    typed: str
    meant: str


def settle_doubtful_address(typed: FormInput, asked: str) -> tuple[FormInput, DoubtfulAddress | None]:
    """Return the input, with the proposed address if its button was pressed, and the next question.

    `asked`: the address about which it was asked before. Each is asked about once, then taken as it stands.
    """
    try:
        address = parse_typed_email(typed.value(EMAIL_FIELD))
    except AddressRefused:
        return typed, None
    meant = probably_meant(address)
    if meant is None:
        return typed, None
    if address != asked:
        return typed, DoubtfulAddress(address, meant)
    if typed.meant != meant:
        return typed, None
    values = tuple((name, meant if name == EMAIL_FIELD else value) for name, value in typed.values)
    return replace(typed, values=values), None


def normalised_values(
    declaration: FormDeclaration, typed: FormInput, country: str
) -> tuple[tuple[str, str], ...]:
    """Return the normal form of an address and a number, by field, where it differs from the input.

    A number that no ticked box needs is left out: it would not be kept.
    """
    read: dict[str, str] = {}
    with suppress(ValueError):
        read[EMAIL_FIELD] = parse_typed_email(typed.value(EMAIL_FIELD))
    for address in _needed(declaration, typed):
        with suppress(ValueError):
            parsed = address.parse(without_invisible(typed.value(address.field)), country)
            read[address.field] = address.show(parsed)
    return tuple((field, value) for field, value in read.items() if value != typed.value(field))


def _needed(declaration: FormDeclaration, typed: FormInput) -> set[Address]:
    """Return the addresses besides the mailbox that a ticked box needs."""
    return {asked.channel.address for asked in declaration.asked(typed.ticked) if not asked.channel.by_mail}


def read_entry(
    declaration: FormDeclaration, typed: FormInput, country: str, kind: DetailsPart
) -> ValidEntry | tuple[FieldProblem, ...]:
    """Return the entry, or every problem in the input, in the form's order."""
    problems: list[FieldProblem] = []
    email = _read_email(typed.value(EMAIL_FIELD), problems)
    needed = _needed(declaration, typed)
    fields: list[tuple[str, str]] = []
    for field in declaration.fields:
        address = address_at(field.name)
        if address is not None and address not in needed:
            continue  # no ticked box needs it: there is nothing to keep it for (GDPR 5(1)(c))
        value = typed.value(field.name)
        if address is not None:
            value, reason = read_address(address, value, country)
            problems += [FieldProblem(field.name, reason)] if reason else []
        elif field.required and not value:
            problems.append(FieldProblem(field.name, "missing"))
        if len(value) > MAX_FIELD_CHARACTERS:
            problems.append(FieldProblem(field.name, "too-long"))
        elif value:
            fields.append((field.name, value))
    problems += [FieldProblem(*it) for it in kind.check_post(dict(typed.values), typed.ticked).problems]
    by_mail = {asked.purpose for asked in declaration.questions if asked.channel.by_mail}
    if kind.needs_consent and by_mail and not by_mail.intersection(typed.ticked):
        reason = "consent-email-missing" if typed.ticked else "consent-missing"
        problems.append(FieldProblem(CONSENT_FIELD, reason))
    if problems or email is None:
        return tuple(problems)
    purposes = tuple(asked.purpose for asked in declaration.asked(typed.ticked))
    return ValidEntry(email=email, fields=tuple(fields), purposes=purposes)


def _read_email(text: str, problems: list[FieldProblem]) -> EmailAddress | None:
    try:
        return parse_typed_email(text)
    except AddressRefused as problem:
        problems.append(FieldProblem(EMAIL_FIELD, problem.reason))
        return None


def read_address(address: Address, text: str, country: str) -> tuple[str, str]:
    """Return an address in normal form and "", or "" and the reason why it is not valid."""
    if not text:
        return "", f"{address.field}-missing"
    try:
        return address.parse(without_invisible(text), country), ""
    except ValueError:
        return "", f"{address.field}-invalid"
