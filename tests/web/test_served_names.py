"""Files whose names are spelt in another normal form than the text says: found is not enough."""

from __future__ import annotations

import re
import unicodedata

import pytest

from tests.kinds.quiz.quizzes import REPORT, write_quiz
from tests.kinds.quiz.test_quiz_pages import downloaded, sign_up
from tests.web.conftest import Visit

NFC = unicodedata.normalize("NFC", "één witboek.pdf")
NFD = unicodedata.normalize("NFD", NFC)


def reload(visit: Visit) -> None:
    visit.serve_again()


@pytest.mark.parametrize(("written", "there"), [(NFC, NFD), (NFD, NFC)])
def test_who_confirmed_downloads_it(visit: Visit, written: str, there: str) -> None:
    """S8, M1: macOS writes an accent as a sign of its own, an editor does not."""
    folder = visit.root / "magnets" / "paper"
    (folder / "witboek.pdf").rename(folder / there)
    page = folder / "index.md"
    page.write_text(page.read_text("utf-8").replace("witboek.pdf", written), "utf-8")
    reload(visit)
    order = visit.join("alice@example.com", consent="tips-email")
    answer = visit.client.get(f"/download/{order.download_token}")
    assert (answer.status_code, answer.content) == (200, b"%PDF-1.4 the very file")


def test_the_report_of_a_quiz_is_handed_out(visit: Visit) -> None:
    """S8, M2: the file of an outcome as well."""
    write_quiz(visit.root, change=("sterk.pdf", NFC))
    folder = visit.root / "magnets" / "sterk-of-zwak"
    (folder / "sterk.pdf").rename(folder / NFD)
    reload(visit)
    token = sign_up(visit, "/sterk-of-zwak/result/sterk")
    assert downloaded(visit, token) == REPORT


def test_a_picture_is_shown(visit: Visit) -> None:
    """M1: at the address that the page names."""
    folder = visit.root / "magnets" / "paper"
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"></svg>'
    (folder / unicodedata.normalize("NFD", "é.svg")).write_bytes(drawing)
    page = folder / "index.md"
    page.write_text(page.read_text("utf-8").replace("Tekst.", "![x](é.svg)"), "utf-8")
    reload(visit)
    found = re.search(r'<img src="([^"]+)"', visit.client.get("/paper").text)
    assert found is not None
    assert visit.client.get(found[1]).content == drawing
