"""Checks of the sender's records in the DNS: SPF, DMARC, MX, PTR; of DKIM see `dkim_checks`.

What Gmail, Yahoo and Outlook.com ask of senders: SPF or DKIM, PTR both ways, and from some thousands of mails
a day both, with DMARC and an aligned From.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from optin.services.doctor.dns_records import (
    addresses_of,
    ask_ahead,
    mail_exchangers,
    names_of,
    text_records,
)
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import NotChecked, Seen, failed, passed, printable, warning
from optin.services.doctor.sender_records import (
    domain_of,
    envelope_domain,
    from_domain,
    own_host,
    record_line,
    sending_domains,
    tags_of,
    with_addresses,
)

MOST_LEVELS = 8  # of a tree walk
_SPF = re.compile(rb"v=spf1( |$)", re.IGNORECASE)
_DMARC = re.compile(rb"v=DMARC1\s*(;|$)")
_SEEN_BY_ALL = ("TXT", "MX", "A")  # of a domain that sends
POLICIES = frozenset({"none", "quarantine", "reject"})


def ask_about_sender(examination: Examination) -> None:
    """Begin all look-ups that are known beforehand, so that none waits for another."""
    settings, dkim = examination.settings, examination.settings.dkim
    questions = [(it, kind) for it in sending_domains(settings) for kind in _SEEN_BY_ALL]
    questions += [(f"_dmarc.{at}", "TXT") for at in _levels(from_domain(settings))]
    if dkim is not None:
        questions.append((f"{dkim.selector}._domainkey.{domain_of(dkim.domain)}", "TXT"))
    questions += [(ip_address(it).reverse_pointer, "PTR") for it in settings.mail_server.addresses]
    ask_ahead(examination, questions)


def check_spf_record(examination: Examination) -> Seen:
    """Check that each domain has one SPF record that can be evaluated."""
    from optin.services.doctor.spf_verdict import MOST_LOOK_UPS, NOBODYS, spf_verdict  # noqa: PLC0415 - lazily

    settings = examination.settings
    said = []
    for domain in sending_domains(settings):
        records = _spf_records(examination, domain)
        if not records:
            new = with_addresses("v=spf1 -all", settings.mail_server.addresses)
            cure = record_line(domain, new if settings.mail_server.addresses else _ASK_PROVIDER)
            return failed(f"{domain} has no SPF record.", cure, domain)
        if len(records) > 1:
            cure = "Keep one record with the mechanisms of all: " + record_line(domain, _joined(records))
            return failed(f"{domain} has {len(records)} SPF records, so none counts.", cure, domain)
        verdict = spf_verdict(examination, domain, NOBODYS, own_host(settings))
        if verdict.result == "permerror":
            cure = (
                f"Correct the record; it may need {MOST_LOOK_UPS} look-ups at most: {printable(records[0])}"
            )
            return failed(f"The SPF record of {domain} is broken: {verdict.explanation}", cure, domain)
        if verdict.result == "pass":
            cure = "End it with -all: " + printable(records[0])
            return failed(f"The SPF record of {domain} lets everybody send in your name.", cure, domain)
        if verdict.result == "neutral":
            cure = "End it with -all or ~all: " + printable(records[0])
            return warning(f"The SPF record of {domain} says nothing about others.", cure, domain)
        said.append(f"{domain}: {printable(records[0])} ({verdict.look_ups} of {MOST_LOOK_UPS} look-ups)")
    return passed("; ".join(said))


_ASK_PROVIDER = "v=spf1 include:NAME-THAT-YOUR-MAIL-PROVIDER-TELLS -all"


def _spf_records(examination: Examination, domain: str) -> list[str]:
    found = text_records(examination, domain)
    return [it.decode("ascii", "replace") for it in found if _SPF.match(it)]


def _joined(records: Sequence[str]) -> str:
    terms = [term for it in records for term in it.split()[1:]]
    others = [it for it in dict.fromkeys(terms) if not it.lower().endswith("all")]
    return printable(" ".join(["v=spf1", *others, "-all"]))


def sending_addresses(examination: Examination) -> tuple[str, ...]:
    """Return the addresses that the mail server sends from. Raises NotChecked where none is set."""
    found = examination.settings.mail_server.addresses
    if not found:
        text = "No address is set from which your mail server sends."
        raise NotChecked(text, '[mail_server]\naddresses = ["…"]  # ask whoever runs the mail server')
    return found


def check_spf_server(examination: Examination) -> Seen:
    """Check that SPF covers every address that the mail server sends from."""
    from optin.services.doctor.spf_verdict import spf_verdict  # noqa: PLC0415 - only an examination needs it

    settings, addresses = examination.settings, sending_addresses(examination)
    for domain in sending_domains(settings):
        results = {it: spf_verdict(examination, domain, it, own_host(settings)) for it in addresses}
        bare = [address for address, it in results.items() if it.result != "pass"]
        if bare:
            records = _spf_records(examination, domain) or ["v=spf1 -all"]
            text = f"SPF of {domain} does not cover {', '.join(bare)} ({results[bare[0]].result})."
            cure = record_line(domain, printable(with_addresses(records[0], bare)))
            return failed(text, cure, " ".join(bare))
    return passed(f"SPF covers {', '.join(addresses)}.")


@dataclass(frozen=True)
class DmarcRecord:
    """A DMARC record. `at`: the domain that has it."""

    at: str
    tags: Mapping[str, str]

    def policy_for(self, domain: str) -> str:
        """Return the policy for mail of a domain, of which this record is one."""
        own = self.tags.get("p", "")
        return own if domain == self.at else self.tags.get("sp", own)


def find_dmarc(examination: Examination, domain: str) -> list[DmarcRecord]:
    """Return the records of the lowest level that has any: of the domain, or a domain above it."""
    for at in _levels(domain):
        found = [it for it in text_records(examination, f"_dmarc.{at}") if _DMARC.match(it)]
        if found:
            return [DmarcRecord(at, tags_of(it)) for it in found]
    return []


def _levels(domain: str) -> Iterator[str]:
    labels = domain.split(".")
    for at in range(min(len(labels) - 1, MOST_LEVELS)):
        yield ".".join(labels[at:])


def check_dmarc(examination: Examination) -> Seen:
    """Check that the domain in From has a DMARC policy (RFC 7489)."""
    domain = from_domain(examination.settings)
    records = find_dmarc(examination, domain)
    cure = record_line(f"_dmarc.{domain}", f"v=DMARC1; p=quarantine; rua=mailto:dmarc@{domain}")
    if not records:
        return failed(f"{domain} has no DMARC record.", cure, domain)
    if len(records) > 1:
        return failed(f"_dmarc.{records[0].at} has {len(records)} records, so none counts.", cure, domain)
    policy = records[0].policy_for(domain).lower()
    if policy not in POLICIES:
        text = f"The DMARC record of {records[0].at} has no known policy ({printable(policy)[:40]})."
        return failed(text, cure, domain)
    if policy == "none":
        text = f"The DMARC policy of {records[0].at} is none: anybody may send in your name."
        more = "Read the reports (rua) for some weeks; when all your mail passes: "
        return warning(text, more + cure, domain)
    return passed(f"The DMARC policy of {records[0].at} is {policy}.")


def check_alignment(examination: Examination) -> Seen:
    """Check that a domain which SPF or DKIM proves is that of From (RFC 7489, 3.1)."""
    settings = examination.settings
    domain, dkim = from_domain(settings), settings.dkim
    records = find_dmarc(examination, domain)
    if not records:
        raise NotChecked(f"{domain} has no DMARC record.")  # noqa: EM102, TRY003 - a sentence of its own
    record = records[0]
    proven: dict[str, tuple[str, str]] = {"SPF": ("aspf", envelope_domain(settings))}
    if dkim is not None:
        proven["DKIM"] = ("adkim", domain_of(dkim.domain))
    good = [
        name
        for name, (tag, it) in proven.items()
        if is_aligned(domain, it, record.at, strict=record.tags.get(tag) == "s")
    ]
    if not good:
        others = ", ".join(f"{name} for {it}" for name, (_, it) in proven.items())
        text = f"Mail from {domain} is proven by {others}, which DMARC does not count."
        return failed(text, f'[dkim]\ndomain = "{domain}"  # and its record: see the check dkim', domain)
    if dkim is not None and "DKIM" not in good:
        text = f"DKIM signs for {proven['DKIM'][1]}, not for {domain}; of a forwarded mail only DKIM counts."
        return warning(text, f'[dkim]\ndomain = "{domain}"  # and its record: see the check dkim', domain)
    return passed(f"{' and '.join(good)} {'prove' if len(good) > 1 else 'proves'} the domain of From.")


def is_aligned(domain: str, proven: str, organisation: str, *, strict: bool) -> bool:
    """Return whether a proven domain counts for that of From. `organisation`: it has the DMARC record."""
    if strict or domain == proven:
        return domain == proven
    return _is_below(domain, proven) or _is_below(proven, domain) or _is_below(proven, organisation)


def _is_below(domain: str, above: str) -> bool:
    return domain == above or domain.endswith(f".{above}")


def check_mx(examination: Examination) -> Seen:
    """Check that replies and bounces can arrive."""
    settings = examination.settings
    for domain in sending_domains(settings):
        servers = mail_exchangers(examination, domain)
        cure = f"{domain}. IN MX 10 NAME-OF-THE-MAIL-SERVER."
        if not servers and not addresses_of(examination, domain):
            return failed(f"{domain} has no mail server (MX), so replies and bounces are lost.", cure, domain)
        if not servers:
            return warning(f"{domain} has no MX record; mail goes to its address.", cure, domain)
        if "." in servers:
            return failed(f"{domain} says that it takes no mail (MX of a dot).", cure, domain)
        ask_ahead(examination, [(it, kind) for it in servers for kind in ("A", "AAAA")])
        lost = [it for it in servers if not addresses_of(examination, it)]
        if lost:
            names = printable(", ".join(lost))
            return failed(f"Mail servers of {domain} without an address: {names}.", cure, domain)
    return passed(f"Mail for {', '.join(sending_domains(settings))} has a mail server.")


def check_ptr(examination: Examination) -> Seen:
    """Check that each sending address has a name that leads back to it."""
    addresses = sending_addresses(examination)
    host = own_host(examination.settings)
    for address in addresses:
        names = names_of(examination, address)
        pointer = ip_address(address).reverse_pointer
        cure = (
            f"Let whoever gave you {address} set: {pointer}. IN PTR {host}. Then {host} leads to {address}."
        )
        if not names:
            return failed(f"{address} has no name in the DNS (PTR).", cure, address)
        if not any(address_is_among(address, addresses_of(examination, it)) for it in names):
            shown = printable(", ".join(names))
            return failed(f"The name of {address} ({shown}) does not lead back to it.", cure, address)
    return passed(f"Names lead to and from {', '.join(addresses)}.")


def address_is_among(address: str, found: Sequence[str]) -> bool:
    """Return whether an IP address is in a list, however each is written."""
    return ip_address(address) in {ip_address(it) for it in found}
