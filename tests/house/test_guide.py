"""The guide tells the truth: keys and commands exist, examples pass the check, its walk can be walked."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click
import httpx2 as httpx
import pytest
from PIL import Image
from pydantic import BaseModel

from optin.app.main import main
from optin.services.site_edition import load_edition
from optin.settings.site import SiteSettings
from optin.site.front_matter import magnet_file
from optin.site.hints import hints
from optin.site.load_site import load_site
from optin.site.scaffold import make_site
from optin.site.unedited_starter_texts import scaffold_texts
from tests.browser.guide_pictures import WIDTH, named
from tests.house.guide import GENERATED, GUIDE, page
from tests.house.messages import FILLED, messages
from tests.house.requirements_table import ROOT
from tests.installed import COMMANDS, INSTALLED, KINDS, TABLES
from tests.own_site import add_settings
from tests.site.conftest import (
    all_findings,
    magnet,
    paper,
    toml,
)
from tests.site.conftest import site as site  # noqa: PLC0414 - a fixture
from tests.site.test_json_schemas import WRONG
from tests.waiting import SECONDS

PAGES = sorted(path.name for path in GUIDE.glob("*.md"))
DOCUMENTS = [
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.name != "requirements.md"),
]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MOST_PICTURES, MOST_PICTURE_BYTES = 10, 60_000
PURPOSES = """
[purposes.follow-up-phone]
channel = "phone"
retention = "6 months"
text.en = "Sample may call me once about this subject; I can cancel beforehand."
"""


def blocks(path: Path, language: str) -> list[str]:
    """Return the fenced examples of a page in one language."""
    return [text for name, text in BLOCK.findall(path.read_text("utf-8")) if name == language]


def of(language: str) -> list[Any]:
    """Return every example of the guide in a language, named by its page."""
    return [pytest.param(text, id=name) for name in PAGES for text in blocks(GUIDE / name, language)]


@pytest.mark.parametrize("name", GENERATED)
def test_what_the_code_knows_best_is_up_to_date(name: str) -> None:
    """M4, M6: keys, commands and messages are written from the code."""
    assert (GUIDE / name).read_text("utf-8") == page(name), "run: make docs"


def test_every_page_is_in_the_index_and_every_kind_has_one() -> None:
    """M2: a kind without a page is found by nobody."""
    index = (GUIDE / "README.md").read_text("utf-8")
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", index))
    assert linked == {*PAGES} - {"README.md"}
    assert {f"{kind}.md" for kind in KINDS.files.names()} <= linked
    assert "docs/guide" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_between_documents_leads_somewhere(path: Path) -> None:
    """M4: no dead end."""
    prose = re.sub(r"`[^`\n]+`", "", BLOCK.sub("", path.read_text("utf-8")))
    for target in re.findall(r"(?<!\\)\]\((?!https?:|#|mailto:)([^)#\s]+)", prose):
        assert (path.parent / target).exists(), target


def keys_of(model: type[BaseModel]) -> Iterator[str]:
    """Return every key that a file may hold, of tables in it too."""
    seen: list[type[BaseModel]] = [model]
    for table in seen:
        for name, value in table.model_fields.items():
            key = value.alias or name
            yield key
            seen += [it for it in tables_in(value.annotation) if it not in seen]


def tables_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for it in getattr(annotation, "__args__", ()):
        yield from tables_in(it)


MAGNET = magnet_file(TABLES)


@pytest.mark.parametrize(("model", "name"), [(SiteSettings, "optin-toml.md"), (MAGNET, "front-matter.md")])
def test_every_key_is_explained(model: type[BaseModel], name: str) -> None:
    """M4, M6: at the place of its table, with a meaning."""
    text = (GUIDE / name).read_text("utf-8")
    rows = re.findall(r"^\| `(?:[\w.\[\]]+\.)?(\w+)` \| (.*?) \|", text, re.MULTILINE)
    assert {key for key, meaning in rows if meaning.strip()} == set(keys_of(model))


def commands() -> dict[str, click.Command]:
    """Return every command and subcommand by its words."""
    context = click.Context(main, obj=INSTALLED)
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        found[name] = command
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": it for inner, it in command.commands.items()}
    return found


def options(command: click.Command) -> set[str]:
    return {name for it in command.params if isinstance(it, click.Option) for name in it.opts} | {"--help"}


def test_every_command_and_option_is_explained() -> None:
    """M4: under its heading."""
    text = (GUIDE / "commands.md").read_text("utf-8")
    sections = dict(re.findall(r"^##+ `optin ([^`]+)`\n(.*?)(?=^##+ |\Z)", text, re.MULTILINE | re.DOTALL))
    assert set(sections) == set(commands())
    for name, command in commands().items():
        rows = re.findall(r"^\| `(--[\w-]+)`", sections[name], re.MULTILINE)
        assert {*rows, "--help"} == options(command)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_is_shown_exists_with_its_options(path: Path) -> None:
    """M4, O1: what is copied from a page runs."""
    text = re.sub(r"\\\n\s*", "", path.read_text("utf-8"))
    known = commands()
    shown = re.findall(r"`optin ([a-z][^`\n]*)`", BLOCK.sub("", text))
    for block in (it for language, it in BLOCK.findall(text) if language == "sh"):
        shown += re.findall(r"^[^#\n]*?\boptin ([a-z][^#\n]*)", block, re.MULTILINE)
    for line in shown:
        words = line.split()
        names = [it for it in (" ".join(words[:2]), words[0]) if it in known]
        assert names, line
        for option in re.findall(r"(?<!\S)(--[a-z][\w-]*)", line):
            assert option in options(known[names[0]]), line


def with_tables(text: str, block: str) -> str:
    """Return a TOML text in which the tables and keys of `block` take the place of those it had."""
    keys = [it for it, value in tomllib.loads(block).items() if not isinstance(value, dict)]
    for key in keys:
        text = re.sub(rf"^{key} = .*\n", "", text, flags=re.MULTILINE)
    for header in re.findall(r"^\[.*?\]", block, re.MULTILINE):
        text = re.sub(rf"^{re.escape(header)}.*?(?=^\[|\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    head, bracket, tables = block.partition("\n[") if keys else ("", "", block)
    return f"{head}\n{text}\n{bracket}{tables}"


@pytest.mark.parametrize("block", of("markdown"))
def test_every_magnet_that_is_shown_passes_the_check(block: str, tmp_path: Path) -> None:
    """M2, M4: with the files it names beside it."""
    make_site(tmp_path / "site", ("en",))
    add_settings(tmp_path / "site", PURPOSES)
    folder = tmp_path / "site" / "magnets" / "shown"
    folder.mkdir()
    for name in re.findall(r"^ *file: (\S+)$", block, re.MULTILINE):
        if name.endswith(".pdf"):
            (folder / name).write_bytes(b"%PDF-1.4")
        else:
            Image.new("RGB", (60, 40)).save(folder / name)
    alone = not re.search(r"^ *file: ", block, re.MULTILINE)
    path = folder.parent / "shown.md" if alone else folder / "index.md"
    path.write_text(block, "utf-8")
    found = [it for it in all_findings(tmp_path / "site") if it.path != "optin.toml"]
    assert found == []


@pytest.mark.parametrize("block", blocks(GUIDE / "front-matter.md", "yaml"))
def test_every_piece_of_front_matter_that_is_shown_passes_the_check(block: str, tmp_path: Path) -> None:
    """M3, M4: put into a magnet in the place of its own keys."""
    make_site(tmp_path / "site", ("en",))
    front = {
        "kind": "newsletter",
        "lang": "en",
        "title": "Letter",
        "description": "A letter.",
        "purposes": "[tips-email]",
    }
    own = [f"{key}: {it}" for key, it in front.items() if not re.search(f"^{key}:", block, re.MULTILINE)]
    text = "\n".join(["---", *own, block.strip(), "---", "Text."])
    (tmp_path / "site" / "magnets" / "shown.md").write_text(text, "utf-8")
    assert [it for it in all_findings(tmp_path / "site") if it.code != "placeholder"] == []


@pytest.mark.parametrize("block", of("toml"))
def test_every_piece_of_optin_toml_that_is_shown_passes_the_check(block: str, tmp_path: Path) -> None:
    """M4, M6: put into a new site, with the letters that it names."""
    make_site(tmp_path / "site", ("en",))
    path = tmp_path / "site" / "optin.toml"
    letters = tmp_path / "site" / "letters" / "en"
    letters.mkdir(parents=True)
    for name in re.findall(r'letters\]\]\nname = "(.*?)"', block):
        (letters / f"{name}.md").write_text("---\nsubject: A tip\n---\nAsk first.\n", "utf-8")
    path.write_text(with_tables(path.read_text("utf-8"), block), "utf-8")
    # a variable of the server is not set where the tests run
    passed = {"placeholder", "variable"}
    assert [it for it in all_findings(tmp_path / "site") if it.code not in passed] == []


@pytest.mark.parametrize("block", of("json"))
def test_what_an_editor_is_told_is_json(block: str) -> None:
    """M6: the expression in it finds what `check` writes."""
    told, shown = json.loads(block), "magnets/a.md:4:1: error: The key. [key]"
    for task in told.get("tasks", ()):
        found = re.match(task["problemMatcher"]["pattern"]["regexp"], shown)
        assert found is not None
        assert found.groups() == ("magnets/a.md", "4", "1", "error", "The key.", "key")


def broken_sites(root: Path) -> Iterator[Callable[[], object]]:
    """Return ways to break a site, each with other messages."""
    for change in WRONG.values():
        written = {key: None if it is None else json.dumps(it) for key, it in change.items()}
        yield partial(magnet, root, **written)
    yield lambda: magnet(root, title="Tip #3", description='"Een "#1 tip"')
    yield lambda: magnet(root, title="Tip #3\n  over bellen")
    yield lambda: magnet(root, title="x\n\tkind: y")
    yield lambda: magnet(root, title="x" * 99, description="Kort.")
    phone = "purposes: [tips-email]\nfields: [{name: phone, why: x, required: true}]\n"
    yield lambda: paper(root, phone, "# x")
    yield lambda: paper(root, "picture: {file: nowhere.png, alt: x}\n", "![](x.gif) [x](ftp://x)")
    yield lambda: toml(root, 'channel = "email"', 'channel = "pigeon"')
    yield lambda: toml(root, 'retention = "24 months"', 'retention = "long"')
    yield lambda: toml(root, 'retention = "long"', 'retention = "999 years"')
    yield lambda: toml(root, "#0b5d4b", "#ffff00")
    yield (root / "privacy" / "nl.md").unlink
    yield lambda: (root / "optin.toml").write_text("nonsense")


def test_every_message_that_comes_is_explained(site: Path) -> None:
    """M4: whatever `check` says of two dozen broken sites stands in the guide, with code and severity."""
    known = messages()
    seen = set()
    for break_it in broken_sites(site):
        break_it()
        loaded = load_site(site, KINDS.files).site
        found = [*all_findings(site), *(() if loaded is None else hints(loaded, KINDS.files))]
        for it in found:
            said = [one.words for one in known if (one.code, one.severity) == (it.code, it.severity)]
            shapes = [".*".join(map(re.escape, words.split(FILLED))) for words in said]
            assert any(re.fullmatch(shape, it.message, re.DOTALL) for shape in shapes), it
            seen.add(it.code)
    assert len(seen) > 20


def test_the_repository_shows_one_magnet_of_each_kind() -> None:
    """M2: whoever runs the demo sees what there is."""
    own = load_site(ROOT, KINDS.files).site
    assert own is not None
    assert {magnet.kind for magnet in own.magnets.values()} == set(KINDS.files.names())


def test_every_picture_of_the_guide_is_there_small_and_described() -> None:
    """Each is named by a page, with words for whoever cannot see it; none lies about unused."""
    pictures = {path.name: path for path in (GUIDE / "pictures").iterdir()}
    assert named().keys() == pictures.keys()
    assert len(pictures) <= MOST_PICTURES
    for name, alt in named().items():
        assert len(alt.split()) > 5, name
        assert pictures[name].stat().st_size <= MOST_PICTURE_BYTES, name
        with Image.open(pictures[name]) as picture:
            assert picture.width == WIDTH, name


@dataclass
class Walk:
    """Somebody who does what the page says, in a folder of their own."""

    folder: Path
    port: int
    environment: dict[str, str]
    server: subprocess.Popen[bytes] | None = None
    said: list[str] = field(default_factory=list)

    @property
    def site(self) -> Path:
        return self.folder / "my-site"

    def do(self, line: str) -> None:
        """Type a line into a terminal."""
        if exported := re.fullmatch(r"export (\w+)=(\S+)", line):
            self.environment[exported[1]] = exported[2]
        elif re.match(r"optin (dev|serve)\b", line):
            self.start(line)
        else:
            done = subprocess.run(
                ["sh", "-ec", line], cwd=self.folder, env=self.environment, capture_output=True, check=False
            )
            self.said.append((done.stdout + done.stderr).decode())
            assert done.returncode == 0, (line, self.said[-1])

    def start(self, line: str) -> None:
        """Start a server; wait until it answers."""
        self.stop()
        words = [*shlex.split(line), "--port", str(self.port)]
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                words, cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.server.poll() is None:
            try:
                self.get("/health")
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError((self.folder / "server.log").read_text())

    def stop(self) -> None:
        """Press Ctrl-C."""
        if self.server is not None:
            self.server.send_signal(signal.SIGINT)
            self.server.wait(120)
            self.server = None

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=SECONDS)

    def sees(self, path: str, words: str) -> None:
        """Look at a page until it says something."""
        for _ in range(200):
            if words in self.get(path).text:
                return
            time.sleep(0.05)
        raise AssertionError(self.get(path).text)

    def write(self, language: str, text: str) -> None:
        """Write into the magnet, or into optin.toml."""
        if language == "markdown":
            (self.site / "magnets" / "my-paper" / "index.md").write_text(text, "utf-8")
        elif language == "toml":
            path = self.site / "optin.toml"
            path.write_text(with_tables(path.read_text("utf-8"), text), "utf-8")


@pytest.fixture
def walk(tmp_path: Path, free_port: int) -> Iterator[Walk]:
    """Stand in an empty folder, with a file of one's own at home."""
    (tmp_path / "my-own.pdf").write_bytes((ROOT / "magnets" / "koud-bellen" / "koud-bellen.pdf").read_bytes())
    kept = {name: it for name, it in os.environ.items() if not name.startswith("OPTIN_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    walk = Walk(tmp_path, free_port, {**kept, "HOME": str(tmp_path), "PATH": path})
    yield walk
    walk.stop()


def test_the_walk_of_ten_minutes(walk: Walk) -> None:
    """M1, M2, M4, M7, M8, O1, O2: each step of first-site.md by real processes, a magnet of every kind."""
    for language, text in BLOCK.findall((GUIDE / "first-site.md").read_text("utf-8")):
        if language != "sh":
            walk.write(language, text)
            continue
        for line in text.splitlines():
            walk.do(line)
            for begin, look in LOOKS.items():
                if line.startswith(begin):
                    look(walk)


def one_of_each(walk: Walk) -> None:
    for kind in KINDS.files.names():
        walk.do(f"optin new {kind} my-{kind} --site my-site")


def all_are_there(walk: Walk) -> None:
    for slug in ("my-paper", *(f"my-{kind}" for kind in KINDS.files.names())):
        assert walk.get(f"/{slug}").status_code == 200, slug


def what_was_written_shows(walk: Walk) -> None:
    """The edits are on the page while dev runs; the others get their own files too, and dev is stopped."""
    walk.sees("/my-paper", "Calling without annoying anybody")
    walk.sees("/my-paper", "Sample &amp; Son Ltd")
    for name, kind in KINDS.files.items():
        if kind.hands_out_file:
            walk.do(f'cp "$HOME/my-own.pdf" my-site/magnets/my-{name}/my-{name}.pdf')
    say_all_in_own_words(walk.site)
    walk.stop()


def say_all_in_own_words(root: Path) -> None:
    """Change each text that is still the example, as its author would."""
    edition, _ = load_edition(root, KINDS)
    assert edition is not None
    for found in scaffold_texts(edition.site, KINDS.files):
        path = root / found.path
        lines = path.read_text("utf-8").split("\n")
        written = lines[found.line - 1]
        own = re.sub(r'"(.*)"', r'"Really \1"', written)
        if own == written and re.search(r"\w: \w", written):
            own = re.sub(r"(\w: )(\w)", r"\1Really \2", written, count=1)
        lines[found.line - 1] = own if own != written else f"{written}, really"
        path.write_text("\n".join(lines), "utf-8")


def all_is_well(walk: Walk) -> None:
    assert "0 errors, 0 warnings" in walk.said[-1]


def all_are_built(walk: Walk) -> None:
    for kind in KINDS.files.names():
        built = (walk.folder / "pages" / f"my-{kind}" / "index.html").read_text("utf-8")
        assert f'action="https://tips.example.com/my-{kind}' in built  # a quiz asks before it has a form


LOOKS = {
    "optin new": one_of_each,
    "optin dev": all_are_there,
    "cp ": what_was_written_shows,
    "optin check": all_is_well,
    "optin serve": all_are_there,
    "optin build": all_are_built,
}
