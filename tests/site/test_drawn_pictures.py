"""Pictures in the widths that pages show, and pages of a PDF."""

from __future__ import annotations

import io
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, features

from optin.services.site_edition import load_edition
from optin.site import pdf_drawing_process, pdf_pages
from optin.site.findings import Finding
from optin.site.measure_pictures import PictureRefused
from optin.site.picture_cache import FOLDER, PictureCache
from optin.site.resized_pictures import AVIF, SHARED_BYTES, WEBP, WIDTHS, renditions
from optin.theme.theme import Theme
from tests.installed import KINDS
from tests.site.conftest import findings, paper
from tests.site.test_blocks import PDF, page

COVER = "picture: {file: cover.png, alt: Een omslag}\n"
INSIDE = "::: inside\n- 2: het schema\n- 3: de rest\n:::"


def drawing(width: int, height: int, form: str = "PNG") -> bytes:
    """Return a picture with something in it: a plain one has no size worth speaking of."""
    out = io.BytesIO()
    Image.effect_noise((width, height), 40).convert("RGB").save(out, form)
    return out.getvalue()


def one(site: Path, data: bytes, name: str = "cover.png") -> Finding:
    """Return the finding about a cover with these bytes."""
    folder = paper(site, COVER.replace("cover.png", name))
    (folder / name).write_bytes(data)
    (finding,) = findings(site)
    assert (finding.path, finding.line, finding.code) == ("magnets/paper/index.md", 7, "picture")
    return finding


def test_a_cover_comes_in_three_widths_of_two_formats(site: Path) -> None:
    """W2, W3: sizes known beforehand, the first one eager, and each a file that is served."""
    folder = paper(site, COVER, "![Nog een](cover.png)")
    (folder / "cover.png").write_bytes(drawing(700, 900))
    html = page(site, "paper")
    formats = [AVIF, WEBP] if features.check("avif") else [WEBP]
    for ending in formats:
        assert re.search(rf'srcset="/static/cover-224\.\w+\.{ending} 224w, [^"]* 640w" sizes="[^"]+"', html)
    first, second = re.findall(r"<img [^>]*>", html.partition("</header>")[2])
    assert 'width="700" height="900"' in first
    assert "lazy" not in first
    assert 'loading="lazy"' in second
    assert " 700w" in second
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    assets = edition.theme.assets
    named = re.findall(r"/static/cover-\d+\.\w+\.(?:webp|avif)", html)
    assert named
    for address in named:
        with Image.open(io.BytesIO(assets[address].data)) as shown:
            assert f"cover-{shown.width}." in address
            assert assets[address].content_type == f"image/{(shown.format or '').lower()}"


@pytest.mark.parametrize(("form", "size", "told"), [("JPEG", 1_400, 1_200), ("PNG", 500, 500)])
def test_social_sites_get_a_large_cover_as_a_small_file(site: Path, form: str, size: int, told: int) -> None:
    """W3, M9: some show none that is large, and the server would keep every one. It says its size."""
    name = f"cover.{form.lower()}"
    folder = paper(site, COVER.replace("cover.png", name))
    (folder / name).write_bytes(drawing(size, size, form))
    html = page(site, "paper")
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    shared = re.search(r'<meta property="og:image" content="[^"]*(/static/cover-shared\.\w+\.jpg)">', html)
    assert shared is not None
    with Image.open(io.BytesIO(edition.theme.assets[shared[1]].data)) as shown:
        assert shown.size == (told, told)
    assert f'<meta property="og:image:width" content="{told}">' in html
    assert f'<meta property="og:image:height" content="{told}">' in html
    assert (folder / name).stat().st_size > SHARED_BYTES
    assert (folder / name).read_bytes() not in {it.data for it in edition.theme.assets.values()}


def test_no_picture_is_drawn_larger_than_it_is(tmp_path: Path) -> None:
    """W3: pixels that are not there only weigh."""
    kept = PictureCache(tmp_path)
    assert {it.width for it in renditions(drawing(300, 400), "cover", kept)} == {224, 300}
    assert {it.width for it in renditions(drawing(448, 400), "cover", kept)} == {224, 448}
    assert {it.width for it in renditions(drawing(9, 9), "cover", kept)} == {9}
    assert {it.width for it in renditions(drawing(2_000, 9), "text", kept)} == {*WIDTHS["text"]}


