"""A scaffold that nobody touched does not go public (W10, M7)."""

from __future__ import annotations

from pathlib import Path

import pytest

from optin.errors import SetupRefused
from optin.services.setup_check import check_placeholders
from optin.services.site_edition import load_edition
from optin.site.findings import Finding
from optin.site.hints import hints
from optin.site.scaffold import make_magnet, make_site
from optin.site.starter_texts import starter_languages
from optin.site.unedited_starter_texts import scaffold_texts
from tests.installed import KINDS
from tests.own_site import own_statements
from tests.site.conftest import magnet

KIND_NAMES = sorted(name for name, _ in KINDS.files.items())


def left(site: Path, slug: str) -> list[Finding]:
    """Return what is the scaffold's in a magnet."""
    edition, _ = load_edition(site, KINDS, with_drafts=True)
    assert edition is not None
    return [it for it in scaffold_texts(edition.site, KINDS.files) if it.slug == slug]


def scaffolded(root: Path, kind: str, lang: str = "nl") -> Path:
    """Make a site with a magnet as `optin new` writes it; return its file."""
    make_site(root, (lang,))
    edition, _ = load_edition(root, KINDS)
    assert edition is not None
    return make_magnet(edition.site, KINDS.files, kind, "mine", lang)[0]


@pytest.mark.parametrize("lang", starter_languages())
@pytest.mark.parametrize("kind", KIND_NAMES)
def test_what_optin_new_wrote_is_found_at_its_lines(tmp_path: Path, kind: str, lang: str) -> None:
    """W10, M7: title, description and each paragraph, of every kind in every language; serve refuses."""
    path = scaffolded(tmp_path, kind, lang)
    found = left(tmp_path, "mine")
    lines = path.read_text("utf-8").split("\n")
    own = [it for it in found if it.path == path.relative_to(tmp_path).as_posix()]
    named = {lines[it.line - 1].partition(":")[0] for it in own}
    assert {"title", "description"} <= named
    assert max(it.line for it in own) > lines.index("---", 1), "and below the front matter"
    with pytest.raises(SetupRefused, match="still the example"):
        check_placeholders(found)


@pytest.mark.parametrize(("kind", "key"), [("quiz", "ask"), ("prize-draw", "prize")])
def test_an_example_in_the_table_of_a_kind_is_found(tmp_path: Path, kind: str, key: str) -> None:
    """W10, M7: at the line of its key."""
    lines = scaffolded(tmp_path, kind).read_text("utf-8").split("\n")
    keys = {lines[it.line - 1].strip(" -").partition(":")[0] for it in left(tmp_path, "mine")}
    assert key in keys


def test_a_file_beside_a_magnet_that_is_the_example_is_found(tmp_path: Path) -> None:
    """W10, M7: until its author wrote in it."""
    terms = scaffolded(tmp_path, "prize-draw").parent / "terms.md"
    name = terms.relative_to(tmp_path).as_posix()
    assert name in {it.path for it in left(tmp_path, "mine")}
    with terms.open("a") as file:
        file.write("\nEen eigen zin.\n")
    assert name not in {it.path for it in left(tmp_path, "mine")}


def test_a_scaffold_that_was_rewritten_is_nobodys_but_its_authors(site: Path) -> None:
    """W10: headings may stay; one item that was forgotten is found at its line, whatever the language."""
    path = magnet(site, kind="newsletter")
    assert left(site, "brief") == []
    path.write_text(path.read_text("utf-8") + "\n\n## What is inside\n\n- Een eigen punt\n", "utf-8")
    assert left(site, "brief") == []
    forgotten = "Say what readers find in each issue,\nand who writes it."
    path.write_text(f"{path.read_text('utf-8')}\n{forgotten}\n", "utf-8")
    (found,) = left(site, "brief")
    assert path.read_text("utf-8").split("\n")[found.line - 1].startswith("Say what readers find")
    assert (found.severity, found.code) == ("warning", "example")


def test_the_magnet_of_optin_init_must_be_touched(tmp_path: Path) -> None:
    """W10, M7: one sentence of the author's own is enough; nothing in it is an instruction."""
    make_site(tmp_path)
    (found,) = left(tmp_path, "tips")
    assert found.message.startswith("This magnet is still the example")
    with (tmp_path / "magnets" / "tips.md").open("a") as file:
        file.write("\nEen eigen zin.\n")
    assert left(tmp_path, "tips") == []


def test_a_draft_may_keep_its_scaffold(site: Path) -> None:
    """W10: it is there to be written; `dev` shows what is left as hints."""
    magnet(site, status="draft", title="Naam van uw nieuwsbrief")
    assert left(site, "brief") == []
    edition, _ = load_edition(site, KINDS, with_drafts=True)
    assert edition is not None
    shown = [it for it in hints(edition.site, KINDS.files) if it.slug == "brief" and it.code == "example"]
    assert [it.severity for it in shown] == ["hint"]


@pytest.mark.parametrize("lang", starter_languages())
def test_the_statement_of_optin_init_must_be_adapted(tmp_path: Path, lang: str) -> None:
    """W10, M7, F2: another date is no other text; a sentence is one. Serve refuses it, and names its file."""
    path = tmp_path / "privacy" / f"{lang}.md"
    make_site(tmp_path, (lang,))
    path.write_text(path.read_text("utf-8").replace("date: 2", "date: 1", 1), "utf-8")
    (found,) = statements_left(tmp_path)
    assert (found.path, found.severity) == (f"privacy/{lang}.md", "warning")
    with pytest.raises(SetupRefused, match=f"privacy/{lang}.md:"):
        check_placeholders([found])
    own_statements(tmp_path)
    assert statements_left(tmp_path) == []


def statements_left(root: Path) -> list[Finding]:
    """Return what is the scaffold's in the privacy statements."""
    edition, _ = load_edition(root, KINDS)
    assert edition is not None
    return [it for it in scaffold_texts(edition.site, KINDS.files) if it.slug is None]
