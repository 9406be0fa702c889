"""Each lawful basis, fact and condition has its words in every language of people."""

from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files

import pytest

from optin.bases.all_bases import BASES
from optin.rules.rule_files import rule_book
from optin.theme.catalogue import catalogue
from optin.theme.languages import languages


@pytest.mark.parametrize("lang", languages())
def test_each_basis_has_its_words(lang: str) -> None:
    """R1, L1: what is on file and why that is lawful; of one whose person is told, also what is told."""
    words = catalogue(lang)
    for name, part in BASES.items():
        for key in ("", ".why", *((".told", ".spoken") if part.tells_person else ())):
            assert words.get(f"held.{name}{key}"), f"held.{name}{key}"
    assert all(words.get(f"condition.{it}") for it in rule_book().words.conditions)


@pytest.mark.parametrize("lang", languages())
def test_what_is_said_on_the_telephone_is_whole(lang: str) -> None:
    """L4: what is kept, about what, why, until when, the rights, and where more stands (GDPR 13)."""
    for name, part in BASES.items():
        if part.tells_person:
            named = set(re.findall(r"\{(\w+)\}", catalogue(lang)[f"held.{name}.spoken"]))
            assert named == {"about", "article", "day", "email", "privacy"}


@pytest.mark.parametrize("lang", languages())
def test_no_text_stands_twice(lang: str) -> None:
    """M9: of two with one key the reader of the catalogue would take one, silently."""
    source = files("optin.locale") / lang / "LC_MESSAGES" / "optin.po"
    keys = re.findall(r'^msgid "(.+)"$', source.read_text("utf-8"), re.MULTILINE)
    assert [key for key, count in Counter(keys).items() if count > 1] == []
