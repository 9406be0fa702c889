"""Create a site that runs, and a magnet that passes the check (M7)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from string import Template

from optin.consent.kind_part_lookup import PartsByKind
from optin.consent.purpose import PurposeId
from optin.settings.site import Purpose
from optin.site.kind_front_matter_hooks import FilePart, Question
from optin.site.load_site import SITE_FILE
from optin.site.magnet_conflicts import RESERVED, SLUG
from optin.site.magnet_files import PLACEHOLDER
from optin.site.model import Site
from optin.site.starter_texts import magnet_starter, site_starter, starter_text

STARTER = Path(__file__).parent / "starter"
LANGUAGES = ("nl", "en")  # of a site whose author named none
STARTER_WRITTEN = date(2026, 11, 26)  # when our own privacy statements were last changed
_DEFAULT_COUNTRY = "NL"  # of optin.toml, which then need not name it


class AlreadyThere(ValueError):
    """The thing to create exists already, or cannot have that name."""


def make_site(folder: Path, languages: Sequence[str] = LANGUAGES, day: date = STARTER_WRITTEN) -> list[Path]:
    """Create a site in an empty or new folder; return its files. Raises AlreadyThere, OSError.

    `day`: the date of its privacy statements.
    """
    if folder.exists() and any(folder.iterdir()):
        msg = f"{folder} is not empty; choose a new folder."
        raise AlreadyThere(msg)
    texts = {
        ".gitignore": (STARTER / "gitignore.txt").read_text("utf-8"),
        "magnets/tips.md": starter_text(languages[0], "tips.md"),
        "optin.toml": _site_file(languages),
        **{f"privacy/{lang}.md": _statement(lang, day) for lang in sorted(languages)},
    }
    made: list[Path] = []
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        made.append(path)
    return made


def _statement(lang: str, day: date) -> str:
    return starter_text(lang, "privacy.md").replace("$day", day.isoformat(), 1)


def _site_file(languages: Sequence[str]) -> str:
    own = site_starter(languages[0])
    return Template((STARTER / "optin.toml").read_text("utf-8")).substitute(
        languages=_quoted([*languages]),
        company=_quoted(own.company),
        sender=_quoted(own.sender),
        address=_quoted(own.address),
        country="" if own.country == _DEFAULT_COUNTRY else f"\ncountry = {_quoted(own.country)}",
        tips="\n".join(f"text.{lang} = {_quoted(site_starter(lang).tips)}" for lang in languages),
    )


@dataclass(frozen=True)
class MagnetAnswers:
    """The author's answers about a new magnet; missing ones are filled with examples."""

    title: str = ""
    description: str = ""
    purposes: tuple[PurposeId, ...] | None = None  # None: the first one by e-mail
    addresses: Mapping[str, str] = field(default_factory=dict)  # by field, why it is asked
    file: Path | None = None  # copied; None: a placeholder
    answers: Mapping[str, str] = field(default_factory=dict)  # to the kind's own questions, by name


def make_magnet(
    site: Site,
    kinds: PartsByKind[FilePart],
    name: str,
    slug: str,
    lang: str,
    given: MagnetAnswers | None = None,
) -> list[Path]:
    """Create a magnet of the kind `name` at `slug`; return its files. Raises AlreadyThere, OSError."""
    given, kind = MagnetAnswers() if given is None else given, kinds[name]
    if reason := reason_against_slug(site, slug) or reason_against_language(site, lang):
        raise AlreadyThere(reason)
    folder, alone = site.root / "magnets" / slug, site.root / "magnets" / f"{slug}.md"
    file = folder / f"{slug}{'.pdf' if given.file is None else given.file.suffix.lower()}"
    text = _front_matter(site, (name, kind), lang, file.name, given)
    if beside := magnet_starter(name, kind.folder, lang).files:
        folder.mkdir(parents=True)
        texts = {"index.md": text, **beside}
        for it, content in texts.items():
            (folder / it).write_text(content, "utf-8")
        return [folder / it for it in texts]
    if not kind.hands_out_file:
        alone.parent.mkdir(exist_ok=True)
        alone.write_text(text, "utf-8")
        return [alone]
    data = placeholder_pdf() if given.file is None else given.file.read_bytes()
    folder.mkdir(parents=True)
    (folder / "index.md").write_text(text, "utf-8")
    file.write_bytes(data)
    return [folder / "index.md", file]


def reason_against_slug(site: Site, slug: str) -> str:
    """Return why no magnet can be created at `slug`; "" when one can."""
    if SLUG.fullmatch(slug) is None or slug in RESERVED:
        return f"{slug!r} cannot be an address; use a-z, 0-9 and hyphens."
    magnets = site.root / "magnets"
    there = (magnets / slug).exists() or (magnets / f"{slug}.md").exists()
    return f"magnets/{slug} already exists." if there else ""


def reason_against_language(site: Site, lang: str) -> str:
    """Return why no page can be created in `lang`; "" when one can."""
    if lang in site.settings.languages:
        return ""
    return f"The site has no language {lang!r}; add it to languages in {SITE_FILE}."


def purposes_in_language(site: Site, name: str, kind: FilePart, lang: str) -> dict[PurposeId, Purpose]:
    """Return the purposes with words in `lang`. Raises AlreadyThere when a kind requires one and none has."""
    found = {name: it for name, it in site.settings.purposes.items() if lang in it.text}
    by_email = any(purpose.channel.by_mail for purpose in found.values())
    if not by_email and kind.insists(()) is not None:
        msg = f"A {name} needs a purpose by e-mail in {lang!r}; define one in {SITE_FILE} first."
        raise AlreadyThere(msg)
    return found


def default_purposes(purposes: Mapping[PurposeId, Purpose]) -> tuple[PurposeId, ...]:
    """Return the purposes of a new magnet unless its author chooses: the first one by e-mail."""
    return tuple(name for name, it in purposes.items() if it.channel.by_mail)[:1]


def _front_matter(site: Site, of: tuple[str, FilePart], lang: str, file: str, given: MagnetAnswers) -> str:
    name, kind = of
    start = magnet_starter(name, kind.folder, lang)
    begins = default_purposes(purposes_in_language(site, name, kind, lang))
    purposes = begins if given.purposes is None else given.purposes
    lines = ["---", f"kind: {name}", f"lang: {lang}", f"title: {_quoted(given.title or start.title)}"]
    lines.append(f"description: {_quoted(given.description or start.description)}")
    if kind.hands_out_file:
        lines.append(f"file: {file}")
    lines.append(f"purposes: [{', '.join(purposes)}]")
    lines += ["fields:"] if given.addresses else []
    for address, why in given.addresses.items():
        lines += [f"  - name: {address}", f"    why: {_quoted(why)}"]
    if start.table:
        answers = {
            question.name: _answer(question, given.answers.get(question.name, question.default))
            for question in kind.questions
        }
        lines.append(Template(start.table).substitute(answers))
    return "\n".join([*lines, "---", "", start.body])


def _answer(question: Question, answer: str) -> str:
    return answer if question.bare else _quoted(answer)


def _quoted(value: str | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False)


def placeholder_pdf() -> bytes:
    """Return a small PDF that says it must be replaced; the check recognises it by a comment."""
    words = b"BT /F1 20 Tf 60 760 Td (Put your own file in the place of this one.) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(words), words),
    ]
    out = b"%PDF-1.4\n% " + PLACEHOLDER + b"\n"
    places: list[int] = []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    tail = b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return out + tail % (size, table, size, len(out))
