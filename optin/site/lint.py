"""What the law asks of a site, as far as a program can see it (M5). Each rule names its article."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from optin.consent.form import PHONE_FIELD, FormField
from optin.consent.purpose import Channel, ConsentQuestion

MOST_WORDS = 25

# Words that name a channel, by language; a box that names another than its own asks for two (recital 32).
CHANNEL_WORDS = {
    Channel.EMAIL: re.compile(
        r"\b(e-?mail(en|t|s|ed)?|mail(en|t|s|ing)?|mailt|nieuwsbrief|newsletter|courriel|lettre)\b",
        re.IGNORECASE,
    ),
    Channel.PHONE: re.compile(
        r"\b(bel(len|t|len)?|opbellen|gebeld|telefo(on|nisch)\w*|call(s|ed|ing)?|(tele)?phone\w*"
        r"|anruf\w*|telefon\w*|appel(er|ez)?|t[ée]l[ée]phon\w*|sms|whatsapp)\b",
        re.IGNORECASE,
    ),
}
THIRD_PARTIES = re.compile(
    r"\b(partners?|derden|third part(y|ies)|affiliates?|dritte\w*|partenaires?|tiers)\b", re.IGNORECASE
)
PRICE = re.compile(
    r"\b(verplicht|vereist|noodzakelijk|required|mandatory|necessary|obligatoire|erforderlich)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…](?=\s+\S)")


@dataclass(frozen=True)
class Objection:
    """What a rule has against a text or a form. `code` is stable."""

    code: str
    message: str
    cure: str
    warning: bool = False


def objections_to_wording(wording: str, channel: Channel) -> Iterator[Objection]:
    """Look at the words of one box: one sentence, one purpose, one channel, for one controller."""
    other = next(kind for kind in Channel if kind is not channel)
    if CHANNEL_WORDS[other].search(wording):
        yield Objection(
            "two-channels",
            f"This box is for {channel.value}, but its words also speak of {other.value}"
            " (GDPR recital 32: one consent for each).",
            "Make a second purpose for the other channel, with a box of its own.",
        )
    if _SENTENCE_END.search(wording.strip()):
        yield Objection("one-sentence", "The words of a box are more than one sentence.", "Say it in one.")
    if THIRD_PARTIES.search(wording):
        yield Objection(
            "third-parties",
            "The words speak of others than the controller; a consent must name them (GDPR 4(11), 13).",
            "Name each company, or leave them out.",
            warning=True,
        )
    if PRICE.search(wording):
        yield Objection(
            "price",
            "The words sound as if this box were needed; consent is free (GDPR 7(4)).",
            "Say what the person gets, not what is needed.",
            warning=True,
        )
    if len(wording.split()) > MOST_WORDS:
        yield Objection(
            "wordy",
            f"The words of a box are more than {MOST_WORDS}.",
            "Shorten them; people read boxes on a phone.",
            warning=True,
        )


def objections_to_form(
    questions: tuple[ConsentQuestion, ...], fields: tuple[FormField, ...]
) -> Iterator[tuple[str, Objection]]:
    """Look at boxes and fields together; each objection with the key it belongs to."""
    by_phone = any(question.channel is Channel.PHONE for question in questions)
    phone = next((field for field in fields if field.name == PHONE_FIELD), None)
    if by_phone and phone is None:
        yield (
            "purposes",
            Objection(
                "phone-field-missing",
                "A consent to telephone is asked, but no telephone number.",
                "Add to fields: - name: phone, with a why.",
            ),
        )
    if phone is not None and not by_phone:
        yield (
            "fields",
            Objection(
                "phone-purpose-missing",
                "A telephone number is asked, but nothing that it is used for (GDPR 5(1)(b), (c)).",
                "Add a purpose with the channel phone, or remove the field.",
            ),
        )
    if phone is not None and phone.required:
        yield (
            "fields",
            Objection(
                "phone-required",
                "A telephone number is needed only when a telephone box is ticked.",
                "Remove required; the form asks for it then.",
            ),
        )
    seen: set[str] = set()
    for question in questions:
        if question.purpose in seen:
            cure = "Name each purpose once."
            message = f"The purpose {question.purpose!r} is asked twice."
            yield "purposes", Objection("twice", message, cure)
        seen.add(question.purpose)
