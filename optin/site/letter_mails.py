"""Render letters as mails in a site's look, and check that they can be sent (W13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from optin.consent.purpose import ConsentKey, ConsentQuestion, PurposeId
from optin.consent.signed_links import SAMPLE_TOKEN
from optin.flows.request_policy import Letter, LetterText
from optin.site.findings import Finding
from optin.site.letter_reader import CODE
from optin.site.mail_prose import mail_prose, mail_prose_as_text
from optin.site.model import LetterDraft, Site
from optin.theme.mail_views import LetterMail
from optin.theme.theme import Theme

MOST_BYTES = 102 * 1024  # of both parts: Gmail hides what is longer behind a link
_PREHEADER_CHARACTERS = 120
_SOME_DAY = datetime(2026, 9, 30, tzinfo=UTC)
_LINK = f"/unsubscribe/{SAMPLE_TOKEN}"


@dataclass(frozen=True)
class PublishedLetters:
    """The rendered letters of each purpose and channel, and the findings about them."""

    letters: Mapping[ConsentKey, tuple[Letter, ...]]
    findings: tuple[Finding, ...]


def publish_letters(site: Site, theme: Theme) -> PublishedLetters:
    """Return the letters of a site, ready to send. Raises what a template of the site's own raises."""
    letters: dict[ConsentKey, tuple[Letter, ...]] = {}
    findings: list[Finding] = []
    for name, of_purpose in site.letters.items():
        purpose = site.settings.purposes[PurposeId(name)]
        key = ConsentKey(PurposeId(name), purpose.channel)
        made: list[Letter] = []
        for letter in of_purpose:
            texts: dict[str, LetterText] = {}
            for lang, draft in letter.drafts.items():
                text, wording = _text(site, draft), purpose.text.get(lang, "")
                question = ConsentQuestion(key.purpose, key.channel, wording, purpose.retention)
                wrong = [*_objections(theme, letter_sample(site, lang, text, question), draft.path)]
                findings += wrong
                texts |= {} if wrong else {lang: text}
            made.append(Letter(letter.name, letter.after, texts))
        letters[key] = tuple(made)
    return PublishedLetters(letters, tuple(findings))


def letter_sample(site: Site, lang: str, text: LetterText, question: ConsentQuestion) -> LetterMail:
    """Return a letter as a mail for the gallery; its unsubscribe link does nothing."""
    base_url = site.settings.base_url
    return LetterMail(
        lang=lang,
        controller=site.controller,
        title="",
        base_url=base_url,
        privacy_url=f"{base_url}/privacy",
        letter=text,
        question=question,
        given_at=_SOME_DAY,
        unsubscribe_url=f"{base_url}{_LINK}",
    )


def _text(site: Site, draft: LetterDraft) -> LetterText:
    base_url = site.settings.base_url
    text = mail_prose_as_text(draft.body, base_url)
    return LetterText(
        subject=draft.subject,
        preheader=draft.preheader or " ".join(text.split())[:_PREHEADER_CHARACTERS],
        html=mail_prose(draft.body, base_url, site.look),
        text=text,
    )


def _objections(theme: Theme, sample: LetterMail, path: str) -> Iterator[Finding]:
    """Check a letter as a mail: how long it is, who it says it is from, and that it can be stopped."""
    made = theme.mail(sample)
    size = len(made.html.encode()) + len(made.text.encode())
    if size > MOST_BYTES:
        message = f"As a mail this letter has {size // 1024} kB; Gmail hides what is beyond 102 kB."
        yield Finding(path, 1, 1, message, "Shorten it, or link to a page with the rest.", code=CODE)
    cure = "Correct templates/mails/letter.html and letter.txt, or remove them to use ours."
    for part in (made.html, made.text):
        if sample.unsubscribe_url not in part:
            message = "The letter has no link by which it can be stopped (GDPR 7(3))."
            yield Finding(path, 1, 1, message, cure, code=CODE)
        if sample.controller.email not in part:
            message = "The letter does not say who sends it, and how they are reached (GDPR 13)."
            yield Finding(path, 1, 1, message, cure, code=CODE)
