"""A kind of another package brings templates, words and starter texts in its own folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.consent.kind_part_lookup import PartsByKind
from optin.errors import VisitorRefused, log_line_of
from optin.site.kind_front_matter_hooks import FilePart, folders_of
from optin.site.load_site import load_site
from optin.site.scaffold import make_site
from optin.site.starter_texts import MagnetStarter, magnet_starter
from optin.theme import samples, views
from optin.theme.kind_folders import templates_of
from optin.theme.look import Look
from optin.theme.theme import Theme

KIND = "calculator"
WORDS = """msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\\n"

msgid "kind.calculator"
msgstr "Sum of {name}"

msgid "error.no-number.title"
msgstr "That is no number"

msgid "error.no-number.text"
msgstr "Write digits."
"""
STARTER = """---
title: "What it costs"
description: "Two numbers."
---

Say what it reckons.
"""


@pytest.fixture
def kinds(tmp_path: Path) -> PartsByKind[FilePart]:
    """Write the folder of a kind."""
    texts = {
        "templates/facts.html": "<p>The facts of {{ view.declaration.kind }}.</p>",
        "locale/en/LC_MESSAGES/optin.po": WORDS,
        "starter/en.md": STARTER,
        "starter/en/table.csv": "1,2\n",
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    part = FilePart(folder=tmp_path)
    return PartsByKind(FilePart(), lambda: [KIND, "bare"], {KIND: part, "bare": FilePart()}.get)


def test_its_templates_and_words_stand_below_the_site_s(kinds: PartsByKind[FilePart], tmp_path: Path) -> None:
    """O11, M9, M10: the site first, then the kind, then ours; a missing language is English."""
    folders = folders_of(kinds)
    theme = Theme(Look(), kinds=folders)
    assert theme.text("nl", "kind.calculator", name="x") == "Sum of x"
    page = theme.page(
        replace(samples.landing(samples.frame_in("en"), KIND), texts=(("kind.calculator", "Our sum"),))
    )
    assert "The facts of calculator." in page
    assert "Our sum" in page
    assert "Sign up" in page, "what it says nothing of is said as of any other kind"
    site = tmp_path / "site"
    (site / "kinds" / KIND).mkdir(parents=True)
    (site / "kinds" / KIND / "facts.html").write_text("<p>Our facts.</p>", "utf-8")
    own = Theme(Look(), site, {"en": {"kind.calculator": "Site's sum"}}, kinds=folders)
    assert own.text("en", "kind.calculator") == "Site's sum"
    assert "Our facts." in own.page(samples.landing(samples.frame_in("en"), KIND))
    assert templates_of(folders, KIND) == ["kinds/calculator/facts.html"]
    assert templates_of(folders, "bare") == []
    own.load_templates([KIND, "bare"])


def test_a_number_of_things_has_the_plural_of_the_language(
    kinds: PartsByKind[FilePart], tmp_path: Path
) -> None:
    """M2, M9: by the rule of its file; in French none is singular too."""
    plural = """msgid "calculator.sums"
msgid_plural "calculator.sums"
msgstr[0] "{count} somme"
msgstr[1] "{count} sommes"
"""
    english = WORDS + plural.replace("somme", "sum")
    rule = '\\n"\n"Plural-Forms: nplurals=2; plural=(n > 1);\\n"'
    for lang, text in {"en": english, "fr": WORDS.replace('\\n"', rule, 1) + plural}.items():
        path = tmp_path / "locale" / lang / "LC_MESSAGES" / "optin.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    theme = Theme(Look(), kinds=folders_of(kinds))
    said = {
        lang: [theme.text(lang, "calculator.sums", count=it) for it in (0, 1, 2)]
        for lang in ("en", "fr", "nl")
    }
    assert said["en"] == said["nl"] == ["0 sums", "1 sum", "2 sums"], "a missing language is English"
    assert said["fr"] == ["0 somme", "1 somme", "2 sommes"]
    own = Theme(Look(), texts={"en": {"calculator.sums": "Sums: {count}"}}, kinds=folders_of(kinds))
    assert own.text("en", "calculator.sums", count=1) == "Sums: 1"


def test_its_errors_are_said_in_its_words(kinds: PartsByKind[FilePart]) -> None:
    """M2: with the status that it gives them; the log says which it was, and nothing that was typed."""

    class NoNumber(VisitorRefused):
        status, name = 422, "no-number"

    problem = NoNumber("alice@example.com")
    page = Theme(Look(), kinds=folders_of(kinds)).page(views.ErrorView(samples.frame_in("en"), problem.name))
    assert "<h1>That is no number</h1>" in page
    assert "Write digits." in page
    assert log_line_of(problem) == "no-number status=422"


def test_what_is_said_of_a_kind_that_is_gone_is_said_as_of_any_other() -> None:
    """M2: the confirmation of somebody who signed up before its package was removed."""
    theme = Theme(Look())
    for view in (
        samples.landing(samples.frame_in("fr"), "gone"),
        samples.landing(samples.frame_in("de"), "gone"),
    ):
        assert "gone" not in theme.page(view)
    frame = samples.frame_in("nl")
    confirm = views.ConfirmView(frame, "Titel", "gone", "/confirm/t", samples.AT, samples.QUESTIONS)
    assert "Ja, bevestigen" in theme.page(confirm)
    with pytest.raises(KeyError, match="never"):
        theme.text("nl", "never.heard.of")


def test_a_new_magnet_begins_with_its_words(kinds: PartsByKind[FilePart]) -> None:
    """M7: in English where it lacks a language; with its name where it says nothing."""
    folder = kinds[KIND].folder
    begun = magnet_starter(KIND, folder, "nl")
    assert begun == MagnetStarter(
        "What it costs", "Two numbers.", "", "Say what it reckons.\n", {"table.csv": "1,2\n"}
    )
    assert magnet_starter("bare", None, "nl").title == "bare"


def test_a_site_may_say_its_words_otherwise(kinds: PartsByKind[FilePart], tmp_path: Path) -> None:
    """M9: whatever kind is installed; a value that its sentence lacks is refused."""
    site = tmp_path / "own"
    make_site(site)
    toml = (site / "optin.toml").read_text("utf-8")
    (site / "optin.toml").write_text(f'{toml}\n[texts.en]\n"kind.calculator" = "{{sum}}"\n', "utf-8")
    codes = {it.code for it in load_site(site, kinds).findings}
    assert "text-parameter" in codes
    assert "text-key" not in codes
    assert CliRunner().invoke(main, ["check", "--site", str(site)]).exit_code == 1, "it is not installed here"


@dataclass(frozen=True)
class Sum:
    """A page of the kind's own."""

    frame: views.Frame
    total: int
    texts: tuple[tuple[str, str], ...] = ()
    template: ClassVar[str] = "kinds/calculator/sum.html"


def test_a_page_of_its_own_names_its_template(kinds: PartsByKind[FilePart], tmp_path: Path) -> None:
    """M2, M9: in the magnet's own words, where it has some."""
    (tmp_path / "templates" / "sum.html").write_text("{{ t('kind.calculator', name=view.total) }}", "utf-8")
    theme, frame = Theme(Look(), kinds=folders_of(kinds)), samples.frame_in("en")
    assert theme.page(Sum(frame, 3)) == "Sum of 3"
    assert theme.page(Sum(frame, 3, (("kind.calculator", "It is {name}"),))) == "It is 3"
