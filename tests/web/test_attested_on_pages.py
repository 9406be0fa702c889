"""What a person sees of an attested consent: on /me, and from the one mail that asks to the confirmation."""

from __future__ import annotations

import html
from datetime import date

import html5lib

from optin.bases.attested import AttestedConsent, Grade
from optin.consent.channel import Channel
from optin.consent.email_and_telephone import parse_email
from optin.consent.purpose import ConsentKey, PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.flows.bases.record_attested import record_attested
from optin.flows.bases.record_basis import EvidenceFile
from optin.flows.consents.ask_attested import PersonToAsk, ask_to_confirm
from optin.flows.delivery.mail_order import MailKind
from tests.web.conftest import Visit
from tests.web.test_personal_page import personal_link

FAYE = "faye@example.com"
KEY = ConsentKey(PurposeId("tips-email"), Channel.EMAIL)


def attested(visit: Visit) -> None:
    """Attest a consent of faye's, as staff do."""
    stated = AttestedConsent(
        who="Eva", key=KEY, grade=Grade.SIGNED, day=date(2026, 3, 1), kept=RetentionPeriod.parse("24 months"),
        addresses={"email": FAYE}, source="beurs", words="Stuur mij tips", lang="nl",
    )  # fmt: skip
    file = EvidenceFile("kaart.png", b"card", "image/png")
    visit.installation.run(record_attested, stated=stated, file=file, now=visit.moment)


def page_of(visit: Visit, address: str) -> str:
    """Return a page as text, if it is sound HTML."""
    page = visit.client.get(address).text
    html5lib.HTMLParser(strict=True).parse(page)
    return html.unescape(page)


def test_the_page_says_that_the_company_states_it(visit: Visit) -> None:
    """L6, R1: in words, with its grade and its file, and no consent beside it."""
    attested(visit)
    page = page_of(visit, personal_link(visit, FAYE))
    for words in (
        "U gaf geen toestemming", "Onze medewerkers legden dit vast. Het is geen toestemming van u",
        "u hebt het hier niet bevestigd", "met uw eigen hand", "Stuur mij tips", "beurs", "2026-03-01",
        "kaart.png downloaden",
    ):  # fmt: skip
        assert words in page, words


def test_from_the_mail_that_asks_to_a_proven_consent(visit: Visit) -> None:
    """L6, P8: the mail says whence; the page shows the question; the click gives it."""
    attested(visit)
    asking = PersonToAsk(parse_email(FAYE), KEY, "Eva")
    visit.installation.run(ask_to_confirm, asking=asking, now=visit.moment)
    link = f"/confirm/{visit.mail(MailKind.RENEWAL).confirm_token}"
    asked = page_of(visit, link)
    assert "Met deze knop geeft u Voorbeeld B.V. deze toestemming:" in asked
    assert "U vroeg" not in asked  # the company did
    assert "download" not in asked
    pressed = visit.press(link)
    assert pressed.status_code == 303
    done = page_of(visit, pressed.headers["location"])
    assert "Uw toestemming is bevestigd." in done
    assert "Het witboek" not in done
    (receipt,) = visit.mails()
    assert receipt.kind == MailKind.DELIVERY
    page = page_of(visit, personal_link(visit, FAYE))
    assert "U gaf geen toestemming" not in page
    assert "u per e-mail gevraagd een toestemming te bevestigen" in page
    assert "u hebt het hier niet bevestigd" in page  # of the entry, which stands beside the consent
