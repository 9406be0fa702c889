"""Our verdicts on SPF, DMARC and MX, and those of checkdmarc, over the same zones of a real Knot."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from optin.services.doctor.finding import Seen, Verdict
from optin.services.doctor.mail_dns_checks import check_dmarc, check_mx, check_spf_record
from tests.doctor.test_mail_dns_checks import DOMAIN, SPF, Sender
from tests.doctor.test_mail_dns_checks import rsa_key as rsa_key  # noqa: PLC0414 - a fixture
from tests.doctor.test_mail_dns_checks import sender as sender  # noqa: PLC0414 - a fixture
from tests.host.checkdmarc import judge
from tests.host.knot import knot

DMARC = f"_dmarc.{DOMAIN} TXT"
MX = f"{DOMAIN} MX"


def spf(record: str) -> str:
    return f'{DOMAIN}. 60 IN TXT "{record}"'


def dmarc(record: str) -> str:
    return f'_dmarc.{DOMAIN}. 60 IN TXT "{record}"'


def includes(count: int) -> str:
    return " ".join(f"include:s{at}.example" for at in range(count))


INCLUDED = "\n".join(f's{at}.example. 60 IN TXT "v=spf1 ip4:203.0.113.{at} -all"' for at in range(12))


def nested(count: int) -> str:
    inner = f't.example. 60 IN TXT "v=spf1 {includes(count)} -all"'
    return f"{spf('v=spf1 include:t.example -all')}\n{inner}\n{INCLUDED}"


CASES = [
    ("right", "", ""),
    ("none", SPF, ""),
    ("two", SPF, f"{spf('v=spf1 a -all')}\n{spf('v=spf1 mx -all')}"),
    ("unknown mechanism", SPF, spf("v=spf1 moo -all")),
    ("a bad address", SPF, spf("v=spf1 ip4:192.0.2.999 -all")),
    ("ten look-ups", SPF, f"{spf(f'v=spf1 {includes(10)} -all')}\n{INCLUDED}"),
    ("eleven look-ups", SPF, f"{spf(f'v=spf1 {includes(11)} -all')}\n{INCLUDED}"),
    ("a loop", SPF, spf(f"v=spf1 include:{DOMAIN} -all")),
    ("an include of none", SPF, spf("v=spf1 include:nowhere.example -all")),
    ("a redirect", SPF, f"{spf('v=spf1 redirect=s1.example')}\n{INCLUDED}"),
    ("a redirect to none", SPF, spf("v=spf1 redirect=nowhere.example")),
    (
        "nested",
        SPF,
        nested(9),
    ),
    (
        "nested too deep",
        SPF,
        nested(10),
    ),
    ("mail servers", SPF, spf("v=spf1 mx a -all")),
    ("quarantine", DMARC, dmarc("v=DMARC1; p=quarantine")),
    ("two policies", DMARC, f"{dmarc('v=DMARC1; p=none')}\n{dmarc('v=DMARC1; p=reject')}"),
    ("no known policy", DMARC, dmarc("v=DMARC1; p=maybe")),
    ("no mail server", MX, ""),
    ("a mail server without an address", f"mx.{DOMAIN} A", ""),
]


def is_right(seen: Seen) -> bool:
    """Return whether a record counts, whatever it says."""
    assert seen.verdict is not Verdict.NOT_CHECKED, seen
    return seen.verdict is not Verdict.FAILED


@pytest.mark.parametrize(("instead_of", "lines"), [it[1:] for it in CASES], ids=[it[0] for it in CASES])
def test_two_programs_agree(sender: Sender, instead_of: str, lines: str) -> None:
    """O3: what counts for SPF (10 look-ups at most), DMARC and MX, and how many look-ups there are."""
    if instead_of:
        sender.set(lines, instead_of=instead_of)
    with knot(sender.zones.records) as resolver:
        there = replace(sender, resolver=resolver)
        ours = {look: there.see(look) for look in (check_spf_record, check_dmarc, check_mx)}
        theirs = judge(DOMAIN, resolver)
    assert is_right(ours[check_spf_record]) is theirs.spf, (ours, theirs)
    assert is_right(ours[check_dmarc]) is theirs.dmarc, (ours, theirs)
    assert is_right(ours[check_mx]) is theirs.mx, (ours, theirs)
    counted = re.search(r"\((\d+) of 10 look-ups\)", ours[check_spf_record].text)
    if counted and theirs.spf:
        assert int(counted[1]) == theirs.look_ups, (ours, theirs)
