"""Cards to fill in, photograph and tear, and the forms that they are made of."""

from __future__ import annotations

import hashlib
import io
import random
from typing import Any

import pypdfium2
from PIL import Image, ImageDraw, ImageFilter

from optin.cards.card_geometry import BOX, BOX_LEFT
from optin.cards.draw_card import CardContent, draw_card
from optin.consent.channel import MAILBOX, channel_named
from optin.consent.form_version import (
    FormDeclaration,
    FormDigest,
    FormField,
    FormKey,
    FormVersion,
    PrivacyDigest,
    Slug,
)
from optin.consent.purpose import ConsentQuestion, Controller, PurposeId
from optin.consent.retention_period import RetentionPeriod
from optin.theme.wording import Wording

SITE = "https://tips.example.com"
TITLES = {"nl": "Koud bellen", "de": "Größe & Maß: „Ärger“", "fr": "Œuvre à l’été – 5 €", "en": "Cold calls"}
WORDINGS = (
    "Voorbeeld B.V. mag mij elke maand één tip mailen; onder elke mail staat een link om te stoppen.",
    "Voorbeeld B.V. mag mij één keer bellen over wat ik hiermee ga doen.",
    "Voorbeeld B.V. mag mij uitnodigen voor een webinar.",
)
DPI = 150


def form(lang: str = "nl", count: int = 3, title: str = "") -> FormVersion:
    """Return a form version with so many questions."""
    declaration = FormDeclaration(
        magnet=Slug("koud-bellen"),
        kind="white-paper",
        title=title or TITLES[lang],
        lang=lang,
        controller=Controller("Voorbeeld B.V.", ("Proefstraat 12", "1234 AB Voorbeeldstad"), "p@example.com"),
        privacy=PrivacyDigest("c" * 64),
        questions=tuple(
            ConsentQuestion(
                PurposeId(f"purpose-{place}"),
                channel_named("phone" if place == 1 else "email"),
                words,
                RetentionPeriod.parse("24 months"),
            )
            for place, words in enumerate((WORDINGS * 9)[:count])
        ),
        fields=(
            FormField("phone", "Telefoonnummer", "Alleen om te bellen."),
            FormField("lead-source", "", ""),
        ),
    )
    digest = FormDigest(hashlib.sha256(repr(declaration).encode()).hexdigest())
    assert MAILBOX.field not in {it.name for it in declaration.fields}
    return FormVersion(digest, FormKey("k"), b"page", declaration)


def content(version: FormVersion) -> CardContent:
    lang = version.declaration.lang
    return CardContent(version, SITE, f"{SITE}/privacy/cccccccccccc", Wording(lang))


def drawn(version: FormVersion | None = None, size: str = "A5") -> bytes:
    return draw_card(content(version or form()), size)


def printed(card: bytes, dpi: int = DPI) -> Image.Image:
    """Return a card as it leaves the printer."""
    with pypdfium2.PdfDocument(card) as document:
        picture: Any = document[0].render(scale=dpi / 72).to_pil()
        return Image.Image.convert(picture, "L")


def ticked(
    paper: Image.Image, edges: tuple[float, ...], boxes: tuple[int, ...], dpi: int = DPI
) -> Image.Image:
    """Return the card with crosses in these boxes, as a hand draws them, and an address beside."""
    paper, chance = paper.copy(), random.Random(7)
    draw, mm = ImageDraw.Draw(paper), dpi / 25.4
    for place in boxes:
        left, top, far = BOX_LEFT, edges[place], BOX - 1.0

        def at(x: float, y: float, left: float = left, top: float = top) -> tuple[float, float]:
            return (left + x + chance.uniform(-0.4, 0.4)) * mm, (top + y + chance.uniform(-0.4, 0.4)) * mm

        draw.line([at(1, 1), at(far, far)], fill=60, width=round(0.5 * mm))
        draw.line([at(1, far), at(far, 1)], fill=60, width=round(0.5 * mm))
    draw.text((20 * mm, 60 * mm), "ALICE@EXAMPLE.COM", fill=50)
    return paper


def photographed(paper: Image.Image) -> Image.Image:
    """Return the card as a telephone sees it on a table: from a corner, noisy, half in the shade."""
    width, height = paper.size
    table = Image.new("L", (round(width * 1.5), round(height * 1.4)), 90)
    corners = [(0.12, 0.10), (0.80, 0.04), (0.93, 0.90), (0.05, 0.96)]
    seen = [(x * table.width, y * table.height) for x, y in corners]
    flat = [(0, 0), (width, 0), (width, height), (0, height)]
    table = paste_as_seen(table, paper, flat, seen)
    shade = Image.linear_gradient("L").resize(table.size).point([110 + it * 145 // 255 for it in range(256)])
    table = Image.composite(table, Image.new("L", table.size, 0), shade)
    noise = Image.effect_noise(table.size, 24)
    table = Image.blend(table, noise, 0.12)
    return table.filter(ImageFilter.GaussianBlur(0.7))


def paste_as_seen(
    table: Image.Image, paper: Image.Image, flat: list[tuple[int, int]], seen: list[tuple[float, float]]
) -> Image.Image:
    """Paste a card onto a table so that its corners come where they are seen."""
    from optin.cards.straighten import coefficients  # noqa: PLC0415 - of the room under test

    mapped = coefficients([(float(x), float(y)) for x, y in flat], seen)
    mask = Image.new("L", paper.size, 255)
    kind = Image.Transform.PERSPECTIVE
    shown = paper.transform(table.size, kind, mapped, Image.Resampling.BICUBIC)
    where = mask.transform(table.size, kind, mapped)
    return Image.composite(shown, table, where)


def saved(picture: Image.Image, kind: str = "PNG", **more: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **more)
    return out.getvalue()
