"""Hints that would improve a valid site. None is a mistake, and none blocks anything.

Shown by `optin dev` beside its pages and by `optin check --hints`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from optin.consent.kind_part_lookup import PartsByKind
from optin.settings.bounces import BouncesTable
from optin.site.blocks.all_blocks import BLOCKS
from optin.site.findings import Finding
from optin.site.kind_front_matter_hooks import FilePart
from optin.site.law_lint import MOST_WORDS
from optin.site.magnet_life import MagnetStatus
from optin.site.measure_pictures import MOST_BYTES, needs_font
from optin.site.model import Magnet, PrivacyStatement, Site
from optin.site.referenced_files import read_most
from optin.site.toml_and_markdown_reader import Document, Path_
from optin.site.unedited_starter_texts import read_again, scaffold_statements, scaffold_texts_of

MOST_HEADLINE_WORDS = 9  # read at a glance, in two lines on a telephone
MOST_TITLE_CHARACTERS = 60  # what a search result and a tab show of a title
LEAST_DESCRIPTION_CHARACTERS = 50
MOST_DESCRIPTION_CHARACTERS = 160  # what a search result shows of a description
MOST_PICTURE_BYTES = 300_000  # about a second on a slow telephone
_TAG = re.compile(r"<[^>]*>")


def hints(site: Site, kinds: PartsByKind[FilePart]) -> tuple[Finding, ...]:
    """Return every hint of a site; those of a magnet with its slug."""
    of_magnets = [hint for magnet in site.magnets.values() for hint in hints_of_magnet(site, magnet, kinds)]
    return tuple(sorted([*of_magnets, *hints_of_site(site)]))


def hints_of_site(site: Site) -> tuple[Finding, ...]:
    """Return the hints that belong to no single magnet."""
    found = [hint for statement in site.privacy.values() for hint in _of_statement(site, statement)]
    found += [replace(it, severity="hint") for it in scaffold_statements(site)]
    for logo in (site.look.logo, site.look.dark_logo):
        if logo is not None and needs_font(logo[1]):
            message = f"{logo[0]} has text in a font of the visitor's, which may be wider."
            cure = "Save the drawing with its text as paths."
            found.append(Finding("optin.toml", 1, 1, message, cure, "hint", "svg-text"))
    found += _of_mails_that_come_back(site.settings.bounces)
    return tuple(sorted(found))


def _of_mails_that_come_back(bounces: BouncesTable) -> Iterator[Finding]:
    if bounces.webhooks:  # the provider takes them at an address of its own
        return
    if not bounces.address:
        message = "Mails that come back go to the sender's address, and optin learns of none."
        cure = 'Write address = "bounces@YOUR-DOMAIN" under [bounces], and see docs/guide/bounces.md'
        yield Finding("optin.toml", 1, 1, message, cure, "hint", "bounces")
    elif bounces.imap is None and not bounces.lmtp:
        message = f"Nothing in optin.toml reads the mails that come back to {bounces.address}."
        cure = "Add [bounces.imap] or lmtp, unless your mail server gives them to optin bounce by a pipe."
        yield Finding("optin.toml", 1, 1, message, cure, "hint", "bounces")


def hints_of_magnet(site: Site, magnet: Magnet, kinds: PartsByKind[FilePart]) -> tuple[Finding, ...]:
    """Return the hints of one magnet; its file is read again for the places of its keys."""
    return tuple(sorted(_of_magnet(site, magnet, kinds[magnet.kind])))


def _of_magnet(site: Site, magnet: Magnet, kind: FilePart) -> Iterator[Finding]:
    document = read_again(site, magnet)
    if document is None:
        return
    for where, code, message, cure in (
        *_of_life(magnet),
        *_of_words(magnet, document),
        *_of_look(magnet),
        *_of_missing_blocks(magnet),
        *_of_boxes(magnet),
        *_of_the_end(magnet),
    ):
        yield document.finding(where, message, cure, severity="hint", code=code, slug=magnet.slug)
    for piece in magnet.story:
        for it in BLOCKS[piece.name].hints(piece.block) if piece.name else ():
            yield Finding(document.path, piece.line, 1, it.message, it.cure, "hint", "block", magnet.slug)
    yield from (replace(it, severity="hint") for it in scaffold_texts_of(site, magnet, kind))


Hint = tuple[Path_, str, str, str]  # where, code, message, cure


def _of_life(magnet: Magnet) -> Iterator[Hint]:
    if magnet.life.status is MagnetStatus.DRAFT:
        message = "This magnet is a draft: optin serve and optin build leave it out."
        yield ("status",), "draft", message, "Remove status when it is ready."


def _of_words(magnet: Magnet, document: Document) -> Iterator[Hint]:
    if (length := len(magnet.title)) > MOST_TITLE_CHARACTERS:
        message = f"The title has {length} characters; search results show {MOST_TITLE_CHARACTERS}."
        yield ("title",), "title-long", message, "Put what matters first, or shorten it."
    if (count := len(magnet.headline.split())) > MOST_HEADLINE_WORDS:
        message = f"The headline has {count} words; more than {MOST_HEADLINE_WORDS} are not read at a glance."
        yield (
            ("headline",),
            "headline-long",
            message,
            "Say what people gain, and leave the rest to the description.",
        )
    length = len(magnet.description)
    if length < LEAST_DESCRIPTION_CHARACTERS:
        message = f"The description has only {length} characters; search results have room for more."
        cure = f"Say in {LEAST_DESCRIPTION_CHARACTERS} to {MOST_DESCRIPTION_CHARACTERS} what people gain."
        yield ("description",), "description-short", message, cure
    if length > MOST_DESCRIPTION_CHARACTERS:
        message = f"The description has {length} characters; search results cut it off."
        yield ("description",), "description-long", message, f"Say it in {MOST_DESCRIPTION_CHARACTERS}."
    if not document.body.strip():
        cure = "Write below the second --- what is in it and for whom."
        yield (), "no-text", "The page has no text of its own.", cure


def _of_look(magnet: Magnet) -> Iterator[Hint]:
    if magnet.file is not None and magnet.picture is None:
        cure = "Put a picture beside this file, and add picture: with its file and alt."
        yield (), "no-cover", "There is no cover picture; people like to see what they get.", cure
    pictures = magnet.pictures if magnet.picture is None else (magnet.picture, *magnet.pictures)
    for picture in pictures:
        where: Path_ = ("picture",) if picture is magnet.picture else ()
        size = 0 if picture.drawn else _size(picture.path)  # of what is drawn, phones get a small one
        if size > MOST_PICTURE_BYTES:
            message = f"{picture.path.name} has {size // 1000} kB; the page loads slowly on a phone."
            cure = f"Save it smaller, below {MOST_PICTURE_BYTES // 1000} kB."
            yield where, "picture-heavy", message, cure
        if picture.path.suffix.lower() == ".svg" and needs_font(_beginning(picture.path)):
            message = f"{picture.path.name} has text in a font of the visitor's, which may be wider."
            yield where, "svg-text", message, "Save the drawing with its text as paths."


def _of_missing_blocks(magnet: Magnet) -> Iterator[Hint]:
    """Yield a hint for a block that would help; a page without a file to sell has less to show."""
    there = {piece.name for piece in magnet.story}
    if magnet.file is None:
        return
    if "inside" not in there and magnet.file.suffix.lower() == ".pdf":
        cure = "Add a block: ::: inside, then a line for each page, such as: - 2: the decision chart"
        yield (), "no-look-inside", "The page shows nothing of the file; people like to look inside.", cure
    if "benefits" not in there:
        cure = "Add a block: ::: benefits, then a line for each, such as: - :clock: **Ready in minutes** …"
        yield (), "no-benefits", "The page does not say at a glance what people gain.", cure
    if not there & {"quote", "logos", "numbers"}:
        cure = "Add a block: ::: quote of a reader, ::: logos of users, or ::: numbers to check."
        yield (), "no-support", "Only you say that it is good.", cure
    if "faq" not in there and any(not question.channel.by_mail for question in magnet.questions):
        cure = "Add a block: ::: faq, with a heading such as: ### Will you call me?"
        yield (), "no-answers", "The form asks whether you may call, and the page answers no doubt.", cure


def _of_boxes(magnet: Magnet) -> Iterator[Hint]:
    for place, question in enumerate(magnet.questions):
        words = len(question.wording.split())
        if words > MOST_WORDS:
            message = (
                f"The box {question.purpose!r} has {words} words; more than {MOST_WORDS} are rarely read."
            )
            yield ("purposes", place), "box-long", message, "Say only who, what and how often."


def _of_the_end(magnet: Magnet) -> Iterator[Hint]:
    if magnet.next_step is None and not magnet.thanks:
        message = "After the confirmation there is nothing more to do."
        cure = "Add next: with a text, and a link with its label: a call to plan, an article to read on."
        yield (), "no-next", message, cure


def _of_statement(site: Site, statement: PrivacyStatement) -> Iterator[Finding]:
    lang = statement.lang
    name = f"privacy/{lang}.md"
    if not (site.root / name).is_file():
        name = "optin.toml"

    def hint(code: str, message: str, cure: str) -> Finding:
        return Finding(name, 1, 1, message, cure, "hint", code)

    said = html.unescape(_TAG.sub("", statement.body_html))
    for processor in site.settings.processors.values():
        if processor.name not in said:
            message = f"The privacy statement in {lang!r} does not name {processor.name}."
            yield hint("processor-unnamed", message, "Say who receives data, and why (GDPR 13(1)(e)).")
    why = site.settings.sources.keep.get(lang, "")
    if " ".join(why.split()) not in " ".join(said.split()):
        message = f"The privacy statement in {lang!r} does not say why the source of a request is kept."
        yield hint("source-unexplained", message, "Put the words of sources.keep into it (GDPR 13(1)(c)).")


def _beginning(path: Path) -> bytes:
    try:
        return read_most(path, MOST_BYTES)
    except OSError:
        return b""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
