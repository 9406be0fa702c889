"""Edit a site as the desk does: checked before it is saved, committed to git by its author."""

from __future__ import annotations

import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from optin.services.commit_edit import Author, CommitResult
from optin.services.edit_site import SiteEditor, SiteHasMistakes
from optin.site.edit_file import EditRefused, with_changes
from tests.installed import KINDS
from tests.site.conftest import findings, magnet, only, paper

MILA = Author("Mila <Jansen>\n", "mila@example.com")


def git(site: Path, *words: str) -> str:
    command = ["git", "-C", str(site), "-c", "user.name=x", "-c", "user.email=x@example.com", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def repository(site: Path) -> None:
    git(site, "init", "--quiet")
    git(site, "add", ".")
    git(site, "commit", "--quiet", "--message=first")


def picture(width: int = 40, height: int = 30) -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), "red").save(out, "PNG")
    return out.getvalue()


def test_an_edit_that_breaks_the_site_is_not_saved(site: Path) -> None:
    """K3, M4: the mistakes come back with line and cure, the file stays."""
    path = magnet(site)
    before, editor = path.read_bytes(), SiteEditor(site, KINDS)
    with pytest.raises(SiteHasMistakes) as raised:
        editor.change("brief", {"purposes": ["nobody-knows"]}, MILA)
    (found,) = raised.value.checked.errors
    assert (found.path, found.line, found.code) == ("magnets/brief.md", 6, "purpose")
    assert found.cure
    assert path.read_bytes() == before


def test_a_draft_with_a_mistake_is_not_saved_either(site: Path) -> None:
    """K3: a draft is checked as its author sees it."""
    magnet(site, status="draft")
    with pytest.raises(SiteHasMistakes):
        SiteEditor(site, KINDS).change("brief", {"lang": "xx"}, MILA)


def test_a_mistake_elsewhere_keeps_nobody_from_editing(site: Path) -> None:
    """K3: it was there before; one that the edit itself causes elsewhere does."""
    magnet(site)
    (site / "magnets" / "other.md").write_text("---\nkind: newsletter\n---\n")
    editor = SiteEditor(site, KINDS)
    opened = editor.open("brief")
    checked = editor.check({opened.path: with_changes(opened, {"title": "x"})})
    assert not checked.errors
    assert checked.before
    assert editor.change("brief", {"title": "Anders"}, MILA) is CommitResult.NO_REPOSITORY


def test_an_edit_is_seen_before_it_is_saved(site: Path) -> None:
    """K3: the page as it would be, and the file as it is."""
    path = magnet(site, status="draft")
    editor = SiteEditor(site, KINDS)
    opened = editor.open("brief")
    edition = editor.check({opened.path: with_changes(opened, {"title": "Heel anders"}, "Nieuw.")}).edition
    assert edition is not None
    page = edition.publication.preview(edition.site.magnets[next(iter(edition.site.magnets))].slug)
    assert page is not None
    pages = [edition.publication.preview(it) for it in edition.site.magnets]
    assert any(it is not None and b"Heel anders" in it and b"Nieuw." in it for it in pages)
    assert "Heel anders" not in path.read_text()


def test_git_gets_the_file_alone_with_its_author(site: Path) -> None:
    """K3: what somebody staged stays staged and uncommitted."""
    magnet(site)
    repository(site)
    (site / "optin.toml").write_text((site / "optin.toml").read_text() + "\n# mine\n")
    git(site, "add", "optin.toml")
    assert SiteEditor(site, KINDS).change("brief", {"title": "Anders"}, MILA) is CommitResult.COMMITTED
    assert git(site, "log", "-1", "--format=%an <%ae> %s") == "Mila Jansen <mila@example.com> Edit brief"
    assert git(site, "show", "--name-only", "--format=") == "magnets/brief.md"
    assert git(site, "diff", "--cached", "--name-only") == "optin.toml"


def test_an_edit_is_saved_where_git_refuses(site: Path) -> None:
    """K3: a hook that fails leaves the file saved, and says so."""
    magnet(site)
    repository(site)
    hook = site / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert SiteEditor(site, KINDS).change("brief", {"title": "Anders"}, MILA) is CommitResult.REFUSED
    assert "title: Anders" in (site / "magnets" / "brief.md").read_text()


def test_a_file_that_git_ignores_is_saved_alone(site: Path) -> None:
    """K3: nothing is forced into a repository."""
    magnet(site)
    (site / ".gitignore").write_text("magnets/\n")
    repository(site)
    assert SiteEditor(site, KINDS).change("brief", {"title": "Anders"}, MILA) is CommitResult.NO_REPOSITORY


def test_a_picture_goes_into_the_folder_of_its_magnet(site: Path) -> None:
    """K3: a magnet without a folder gets one, and its file is the same."""
    before = magnet(site).read_bytes()
    editor = SiteEditor(site, KINDS)
    opened, name = editor.add_picture(editor.open("brief"), "C:\\Mijn Foto's\\Één kaart.PNG", picture())
    assert name == "n-kaart.png"
    assert opened.name == "magnets/brief/index.md"
    assert opened.path.read_bytes() == before
    assert not (site / "magnets" / "brief.md").exists()
    again = editor.add_picture(opened, "n-kaart.png", picture(50))[1]
    assert again == "n-kaart-2.png"
    assert editor.add_picture(opened, "n-kaart.png", picture())[1] == "n-kaart.png"
    assert not findings(site)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.png", b"no picture"),
        ("a.png", picture()[:60]),
        ("a.svg", b'<svg viewBox="0 0 1 1"><script>alert(1)</script></svg>'),
        ("a.gif", b"GIF89a"),
        ("a.png", picture(30_000, 1)),
        ("a.jpg", bytes(40_000_000)),
        ("..", picture()),
        ("", b""),
    ],
    ids=["words", "cut short", "script", "other format", "wide", "40 MB", "no name", "nothing"],
)
def test_what_is_no_picture_is_refused(site: Path, name: str, data: bytes) -> None:
    """K3, S5: nothing is left of it."""
    folder = paper(site)
    before = sorted(folder.iterdir())
    editor = SiteEditor(site, KINDS)
    with pytest.raises(EditRefused):
        editor.add_picture(editor.open("paper"), name, data)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("with_folder", [True, False])
def test_a_copy_is_a_draft_with_the_files_of_the_first(site: Path, *, with_folder: bool) -> None:
    """K3: at an address of its own; earlier addresses stay with the first."""
    if with_folder:
        paper(site, "was: [old]\n")
    else:
        magnet(site, was="[old]")
    editor, slug = SiteEditor(site, KINDS), "paper" if with_folder else "brief"
    edition = editor.check({}).edition
    assert edition is not None
    editor.duplicate(edition.site, slug, "second", MILA)
    opened = editor.open("second")
    assert opened.has_folder == with_folder
    assert b"status: draft" in opened.data
    assert b"was" not in opened.data
    assert not findings(site)
    for taken in (slug, "second", "desk", "A b"):
        with pytest.raises(EditRefused):
            editor.duplicate(edition.site, slug, taken, MILA)


def test_an_owner_is_an_address(site: Path) -> None:
    """K3: `owner:` names one of the staff."""
    magnet(site, owner="anna@example.com")
    assert not findings(site)
    magnet(site, owner="anna")
    assert only(site).code == "owner"
