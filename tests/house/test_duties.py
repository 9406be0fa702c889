"""The page of the law's duties: each names documents and tests that are there."""

from __future__ import annotations

import ast
import re

from tests.house.requirements_table import ROOT

PAGE = ROOT / "docs" / "duties.md"
DUTIES = 22
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)


def test_every_duty_is_met_somewhere_and_tested() -> None:
    """L9: the list is whole, in order, and nothing in it is made up."""
    rows = ROW.findall(PAGE.read_text("utf-8"))
    assert [int(number) for number, *_ in rows] == list(range(1, DUTIES + 1))
    for number, _, _, read, tests in rows:
        documents = re.findall(r"\]\(([^)]+)\)", read)
        assert documents, number
        for document in documents:
            assert (PAGE.parent / document).is_file(), (number, document)
        named = re.findall(r"`([\w/.]+)::(\w+)`", tests)
        assert named, number
        for path, name in named:
            tree = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
            there = {it.name for it in ast.walk(tree) if isinstance(it, ast.FunctionDef)}
            assert name in there, (number, path, name)