def test_fine_shades_of_grey_stay(tmp_path: Path) -> None:
    """W2: a scanner saves 16 bits for each of them."""
    fine = Image.new("I;16", (300, 300))
    fine.putdata([across * 65_535 // 299 for _ in range(300) for across in range(300)])
    out = io.BytesIO()
    fine.save(out, "PNG")
    for it in renditions(out.getvalue(), "cover", PictureCache(tmp_path)):
        with Image.open(io.BytesIO(it.data)) as shown:
            grey = shown.convert("L")
            tones = [grey.getpixel((it.width * part // 4, it.height // 2)) for part in (1, 2, 3)]
        assert tones == pytest.approx([64, 128, 191], abs=4), it.ending


def test_where_avif_cannot_be_written_there_is_webp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W3: which formats there are is asked at run time."""
    monkeypatch.setattr("optin.site.resized_pictures.has_avif", lambda: False)
    assert {it.ending for it in renditions(drawing(900, 900), "cover", PictureCache(tmp_path))} == {WEBP}


def test_a_photo_of_a_camera_held_on_its_side_stands_upright(site: Path) -> None:
    """W3: and carries nothing of what the camera wrote into it, such as the place."""
    folder, out = paper(site, COVER.replace("png", "jpg")), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a secret place"
    dark_at_its_left = Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90)
    dark_at_its_left.resize((800, 600)).save(out, "JPEG", exif=exif)
    (folder / "cover.jpg").write_bytes(out.getvalue())
    assert 'width="600" height="800"' in page(site, "paper")
    shown = renditions(out.getvalue(), "cover", PictureCache(site))
    assert all(it.height > it.width and b"secret" not in it.data for it in shown)
    for it in shown:
        with Image.open(io.BytesIO(it.data)) as drawn:
            top, *_, bottom = drawn.convert("L").resize((1, 10)).tobytes()
        assert top < 60
        assert bottom > 200


def test_the_point_that_stays_in_sight_is_a_class(site: Path) -> None:
    """W3: no inline style; the stylesheet has a class for each tenth."""
    folder = paper(site, COVER.replace("}", ", focus: 48% 100%}"))
    (folder / "cover.png").write_bytes(drawing(400, 300))
    assert '<img class="cover photo across-5 down-10"' in page(site, "paper")
    edition, _ = load_edition(site, KINDS)
    assert edition is not None
    assert isinstance(edition.theme, Theme)
    style = edition.theme.assets[edition.theme.asset_url("style.css")].data
    assert b".across-5 { --across: 50%; }" in style
    assert b".down-10 { --down: 100%; }" in style
    paper(site, COVER.replace("}", ", focus: middle}"))
    (finding,) = findings(site)
    assert (finding.line, finding.code) == (7, "picture")
    assert "focus: 50% 30%" in finding.cure


def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W2, M4: 40 MB; 30,000 pixels a side."""

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("optin.site.magnet_files.renditions", never)
    said = one(site, drawing(9, 9) + bytes(40_000_000))
    assert ("larger than 2 MB" in said.message, "smaller" in said.cure) == (True, True)
    for size in ((30_000, 30_000), (30_000, 9)):
        head = drawing(9, 9)
        huge = head[:16] + b"".join(it.to_bytes(4, "big") for it in size) + head[24:]
        said = one(site, huge)
        assert f"{size[0]} by {size[1]} pixels" in said.message
        assert "2000 pixels" in said.cure


def test_words_of_an_svg_in_a_picture_hide_nothing(site: Path) -> None:
    """W2, M4: a PNG of any size stays a PNG, whatever its comments say."""
    head = drawing(9, 9)
    said = one(site, head[:16] + 2 * (30_000).to_bytes(4, "big") + head[24:33] + b"<svg" + head[33:])
    assert "30000 by 30000 pixels" in said.message


def test_a_jpeg_that_says_two_sizes_is_not_decoded(site: Path) -> None:
    """W2, M4: pages take the first; Pillow takes the last."""
    whole = drawing(90, 60, "JPEG")
    at = whole.index(b"\xff\xc0")
    frame = whole[at : at + 2 + int.from_bytes(whole[at + 2 : at + 4], "big")]
    for side in (8_000, 30_000):
        second = frame[:5] + 2 * side.to_bytes(2, "big") + frame[9:]
        said = one(site, whole[:at] + frame + second + whole[at + len(frame) :], "cover.jpg")
        assert "damaged" in said.message


def test_only_formats_of_the_web_are_opened(site: Path) -> None:
    """W2, M4, S2: Pillow has Ghostscript read EPS, and knows many more."""
    said = one(site, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%<svg viewBox='0 0 9 9'>")
    assert "not a picture that can be shown safely" in said.message
    with pytest.raises(OSError, match="cannot identify"):
        renditions(drawing(9, 9, "GIF"), "cover", PictureCache(site))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_picture_that_breaks_off_is_told(site: Path, form: str) -> None:
    """W2, M4: its head alone says how large it is, and shows nothing."""
    whole = drawing(300, 200, form)
    said = one(
        site,
        whole[: len(whole) // 2],
        f"cover.{form.lower().replace('e', '') if form == 'JPEG' else form.lower()}",
    )
    assert "damaged" in said.message
    assert said.cure == "Save it again."


def test_pages_of_the_file_are_drawn_and_kept(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W2: once for each file, by its digest; a folder of another file draws anew."""
    folder = paper(site, body=INSIDE)
    (folder / "x.pdf").write_bytes(PDF.read_bytes())
    html = page(site, "paper")
    assert re.search(
        r'<img src="/static/x-448\.\w+\.webp"[^>]* alt="Bladzijde 2" width="448" height="\d+"', html
    )
    assert "<figcaption>het schema</figcaption>" in html
    assert html.index("Bladzijde 2") < html.index("Bladzijde 3")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("drawn again"))
    assert page(site, "paper") == html


def test_a_site_that_cannot_be_written_shows_the_same(site: Path) -> None:
    """W2: a read-only disk costs time, nothing else."""
    folder = paper(site, COVER, INSIDE)
    (folder / "x.pdf").write_bytes(PDF.read_bytes())
    (folder / "cover.png").write_bytes(drawing(300, 300))
    (site / FOLDER.parent).mkdir(exist_ok=True)
    (site / FOLDER).write_text("a file where the folder would be")
    bare = page(site, "paper")
    (site / FOLDER).unlink()
    assert page(site, "paper") == bare
    assert [*(site / FOLDER).glob(".*")] == []


@pytest.mark.parametrize(
    ("data", "numbers", "said", "cure"),
    [
        (b"PK no pdf", [1], "is not a PDF", "without a password"),
        (PDF.read_bytes()[:300], [1], "is not a PDF", "Save it again"),
        (PDF.read_bytes(), [2, 7, 9], "no page 7; it has 6", "from 1 to 6"),
        (bytes(50_000_001), [1], "larger than 50 MB", "smaller"),
    ],
)
def test_a_pdf_that_cannot_be_shown_is_told(
    tmp_path: Path, data: bytes, numbers: list[int], said: str, cure: str
) -> None:
    """W2, M4: a PDF that is none, or has no such page."""
    (tmp_path / "x.pdf").write_bytes(data)
    with pytest.raises(PictureRefused) as refused:
        pdf_pages.pages_of(tmp_path / "x.pdf", numbers, PictureCache(tmp_path))
    assert said in str(refused.value)
    assert cure in refused.value.cure


def test_the_line_of_the_option_is_named_where_another_file_is_none(site: Path) -> None:
    """W2, M4: the finding of a wrong PDF."""
    paper(site, body="::: inside\nfile: y.pdf\n\n- 1: a\n:::")
    (site / "magnets" / "paper" / "y.pdf").write_bytes(b"none")
    (finding,) = findings(site)
    assert (finding.line, finding.code) == (9, "picture")
    (site / "magnets" / "paper" / "y.pdf").unlink()
    (finding,) = findings(site)
    assert (finding.line, finding.code) == (9, "file")


def test_a_pdf_that_takes_too_long_or_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W2: a site never waits for one file."""
    path = tmp_path / "x.pdf"
    with pytest.raises(PictureRefused, match="cannot be read"):
        pdf_pages.pages_of(path, [1], PictureCache(tmp_path))
    path.write_bytes(PDF.read_bytes())
    monkeypatch.setattr(pdf_pages, "SECONDS", 0)
    with pytest.raises(PictureRefused, match="more than 0 seconds"):
        pdf_pages.pages_of(path, [1], PictureCache(tmp_path))


def test_a_small_pdf_that_takes_endless_work_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W2, S2: the limit of the processor ends it, and the finding says so."""
    limited = "import sys; from optin.site import pdf_drawing_process as it; it.SECONDS = 1; it.limit()"
    run = subprocess.run

    def endless(command: list[str], **given: Any) -> subprocess.CompletedProcess[bytes]:
        return run([command[0], "-c", f"{limited}\nwhile True: pass"], **given)

    monkeypatch.setattr(subprocess, "run", endless)
    (tmp_path / "x.pdf").write_bytes(PDF.read_bytes())
    with pytest.raises(PictureRefused, match="seconds to draw") as refused:
        pdf_pages.pages_of(tmp_path / "x.pdf", [1], PictureCache(tmp_path))
    assert "simpler pictures" in refused.value.cure


def test_the_page_that_is_kept_is_of_the_file_whose_digest_it_bears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W2: a file that is saved again while its pages are drawn spoils nothing."""
    path, kept, run = tmp_path / "x.pdf", PictureCache(tmp_path), subprocess.run
    path.write_bytes(PDF.read_bytes())
    (whole,) = pdf_pages.pages_of(path, [1], PictureCache(tmp_path / "other"))

    def saved_again(command: list[str], **given: Any) -> subprocess.CompletedProcess[bytes]:
        path.write_bytes(b"another")
        return run(command, **given)

    monkeypatch.setattr(subprocess, "run", saved_again)
    assert pdf_pages.pages_of(path, [1], kept) == (whole,)


def test_what_was_damaged_in_the_folder_is_drawn_again(site: Path) -> None:
    """W2, M4: a failing disk, a link to a secret, a pipe: none is served, none keeps the site."""
    folder = paper(site, COVER, INSIDE)
    (folder / "x.pdf").write_bytes(PDF.read_bytes())
    (folder / "cover.png").write_bytes(drawing(300, 300))
    whole = page(site, "paper")
    (site / "secret").write_bytes(b"the keys of this site")
    kept = sorted((site / FOLDER).iterdir())
    for spoil in ("cut", "empty", "zeros", "link", "pipe", "endless"):
        for path in kept:
            data = path.read_bytes()
            path.unlink()
            if spoil == "link":
                path.symlink_to(site / "secret")
            elif spoil == "pipe":
                os.mkfifo(path)
            elif spoil == "endless":
                path.symlink_to("/dev/zero")
            else:
                path.write_bytes({"cut": data[:-9], "empty": b"", "zeros": bytes(len(data))}[spoil])
        assert findings(site) == [], spoil
        assert page(site, "paper") == whole, spoil
        assert all(path.is_file() and not path.is_symlink() for path in kept), spoil


def test_a_kept_page_that_is_no_picture_is_told(site: Path) -> None:
    """W2, M4: whatever is in the folder, the rest of the site loads."""
    folder = paper(site, body=INSIDE)
    (folder / "x.pdf").write_bytes(PDF.read_bytes())
    assert findings(site) == []
    for kept in (site / FOLDER).iterdir():
        if "-p" in kept.name:
            PictureCache(site).put(kept.name, b"no picture")
        else:
            kept.unlink()
    (finding,) = findings(site)
    assert "var/pictures is damaged" in finding.message
    assert "Remove that folder" in finding.cure


def test_a_page_like_a_thread_is_not_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    """W2: as wide as wanted, it would be endlessly high."""
    out = io.BytesIO()
    Image.new("RGB", (10, 4_000)).save(out, "PDF")
    assert pdf_drawing_process.draw(out.getvalue(), 640, [1]) == pdf_drawing_process.BROKEN
    assert capsys.readouterr().err == "broken"


def test_drawing_pages_is_shown_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W2, S2: the keys of the installation stay with the server."""
    seen: dict[str, str] = {}

    def run(*_: object, env: dict[str, str], **__: object) -> subprocess.CompletedProcess[bytes]:
        seen.update(env)
        return subprocess.CompletedProcess([], pdf_drawing_process.BROKEN, b"", b"broken")

    monkeypatch.setenv("OPTIN_KEYS", "secret")
    monkeypatch.setattr(subprocess, "run", run)
    (tmp_path / "x.pdf").write_bytes(b"x")
    with pytest.raises(PictureRefused):
        pdf_pages.pages_of(tmp_path / "x.pdf", [1], PictureCache(tmp_path))
    assert seen
    assert "OPTIN_KEYS" not in seen
