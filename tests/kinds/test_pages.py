"""Pages and mails of a magnet of any kind, as visitors get them, in the languages of the words it brings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import html5lib
import pytest

from optin.services.site_edition import Edition, load_edition
from optin.site.kind_front_matter_hooks import folders_of
from optin.site.scaffold import make_magnet
from optin.theme.catalogue import parameters
from optin.theme.kind_folders import kind_words, words_of_all
from optin.theme.languages import languages
from optin.web import timing_protection
from tests.kinds.installed import INSTALLED, KINDS, LOADED, NAMES, without
from tests.kinds.journey import SLUG, KindVisit, new_site, plain
from tests.theme.gallery import HOSTILE
from tests.web.conftest import visited

WRITTEN = ("title: ", "description: ")


@pytest.fixture(params=["en", "nl"])
def visit(
    request: pytest.FixtureRequest,
    kind: str,
    tmp_path: Path,
    edition_of: Callable[..., Edition],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[KindVisit]:
    """Serve a magnet of a kind in a language."""
    monkeypatch.setattr(timing_protection, "PACE_SECONDS", 0.001)
    edition = edition_of(kind, request.param)
    url = f"sqlite:///{tmp_path}/optin.db"
    with visited(edition, KindVisit, url, edition.site.root, INSTALLED) as opened:
        opened.store_url = url
        yield opened


def walk(visit: KindVisit) -> None:
    """See every page on the way, and get every mail."""
    visit.confirmed()
    link = visit.personal_link()
    visit.look("personal", link)
    visit.look("erase", f"{link}?erase=1")


def test_pages_are_strict_html_without_a_script(visit: KindVisit) -> None:
    """F5, S1, F6: and mails; each has one heading, and says all of it in the language of the magnet."""
    walk(visit)
    lang = visit.form_page.form.declaration.lang
    mails = {name: plain(mail, "html") for name, mail in visit.mailed.items()}
    for name, html in {**visit.seen, **mails}.items():
        html5lib.HTMLParser(strict=True).parse(html)
        assert f'<html lang="{lang}">' in html, name
        assert "<script" not in html, name
        assert not re.search(r"<[^>]+\son\w+=", html), name
        assert html.count("<h1") == 1, name
    for name, html in visit.seen.items():
        assert not re.search(r"<[^>]+\sstyle=", html), name
        assert '<a href=""' not in html, name


def test_what_a_marketer_writes_stays_text(visit: KindVisit) -> None:
    """S1: on every page and in every mail, whatever a title says."""
    (path,) = [*visit.root.glob(f"magnets/{SLUG}.md"), *visit.root.glob(f"magnets/{SLUG}/index.md")]
    text = path.read_text("utf-8")
    lines = [
        f"{line.partition(':')[0]}: {json.dumps(HOSTILE)}" if line.startswith(WRITTEN) else line
        for line in text.splitlines()
    ]
    path.write_text("\n".join(lines), "utf-8")
    edition, _ = load_edition(visit.root, KINDS)
    assert edition is not None
    visit.serve(edition, INSTALLED)
    walk(visit)
    mails = {name: plain(mail, "html") for name, mail in visit.mailed.items()}
    for name, html in {**visit.seen, **mails}.items():
        assert "<script" not in html, name
        assert str(7919 * 7907) not in html, name
        html5lib.HTMLParser(strict=True).parse(html)


def test_installing_a_kind_changes_no_other_form(kind: str, tmp_path: Path) -> None:
    """F7, P2: the forms of all other kinds have the same bytes without it."""
    new_site(tmp_path / "site", next(it for it in NAMES if it != kind), "en")
    edition, _ = load_edition(tmp_path / "site", KINDS)
    assert edition is not None
    (tmp_path / "site" / "magnets" / "tips.md").unlink()  # may be of this very kind
    for name in NAMES:
        if name != kind:
            make_magnet(edition.site, KINDS.files, name, f"a-{name}", "en")
    digests = []
    for kinds in (KINDS, without(kind).parts):
        edition, _ = load_edition(tmp_path / "site", kinds)
        assert edition is not None
        digests.append({it.declaration.magnet: it.digest for it in edition.publication.every_form})
    assert len(digests[0]) >= len(NAMES)
    assert digests[0] == digests[1]


def test_details_come_back_from_what_is_kept_of_a_removed_magnet(
    kind: str, edition_of: Callable[..., Edition]
) -> None:
    """O1: through JSON, and say the same on a form."""
    details = edition_of(kind).site.magnets[SLUG].details
    flows = KINDS.flows[kind]
    kept = None if details is None else flows.kept(details)
    if details is None or kept is None:
        return
    again = flows.read_kept(json.loads(json.dumps(kept)))
    assert again is not None
    assert flows.kept(again) == kept
    assert again.closes_at == details.closes_at


def test_the_words_of_a_kind_are_its_own_and_complete() -> None:
    """M9: each key in every language that it brings, with the same parameters, and no key of another kind."""
    seen: dict[str, str] = {}
    for name, part in LOADED.items():
        english = kind_words(part.folder, "en")
        for key in english:
            assert seen.setdefault(key, name) == name
        folder = Path() if part.folder is None else part.folder / "locale"
        for lang in [it.name for it in folder.iterdir()] if part.folder is not None else []:
            words = kind_words(part.folder, lang)
            assert words.keys() == english.keys(), (name, lang)
            for key, text in words.items():
                assert parameters(text) == parameters(english[key])
        for lang in languages():
            for key, sentence in words_of_all(folders_of(KINDS.files), lang).items():
                forms = {sentence.in_form(key, count) for count in range(120)}
                assert all(parameters(it) <= parameters(sentence.text) | {"count"} for it in forms), key
    assert "calculator.result" in seen
