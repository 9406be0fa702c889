"""Scans of reply cards: the boxes as a person sees them, or a refusal that says what to do."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
import segno
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from optin.cards import card_picture
from optin.cards.card_code import CardCode, parse_card_code
from optin.cards.card_geometry import BOX, BOX_LEFT, CardPlaces
from optin.cards.read_card import BoxState, ReadCard, answers, read_card
from optin.cards.straighten import coefficients, seen_at
from optin.consent.form_version import FormDigest
from optin.errors import CardRefused
from tests.cards.paper import DPI, SITE, drawn, form, photographed, printed, saved, ticked

FORM = form()
PAPER = printed(drawn(FORM))


def code_on(paper: Image.Image) -> CardCode:
    code = parse_card_code(zxingcpp.read_barcodes(paper)[0].text)
    assert code is not None
    return code


CODE = code_on(PAPER)
EDGES = CODE.edges
FILLED_IN = ticked(PAPER, EDGES, (0, 2))
YES, NO, UNCLEAR = BoxState.TICKED, BoxState.EMPTY, BoxState.UNCLEAR
MM = DPI / 25.4


def states(data: bytes) -> list[BoxState]:
    return [it.state for it in read(data).boxes]


def read(data: bytes, base_url: str = SITE) -> ReadCard:
    return read_card(data, "scan.png", base_url)


def refused(data: bytes, base_url: str = SITE) -> str:
    with pytest.raises(CardRefused) as problem:
        read(data, base_url)
    assert (problem.value.file, problem.value.cure[-1]) == ("scan.png", ".")
    return problem.value.problem


def test_a_scan_says_which_boxes_are_ticked() -> None:
    """L6: the form version by its code, each box by its ink, with a picture of it for people."""
    card = read(saved(FILLED_IN))
    assert (card.origin, card.digest) == (SITE, FORM.digest)
    told = answers(card, FORM.declaration, "scan.png")
    assert [question.purpose for question, _ in told] == ["purpose-0", "purpose-1", "purpose-2"]
    assert [box.state for _, box in told] == [YES, NO, YES]
    with Image.open(io.BytesIO(card.boxes[0].picture)) as picture:
        assert picture.size == (72, 72)  # the box and 3 mm around it


@pytest.mark.parametrize("boxes", [(), (0,), (1,), (2,), (0, 1, 2)])
def test_each_box_is_read_by_itself(boxes: tuple[int, ...]) -> None:
    """L6: a tick counts for its own question."""
    expected = [YES if place in boxes else NO for place in range(3)]
    assert states(saved(ticked(PAPER, EDGES, boxes))) == expected


@pytest.mark.parametrize("degrees", [3, -7, 20, 45, 90, 180, 270])
def test_a_card_lies_on_the_glass_in_any_direction(degrees: int) -> None:
    """L6: a scan may be askew or upside down."""
    turned = FILLED_IN.rotate(degrees, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    assert states(saved(turned)) == [YES, NO, YES]


@pytest.mark.parametrize("degrees", [0, 90, 180])
def test_a_photograph_of_a_card_is_read(degrees: int) -> None:
    """L6: from a corner, noisy, half in the shade, packed as JPEG."""
    assert states(saved(photographed(FILLED_IN).rotate(degrees, expand=True), "JPEG")) == [YES, NO, YES]


@pytest.mark.parametrize("dpi", [72, 85, 100, 200, 300])
def test_a_card_is_read_at_any_usual_resolution(dpi: int) -> None:
    """L6: from a fax to a good scanner."""
    paper = ticked(printed(drawn(FORM), dpi), EDGES, (1,), dpi)
    assert states(saved(paper)) == [NO, YES, NO]


@pytest.mark.parametrize("size", ["A4", "A6"])
def test_cards_of_every_size_are_read(size: str) -> None:
    """L6: the code says how large the paper was."""
    version = form(count=1)
    paper = printed(drawn(version, size))
    assert states(saved(ticked(paper, code_on(paper).edges, (0,)))) == [YES]
    assert states(saved(photographed(paper), "JPEG")) == [NO]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "PDF"])
def test_scanners_write_pictures_and_pdfs(kind: str) -> None:
    """L6: what a scanner or a telephone writes is read."""
    more = {"append_images": [FILLED_IN], "save_all": True} if kind == "PDF" else {}
    front = Image.new("L", FILLED_IN.size, 255) if kind == "PDF" else FILLED_IN  # a page of something else
    assert states(saved(front, kind, **more)) == [YES, NO, YES]


@pytest.mark.parametrize("mode", ["1", "P", "RGBA", "I;16", "CMYK"])
def test_pictures_of_any_depth_are_read(mode: str) -> None:
    """L6: black and white, colours, with a see-through ground, of sixteen bits."""
    if mode == "RGBA":
        picture = Image.new("RGBA", FILLED_IN.size, (0, 0, 0, 0))
        picture.putalpha(FILLED_IN.point([255 - it for it in range(256)]))
    elif mode == "I;16":
        picture = Image.frombytes(
            mode, FILLED_IN.size, b"".join(bytes((0, it)) for it in FILLED_IN.tobytes())
        )
    else:
        picture = FILLED_IN.convert(mode)
    assert states(saved(picture, "TIFF" if mode == "CMYK" else "PNG")) == [YES, NO, YES]


def inked(left: float, top: float, right: float, low: float, grey: int = 40) -> bytes:
    """Return a card with a patch of ink in its second box, in mm from the box's corner."""
    paper = PAPER.copy()
    x, y = BOX_LEFT, EDGES[1]
    area = [(x + left) * MM, (y + top) * MM, (x + right) * MM, (y + low) * MM]
    ImageDraw.Draw(paper).rectangle(area, fill=grey)
    return saved(paper)


