"""Check the values of `optin.toml` beyond their types; each objection has its place."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

import phonenumbers

from optin.consent.email_and_telephone import parse_email
from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.retention_period import RetentionPeriod
from optin.consent.time_zones import zone_of
from optin.rules.rule_files import rule_book
from optin.settings.installation import environment_name
from optin.settings.site import Anchors, ControllerTable, Processor, Purpose, SiteSettings, Webhook, Witness
from optin.settings.tracing import INSTALL, MISSING, is_installed
from optin.site.address_settings_check import ADDRESS_SETTINGS, is_base_address
from optin.site.backup_check import objections_to_backup
from optin.site.basis_settings_check import objections_to_bases
from optin.site.bounces_check import objections_to_bounces
from optin.site.connector_check import objections_to_connector
from optin.site.embedding_sites import objections_to_site
from optin.site.findings import nearest
from optin.site.kind_front_matter_hooks import FilePart, folders_of
from optin.site.law_lint import Objection, objections_to_override, objections_to_wording
from optin.site.law_words import law_path, missing_classes
from optin.site.lead_sources import objections_to_sources
from optin.site.letter_reader import objections_to_letters
from optin.site.mail_server_check import objections_to_mail_server
from optin.site.nearest_time_zone import nearest_zone
from optin.site.notify_check import objections_to_notify
from optin.site.openid_check import objections_to_openid
from optin.site.referenced_files import as_on_disk, is_there
from optin.site.starter_texts import site_starter, starter_languages
from optin.site.toml_and_markdown_reader import Path_
from optin.site.webhook_address_check import host_of, is_public_name, objections_to_webhook
from optin.theme.catalogue import catalogue
from optin.theme.kind_folders import words_of_all
from optin.theme.languages import languages
from optin.theme.zones import has_several_clocks, zone_of_country

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CLOCK_JUMPS = (RetentionPeriod.parse("1 hour"), RetentionPeriod.parse("31 days"))  # shortest and longest
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # periods are compared from the same day

At = tuple[Path_, Objection]


def objections_to_settings(root: Path, settings: SiteSettings, kinds: PartsByKind[FilePart]) -> Iterator[At]:
    """Yield the objections to the settings of the site at `root`, each with the place of its value."""
    yield from _addresses(settings)
    yield from _languages(settings)
    yield from _emails(settings)
    yield from objections_to_bounces(root, settings.bounces)
    yield from _controller(settings.controller)
    for name, purpose in settings.purposes.items():
        yield from _purpose(name, purpose, settings.languages)
    for processor_name, processor in settings.processors.items():
        if processor.webhook is not None:
            yield from _webhook(processor_name, processor.webhook, settings)
        yield from _may_ask(processor_name, processor, settings)
        yield from objections_to_connector(root, processor_name, processor, settings)
    yield from _privacy(settings)
    yield from _proxies(settings)
    yield from objections_to_mail_server(settings.mail_server)
    yield from _dkim(root, settings)
    yield from _log(settings.log)
    yield from _texts(settings, kinds)
    yield from objections_to_backup(root, settings)
    yield from _clock_jump(settings)
    yield from _consequences(settings)
    yield from _time_zone(settings)
    yield from _links(settings)
    yield from _embed(settings)
    yield from _sources(settings)
    yield from objections_to_bases(root, settings)
    yield from _pinned(settings)
    yield from objections_to_openid(root, settings)
    for receiver, told in settings.notify.items():
        yield from objections_to_notify(receiver, told)
    if settings.tracing.endpoint and not is_installed():
        yield ("tracing", "endpoint"), Objection("tracing", MISSING, INSTALL, warning=True)


def _addresses(settings: SiteSettings) -> Iterator[At]:
    for setting in ADDRESS_SETTINGS:
        variable = environment_name(setting.name)
        fault = setting.fault(getattr(settings, setting.name))
        if fault is not None:
            message, cure = fault
            cure = f"{cure} It is set by {variable}." if variable in os.environ else cure
            yield (setting.name,), Objection(setting.name.replace("_", "-"), message, cure)
    if settings.pages_url and not is_base_address(settings.pages_url):
        message = "The address of the built pages is not https://host."
        yield ("pages_url",), Objection("pages-url", message, "Write the scheme and the host, nothing more.")


def _languages(settings: SiteSettings) -> Iterator[At]:
    for place, lang in enumerate(settings.languages):
        if lang not in languages():
            message = f"There are no texts in the language {lang!r}."
            yield ("languages", place), Objection("lang", message, nearest(lang, languages()))
        elif missing := missing_classes(lang):
            message = f"The check knows no words of {', '.join(missing)} in {lang!r}."
            yield ("languages", place), Objection("lang", message, f"Add them to {law_path(lang)}.")


def _emails(settings: SiteSettings) -> Iterator[At]:
    for where, address in (
        (("controller", "email"), settings.controller.email),
        (("sender", "address"), settings.sender.address),
        (("sender", "reply_to"), settings.sender.reply_to),
    ):
        if not address and where[1] == "reply_to":
            continue
        try:
            parse_email(address)
        except ValueError:
            yield where, Objection("email", f"{address!r} is not an e-mail address.", "Write name@domain.")


def _may_ask(name: str, processor: Processor, settings: SiteSettings) -> Iterator[At]:
    for place, purpose in enumerate(processor.may_ask):
        if purpose not in settings.purposes:
            message = f"There is no purpose {purpose!r}."
            cure = nearest(purpose, [*settings.purposes])
            yield ("processors", name, "may_ask", place), Objection("may-ask", message, cure)


def _pinned(settings: SiteSettings) -> Iterator[At]:
    if not settings.rules.pinned:
        return
    known = [rule.id for country in rule_book().countries.values() for rule in country.rules]
    for name in settings.rules.pinned:
        if name not in known:
            message = f"There is no rule of contact {name!r}."
            yield ("rules", "pinned", name), Objection("pinned", message, nearest(name, known))


def _links(settings: SiteSettings) -> Iterator[At]:
    for place, host in enumerate(settings.links.hosts):
        if not is_public_name(host.lower()):
            message = f"{host!r} is not the name of a host."
            yield ("links", "hosts", place), Objection("links", message, "Write it like www.example.com.")


def _embed(settings: SiteSettings) -> Iterator[At]:
    for place, address in enumerate(settings.embed.sites):
        for objection in objections_to_site(address):
            yield ("embed", "sites", place), objection


def _sources(settings: SiteSettings) -> Iterator[At]:
    where: Path_ = ("sources", "names")
    for place, objection in objections_to_sources(settings.sources.names):
        yield (*where, place), objection
    if settings.sources.names and settings.pages_url not in {"", settings.base_url}:
        message = "Sign-ups count no source while the pages have a host of their own (pages_url)."
        cure = "Let the app serve the pages, without pages_url, or leave the names out."
        yield where, Objection("sources", message, cure, warning=True)
    yield from _kept_sources(settings)


def _kept_sources(settings: SiteSettings) -> Iterator[At]:
    where: Path_ = ("sources", "keep")
    sources, can_tell = settings.sources, settings.pages_url in {"", settings.base_url}
    for lang in sources.keep:
        if lang not in settings.languages:
            yield (*where, lang), _foreign(lang, settings)
    missing = [lang for lang in settings.languages if lang not in sources.keep]
    if sources.keep and not sources.names:
        message = "No source is declared, so none is kept."
        yield where, Objection("sources", message, "Add names, or leave keep out.", warning=True)
    elif sources.keep and can_tell and missing:
        message = f"Forms in {missing[0]!r} keep no source: they do not say why."
        yield where, Objection("wording", message, f"Add keep.{missing[0]}.", warning=True)


def _controller(controller: ControllerTable) -> Iterator[At]:
    if controller.country not in phonenumbers.SUPPORTED_REGIONS:
        close = controller.country.strip().upper()
        known = close if close in phonenumbers.SUPPORTED_REGIONS else "NL"
        cure = f'Write the two-letter code of ISO 3166, such as "{known}".'
        yield (
            ("controller", "country"),
            Objection("country", f"{controller.country!r} is not a country code.", cure),
        )
    starters = map(site_starter, starter_languages())
    if any(it.company == controller.name or it.address[0] in controller.address for it in starters):
        message = "The controller is still the example that optin init wrote."
        cure = "Write who is responsible for the data, and where (GDPR 13)."
        yield ("controller", "name"), Objection("placeholder", message, cure, warning=True)


def _time_zone(settings: SiteSettings) -> Iterator[At]:
    name, country = settings.time_zone, settings.controller.country
    if name and zone_of(name) is None:
        message = f"There is no time zone {name[:60]!r}."
        yield ("time_zone",), Objection("time-zone", message, nearest_zone(name))
    elif not name and has_several_clocks(country, _SOME_DAY):
        zone = zone_of_country(country)
        message = f"Time zones differ within {country}; times are shown in the zone of {zone}."
        cure = f'Write time_zone = "{zone}" above the tables, or your own zone.'
        yield ("controller", "country"), Objection("time-zone", message, cure, warning=True)


def _purpose(name: str, purpose: Purpose, langs: tuple[str, ...]) -> Iterator[At]:
    where: Path_ = ("purposes", name)
    if _ID.fullmatch(name) is None:
        yield where, Objection("id", f"{name!r} is no id.", "Use a-z, 0-9 and hyphens.")
    for lang, wording in purpose.text.items():
        for objection in objections_to_wording(wording, purpose.channel):
            yield (*where, "text", lang), objection
    for lang in langs:
        if lang not in purpose.text:
            message = f"The purpose {name!r} has no words in {lang!r}."
            yield (*where, "text"), Objection("wording", message, f"Add text.{lang}.", warning=True)
    period, retention = purpose.ask_again, purpose.retention
    if period is not None and period.after(_SOME_DAY) >= retention.after(_SOME_DAY):
        message = f"Asking again {period.text} before the end is earlier than the consent itself."
        cure = f"Write a shorter period than its retention, {retention.text}."
        yield (*where, "ask_again"), Objection("ask-again", message, cure)
    yield from objections_to_letters(name, purpose)


def _webhook(name: str, webhook: Webhook, settings: SiteSettings) -> Iterator[At]:
    where: Path_ = ("processors", name, "webhook")
    for objection in objections_to_webhook(webhook.url, (settings.base_url, settings.pages_url)):
        yield (*where, "url"), objection
    for place, purpose in enumerate(webhook.purposes):
        if purpose not in settings.purposes:
            cure = nearest(purpose, [*settings.purposes])
            yield (
                (*where, "purposes", place),
                Objection("webhook", f"There is no purpose {purpose!r}.", cure),
            )


def _clock_jump(settings: SiteSettings) -> Iterator[At]:
    period = settings.sweep.clock_jump
    shortest, longest = (bound.after(_SOME_DAY) for bound in CLOCK_JUMPS)
    if not shortest <= period.after(_SOME_DAY) <= longest:
        message = f"With 'clock_jump' of {period.text} a clock is never doubted, or always."
        cure = f"Write between {CLOCK_JUMPS[0].text} and {CLOCK_JUMPS[1].text}."
        yield ("sweep", "clock_jump"), Objection("clock-jump", message, cure)


def _consequences(settings: SiteSettings) -> Iterator[At]:
    for lang in settings.erasure.consequences:
        if lang not in settings.languages:
            yield ("erasure", "consequences", lang), _foreign(lang, settings)


def _privacy(settings: SiteSettings) -> Iterator[At]:
    for lang in settings.privacy:
        if lang not in settings.languages:
            yield ("privacy", lang), _foreign(lang, settings)


def _foreign(lang: str, settings: SiteSettings) -> Objection:
    message = f"{lang!r} is not one of the site's languages."
    return Objection("lang", message, nearest(lang, settings.languages))


def _proxies(settings: SiteSettings) -> Iterator[At]:
    for place, text in enumerate(settings.proxy.trusted):
        try:
            ip_network(text, strict=False)
        except ValueError:
            cure = "Write it like 10.0.0.0/8."
            yield ("proxy", "trusted", place), Objection("proxy", f"{text!r} is not a network.", cure)


def _dkim(root: Path, settings: SiteSettings) -> Iterator[At]:
    dkim = settings.dkim
    if dkim is not None and not is_there(root / as_on_disk(root, dkim.key)):
        yield ("dkim", "key"), Objection("dkim", f"There is no key file {dkim.key!r}.", "Put it there.")


def _log(log: Anchors) -> Iterator[At]:
    where: Path_ = ("log", "timestamp")
    if log.timestamp and not _is_address(log.timestamp):
        message = f"{log.timestamp!r} is not an address."
        yield where, Objection("log", message, "Write it like https://tsa.example/tsr.")
    elif log.timestamp:
        yield from _not_public(where, log.timestamp, "Write the name of a public authority.")
    for name, witness in log.named_witnesses.items():
        yield from _witness(("log", "witnesses", name), witness)


def _witness(where: Path_, witness: Witness) -> Iterator[At]:
    if witness.is_address and not _is_address(witness.to):
        message = f"{witness.to!r} is not an address."
        yield where, Objection("log", message, "Write it like https://witness.example/add-checkpoint.")
    elif witness.is_address:
        cure = "Write the name of the witness, or a command that sends it the checkpoint."
        yield from _not_public(where, witness.to, cure)
    elif not _is_command(witness.to):
        message = f"{witness.to!r} is not a command."
        yield where, Objection("log", message, "Write a program and its arguments, or an address.")


def _not_public(where: Path_, address: str, cure: str) -> Iterator[At]:
    """Object to an address that the server would not call, since it calls public servers only."""
    host = host_of(urlsplit(address))
    if not is_public_name(host):
        message = f"{host!r} is not a public name: nothing is sent to this machine or a private network."
        yield where, Objection("log", message, cure)


def _texts(settings: SiteSettings, kinds: PartsByKind[FilePart]) -> Iterator[At]:
    known = catalogue("en")
    if any(key not in known for words in settings.texts.values() for key in words):
        of_kinds = words_of_all(folders_of(kinds), "en")
        known = {**known, **{key: sentence.text for key, sentence in of_kinds.items()}}
    for lang, words in settings.texts.items():
        if lang not in languages():
            message = f"There are no texts in the language {lang!r}."
            yield ("texts", lang), Objection("lang", message, nearest(lang, languages()))
        for key, text in words.items():
            for objection in objections_to_override(key, text, known):
                yield ("texts", lang, key), objection


def _is_address(text: str) -> bool:
    """Return whether `text` is an address that can be called."""
    if not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        parts = urlsplit(text)
        there = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return there and parts.scheme in {"http", "https"} and "@" not in parts.netloc


def _is_command(text: str) -> bool:
    try:
        return bool(shlex.split(text)) and "\0" not in text
    except ValueError:
        return False
