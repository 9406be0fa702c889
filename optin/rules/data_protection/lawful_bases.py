"""The lawful bases on which a purpose rests. Whoever adds a basis to a purpose adds it in `bases_of` alone.

Privacy statements, the record of processing and their checks ask here.
"""

from __future__ import annotations

from collections.abc import Mapping

from optin.consent.purpose import PurposeId
from optin.rules.contact_rule import LawfulBasis
from optin.settings.site import SiteSettings

# The part of GDPR 6(1) that each basis is; statements write it in the way of their language.
LETTERS: Mapping[LawfulBasis, str] = {
    LawfulBasis.CONSENT: "a",
    LawfulBasis.CONTRACT: "b",
    LawfulBasis.ENQUIRY: "b",
    LawfulBasis.OBLIGATION: "c",
    LawfulBasis.INTEREST: "f",
}


def bases_of(settings: SiteSettings, name: PurposeId) -> tuple[LawfulBasis, ...]:
    """Return the bases of a purpose, the first one first.

    Every purpose asks for consent. A written assessment, or a product line that is similar to what it offers,
    lets some people be contacted on a legitimate interest (recital 47; ePrivacy Directive 13(2)).
    """
    by_interest = settings.purposes[name].assessment or any(
        name in product.similar for product in settings.products.values()
    )
    return (LawfulBasis.CONSENT, LawfulBasis.INTEREST) if by_interest else (LawfulBasis.CONSENT,)


def keeps_enquiries(settings: SiteSettings) -> bool:
    """Return whether `optin.toml` says how long enquiries are kept; else nobody knows whether any are."""
    return "enquiries" in settings.model_fields_set
