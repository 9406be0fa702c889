"""Loading only what has changed: the same edition as from nothing, byte for byte, whatever was edited."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from optin.keys import KeyRing
from optin.services.site_edition import Edition, keep_edition, load_edition
from optin.site import landing_pages
from optin.site.loading_cache import ReadingCache
from optin.site.magnet_reader import MagnetReader
from optin.store.encryption import Vault
from optin.store.stored_forms import form_by_key
from optin.web.page_cache import PageCache, cached_contents
from tests.installed import KINDS
from tests.stores import open_store
from tests.web.conftest import PAPER, site_at

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LATER = 60 * 10**9
STEPS = 25


def later() -> int:
    """Tell the time as if files had settled already."""
    return time.time_ns() + LATER


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Make a site of some magnets, with pictures, languages and variants."""
    root = tmp_path / "site"
    site_at(root)
    for at in range(5):
        folder = root / "magnets" / f"paper-{at}"
        folder.mkdir()
        (folder / "witboek.pdf").write_bytes(b"%PDF")
        Image.new("RGB", (40 + at, 20)).save(folder / "cover.png")
        more = f"group: g{at}\nwas: [old-{at}]\npicture: {{file: cover.png, alt: Kaft}}\n"
        more += "variants: {short: {title: Kort}}\n" if at % 2 else ""
        text = PAPER.replace("lang: nl\n", f"lang: nl\n{more}")
        (folder / "index.md").write_text(f"{text}[Een](/paper-0) en [twee](/new)\n")
    return root


