"""A language is one folder: optin with a folder more speaks a language more, and nothing else is changed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.house.requirements_table import ROOT

NEW = "it"
WORDS = {
    "form.submit.newsletter": "Iscrivimi",
    "language": "Italiano",
    "privacy.version": "informativa del {version}",
}


def make_language(optin: Path) -> None:
    """Write a folder for Italian: the English one, with a few words that tell it apart."""
    folder = optin / "locale" / NEW
    shutil.copytree(optin / "locale" / "en", folder)
    catalogue = folder / "LC_MESSAGES" / "optin.po"
    text = catalogue.read_text("utf-8").replace("Language: en", f"Language: {NEW}")
    for key, words in WORDS.items():
        text, found = re.subn(rf'(msgid "{re.escape(key)}"\nmsgstr ").*"', rf'\g<1>{words}"', text)
        assert found == 1
    catalogue.write_text(text, "utf-8")
    (folder / "LC_MESSAGES" / "optin.mo").unlink(missing_ok=True)
    law = folder / "law.toml"
    law.write_text(law.read_text("utf-8").replace("obliged = [", "obliged = [\n  'devo accettare',"), "utf-8")
    starter = folder / "starter" / "site.toml"
    starter.write_text(starter.read_text("utf-8").replace("Your company Ltd", "La tua azienda srl"), "utf-8")
    (folder / "papers.toml").unlink()  # a language may lack the papers
    shutil.rmtree(folder / "papers")
    tips = folder / "starter" / "tips.md"
    tips.write_text(tips.read_text("utf-8").replace("lang: en", f"lang: {NEW}"), "utf-8")
    paper = folder / "starter" / "magnets" / "white-paper.md"
    paper.write_text(paper.read_text("utf-8").replace("Title of your white paper", "Titolo"), "utf-8")


def test_no_kind_of_optin_keeps_words_in_its_own_folder() -> None:
    """M9, O11: else a new language would have to be added to the folder of each kind as well."""
    kept = [path for name in ("locale", "starter") for path in (ROOT / "optin" / "kinds").rglob(name)]
    assert kept == []


def test_a_language_is_added_by_adding_its_folder(tmp_path: Path) -> None:
    """O11, M5, M7, M9: dates come from CLDR, words of the law and starter texts from the folder."""
    for part in ("optin", "templates"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, tmp_path / part, ignore=ignored)
    make_language(tmp_path / "optin")
    site, out = tmp_path / "site", tmp_path / "out"

    def optin(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "optin", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    begun = optin("init", str(site), "--lang", NEW)
    assert begun.returncode == 0, begun.stderr
    settings = site / "optin.toml"
    assert 'name = "La tua azienda srl"' in settings.read_text("utf-8")
    assert optin("new", "white-paper", "paper", "--site", str(site)).returncode == 0
    assert 'title: "Titolo"' in (site / "magnets" / "paper" / "index.md").read_text("utf-8")

    text = settings.read_text("utf-8").replace('base_url = "https://tips', 'base_url = "https://forms')
    settings.write_text(text.replace("# base_url", "base_url"), "utf-8")
    statement = site / "privacy" / f"{NEW}.md"
    statement.write_text(re.sub("date: .*", "date: 2026-11-23", statement.read_text("utf-8")), "utf-8")
    built = optin("build", "--out", str(out), "--site", str(site))
    assert built.returncode == 0, built.stdout + built.stderr
    page = (out / "tips" / "index.html").read_text("utf-8")
    assert f'<html lang="{NEW}">' in page
    assert "Iscrivimi</button>" in page
    assert "informativa del 23 novembre 2026" in page
    assert "E-mail, lasts 24 mesi" in page

    papers = optin("papers", "--out", str(tmp_path / "papers"), "--site", str(site))
    assert papers.returncode == 0, papers.stderr
    assert '<html lang="en">' in (tmp_path / "papers" / "record.html").read_text("utf-8")
    checked = optin("check", "--site", str(site))
    assert "[statement]" not in checked.stderr

    sentence = re.search('text.it = "(.*)"', settings.read_text("utf-8"))
    assert sentence is not None
    settings.write_text(settings.read_text("utf-8").replace(sentence[1], "Devo accettare"), "utf-8")
    refused = optin("check", "--site", str(site))
    assert refused.returncode == 1
    assert "[price]" in refused.stderr
