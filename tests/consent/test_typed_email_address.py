"""Addresses and numbers as people type and paste them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optin.consent.confirmation_code import code_matches
from optin.consent.email_and_telephone import EmailAddress, parse_email
from optin.consent.misspelt_domain import distance, probably_meant
from optin.consent.typed_email_address import AddressRefused, parse_typed_email

JAN = "jan@example.nl"
UNSEEN = "\u200b\ufeff\u202a\u202c\u202d\u202e\u2060\u2066\u2069\u00ad\u200e\u200f\u061c\u180e\u200d"
PASTED = [
    *(f"ja{sign}n@exam{sign}ple.nl" for sign in UNSEEN),
    *(f"{sign}{JAN}{sign}" for sign in UNSEEN),
    *(f"{sign}{JAN}" for sign in '.,;:<>"([\u00a0 \u3000“«‹„‘'),
    f"'{JAN}'",
    f"`{JAN}`,",
    f"`{JAN}'",
    f"{{{JAN}}}.",
    f"{{'{JAN}'}}",
    *(f"{JAN}{sign}" for sign in ".,;:<>\"')]}\u00a0 \t\r\n”»›’"),
    f"\u202a{JAN}\u202c;",
    f'"{JAN}",',
    f"mailto:{JAN}",
    f"MAILTO:{JAN}?subject=Hallo%20daar&body=x@y.nl",
    f"<mailto:{JAN}>",
    f"mailto:jan%40example.nl",  # noqa: F541 - beside the others
    f"Jan Jansen <{JAN}>",
    f'"Jansen, Jan" <{JAN}>;',
    f"Jansen, J. (afd. inkoop) <{JAN}>,",
    f"{JAN} <{JAN}>",
    f"{JAN} <mailto:{JAN}>",
    f"[{JAN}](mailto:{JAN})",
    f"{JAN}; {JAN}",
    "jan @ example.nl",
    "jan\u00a0@example.nl",
    "jan\uff20example.nl",
    "jan@EXAMPLE.nl",
]


@pytest.mark.parametrize("text", PASTED, ids=ascii)
def test_what_is_plainly_meant_is_taken(text: str) -> None:
    """D1, F6: whatever a mail program, a page or a word processor put around an address."""
    assert parse_typed_email(text) == JAN


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "email-missing"),
        (" \u200b ", "email-missing"),
        ("<>", "email-missing"),
        ("jan", "email-invalid"),
        ("jan@", "email-invalid"),
        ("jan@@example.nl", "email-invalid"),
        ("jan smits@example.nl", "email-invalid"),
        ("xmailto:jan@example.nl", "email-invalid"),
        ("x-mailto:jan@example.nl", "email-invalid"),
        ("Jan jan@example.nl", "email-invalid"),
        ("jan@example. nl", "email-invalid"),
        ("jan@example", "email-invalid"),
        ("https://example.nl/jan@", "email-invalid"),
        ("jan@example.nl, piet@example.nl", "email-several"),
        ("jan@example.nl piet@example.nl", "email-several"),
        ("jan@example.nl; piet@", "email-invalid"),
        ("mailto:jan@example.nl,piet@example.nl", "email-several"),
        ("jan@example.nl <piet@example.nl>", "email-several"),
        ("Jan <jan@example.nl>, Piet <piet@example.nl>", "email-several"),
        ("jan@example.nl en piet@example.nl", "email-several"),
        ("x" * 2_000 + "@example.nl", "email-invalid"),
    ],
)
def test_what_is_not_plain_is_refused_with_its_reason(text: str, reason: str) -> None:
    """D1, S5: nobody guesses which of two was meant, or what a space stands for."""
    with pytest.raises(AddressRefused) as refused:
        parse_typed_email(text)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "address",
    [
        "o'brien@example.ie",
        "jan.smits+tips@example.nl",
        "zoë@exämple.de",
        "a_b-c@example.co.uk",
        "x&y@example.nl",
        "'t.hooft@example.nl",
        "`x@example.nl",
        "{x}@example.nl",
        "{x@example.nl",
        "a/b@example.nl",
        "mailto@example.nl",
    ],
)
def test_an_address_as_it_should_be_is_left_alone(address: str) -> None:
    """D1: cleaning is for what stands around it."""
    wanted = parse_email(address)
    link = f"mailto:{quote(address)}"
    for text in (address, f" \u200b{address}\u00a0", f"{address},", f'"{address}"', f"'{address}'", link):
        assert parse_typed_email(text) == wanted, text
    for text in (f"Jan <{address}>", f"{address} <{link}>", f"{address}; {address}"):
        assert parse_typed_email(text) == wanted, text


@given(st.text(max_size=60) | st.text(alphabet="ab@.,;<>\"' \u200b:", max_size=30))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """S5: and what is taken is taken again as it is."""
    try:
        taken = parse_typed_email(text)
    except AddressRefused:
        return
    assert parse_typed_email(taken) == taken


MISSPELT = {
    "gmial.com": "gmail.com",
    "gmai.com": "gmail.com",
    "gnail.com": "gmail.com",
    "gamil.com": "gmail.com",
    "gmaill.com": "gmail.com",
    "gmail.con": "gmail.com",
    "gmail.co": "gmail.com",
    "gmail.cm": "gmail.com",
    "gmail.nl": "gmail.com",
    "gmial.con": "gmail.com",
    "www.gmail.com": "gmail.com",
    "hotmial.nl": "hotmail.nl",
    "hotmal.be": "hotmail.be",
    "hotmail.con": "hotmail.com",
    "htomali.com": "hotmail.com",
    "hotnail.fr": "hotmail.fr",
    "outlok.com": "outlook.com",
    "outlool.com": "outlook.com",
    "outllok.be": "outlook.be",
    "yaho.com": "yahoo.com",
    "yahooo.fr": "yahoo.fr",
    "iclod.com": "icloud.com",
    "icloud.nl": "icloud.com",
    "zigo.nl": "ziggo.nl",
    "kpnmial.nl": "kpnmail.nl",
    "telnet.be": "telenet.be",
    "skynett.be": "skynet.be",
    "wandoo.fr": "wanadoo.fr",
    "lapost.net": "laposte.net",
    "t-onlin.de": "t-online.de",
    "freent.de": "freenet.de",
    "gmx.dee": "gmx.de",
    "live.nll": "live.nl",
    "bedrijf.con": "bedrijf.com",
    "verzekeraar.nll": "verzekeraar.nl",
}
SOUND = [
    "gmail.com", "googlemail.com", "gmx.de", "gmx.net", "gmx.com", "ymail.com", "hotmail.be",
    "hotmail.nl", "hotmail.it", "hotmail.gr", "live.nl", "live.co.uk", "ziggo.nl", "mail.com",
    "email.com", "me.com", "mac.com", "msn.com", "outlook.be", "outlook.sa", "yahoo.co.uk",
    "yahoo.com.br", "planet.nl", "home.nl", "voo.be", "web.de", "wdb.de", "mail.de", "free.fr",
    "frei.fr", "orange.fr", "icloud.com", "proton.me", "pm.me", "hey.com", "life.nl", "love.nl",
    "sky.com", "ski.com", "bail.com", "example.nl", "bedrijf.co", "bedrijf.nl", "google.com", "amail.nl",
    "kmail.be", "hotel.com", "hotels.nl", "outlet.com", "outlet.nl", "skyline.be", "planets.nl",
    "plant.com", "hotmail.com.ar", "gmail.example.nl", "ziggy.nl", "webde.com", "arcon.de", "freedom.nl",
    "t-mobile.nl", "xn--bcher-kva.example",
]  # fmt: skip


@pytest.mark.parametrize(("typed", "meant"), MISSPELT.items())
def test_a_misspelt_provider_is_recognised(typed: str, meant: str) -> None:
    """D1, F6: by a list that is kept here; nobody else is asked."""
    assert probably_meant(EmailAddress(f"Jan.Smits@{typed}")) == f"Jan.Smits@{meant}"


@pytest.mark.parametrize("domain", SOUND)
def test_a_domain_that_may_well_be_meant_is_left_alone(domain: str) -> None:
    """F6: other providers, firms, countries."""
    assert probably_meant(EmailAddress(f"jan@{domain}")) is None


@given(st.from_regex(r"[a-z0-9.-]{0,30}", fullmatch=True))
def test_what_is_proposed_is_not_doubted_again(domain: str) -> None:
    """S5: any domain; the answer to the question raises no other."""
    meant = probably_meant(EmailAddress(f"jan@{domain}"))
    assert meant is None or meant != f"jan@{domain}"
    assert meant is None or probably_meant(meant) is None


def test_distance_counts_slips_of_the_finger() -> None:
    pairs = [("gmial", "gmail"), ("gmil", "gmail"), ("", "ab"), ("ab", "ba")]
    assert [distance(*pair) for pair in pairs] == [1, 1, 2, 1]


ZEROES = [0xFF10, 0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0x1D7CE]  # of full width, Arabic, Hindi, Thai …


@pytest.mark.parametrize(
    "typed",
    [
        "12345678", "1234 5678", "1234-5678", "\u200b1234\u20135678.",
        *("".join(chr(zero + int(digit)) for digit in "12345678") for zero in ZEROES),
        "\uff11\uff12\uff13\uff14\u3000\uff15\uff16\uff17\uff18",
    ],
)  # fmt: skip
def test_a_code_may_be_typed_in_the_digits_of_any_keyboard(typed: str) -> None:
    """D3: full-width and other decimal digits, spaces and dashes."""
    assert code_matches("12345678", typed)


@pytest.mark.parametrize("typed", ["1234567", "123456789", "12345679", "①②③④⑤⑥⑦⑧", "", "²3456781"])
def test_another_code_does_not_match(typed: str) -> None:
    """D3: what is no decimal digit is no digit."""
    assert not code_matches("12345678", typed)
