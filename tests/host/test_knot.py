"""The doctor's look-ups against a real Knot DNS, with right and wrong zones."""

from __future__ import annotations

from dataclasses import replace

from optin.services.doctor.finding import Verdict
from tests.doctor.test_mail_dns_checks import DKIM, DMARC, LOOKS, SPF, Sender
from tests.doctor.test_mail_dns_checks import rsa_key as rsa_key  # noqa: PLC0414 - a fixture
from tests.doctor.test_mail_dns_checks import sender as sender  # noqa: PLC0414 - a fixture
from tests.host.knot import knot


def test_right_zones_pass_with_a_server_of_others(sender: Sender) -> None:
    """O3: with a DKIM key that is longer than one string."""
    with knot(sender.zones.records) as resolver:
        there = replace(sender, resolver=resolver)
        for look in LOOKS:
            assert there.see(look).verdict is Verdict.PASSED, look.__name__


def test_wrong_zones_are_found_with_a_server_of_others(sender: Sender) -> None:
    """O3: what is missing, and what is wrong, is no answer that was not given."""
    for wrong in (SPF, DKIM, DMARC, "10.2.0.192.in-addr.arpa PTR"):
        sender.set("", instead_of=wrong)
    with knot(sender.zones.records) as resolver:
        there = replace(sender, resolver=resolver)
        verdicts = {look.__name__: there.see(look).verdict for look in LOOKS}
    failed = {"check_spf_record", "check_spf_server", "check_dkim", "check_dmarc", "check_ptr"}
    assert {name for name, it in verdicts.items() if it is Verdict.FAILED} == failed
    assert verdicts["check_mx"] is Verdict.PASSED
    assert verdicts["check_alignment"] is Verdict.NOT_CHECKED
