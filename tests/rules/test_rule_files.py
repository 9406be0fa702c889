"""Files of contact rules: what is wrong with one is found before anybody is contacted by it."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from click.testing import CliRunner

from optin.app.main import main
from optin.errors import RulesUnusable
from optin.rules.rule_files import read_rules, rule_book

TEXTS = {it.name: it.read_text("utf-8") for it in files("optin.rules").iterdir() if it.name.endswith(".toml")}


def changed(name: str, old: str, new: str) -> dict[str, str]:
    assert old in TEXTS[name]
    return {**TEXTS, name: TEXTS[name].replace(old, new)}


def test_the_rules_that_come_with_optin_are_sound() -> None:
    """L8: the Netherlands are complete; each country names its source and the day it was checked."""
    book = rule_book()
    assert {name for name, it in book.countries.items() if it.complete} == {"NL"}
    assert all(it.source and it.checked for it in book.countries.values())
    assert {"NL", "BE", "DE", "FR", "AT"} <= book.countries.keys()


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("NL.toml", "until = 2026-06-30", "until = 2026-07-01", "hold at once"),
        ("NL.toml", "until = 2026-06-30", "until = 2026-06-29", "no rule from 2026-06-30 to 2026-06-30"),
        ("NL.toml", 'relations = ["customer"]', 'relations = ["former"]', "no rule from|hold at once"),
        ("NL.toml", "\nsince = 2021-07-01", "\nsince = 2021-07-02", "no rule from 2021-07-01 to 2021-07-01"),
        ("NL.toml", '"NL-email-natural"', '"NL-email-business"', "two rules are named"),
        ("NL.toml", 'hours = "code"', 'hours = "cod"', "no hours 'cod'"),
        ("NL.toml", '"own-sale"', '"own-sail"', "no condition 'own-sail'"),
        ("NL.toml", '"number-shown"', '"number-hidden"', "no duty 'number-hidden'"),
        ("NL.toml", 'channel = "post"', 'channel = "pigeon"', "no channel 'pigeon'"),
        ("NL.toml", 'basis = "consent"', 'basis = "custom"', "basis"),
        ("NL.toml", "article = ", "artikle = ", "artikle|article"),
        ("NL.toml", 'country = "NL"', 'country = "XX"', "XX.toml"),
        ("NL.toml", "[[rules]]", "[[rules", "cannot be used"),
        ("FR.toml", "until = 2026-08-10", "until = 2020-01-01", "ends before it begins"),
        ("DE.toml", 'relations = ["customer"]', 'relations = ["customer", "former"]', "hold at once"),
        ("words.toml", "asks = true", 'asks = "often"', "asks"),
    ],
)
def test_a_wrong_file_is_refused(name: str, old: str, new: str, words: str) -> None:
    """L8: a gap, an overlap, an unknown word: the file, the rule, and what to do."""
    with pytest.raises(RulesUnusable) as refused:
        read_rules(changed(name, old, new))
    assert re.search(words, str(refused.value)), refused.value


def test_the_command_shows_them() -> None:
    """L8: for whoever asks by which law; the answers of two days differ."""
    runner = CliRunner()

    def said(*words: str) -> str:
        done = runner.invoke(main, ["rules", *words], terminal_width=200)
        assert done.exit_code == 0, done.output
        return done.output

    assert "Netherlands" in said()
    june, july = (
        said("--country", "nl", "--channel", "phone", "--on", it) for it in ("2026-06-30", "2026-07-01")
    )
    assert "2021-07-01" in june
    assert june != july
    assert "Hours (code, by a code of conduct)" in june
    assert "number-shown:" in said("--words")
    for words in (["--country", "ZZ"], ["--channel", "pigeon"]):
        assert runner.invoke(main, ["rules", *words]).exit_code == 1
    for words in (["--on", "soon", "--country", "NL"], ["--channel", "phone"], ["--on", "2026-07-01"]):
        assert runner.invoke(main, ["rules", *words]).exit_code == 2
