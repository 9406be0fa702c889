"""Templates that are compiled once, and read by every later start."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import jinja2
import pytest
from jinja2 import Environment, FileSystemLoader
from jinja2.compiler import CodeGenerator

from optin.theme.compiled_templates import CompiledTemplates


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a template, and Python keep compiled code beside it."""
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "page.html").write_text("Hello {{ name }}\n")
    return folder


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count the templates that are compiled."""
    names: list[str] = []
    whole: Callable[..., None] = CodeGenerator.visit_Template

    def counted(self: CodeGenerator, *args: object, **more: object) -> None:
        names.append(str(self.name))
        whole(self, *args, **more)

    monkeypatch.setattr(CodeGenerator, "visit_Template", counted)
    return names


def rendered(folder: Path, kept: CompiledTemplates, **options: bool) -> str:
    env = Environment(loader=FileSystemLoader(folder), bytecode_cache=kept, autoescape=True, **options)  # type: ignore[arg-type] # mypy sees one type for all
    return env.get_template("page.html").render(name="<Alice>")


def test_a_later_start_compiles_nothing(folder: Path, compiled: list[str]) -> None:
    """It reads what the first one kept; a changed template, or other options, are compiled again."""
    for _ in range(2):
        assert rendered(folder, CompiledTemplates(folder)) == "Hello &lt;Alice&gt;"
    assert compiled == ["page.html"]
    assert rendered(folder, CompiledTemplates(folder), keep_trailing_newline=True).endswith("\n")
    (folder / "page.html").write_text("Bye {{ name }}")
    assert rendered(folder, CompiledTemplates(folder)) == "Bye &lt;Alice&gt;"
    assert len(compiled) == 3


def test_another_jinja_compiles_anew(
    folder: Path, compiled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one version compiled, another may not be able to run."""
    rendered(folder, CompiledTemplates(folder))
    monkeypatch.setattr(jinja2, "__version__", "another")
    rendered(folder, CompiledTemplates(folder))
    assert len(compiled) == 2


def test_a_disk_that_takes_half_keeps_nothing_half(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The draft goes; the page is there all the same."""

    def fails(_draft: Path, _path: Path) -> None:
        raise OSError

    monkeypatch.setattr(os, "replace", fails)
    assert rendered(folder, CompiledTemplates(folder)) == "Hello &lt;Alice&gt;"
    assert [it.name for it in folder.rglob("*") if it.is_file()] == ["page.html"]


@pytest.mark.parametrize("kept_bytes", [0, 3, 20, 60, 200])
def test_a_damaged_file_is_compiled_anew(folder: Path, compiled: list[str], kept_bytes: int) -> None:
    """Whatever stands in it."""
    rendered(folder, CompiledTemplates(folder))
    (kept,) = folder.rglob("*.pyc")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:kept_bytes])
    assert rendered(folder, CompiledTemplates(folder)) == "Hello &lt;Alice&gt;"
    assert len(compiled) == 2
    assert kept.read_bytes() == whole


def test_templates_of_others_and_a_python_that_writes_nothing_keep_none(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No code is read from a site's own folder; a read-only installation works as well."""
    rendered(folder, CompiledTemplates(tmp_path / "ours"))
    (folder / "__pycache__").write_text("no folder can be made here")
    rendered(folder, CompiledTemplates(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (folder / "__pycache__").unlink()
    rendered(folder, CompiledTemplates(folder))
    assert not list(tmp_path.rglob("*.pyc*"))