def reword(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")


def edits(root: Path, dice: random.Random) -> list[Callable[[], object]]:
    """Return everything that an author may do to a site."""
    folders = sorted(path for path in (root / "magnets").iterdir() if path.is_dir())
    folder = dice.choice(folders)
    page = folder / "index.md"
    number = dice.randrange(1_000)
    colour = f"#{dice.randrange(90):02x}{dice.randrange(90):02x}{dice.randrange(90):02x}"
    copy = root / "magnets" / f"copy-{number}"
    toml, tips = root / "optin.toml", root / "magnets" / "tips.md"
    style = root / "templates" / "style.css"
    landing = root / "templates" / "pages" / "landing.html"

    def template(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    return [
        lambda: reword(page, "Tekst", f"Tekst {number}"),
        lambda: reword(page, "Het witboek", f"Het boek {number}"),
        lambda: reword(page, "title:", "titel:"),
        lambda: reword(page, "titel:", "title:"),
        lambda: reword(page, "short:", f"short-{number}:"),
        lambda: reword(page, "lang: nl", "lang: en"),
        lambda: reword(page, "group: g", "group: g1"),
        lambda: reword(page, "was: [old-", f"was: [old-{number}-"),
        lambda: Image.new("RGB", (40, 20), number).save(folder / "cover.png"),
        lambda: (folder / "witboek.pdf").unlink(missing_ok=True),
        lambda: (folder / "witboek.pdf").write_bytes(b"%PDF again"),
        lambda: shutil.copytree(folder, copy, dirs_exist_ok=True),
        lambda: shutil.rmtree(folder) if len(folders) > 3 else None,
        lambda: (
            folder.rename(root / "magnets" / ("new" if dice.random() < 0.5 else f"n-{number}"))
            if not (root / "magnets" / "new").exists()
            else None
        ),
        lambda: reword(toml, "Mail mij", f"Mail mij {number}x"),
        lambda: reword(toml, 'retention = "24 months"', 'retention = "12 months"'),
        lambda: reword(toml, "Voorbeeld", f"Voorbeeld{number}"),
        lambda: reword(toml, "colour = ", f'colour = "{colour}" #') if "colour" in toml.read_text() else None,
        lambda: reword(root / "privacy" / "nl.md", "#", f"Nieuw {number}.\n\n#"),
        lambda: reword(tips, "kind:", "kind :"),
        lambda: template(style, f"body {{ color: #{number:03} }}"),
        lambda: template(landing, f'{{% extends "base.html" %}}<!-- {number} -->'),
        lambda: template(landing, "{{ view.nothing }}"),
        lambda: template(landing, "{% if %}"),
        lambda: shutil.rmtree(root / "templates", ignore_errors=True),
        lambda: toml.with_suffix(".was").exists() or shutil.copy(toml, toml.with_suffix(".was")),
        lambda: toml.write_text("[broken", "utf-8") if toml.with_suffix(".was").exists() else None,
        lambda: shutil.copy(toml.with_suffix(".was"), toml) if toml.with_suffix(".was").exists() else None,
    ]


def told(edition: Edition | None) -> object:
    """Return all that can be seen of an edition."""
    if edition is None:
        return None
    return edition.site, edition.publication, dict(edition.theme.assets), cached_contents(edition, NOW)


@pytest.mark.parametrize("seed", range(3))
def test_after_any_edits_it_is_the_edition_that_a_full_loading_makes(site: Path, seed: int) -> None:
    """O2, M4, P2: pages, versions, assets, findings; also while something is broken, and after it."""
    dice, kept = random.Random(seed), ReadingCache(later)
    press = PageCache()
    whole = 0
    for _ in range(STEPS):
        for _ in range(dice.choice((1, 1, 1, 3))):
            dice.choice(edits(site, dice))()
        partly, found = load_edition(site, KINDS, kept)
        anew, all_found = load_edition(site, KINDS)
        assert found == all_found
        assert told(partly) == told(anew)
        if partly is not None and anew is not None:
            whole += 1
            made, fresh = press.pages(partly, NOW), PageCache().pages(anew, NOW)
            assert made == fresh
    assert whole >= 3


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each magnet that is read and each page that is rendered."""
    done: list[str] = []
    read, rendered = MagnetReader.read, landing_pages._form_page  # noqa: SLF001 - to see what is spared

    def reading(self: MagnetReader):  # type: ignore[no-untyped-def]  # noqa: ANN202 - as the one it stands for
        done.append(f"read {self.slug}")
        return read(self)

    def rendering(theme, view, path):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - as above
        done.append(f"page {view.declaration.magnet}")
        return rendered(theme, view, path)

    monkeypatch.setattr(MagnetReader, "read", reading)
    monkeypatch.setattr(landing_pages, "_form_page", rendering)
    return done


def test_one_edit_costs_one_magnet(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """O2: nothing else is read or rendered; other purposes, and everything is."""
    kept = ReadingCache(later)
    load_edition(site, KINDS, kept)
    done = counted(monkeypatch)
    load_edition(site, KINDS, kept)
    assert done == []
    reword(site / "magnets" / "paper-0" / "index.md", "Tekst", "Andere tekst")
    load_edition(site, KINDS, kept)
    assert done == ["read paper-0", "page paper-0"]
    done.clear()
    reword(site / "optin.toml", 'retention = "24 months"', 'retention = "12 months"')
    load_edition(site, KINDS, kept)
    assert {line.split()[0] for line in done} == {"read", "page"}
    assert len([line for line in done if line.startswith("read")]) == len([*(site / "magnets").iterdir()])


def test_a_file_that_was_just_written_is_not_known_by_its_time(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O2: a second write within the clock's step would go unseen; so it is read until it has settled."""
    kept = ReadingCache()
    load_edition(site, KINDS, kept)
    done = counted(monkeypatch)
    (site / "magnets" / "paper-1" / "witboek.pdf").write_bytes(b"%PDF new")
    load_edition(site, KINDS, kept)
    assert "read paper-1" in done


def test_a_link_in_a_circle_costs_no_more_than_its_folder(site: Path) -> None:
    """S5, M4: what a link leads to is looked at each time, and not followed for ever."""
    folder = site / "magnets" / "paper-1"
    for name in ("a", "b"):
        (folder / name).symlink_to(folder, target_is_directory=True)
    kept = ReadingCache(later)
    first, found = load_edition(site, KINDS, kept)
    again, found_again = load_edition(site, KINDS, kept)
    assert found == found_again
    assert told(first) == told(again)


def test_what_is_new_in_an_edition_is_kept_in_the_store(site: Path) -> None:
    """P2, F7: beside the versions that the edition before it had, which are there already."""
    store = open_store("sqlite:///optin.db", site.parent, Vault(KeyRing.fresh("dev")))
    kept, before = ReadingCache(later), None
    for text in ("Tekst", "Tekst een", "Tekst twee"):
        reword(site / "magnets" / "paper-1" / "index.md", "Tekst", text)
        edition, _ = load_edition(site, KINDS, kept)
        assert edition is not None
        keep_edition(store, edition, NOW, before)
        before = edition
        for form in edition.publication.every_form:
            assert store.read(form_by_key, key=form.key) is not None
    store.close()
