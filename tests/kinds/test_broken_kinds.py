"""A kind of another package that breaks: its name, its package and the cure; other magnets stay up."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from optin.app import kind_registry as registry
from optin.app.kind_registry import installed_kinds
from optin.app.main import main
from optin.flows.kind_flow_hooks import FlowPart
from optin.kinds.kind import Kind
from optin.services.site_edition import load_edition
from optin.site.kind_front_matter_hooks import FilePart, TableReading
from optin.site.kind_page_hooks import PagesPart
from optin.site.scaffold import make_site
from tests.installed import KINDS

PAGE = """---
kind: {kind}
lang: nl
title: Een titel
description: Een zin.
purposes: []
---

Tekst.
"""


def fail(*_: Any) -> Any:
    msg = "nothing works"
    raise ZeroDivisionError(msg)


BROKEN = {
    "checks": Kind("checks", file=FilePart(insists=fail)),
    "form_pages": Kind("form_pages", pages=PagesPart(form_pages=fail)),
    "opening": Kind("opening", pages=PagesPart(opening=lambda _: object())),  # no template shows it
    "site": Kind("site", file=FilePart(check_site=fail)),
    "other-name": Kind("another"),
    "too-new": Kind("too-new", api=99),
    "clash": Kind("clash", file=FilePart(table="title")),  # a key of every magnet
    "logs": Kind("logs", flows=FlowPart(events=frozenset({"erased"}))),  # an event of optin's own
    "not-a-kind": "nothing",
}


class Package(Distribution):
    """A package that is named and nothing else."""

    def read_text(self, filename: str) -> str | None:
        """Return its metadata."""
        return "Name: strange\nVersion: 1.2\n" if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        """Have no files."""
        raise NotImplementedError


def strange(name: str) -> EntryPoint:
    value = f"{__name__}:BROKEN_{name}"
    entry = EntryPoint(name, value, registry.GROUP)
    vars(entry).update(dist=Package())
    return entry


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return how a package that brings a kind is installed."""

    def put(name: str) -> None:
        entry = strange(name)
        monkeypatch.setitem(globals(), f"BROKEN_{name}", BROKEN.get(name))
        if name == "gone":
            monkeypatch.delitem(globals(), f"BROKEN_{name}")
        monkeypatch.setattr(registry, "entry_points", lambda **_: [entry])

    return put


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Make a site with one sound magnet."""
    make_site(tmp_path / "site")
    return tmp_path / "site"


def optin(*words: str) -> Result:
    return CliRunner().invoke(main, words)


@pytest.mark.parametrize("name", [*BROKEN, "gone"])
def test_a_broken_kind_is_named_with_its_package_and_the_cure(
    site: Path, install: Callable[[str], None], name: str
) -> None:
    """M2, M4: whatever is wrong with it; the magnet beside it is loaded and shown."""
    install(name)
    (site / "magnets" / "strange.md").write_text(PAGE.format(kind=name), "utf-8")
    done = optin("check", "--site", str(site))
    assert done.exit_code == 1, done.output
    assert name in done.stderr
    assert "strange 1.2" in done.stderr
    assert "kind-broken" in optin("check", "--site", str(site), "--format", "json").stdout
    edition, _ = load_edition(site, installed_kinds().parts)
    assert edition is not None
    assert "tips" in edition.publication.form_pages
    assert ("strange" in edition.publication.form_pages) == (name == "site")


def test_a_kind_of_another_package_is_imported_only_where_it_is_named(
    site: Path, install: Callable[[str], None]
) -> None:
    """M2, O1: a broken package that nobody uses keeps nobody from anything."""
    install("gone")
    assert optin("check", "--site", str(site)).exit_code == 0
    refused = optin("new", "gone", "my-page", "--site", str(site))
    assert refused.exit_code == 1
    assert "strange 1.2" in refused.stderr


def test_a_name_of_ours_is_never_another_package_s(install: Callable[[str], None]) -> None:
    """M2: what is stored under a name of ours is read by our own program."""
    install("quiz")
    assert installed_kinds().parts.files["quiz"].table == "quiz"
    assert installed_kinds().parts.files.names().count("quiz") == 1


def test_an_unknown_kind_has_the_parts_that_do_nothing() -> None:
    """M2: so the pages of people outlive the package of a kind."""
    assert "unheard-of" not in KINDS.files
    assert KINDS.files["unheard-of"] == FilePart()
    assert KINDS.files["unheard-of"].read(None, Path(), "nl") == TableReading()
