"""The table of all checks of the doctor. The guide's page is made from it."""

from __future__ import annotations

from importlib import import_module

from optin.services.doctor import (
    data_checks,
    dkim_checks,
    mail_checks,
    mail_dns_checks,
    returned_mail_checks,
    site_checks,
)
from optin.services.doctor.examination import Examination
from optin.services.doctor.finding import Finding
from optin.services.doctor.local_checks import LOCAL_CHECKS, SERVER
from optin.services.doctor.run_checks import Check, run_checks

DATA, ADDRESS, MAIL, DNS = "Data", "Address of the site", "Mail server", "Mail in the DNS"

CHECKS: tuple[Check, ...] = (
    *LOCAL_CHECKS,
    Check(
        "clock",
        SERVER,
        "The clock is right",
        "A consent is dated by it, links end by it, and by a wrong clock nothing is deleted.",
        data_checks.check_clock,
    ),
    Check(
        "backup",
        DATA,
        "There is a fresh backup",
        "What was stored since the last one is lost with the disk.",
        data_checks.check_backup,
    ),
    Check(
        "dead-mail",
        DATA,
        "No mail was given up",
        "Somebody waits for what was promised.",
        data_checks.check_dead_mail,
    ),
    Check(
        "waiting-mail",
        DATA,
        "Mail leaves in time",
        "Sign-ups are not confirmed while their mail waits.",
        data_checks.check_waiting_mail,
    ),
    Check(
        "processors",
        DATA,
        "Processors take the messages about consents",
        "Who withdrew may be mailed by a processor that does not know it (GDPR 7(3)).",
        data_checks.check_processors,
    ),
    Check(
        "log",
        DATA,
        "The log is signed and held outside",
        "A log that nobody else holds is only the company's own word.",
        data_checks.check_log,
    ),
    Check(
        "agreements",
        DATA,
        "No processing agreement ends",
        "Without an agreement nothing may go to a processor (GDPR 28).",
        data_checks.check_agreements,
    ),
    Check(
        "rules",
        DATA,
        "No rule of contact ends",
        "Where no rule is known nobody may be contacted.",
        data_checks.check_rules,
    ),
    Check(
        "address",
        ADDRESS,
        "The base address answers as this installation",
        "Every link in every mail begins with it.",
        site_checks.check_address,
        late_is_failed=True,
    ),
    Check(
        "certificate",
        ADDRESS,
        "The certificate holds for a while",
        "Browsers refuse a page whose certificate ended.",
        site_checks.check_certificate,
    ),
    Check(
        "hsts",
        ADDRESS,
        "Browsers are told to come by https alone",
        "Without it the first visit can be led to another server (RFC 6797).",
        site_checks.check_hsts,
    ),
    Check(
        "plain-http",
        ADDRESS,
        "Unencrypted HTTP leads to https",
        "Who types the address without https would get no page, or one that others can read and change.",
        site_checks.check_plain_http,
    ),
    Check(
        "proxy",
        ADDRESS,
        "The proxy is trusted and forwards addresses",
        "Limits count each visitor's network: seen as one, all are refused together; chosen, none is.",
        site_checks.check_proxy,
    ),
    Check(
        "server",
        ADDRESS,
        "The server is ready",
        "What is not ready cannot take a sign-up.",
        site_checks.check_server,
    ),
    Check(
        "jobs",
        ADDRESS,
        "Background jobs come round",
        "They send mail, delete data on time, sign the log and tell processors.",
        site_checks.check_jobs,
    ),
    Check(
        "mail-server",
        MAIL,
        "The mail server takes mail from us",
        "Without it no sign-up is confirmed: a wrong port is found by the first visitor.",
        mail_checks.check_mail_server,
        late_is_failed=True,
    ),
    Check(
        "one-click",
        MAIL,
        "Letters can be stopped at one click",
        "Gmail and Yahoo ask it of who sends many mails (RFC 8058); the law asks that stopping is easy.",
        mail_checks.check_one_click,
    ),
    Check(
        "returned-mail",
        MAIL,
        "Mails that come back are read",
        "Addresses that do not exist are mailed again and again, which receivers hold against the sender; who"
        " calls a mail spam gets the next one.",
        returned_mail_checks.check_ways_back,
    ),
    Check(
        "spf",
        DNS,
        "The domain says who may send for it (SPF)",
        "Gmail, Yahoo and Outlook.com refuse mail that neither SPF nor DKIM proves.",
        mail_dns_checks.check_spf_record,
    ),
    Check(
        "spf-server",
        DNS,
        "SPF covers the mail server",
        "Mail from an address that SPF does not cover counts as forged.",
        mail_dns_checks.check_spf_server,
    ),
    Check(
        "dkim",
        DNS,
        "The key in the DNS is the one that signs (DKIM)",
        "A signature that nobody can verify is worse than none: the mail counts as altered.",
        dkim_checks.check_dkim,
    ),
    Check(
        "dmarc",
        DNS,
        "The domain says what happens to forged mail (DMARC)",
        "From some thousands of mails a day Gmail, Yahoo and Outlook.com refuse mail without it.",
        mail_dns_checks.check_dmarc,
    ),
    Check(
        "dmarc-alignment",
        DNS,
        "What SPF or DKIM proves is the domain in From",
        "DMARC counts only a proof of the very domain that people read.",
        mail_dns_checks.check_alignment,
    ),
    Check(
        "mx",
        DNS,
        "Replies and bounces can arrive",
        "People answer the mails they get, also to withdraw; many servers refuse a sender without an MX.",
        mail_dns_checks.check_mx,
    ),
    Check(
        "ptr",
        DNS,
        "The sending address has a name, and the name that address",
        "Gmail refuses mail from an address without both (5.7.25).",
        mail_dns_checks.check_ptr,
    ),
)


def load_libraries() -> None:
    """Import what the network checks need, before any thread begins: pyspf without its warnings."""
    import_module("optin.services.doctor.spf_verdict")


def examine(examination: Examination) -> tuple[Finding, ...]:
    """Run every check; takes under three seconds."""
    load_libraries()
    mail_dns_checks.ask_about_sender(examination)
    return run_checks(CHECKS, examination)
