"""Checks of the sender's records, against a real DNS server with right and wrong zones."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from dnslib import DNSRecord

from optin.server_addresses import parse_resolver
from optin.services.doctor.all_checks import CHECKS, DNS, load_libraries
from optin.services.doctor.dkim_checks import check_dkim, judge_dkim, public_key_of, record_of
from optin.services.doctor.examination import Examination, Reach
from optin.services.doctor.finding import NotChecked, Seen, Verdict
from optin.services.doctor.mail_dns_checks import (
    ask_about_sender,
    check_alignment,
    check_dmarc,
    check_mx,
    check_ptr,
    check_spf_record,
    check_spf_server,
    is_aligned,
)
from optin.services.doctor.run_checks import run_checks
from optin.services.doctor.sender_records import record_line, with_addresses
from optin.services.site_edition import Edition, load_edition
from tests.doctor.conftest import set_base
from tests.doctor.dns_server import (
    Answer,
    Zones,
    answers_another,
    dns_server,
    hangs,
    has_another_id,
    lies_about_the_name,
    refuses,
    says_garbage,
    truncated,
    truncates_for_ever,
)
from tests.installed import KINDS
from tests.own_site import add_settings, own_site
from tests.waiting import wait_until

DOMAIN = "mail.voorbeeld.example"
LOOKS = (check_spf_record, check_spf_server, check_dkim, check_dmarc, check_alignment, check_mx, check_ptr)
RSA_BITS = 2048


@dataclass
class Sender:
    """A site that sends mail, and the zones that speak of it."""

    root: Path
    zones: Zones
    resolver: str
    record: str  # of its key
    loaded: dict[str, Edition] = field(default_factory=dict)

    def examination(self, seconds: float = 2.0) -> Examination:
        text = (self.root / "optin.toml").read_text()
        if text not in self.loaded:
            edition, _ = load_edition(self.root, KINDS)
            assert edition is not None
            self.loaded[text] = edition
        return Examination(self.loaded[text], datetime.now(UTC), Reach(seconds, self.resolver))

    def see(self, look: Callable[[Examination], Seen], seconds: float = 2.0) -> Seen:
        try:
            return look(self.examination(seconds))
        except NotChecked as problem:
            return problem.seen

    def set(self, line: str, *, instead_of: str) -> None:
        """Replace the records of a name and kind by one line, or by none."""
        name, kind = instead_of.split()
        self.zones.drop(name, kind)
        if line:
            self.zones.add(line)

    def write(self, old: str, new: str) -> None:
        """Change optin.toml."""
        path = self.root / "optin.toml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))


def right_zones(record: str) -> Zones:
    zones = Zones()
    zones.add(
        f'{DOMAIN}. 60 IN TXT "v=spf1 ip4:192.0.2.10 include:spf.relay.example -all"',
        f'{DOMAIN}. 60 IN TXT "another=record"',
        'spf.relay.example. 60 IN TXT "v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 ?all"',
        f"{DOMAIN}. 60 IN MX 20 mx2.{DOMAIN}.",
        f"{DOMAIN}. 60 IN MX 10 mx.{DOMAIN}.",
        f"mx.{DOMAIN}. 60 IN A 192.0.2.25",
        f"mx2.{DOMAIN}. 60 IN AAAA 2001:db8::25",
        '_dmarc.voorbeeld.example. 60 IN TXT "v=DMARC1; p=reject; sp=quarantine"',
        f"10.2.0.192.in-addr.arpa. 60 IN PTR out.{DOMAIN}.",
        f"out.{DOMAIN}. 60 IN A 192.0.2.10",
        record_line(f"s1._domainkey.{DOMAIN}", record).replace(" IN ", " 60 IN "),
    )
    return zones


@pytest.fixture(scope="session", autouse=True)
def _libraries() -> None:
    load_libraries()


@pytest.fixture(scope="session")
def rsa_key() -> bytes:
    key = generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


@pytest.fixture
def sender(tmp_path: Path, rsa_key: bytes) -> Iterator[Sender]:
    root = own_site(tmp_path / "site")
    set_base(root, "https://tips.voorbeeld.example")
    (root / "dkim.pem").write_bytes(rsa_key)
    (root / "dkim.pem").chmod(0o600)
    add_settings(
        root,
        f'\n[mail_server]\naddresses = ["192.0.2.10"]\n[dkim]\nselector = "s1"\ndomain = "{DOMAIN}"\n'
        f'key = "dkim.pem"\n',
    )
    record = record_of(public_key_of(rsa_key))
    zones = right_zones(record)
    with dns_server(zones) as resolver:
        made = Sender(root, zones, resolver, record)
        text = (root / "optin.toml").read_text()
        (old,) = (it for it in text.splitlines() if it.startswith("address = ") and "@" in it)
        made.write(old, f'address = "tips@{DOMAIN}"')
        yield made


def test_a_sender_whose_records_are_right_passes(sender: Sender) -> None:
    """O3: SPF with its include, DKIM by key and by signature, DMARC of the level above, MX, PTR both ways."""
    for look in LOOKS:
        seen = sender.see(look)
        assert seen.verdict is Verdict.PASSED, (look.__name__, seen)
    assert "is quarantine" in sender.see(check_dmarc).text
    assert "1 of 10 look-ups" in sender.see(check_spf_record).text


SPF = f"{DOMAIN} TXT"
DKIM = f"s1._domainkey.{DOMAIN} TXT"
DMARC = "_dmarc.voorbeeld.example TXT"
NO_POLICY = '_dmarc.voorbeeld.example. 60 IN TXT "v=DMARC1; p=none"'
WRONG = [
    (check_spf_record, SPF, "", Verdict.FAILED, f'{DOMAIN}. IN TXT "v=spf1 ip4:192.0.2.10 -all"'),
    (check_spf_record, SPF, f'{DOMAIN}. 60 IN TXT "v=spf1 +all"', Verdict.FAILED, "End it with -all"),
    (check_spf_record, SPF, f'{DOMAIN}. 60 IN TXT "v=spf1 ?all"', Verdict.WARNING, "-all or ~all"),
    (check_spf_record, SPF, f'{DOMAIN}. 60 IN TXT "v=spf1 moo -all"', Verdict.FAILED, "Correct the record"),
    (
        check_spf_record,
        SPF,
        f'{DOMAIN}. 60 IN TXT "v=spf1 a -all"\n{DOMAIN}. 60 IN TXT "v=spf1 mx ~all"',
        Verdict.FAILED,
        '"v=spf1 a mx -all"',
    ),
    (
        check_spf_server,
        SPF,
        f'{DOMAIN}. 60 IN TXT "v=spf1 mx -all"',
        Verdict.FAILED,
        f'{DOMAIN}. IN TXT "v=spf1 ip4:192.0.2.10 mx -all"',
    ),
    (check_spf_server, SPF, "", Verdict.FAILED, '"v=spf1 ip4:192.0.2.10 -all"'),
    (check_dkim, DKIM, "", Verdict.FAILED, f's1._domainkey.{DOMAIN}. IN TXT "v=DKIM1; k=rsa; p=MII'),
    (check_dkim, DKIM, f's1._domainkey.{DOMAIN}. 60 IN TXT "v=DKIM1; p="', Verdict.FAILED, "v=DKIM1; k=rsa"),
    (check_dkim, DKIM, f's1._domainkey.{DOMAIN}. 60 IN TXT "p=AAAA"', Verdict.FAILED, "v=DKIM1; k=rsa"),
    (check_dkim, DKIM, f's1._domainkey.{DOMAIN}. 60 IN TXT "p=é%"', Verdict.FAILED, "v=DKIM1; k=rsa"),
    (
        check_dmarc,
        DMARC,
        "",
        Verdict.FAILED,
        f'_dmarc.{DOMAIN}. IN TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@{DOMAIN}"',
    ),
    (
        check_dmarc,
        DMARC,
        '_dmarc.voorbeeld.example. 60 IN TXT "v=DMARC1; p=none"',
        Verdict.WARNING,
        "reports",
    ),
    (check_dmarc, DMARC, '_dmarc.voorbeeld.example. 60 IN TXT "v=DMARC1; p=maybe"', Verdict.FAILED, "_dmarc"),
    (
        check_dmarc,
        DMARC,
        f"{NO_POLICY}\n{NO_POLICY.replace('none', 'reject')}",
        Verdict.FAILED,
        "_dmarc",
    ),
    (check_mx, f"{DOMAIN} MX", "", Verdict.FAILED, f"{DOMAIN}. IN MX 10"),
    (check_mx, f"{DOMAIN} MX", f"{DOMAIN}. 60 IN A 192.0.2.1", Verdict.WARNING, f"{DOMAIN}. IN MX 10"),
    (check_mx, f"{DOMAIN} MX", f"{DOMAIN}. 60 IN MX 0 .", Verdict.FAILED, f"{DOMAIN}. IN MX 10"),
    (check_mx, f"mx.{DOMAIN} A", "", Verdict.FAILED, f"{DOMAIN}. IN MX 10"),
    (check_ptr, "10.2.0.192.in-addr.arpa PTR", "", Verdict.FAILED, "10.2.0.192.in-addr.arpa. IN PTR"),
    (check_ptr, f"out.{DOMAIN} A", f"out.{DOMAIN}. 60 IN A 192.0.2.99", Verdict.FAILED, "IN PTR"),
]


@pytest.mark.parametrize(("look", "instead_of", "line", "verdict", "cure"), WRONG)
def test_a_wrong_record_is_found_with_the_one_to_paste(
    sender: Sender,
    look: Callable[[Examination], Seen],
    instead_of: str,
    line: str,
    verdict: Verdict,
    cure: str,
) -> None:
    """O3: the cure is the very line of the zone."""
    sender.set(line, instead_of=instead_of)
    seen = sender.see(look)
    assert seen.verdict is verdict, seen
    assert cure in seen.cure


def test_a_record_of_the_cure_passes(sender: Sender) -> None:
    """O3: what is pasted is right at once."""
    for look, instead_of in (
        (check_spf_record, SPF),
        (check_dkim, DKIM),
        (check_dmarc, DMARC),
    ):
        sender.set("", instead_of=instead_of)
        cure = sender.see(look).cure
        sender.zones.add(cure.replace(" IN ", " 60 IN "))
        assert sender.see(look).verdict is Verdict.PASSED, cure


def test_more_than_ten_look_ups_fail(sender: Sender) -> None:
    """O3: RFC 7208, 4.6.4: a receiver stops there, and nothing passes."""
    includes = " ".join(f"include:s{at}.example" for at in range(11))
    sender.set(f'{DOMAIN}. 60 IN TXT "v=spf1 {includes} -all"', instead_of=SPF)
    sender.zones.add(*(f's{at}.example. 60 IN TXT "v=spf1 ip4:203.0.113.{at} -all"' for at in range(11)))
    seen = sender.see(check_spf_record)
    assert seen.verdict is Verdict.FAILED
    assert "10 look-ups at most" in seen.cure


def test_a_record_in_a_loop_ends(sender: Sender) -> None:
    """O3: an include of itself is a broken record."""
    sender.set(f'{DOMAIN}. 60 IN TXT "v=spf1 include:{DOMAIN} -all"', instead_of=SPF)
    assert sender.see(check_spf_record).verdict is Verdict.FAILED


def test_another_key_than_the_one_that_signs_fails(sender: Sender) -> None:
    """O3: also one in test mode, and a short one."""
    other = generate_private_key(public_exponent=65537, key_size=RSA_BITS).public_key()
    name = f"s1._domainkey.{DOMAIN}"
    sender.set(record_line(name, record_of(other)).replace(" IN ", " 60 IN "), instead_of=DKIM)
    seen = sender.see(check_dkim)
    assert (seen.verdict, "another key" in seen.text) == (Verdict.FAILED, True)
    testing = record_line(name, f"{sender.record}; t=y").replace(" IN ", " 60 IN ")
    sender.set(testing, instead_of=DKIM)
    assert sender.see(check_dkim).verdict is Verdict.WARNING
    twice = record_line(name, sender.record).replace(" IN ", " 60 IN ")
    sender.zones.add(twice)
    assert sender.see(check_dkim).verdict is Verdict.FAILED
    (sender.root / "dkim.pem").chmod(0o644)
    assert "chmod 600" in sender.see(check_dkim).cure


def test_an_ed25519_key_is_compared_as_it_is_published() -> None:
    """O3: RFC 8463: the raw key in Base64."""
    keys = [public_key_of(base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw())) for _ in "ab"]
    records = [record_of(it).encode() for it in keys]
    assert judge_dkim("s1", records[:1], keys[0], "") is None
    assert judge_dkim("s1", records[:1], keys[1], "") is not None


def test_what_is_not_set_is_not_checked(sender: Sender) -> None:
    """O3: without a key of ours nobody knows who signs; without addresses nothing covers them."""
    sender.write('addresses = ["192.0.2.10"]', "")
    sender.write(f'[dkim]\nselector = "s1"\ndomain = "{DOMAIN}"\nkey = "dkim.pem"', "")
    for look in (check_spf_server, check_dkim, check_ptr):
        seen = sender.see(look)
        assert seen.verdict is Verdict.NOT_CHECKED
        assert seen.cure
    assert sender.see(check_alignment).verdict is Verdict.PASSED
    sender.set("", instead_of=SPF)
    assert "include:NAME-THAT-YOUR-MAIL-PROVIDER-TELLS" in sender.see(check_spf_record).cure


@pytest.mark.parametrize(
    ("domain", "proven", "organisation", "strict", "aligned"),
    [
        ("a.example", "a.example", "a.example", True, True),
        ("a.example", "mail.a.example", "a.example", False, True),
        ("a.example", "mail.a.example", "a.example", True, False),
        ("news.a.example", "mail.a.example", "a.example", False, True),
        ("a.example", "b.example", "a.example", False, False),
        ("a.example", "na.example", "a.example", False, False),
    ],
)
def test_alignment_is_relaxed_or_strict(
    domain: str, proven: str, organisation: str, *, strict: bool, aligned: bool
) -> None:
    """O3: RFC 7489, 3.1."""
    assert is_aligned(domain, proven, organisation, strict=strict) is aligned


def test_a_signature_of_another_domain_is_a_warning(sender: Sender) -> None:
    """O3: SPF alone does not survive forwarding."""
    sender.write(f'domain = "{DOMAIN}"', 'domain = "relay.example"')
    assert sender.see(check_alignment).verdict is Verdict.WARNING


ODD = [hangs, answers_another, lies_about_the_name, has_another_id, says_garbage, truncates_for_ever, refuses]


@pytest.mark.parametrize("odd", ODD)
def test_a_server_that_hangs_or_lies_gives_no_pass(sender: Sender, odd: Answer) -> None:
    """O3: and no traceback; the whole takes no longer than its limit."""
    sender.zones.all_odd = odd
    checks = [it for it in CHECKS if it.part == DNS and it.name != "one-click"]
    assert len(checks) == len(LOOKS)
    begun = time.monotonic()
    examination = sender.examination(seconds=1.0)
    ask_about_sender(examination)
    found = run_checks(checks, examination, seconds=2.0)
    assert time.monotonic() - begun < 3
    verdicts = {it.name: it.verdict for it in found}
    assert Verdict.PASSED not in verdicts.values(), found
    assert not any("failed (" in it.seen for it in found), found  # no check ended by an error of its own
    if odd is not lies_about_the_name:  # that is an answer, and an empty one
        assert {*verdicts.values()} == {Verdict.NOT_CHECKED}, found
    assert "evil" not in str(found)


def test_all_look_ups_share_one_time_limit(sender: Sender) -> None:
    """O3: with a server that hangs, the last check is over when the first one is."""
    sender.zones.all_odd = hangs
    sender.write('addresses = ["192.0.2.10"]', 'addresses = ["192.0.2.10", "192.0.2.11", "192.0.2.12"]')
    examination = sender.examination(seconds=1.0)
    begun = time.monotonic()
    for look in LOOKS:  # one after the other
        with pytest.raises(NotChecked):
            look(examination)
    assert time.monotonic() - begun < 2


def test_look_ups_do_not_wait_for_each_other(sender: Sender) -> None:
    """O3: a server that needs a while for each answer is a right one."""

    def slow(question: DNSRecord, _tcp: bool) -> bytes:  # noqa: FBT001 - as Answer is
        time.sleep(0.2)
        return sender.zones.right(question)

    sender.zones.all_odd = slow
    checks = [it for it in CHECKS if it.part == DNS]
    examination = sender.examination(seconds=1.5)
    ask_about_sender(examination)
    begun = {f"TXT {DOMAIN}", f"MX {DOMAIN}", f"TXT s1._domainkey.{DOMAIN}", "PTR 10.2.0.192.in-addr.arpa"}
    wait_until(lambda: begun <= {*sender.zones.asked}, seconds=1)  # before any check
    found = run_checks(checks, examination, seconds=4.0)
    assert {it.verdict for it in found} == {Verdict.PASSED}, found


def test_a_server_that_hangs_over_tcp_gives_no_pass(sender: Sender) -> None:
    """O3: it truncates, takes the connection, and says nothing, or what is no answer."""
    for told in (b"", b"\x01\x00half"):

        def stalls(question: DNSRecord, tcp: bool, told: bytes = told) -> bytes | None:  # noqa: FBT001 - as Answer is
            if not tcp:
                return truncates_for_ever(question, tcp)
            time.sleep(0.5 if told else 3)
            return told or None

        sender.zones.all_odd = stalls
        checks = [it for it in CHECKS if it.part == DNS]
        begun = time.monotonic()
        found = run_checks(checks, sender.examination(seconds=1.0), seconds=2.0)
        assert time.monotonic() - begun < 3
        assert {it.verdict for it in found} == {Verdict.NOT_CHECKED}, found


def test_a_truncated_answer_is_asked_for_again_over_tcp(sender: Sender) -> None:
    """O3: a DKIM key is often too long for one packet."""
    sender.zones.all_odd = truncated(sender.zones)
    for look in LOOKS:
        assert sender.see(look).verdict is Verdict.PASSED, look.__name__


def test_each_name_is_asked_once(sender: Sender) -> None:
    """O3: in one examination, however many checks need it."""
    checks = [it for it in CHECKS if it.part == DNS]
    run_checks(checks, sender.examination(), seconds=4.0)
    assert len(sender.zones.asked) == len({*sender.zones.asked})


def test_text_of_a_record_is_printed_without_harm(sender: Sender) -> None:
    """O3, S1: a record is written by others."""
    sender.set(f'{DOMAIN}. 60 IN TXT "v=spf1 \\027[31m ?all"', instead_of=SPF)
    found = run_checks([it for it in CHECKS if it.name == "spf"], sender.examination(), seconds=4.0)
    assert "\x1b" not in str([(it.seen, it.cure) for it in found])


def test_a_resolver_is_an_address_with_or_without_a_port() -> None:
    """O3: IPv6 too."""
    assert parse_resolver("9.9.9.9") == ("9.9.9.9", 53)
    assert parse_resolver("192.0.2.1:5353") == ("192.0.2.1", 5353)
    assert parse_resolver("[::1]:54") == ("::1", 54)
    assert parse_resolver("2001:db8::1") == ("2001:db8::1", 53)
    for wrong in ("", "dns.example.com", "1.2.3.4:0", "1.2.3.4:x", "1.2.3.4:99999", "[::1"):
        with pytest.raises(ValueError, match=r".*"):
            parse_resolver(wrong)


def test_a_long_record_is_split_as_the_dns_wants_it() -> None:
    """O3: a string of a TXT record has 255 bytes at most."""
    line = record_line("a.example", "x" * 600)
    assert [len(it) for it in line.split('"')[1::2]] == [255, 255, 90]
    assert with_addresses("v=spf1 a -all", ["192.0.2.1", "2001:db8::1"]) == (
        "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 a -all"
    )
