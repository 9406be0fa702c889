"""The words with which a new site begins, by language: what its author replaces first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Beginning:
    """A company nobody has heard of, its country, the words of its first box, why a number is asked."""

    company: str
    sender: str
    address: tuple[str, ...]
    country: str
    tips: str
    phone: str


BEGINNINGS: Mapping[str, Beginning] = {
    "nl": Beginning(
        "Uw bedrijf B.V.",
        "Uw bedrijf",
        ("Straat 1", "1234 AB Plaats", "Nederland"),
        "NL",
        "Stuur mij elke maand een tip over verkopen; ik kan op elk moment stoppen.",
        "Alleen om u te bellen als u daar zelf voor kiest.",
    ),
    "en": Beginning(
        "Your company Ltd",
        "Your company",
        ("1 Street", "Town AB1 2CD", "United Kingdom"),
        "GB",
        "Send me a tip about selling every month; I can stop at any time.",
        "Only to call you if you choose so yourself.",
    ),
    "de": Beginning(
        "Ihr Unternehmen GmbH",
        "Ihr Unternehmen",
        ("Straße 1", "12345 Ort", "Deutschland"),
        "DE",
        "Senden Sie mir jeden Monat einen Tipp zum Verkaufen; ich kann jederzeit widerrufen.",
        "Nur um Sie anzurufen, wenn Sie das selbst wählen.",
    ),
    "fr": Beginning(
        "Votre entreprise SAS",
        "Votre entreprise",
        ("1 rue de l’Exemple", "12345 Ville", "France"),
        "FR",
        "Envoyez-moi chaque mois un conseil de vente\u00a0; je peux arrêter à tout moment.",
        "Uniquement pour vous appeler, si vous le choisissez vous-même.",
    ),
}