def test_what_may_be_a_tick_or_not_is_for_people_to_say() -> None:
    """L6: a slip of the pen and a box blackened to take the tick back are not decided by a program."""
    assert states(inked(2.6, 2.6, 3.2, 3.4))[1] is UNCLEAR
    assert states(inked(0, 0, BOX, BOX))[1] is UNCLEAR
    assert states(inked(-5, 0, -1, BOX))[1] is NO  # beside the box
    assert states(inked(1.5, 2.5, 4.5, 3.2, grey=150))[1] is YES  # in pencil


def covered(x: float, y: float, paper: Image.Image = FILLED_IN) -> bytes:
    """Return a card of which a corner is torn off."""
    paper = paper.copy()
    middle = (x * MM, y * MM)
    ImageDraw.Draw(paper).circle(middle, 9 * MM, fill=255)
    return saved(paper)


NO_MARK = "does not show the three black squares in the corners of the card"


def test_a_torn_card_is_refused() -> None:
    """L6: without its corners nobody knows where a box was."""
    for corner in CardPlaces(148, 210).marks:
        assert refused(covered(*corner)) == NO_MARK
    assert refused(saved(FILLED_IN.crop((0, 200, *FILLED_IN.size)))) == NO_MARK
    assert refused(saved(FILLED_IN.crop((0, 0, FILLED_IN.width, 900)))) == "shows no code of a reply card"
    assert states(covered(140, 202)) == [YES, NO, YES]  # the code repairs itself
    assert refused(saved(printed(drawn(FORM), 40))) == "shows no code of a reply card"


def bent(pixels: int) -> bytes:
    """Return a card whose code is elsewhere than its marks say."""
    paper, code = FILLED_IN.copy(), FILLED_IN.crop((600, 970, 850, 1200))
    ImageDraw.Draw(paper).rectangle((600, 970, 850, 1200), fill=255)
    paper.paste(code, (600 - pixels, 970 - pixels))
    return saved(paper)


def test_a_bent_card_is_read_by_the_frames_of_its_boxes_or_refused() -> None:
    """L6: a printed line that comes to lie elsewhere is no tick."""
    for pixels in (-16, -10, -5, 5, 10, 16):
        assert states(bent(pixels)) == [YES, NO, YES]
    assert refused(bent(40)) == NO_MARK


def test_a_box_whose_frame_does_not_show_is_unclear() -> None:
    """L6: what was never there was never left empty."""
    paper = FILLED_IN.copy()
    area = [(BOX_LEFT - 1) * MM, (EDGES[1] - 1) * MM, (BOX_LEFT + 8) * MM, (EDGES[1] + 8) * MM]
    ImageDraw.Draw(paper).rectangle(area, fill=255)
    assert states(saved(paper)) == [YES, UNCLEAR, YES]


def test_a_card_of_another_site_is_refused() -> None:
    """L6: what was asked there says nothing about here."""
    assert refused(saved(FILLED_IN), "https://other.example.com") == f"is a card of {SITE}"
    assert refused(saved(FILLED_IN), "http://tips.example.com") == f"is a card of {SITE}"
    assert read(saved(FILLED_IN), f"{SITE}/").origin == SITE


