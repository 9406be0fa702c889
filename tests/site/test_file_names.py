"""Names of files as people's machines make them: almost a magnet, or spelt in another normal form."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from optin.consent.form_version import Slug
from optin.services.site_edition import load_edition
from optin.site.referenced_files import FileProblem, as_on_disk, find_inside
from tests.installed import KINDS
from tests.site.conftest import findings, only, paper, toml

DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"></svg>'
NFC = unicodedata.normalize("NFC", "Privé-één.pdf")
NFD = unicodedata.normalize("NFD", NFC)

ALMOST = [
    "brief.md.txt",
    "brief.txt",
    "brief",
    "brief.MD",
    "brief.Md",
    "brief.markdown",
    "brief.mdown",
    "brief.mkd",
    "brief.md.docx",
    "brief.md.html",
    "brief.md ",
    "brief.md.",
    "brief.yaml",
    "brief/brief.md",
    "brief/index.md.txt",
    "brief/index.markdown",
    "brief/Index.md",
    "brief/INDEX.MD",
    "brief/index.txt",
    "brief/index",
    "brief/index.md ",
]


@pytest.mark.parametrize("name", ALMOST)
def test_an_almost_magnet_is_warned_of(site: Path, name: str) -> None:
    """M1, M4: nobody waits for a page that never comes."""
    path = site / "magnets" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((site / "magnets" / "tips.md").read_bytes())
    finding = only(site)
    assert (finding.path, finding.severity, finding.code) == (f"magnets/{name}", "warning", "not-read")
    wanted = "index.md" if "/" in name else "brief.md"
    assert finding.cure == f"Rename it {wanted}; otherwise it is not read as a magnet."


@pytest.mark.parametrize("name", ["index.md.txt", "index.markdown", "Index.md"])
def test_an_almost_magnet_beside_a_magnet_is_warned_of(site: Path, name: str) -> None:
    """M1, M4: somebody edits the one that is not read."""
    folder = paper(site)
    (folder / name).write_bytes((folder / "index.md").read_bytes())
    assert (only(site).path, only(site).code) == (f"magnets/paper/{name}", "not-read")


def test_a_magnet_in_a_folder_of_a_folder_is_warned_of(site: Path) -> None:
    """M1, M4: magnets are not sorted into folders."""
    folder = site / "magnets" / "2026" / "brief"
    folder.mkdir(parents=True)
    (folder / "index.md").write_bytes((site / "magnets" / "tips.md").read_bytes())
    assert (only(site).path, only(site).code) == ("magnets/2026/brief/index.md", "not-read")
    assert "magnets/brief/index.md" in only(site).cure


@pytest.mark.parametrize(
    "name",
    [
        ".brief.md",
        ".brief.md.swp",
        "_brief.md",
        "brief.md~",
        "brief.md.bak",
        "brief.md.orig",
        "brief.md.tmp",
        "#brief.md#",
        "paper/index.md~",
        "paper/index.md.bak",
        "paper/terms.md",
        "paper/notes.txt",
        "README.txt",
        "notes.docx",
        "assets/logo.svg",
    ],
)
def test_what_nobody_means_to_be_a_magnet_is_left_in_peace(site: Path, name: str) -> None:
    """M4: hidden files, what an editor leaves behind, notes, other files of a magnet."""
    paper(site)
    path = site / "magnets" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("Dit is er ook nog.\n", "utf-8")
    if "brief" in name or "index" in name:
        path.write_bytes((site / "magnets" / "tips.md").read_bytes())
    assert findings(site) == []


@pytest.mark.parametrize(("written", "there"), [(NFC, NFD), (NFD, NFC)])
def test_a_name_in_another_normal_form_is_found(tmp_path: Path, written: str, there: str) -> None:
    """M4, S8: macOS writes é as two signs, and nobody sees it; also in the names of folders."""
    folder = tmp_path / there.removesuffix(".pdf")
    folder.mkdir()
    (folder / there).write_bytes(b"x")
    name = f"{written.removesuffix('.pdf')}/{written}"
    assert find_inside(tmp_path, name) == (folder / there).resolve()
    assert as_on_disk(tmp_path, name) == f"{there.removesuffix('.pdf')}/{there}"
    (folder / written).write_bytes(b"the very one")
    found = find_inside(folder, written)
    assert isinstance(found, Path)
    assert found.read_bytes() == b"the very one", "what is spelt so goes before"


def test_nothing_outside_is_found_by_another_normal_form(tmp_path: Path) -> None:
    """S8: links and .. are looked at after the spelling."""
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / NFD).write_bytes(b"secret")
    (home / NFD).symlink_to(tmp_path / NFD)
    assert find_inside(home, NFC) is FileProblem.OUTSIDE
    assert find_inside(home, f"../{NFC}") is FileProblem.OUTSIDE
    assert find_inside(home, "é") is FileProblem.MISSING


def test_every_file_that_a_site_names_is_found_so(site: Path) -> None:
    """M4: file, cover, picture in the text, logo, statement, DKIM key, terms of a draw, file of a quiz."""
    folder = paper(site, "picture: {file: één.svg, alt: x}\n", "![x](één.svg) ![x](%C3%A9%C3%A9n.svg)")
    text = (folder / "index.md").read_text("utf-8")
    (folder / "index.md").write_text(text.replace("file: x.pdf", f"file: {NFC}"), "utf-8")
    (folder / "x.pdf").rename(folder / NFD)
    (folder / unicodedata.normalize("NFD", "één.svg")).write_bytes(DRAWING)
    (site / unicodedata.normalize("NFD", "één.svg")).write_bytes(DRAWING)
    (site / unicodedata.normalize("NFD", "één.pem")).write_bytes(b"key")
    (site / "privacy" / "nl.md").rename(site / "privacy" / unicodedata.normalize("NFD", "privé.md"))
    more = '[dkim]\nselector = "a"\ndomain = "b"\nkey = "één.pem"\n[privacy]\nnl = "privacy/privé.md"\n'
    toml(site, "[look]", more + '[look]\nlogo = "één.svg"')
    edition, found = load_edition(site, KINDS)
    assert found == ()
    assert edition is not None
    assert edition.site.settings.dkim is not None
    assert Path(edition.site.settings.dkim.key).is_file()
    html = edition.publication.forms[edition.site.magnets[Slug("paper")].slug].page.decode()
    assert html.count('width="40" height="20"') == 3
