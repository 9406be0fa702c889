"""Making a site that runs, and a magnet that passes the check (M7)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from string import Template

from optin.consent.purpose import Channel
from optin.site.beginnings import BEGINNINGS
from optin.site.kinds.kind import Kind
from optin.site.loading import SITE_FILE
from optin.site.magnets import PLACEHOLDER
from optin.site.model import Site
from optin.site.together import RESERVED, SLUG

STARTER = Path(__file__).parent / "starter"
LANGUAGES = ("nl", "en")  # of a site whose author named none
_DEFAULT_COUNTRY = "NL"  # of optin.toml, which then need not name it


class AlreadyThere(ValueError):
    """What should be made is there already, or cannot be made under that name."""


def make_site(folder: Path, languages: Sequence[str] = LANGUAGES) -> list[Path]:
    """Make a site in an empty or new folder; return what was made. Raises AlreadyThere, OSError."""
    if folder.exists() and any(folder.iterdir()):
        msg = f"{folder} is not empty; choose a new folder."
        raise AlreadyThere(msg)
    texts = {
        ".gitignore": _starter("gitignore.txt"),
        "magnets/tips.md": _starter(f"tips/{languages[0]}.md"),
        "optin.toml": _site_file(languages),
        **{f"privacy/{lang}.md": _starter(f"privacy/{lang}.md") for lang in sorted(languages)},
    }
    made: list[Path] = []
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        made.append(path)
    return made


def _starter(name: str) -> str:
    return (STARTER / name).read_text("utf-8")


def _site_file(languages: Sequence[str]) -> str:
    own = BEGINNINGS[languages[0]]
    return Template(_starter("optin.toml")).substitute(
        languages=_quoted([*languages]),
        company=_quoted(own.company),
        sender=_quoted(own.sender),
        address=_quoted([*own.address]),
        country="" if own.country == _DEFAULT_COUNTRY else f"\ncountry = {_quoted(own.country)}",
        tips="\n".join(f"text.{lang} = {_quoted(BEGINNINGS[lang].tips)}" for lang in languages),
    )


def make_magnet(site: Site, kind: Kind, slug: str, lang: str) -> list[Path]:
    """Make a magnet of `kind` at `slug`; return what was made. Raises AlreadyThere, OSError."""
    if SLUG.fullmatch(slug) is None or slug in RESERVED:
        msg = f"{slug!r} cannot be an address; use a-z, 0-9 and hyphens."
        raise AlreadyThere(msg)
    if lang not in site.languages:
        msg = f"The site has no language {lang!r}; add it to languages in {SITE_FILE}."
        raise AlreadyThere(msg)
    magnets = site.root / "magnets"
    folder, alone = magnets / slug, magnets / f"{slug}.md"
    if folder.exists() or alone.exists():
        msg = f"magnets/{slug} is there already."
        raise AlreadyThere(msg)
    text = _front_matter(site, kind, slug, lang)
    if kind.files:
        folder.mkdir(parents=True)
        texts = {"index.md": text, **{name: by.get(lang, by["en"]) for name, by in kind.files.items()}}
        for name, content in texts.items():
            (folder / name).write_text(content, "utf-8")
        return [folder / name for name in texts]
    if not kind.hands_out_file:
        alone.write_text(text, "utf-8")
        return [alone]
    folder.mkdir(parents=True)
    (folder / "index.md").write_text(text, "utf-8")
    (folder / f"{slug}.pdf").write_bytes(placeholder_pdf())
    return [folder / "index.md", folder / f"{slug}.pdf"]


def _front_matter(site: Site, kind: Kind, slug: str, lang: str) -> str:
    start = kind.start.get(lang, kind.start["en"])
    purpose = next(
        (p.id for p in site.purposes.values() if p.channel is Channel.EMAIL and lang in p.wording),
        None,
    )
    if purpose is None and kind.insists(()) is not None:
        msg = f"A {kind.name} needs a purpose by e-mail in {lang!r}; define one in {SITE_FILE} first."
        raise AlreadyThere(msg)
    lines = ["---", f"kind: {kind.name}", f"lang: {lang}", f"title: {_quoted(start.title)}"]
    lines.append(f"description: {_quoted(start.description)}")
    if kind.hands_out_file:
        lines.append(f"file: {slug}.pdf")
    lines.append(f"purposes: [{purpose or ''}]")
    words = kind.words.get(lang, kind.words.get("en", {}))
    begin = kind.begin or start.begin
    lines += [Template(begin).substitute(words, slug=slug)] if begin else []
    lines += ["---", "", start.body]
    return "\n".join(lines)


def _quoted(value: str | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False)


def placeholder_pdf() -> bytes:
    """Return a small valid PDF that says it must be replaced; the check knows it by its comment."""
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