def test_several_cards_at_once_are_refused() -> None:
    """L6: whose tick would it be?"""
    both = Image.new("L", (FILLED_IN.width * 2, FILLED_IN.height), 255)
    both.paste(FILLED_IN, (0, 0))
    both.paste(FILLED_IN, (FILLED_IN.width, 0))
    assert refused(saved(both)) == "shows 2 cards"


def with_code(text: str) -> bytes:
    """Return a card with another code on it."""
    paper = PAPER.copy()
    corners = CardPlaces(148, 210).code
    area = [round(it * MM) for it in (*corners[0], *corners[2])]
    ImageDraw.Draw(paper).rectangle(area, fill=255)
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="png", border=0, scale=8)
    with Image.open(out) as code:
        side = area[2] - area[0]
        paper.paste(code.convert("L").resize((side, side)), (area[0], area[1]))
    return saved(paper)


def test_a_changed_code_is_refused() -> None:
    """L6: a wrong digit, or a version to come."""
    changed = "has the code of a later version, or one that was changed"
    assert refused(with_code(CODE.as_text().replace(":V1:", ":V2:"))) == changed
    assert refused(with_code(CODE.as_text()[:-1] + "?")) == changed
    assert refused(with_code("https://tips.example.com")) == "shows no code of a reply card"


def test_a_card_that_optin_never_printed_is_refused() -> None:
    """L6: a version that is not on record, and one with other boxes."""
    made_up = CardCode(SITE, FormDigest("0" * 64), "A5", EDGES[:2])
    card = read(with_code(made_up.as_text()))
    with pytest.raises(CardRefused, match=r"not on record \(000000000000\)"):
        answers(card, None, "scan.png")
    with pytest.raises(CardRefused, match="has 2 boxes, and its form version 3 questions"):
        answers(card, FORM.declaration, "scan.png")
    with pytest.raises(CardRefused, match="has 1 boxes"):
        answers(replace(card, boxes=card.boxes[:1]), FORM.declaration, "scan.png")


def test_no_picture_is_opened_that_is_larger_than_a_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """L6: a small file can hold a picture that fills the memory."""
    assert refused(saved(Image.new("1", (12_000, 12_000)))) == "has more pixels than any scan"
    monkeypatch.setattr(card_picture, "MOST_BYTES", 10)
    assert refused(b"\0" * 11) == "is larger than 0 MB"


NO_PICTURE = "is no picture and no PDF that can be opened"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", NO_PICTURE),
        (b"an e-mail address", NO_PICTURE),
        (saved(FILLED_IN)[:2_000], NO_PICTURE),
        (saved(FILLED_IN, "GIF"), NO_PICTURE),
        (b"%PDF-1.7", "is a PDF that cannot be opened"),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes, problem: str) -> None:
    """L6: a sentence, never a traceback."""
    assert refused(data) == problem


SAMPLES = [
    saved(FILLED_IN),
    saved(FILLED_IN, "JPEG"),
    saved(FILLED_IN, "WEBP"),
    saved(FILLED_IN, "TIFF"),
    drawn(FORM),
]


@given(st.data())
def test_damaged_scans_are_answered(data: st.DataObject) -> None:
    """L6: bytes exchanged, cut out, doubled: an answer or a sentence."""
    file = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, min(len(file), 5_000)))
        file[at : at + data.draw(st.sampled_from([0, 1, 30]))] = data.draw(st.binary(max_size=8))
    try:
        read(bytes(file))
    except CardRefused as problem:
        assert str(problem).startswith("scan.png ")


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400)), min_size=4, max_size=4))
def test_a_perspective_takes_each_point_to_its_own(seen: list[tuple[int, int]]) -> None:
    """L6: straightening is exact, or refused where points are on one line."""
    flat = [(0.0, 0.0), (148.0, 0.0), (148.0, 210.0), (0.0, 210.0)]
    try:
        perspective = coefficients([(float(x), float(y)) for x, y in seen], flat)
        found = [seen_at(perspective, point) for point in flat]
    except ValueError:
        return
    if max(abs(it) for it in perspective) < 1e4:  # else nearly on one line
        assert found == [pytest.approx(point, abs=0.01) for point in seen]
