"""Every page and mail, as the theme makes it."""

from __future__ import annotations

import gzip
import os
import re
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import html5lib
import pytest

from optin import errors
from optin.consent.retention_period import RetentionPeriod
from optin.kinds.webinar.seat_status import SeatStatus
from optin.theme.catalogue import catalogue, catalogue_path, compiled
from optin.theme.desk_words import desk_sentences
from optin.theme.languages import languages
from optin.theme.look import Look
from optin.theme.mail_views import (
    BasisMail,
    ErasedMail,
    KindMail,
    LetterMail,
    PersonalMail,
    SignInMail,
    StaffMail,
)
from optin.theme.theme import OURS, Mail, Theme
from tests.serving import BASE_URL
from tests.theme import gallery
from tests.world import DECLARATION

LANGUAGES = languages()
THEME = Theme(Look(), zone="Europe/Amsterdam")
ALL = [(lang, name, view) for lang in LANGUAGES for name, view in gallery.pages(lang)]
MAILS = [(lang, mail) for lang in LANGUAGES for mail in gallery.mails(lang)]


def parameters(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def flat(text: str) -> str:
    """Return the words with one plain space between them, however they were wrapped or kept together."""
    return " ".join(text.split())


@pytest.mark.parametrize(("lang", "name", "view"), ALL, ids=[f"{a}-{b}" for a, b, _ in ALL])
def test_every_page_is_strict_html_without_script_or_foreign_request(
    lang: str, name: str, view: object
) -> None:
    """F5, S1, F6: parsed strictly; no script, no inline style, nothing from elsewhere."""
    html = THEME.page(view)
    html5lib.HTMLParser(strict=True).parse(html)
    assert f'<html lang="{lang}">' in html
    assert html.count("<h1") == 1
    assert "<script" not in html
    assert not re.search(r"<[^>]+\s(style|on\w+)=", html)
    assert "<style" not in html
    ours = re.sub(rf'\b(href|action)="{BASE_URL}/', r'\1="/', html)
    # a link that the reader may follow asks for nothing by itself, and tells nobody where it stood
    ours = re.sub(r'<a href="https://[^"]+" rel="noreferrer">', "<a>", ours)
    ours = re.sub(r'<a class="button plain" href="https://[^"]+" rel="noreferrer">', "<a>", ours)
    ours = re.sub(r'<a class="button big" href="https://[^"]+" rel="noreferrer">', "<a>", ours)
    assert not re.search(r'(src|href|action)="(https?:)?//', ours)
    assert "{" not in re.sub(r"<[^>]+>", "", html), name


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hostile_text_stays_text(lang: str) -> None:
    """S1: what people type and write is escaped everywhere."""
    for _, view in gallery.hostile(lang):
        html = THEME.page(view)
        assert "<script" not in html
        assert str(7919 * 7907) not in html
        html5lib.HTMLParser(strict=True).parse(html)
    for mail in (
        gallery.confirmation(lang, title=gallery.HOSTILE),
        gallery.delivery(lang, title=gallery.HOSTILE, first_name=gallery.HOSTILE),
    ):
        assert "<script" not in THEME.mail(mail).html


@pytest.mark.parametrize("lang", LANGUAGES)
def test_each_purpose_has_a_box_of_its_own_unticked_and_free(lang: str) -> None:
    """F1: one unticked box for each purpose and channel, in its full wording; none is needed."""
    html = THEME.page(gallery.landing(lang))
    boxes = re.findall(r'<input type="checkbox"[^>]*>', html)
    assert boxes == [
        '<input type="checkbox" name="consent" value="tips-email">',
        '<input type="checkbox" name="consent" value="follow-up-phone">',
    ]
    for question in DECLARATION.questions:
        assert question.wording in html
    assert THEME.text(lang, "consent.free.white-paper") in html


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_privacy_statement_is_linked_with_its_version(lang: str) -> None:
    """F2, W5: beside the button, naming the version in force by its date; its digest only in the address."""
    html = THEME.page(gallery.landing(lang))
    after = html.split("<button")[1].split("</form>")[0]
    assert 'href="/privacy/0123456789abcdef"' in after
    day = THEME.wording(lang).day(gallery.NOW)
    assert re.search(rf'href="/privacy/0123456789abcdef">[^<]* {day}</a>', after)
    assert "0123456789abcdef" not in re.sub(r'"[^"]*"', "", after)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_privacy_statement_is_described_for_search_engines(lang: str) -> None:
    """W5: in a sentence that names the controller."""
    html = THEME.page(dict(gallery.pages(lang))["privacy"])
    described = re.search(r'<meta name="description" content="([^"]+)">', html)
    assert described is not None
    assert gallery.frame(lang).controller.name in unescape(described[1])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_link_that_was_sent_again_leads_to_the_mailbox(lang: str) -> None:
    """D6, F5: the page no longer says that a link has expired once another is on its way."""
    shown = dict(gallery.pages(lang))
    expired, again = (THEME.page(shown[name]) for name in ("expired", "expired-again"))
    assert THEME.text(lang, "expired.title") in expired
    assert THEME.text(lang, "expired.title") not in again
    assert f"<h1>{THEME.text(lang, 'sent.title')}</h1>" in again


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_form_says_who_asks_what_follows_and_how_to_withdraw(lang: str) -> None:
    """F3: controller, next step, withdrawal at any time (GDPR 7(3), 13)."""
    html = THEME.page(gallery.landing(lang)).split("<section")[1].split("</section>")[0]
    controller = DECLARATION.controller
    for words in (controller.name, controller.address[0], controller.email):
        assert words in html
    assert THEME.text(lang, "next.white-paper") in html
    assert THEME.text(lang, "next.withdraw") in html


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_further_field_says_why_it_is_asked(lang: str) -> None:
    """F4: e-mail is the only field that must be filled in; each other one has its reason beside it."""
    html = THEME.page(gallery.landing(lang))
    for field in DECLARATION.fields:
        assert field.why in html
        assert f'id="why-{field.name}"' in html
    assert html.count('aria-required="true"') == 1
    assert THEME.text(lang, "field.phone.when") in html


@pytest.mark.parametrize("lang", LANGUAGES)
def test_mistakes_are_said_in_words_and_nothing_typed_is_lost(lang: str) -> None:
    """F6: a summary that takes the focus and links to the fields; words beside each; values stay."""
    view = next(view for name, view in gallery.pages(lang) if name == "landing-email-invalid")
    html = THEME.page(view)
    assert 'role="alert" tabindex="-1" autofocus' in html
    assert 'href="#field-email"' in html
    assert 'id="wrong-email"' in html
    assert 'aria-invalid="true"' in html
    assert f'value="{"x" * 200}"' in html
    assert 'value="tips-email" checked' in html
    assert 'value="follow-up-phone">' in html
    assert f"<title>{THEME.text(lang, 'errors.mark')}{THEME.text(lang, 'colon')} " in html
    assert THEME.text(lang, "form.changed") in html


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_confirm_page_lists_everything_and_has_one_button(lang: str) -> None:
    """D2: what will be confirmed, one form, one button."""
    view = next(view for name, view in gallery.pages(lang) if name == "confirm-white-paper")
    html = THEME.page(view)
    assert html.count("<form") == html.count("<button") == 1
    for question in DECLARATION.questions:
        assert question.wording in html


@pytest.mark.parametrize(("lang", "mail"), MAILS)
def test_a_mail_says_the_same_in_text_and_html(lang: str, mail: Mail) -> None:
    """D5, M9: both parts carry the link, the code, the controller and each purpose; nothing foreign."""
    words = THEME.mail(mail)
    assert f'<html lang="{lang}">' in words.html
    for part in (words.text, words.html):
        said = flat(part)
        about_consents = not isinstance(
            mail, PersonalMail | SignInMail | ErasedMail | StaffMail | KindMail | BasisMail
        )
        asked = DECLARATION.questions if about_consents else ()
        for question in (mail.question,) if isinstance(mail, LetterMail) else asked:
            assert question.wording in said
        for known in (DECLARATION.controller.name, DECLARATION.controller.address[0]):
            assert known in said
        link = re.search(r"https://optin\.example\.com/(confirm|download|me|unsubscribe|place)/t{74}", said)
        over = isinstance(mail, KindMail) and (
            mail.kind != "webinar" or mail.own.standing is SeatStatus.REPLAY
        )
        assert (link is None) == (isinstance(mail, ErasedMail | SignInMail | StaffMail | BasisMail) or over)
        if isinstance(mail, ErasedMail):
            assert all(value in said for held in mail.holds for _, value in held.values)
    assert ("1234 5678" in words.text) == ("1234 5678" in words.html)
    assert not re.search(r"<script|<link", words.html)
    icon, *others = re.findall(r'<img[^>]* src="([^"]*)"', words.html)
    step, cover = getattr(mail, "next_step", None), getattr(mail, "cover", None)
    shown = (
        [f"https://optin.example.com{step.mail_picture}"] if step is not None and step.mail_picture else []
    )
    shown = [f"https://optin.example.com{cover.url}", *shown] if cover else shown
    # the same for everybody, so that nobody is followed by them
    assert [icon, *others] == ["https://optin.example.com/apple-touch-icon.png", *shown]
    found = set(re.findall(r"https?://[^/\"<\s]+", words.html + words.text))
    own = (
        {"https://meet.example.com", "https://video.example.com"}
        if getattr(mail, "kind", "") == "webinar"
        else set()
    )
    offered = {"https://calendar.example.com"} if step is not None and step.link else set()
    assert "https://optin.example.com" in found <= {"https://optin.example.com", *own, *offered}
    assert all(len(line) <= 72 or "https://" in line for line in words.text.splitlines())
    assert "{" not in words.text
    html5lib.HTMLParser(strict=True).parse(words.html)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_confirmation_mail_says_what_happens_when_it_is_ignored(lang: str) -> None:
    """D5: page, moment, and that ignoring it erases the request."""
    words = THEME.mail(gallery.confirmation(lang))
    said, moment = flat(words.text), THEME.wording(lang).moment(gallery.NOW)
    assert flat(moment) in said
    assert "https://optin.example.com/koud-bellen" in said
    assert flat(THEME.text(lang, "mail.confirmation.ignore", moment=moment)) in said
    bare = THEME.mail(gallery.confirmation(lang, questions=()))
    assert THEME.text(lang, "mail.confirmation.nothing") in bare.text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_telephone_consent_never_reads_as_verified(lang: str) -> None:
    """P7: declared on the form, confirmed through the mailbox."""
    words = THEME.mail(gallery.delivery(lang))
    assert flat(THEME.text(lang, "consent.phone.declared")) in flat(words.text)
    assert not re.search("v[eé]rif|geprüft", (words.text + words.html).lower())


def test_every_language_has_every_text_with_the_same_parameters() -> None:
    """M9: a missing translation fails here, not before a visitor."""
    english = catalogue("en")
    for lang in LANGUAGES:
        texts = catalogue(lang)
        assert texts.keys() == english.keys()
        assert {key for key in texts if not texts[key]} == set()
        differing = {key for key in texts if parameters(texts[key]) != parameters(english[key])}
        assert differing == set()


def test_no_key_stands_in_a_catalogue_twice() -> None:
    """M9: gettext would take the last one, and the sentence of another place with it."""
    for lang in LANGUAGES:
        keys = re.findall(r'^msgid "(.+)"$', catalogue_path(lang).read_text("utf-8"), re.MULTILINE)
        assert sorted(it for it, count in Counter(keys).items() if count > 1) == [], lang


def every_text(lang: str) -> dict[str, str]:
    """Return the sentences of pages, of mails and of the desk."""
    return {**catalogue(lang), **{key: it.text for key, it in desk_sentences(lang).items()}}


def test_no_sentence_ends_with_the_name_of_a_company() -> None:
    """M9: with "Example B.V." it would end in two full stops."""
    texts = [(lang, key, text) for lang in LANGUAGES for key, text in every_text(lang).items()]
    assert [it for it in texts if re.search(r"\{(name|controller)\}\.", it[2])] == []


def test_every_language_keeps_its_own_typography() -> None:
    """M9: no straight quotes; German opens them below; French keeps its marks on the line of their word."""
    for lang in LANGUAGES:
        assert [key for key, text in every_text(lang).items() if re.search("[\"']", text)] == []
    for key, text in every_text("de").items():
        assert text.count("„") == text.count("“"), key
        assert not re.search("[‘’«»”]", text), key
    for key, text in every_text("fr").items():
        assert not re.search(r"(?<![\u00a0\d])[:;!?»](?!\[)|«(?!\u00a0)", text), key
        assert not re.search("[„“”‘]", text), key


def test_no_template_sets_a_mark_that_a_language_sets_otherwise() -> None:
    """M9: French has a space before a colon, so that a template asks the catalogue for it."""
    for path in (*OURS.rglob("*.html"), *OURS.rglob("*.txt")):
        assert not re.search(r"\}\}[:!?](\s|$)", path.read_text("utf-8"), re.MULTILINE), path


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_persons_data_can_be_read_as_plain_text(lang: str) -> None:
    """R9, M9: in the words of the personal page, in columns that any program shows."""
    view = next(view for name, view in gallery.pages(lang) if name == "personal")
    text = THEME.plain(view)
    for key in ("status.withdrawn", "personal.seat", "personal.seat.seat"):
        assert THEME.text(lang, key) in text, key
    assert "{" not in text
    assert all(len(line) <= 72 for line in text.splitlines())


def test_every_text_that_a_template_names_exists() -> None:
    """M9: no template asks for a key that is not there."""
    files = (path for path in OURS.rglob("*.*") if path.suffix != ".pyc")
    sources = "".join(path.read_text("utf-8") for path in files)
    named = set(re.findall(r"\bt\('([a-z0-9.-]+[a-z0-9])'[,)]", sources))
    assert named - set(every_text("en")) == set()


def test_every_error_has_a_sentence_in_every_language() -> None:
    """S4, S5, M9: each error has its status, its sentence and a log line without personal data."""

    def tree(kind: type[errors.OptinError]) -> list[type[errors.OptinError]]:
        return [kind, *(below for child in kind.__subclasses__() for below in tree(child))]

    for kind in tree(errors.OptinError):
        assert 400 <= kind.status < 600
        for lang in LANGUAGES:
            assert THEME.text(lang, f"error.{kind.name}.title")
            assert THEME.text(lang, f"error.{kind.name}.text")
    assert errors.LinkExpired(b"alice@example.com").log_line == "link-expired status=410"
    told = "The journal var/journal.jsonl is damaged in line 3."
    assert errors.SetupRefused(told).log_line == f"internal status=500: {told}"


def test_a_page_with_its_stylesheet_is_small() -> None:
    """F5: at most 14 kB compressed, at most three requests."""
    html = THEME.page(gallery.landing("nl"))
    style = THEME.assets[THEME.asset_url("style.css")].data
    assert len(gzip.compress(html.encode(), 9)) + len(gzip.compress(style, 9)) < 14_000
    assert len(re.findall(r'<link rel="stylesheet"|<img|src="', html)) == 1


def test_the_same_view_makes_the_same_bytes() -> None:
    """P2: rendering is deterministic, in any process."""
    again = Theme(Look(), zone="Europe/Amsterdam")
    for lang in LANGUAGES:
        for _, view in gallery.pages(lang):
            assert again.page(view) == THEME.page(view)


def test_moments_and_periods_are_said_in_words() -> None:
    """W5, M9: dates in the language, the zone named; no month has thirteen letters too many."""
    words: Mapping[str, str] = {
        lang: THEME.wording(lang).moment(datetime(2026, 3, 1, 9, 5, tzinfo=UTC)) for lang in LANGUAGES
    }
    assert words == {
        "de": "1.\u00a0März 2026 um 10:05 Uhr (Mitteleuropäische Zeit)",
        "en": "1 March 2026 at 10:05 (Central European Time)",
        "fr": "1er\u00a0mars 2026 à 10:05 (heure d’Europe centrale)",
        "nl": "1 maart 2026 om 10:05 uur",
    }
    assert THEME.wording("de").day(gallery.NOW) == "23.\u00a0November 2026"
    assert THEME.wording("fr").day(gallery.NOW) == "23\u00a0novembre 2026"
    assert THEME.wording("nl").period(RetentionPeriod.parse("24 months")) == "24 maanden"
    assert THEME.wording("en").period(RetentionPeriod.parse("1 year")) == "1 year"
    assert THEME.wording("de").period(RetentionPeriod.parse("1 month")) == "1\u00a0Monat"
    assert THEME.wording("fr").period(RetentionPeriod.parse("2 years")) == "2\u00a0ans"
    assert THEME.wording("nl").size(1_250_000) == "1,2 MB"
    assert THEME.wording("en").size(999_999) == "1000 kB"
    assert THEME.wording("fr").size(212_000) == "212\u00a0ko"


def test_a_number_of_things_has_the_plural_of_its_language() -> None:
    """M9: one seat, two seats; in French none is singular too; words of a site's own are said as they are."""
    texts = {"en": {"webinar.capacity": "Room for {count}."}}
    own = Theme(Look(), texts=texts)
    for lang, words in {"en": ("0 minutes", "1 minute"), "fr": ("0 minute", "1 minute")}.items():
        assert (*(THEME.text(lang, "webinar.minutes", count=it) for it in (0, 1)),) == words
    assert THEME.text("nl", "webinar.minutes", count=2) == "2 minuten"
    assert own.text("en", "webinar.capacity", count=1) == "Room for 1."
    assert own.text("nl", "webinar.capacity", count=1).startswith("Er is 1 plaats.")


def test_a_changed_catalogue_is_compiled_again(tmp_path: Path) -> None:
    """M9: also where the compiled one cannot be kept."""
    source = tmp_path / "optin.po"
    source.write_text('msgid "a"\nmsgstr "one"\n', "utf-8")
    first = compiled(source)
    assert source.with_suffix(".mo").read_bytes() == compiled(source) == first
    source.write_text('msgid "a"\nmsgstr "two"\n', "utf-8")
    os.utime(source, (time.time() + 5, time.time() + 5))
    assert b"two" in compiled(source)
    source.unlink()
    assert b"two" in compiled(source)
    folder = tmp_path / "optin.mo"
    folder.unlink()
    folder.mkdir()
    source.write_text('msgid "a"\nmsgstr "three"\n', "utf-8")
    assert b"three" in compiled(source)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["optin.mo", "optin.po"]
    assert THEME.wording("en").size(212_400) == "212 kB"
    assert THEME.wording("de").size(1_250_000) == "1,2\u00a0MB"
    assert THEME.wording("fr").size(212_400) == "212\u00a0ko"
